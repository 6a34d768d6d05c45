//! What clients offer, and what servers answer: codings of a response (RFC 9110 §12.5.3), extensions of a WebSocket (RFC 7692 §7.1).

use hyper::header::{ACCEPT_ENCODING, SEC_WEBSOCKET_EXTENSIONS};
use pushbench_model::scenario::Compression;

use crate::http1::server::RequestHead;

const EXTENSION: &str = "permessage-deflate";
const SERVER_FORGETS: &str = "server_no_context_takeover";
const CLIENT_FORGETS: &str = "client_no_context_takeover";
const SERVER_WINDOW: &str = "server_max_window_bits";
const CLIENT_WINDOW: &str = "client_max_window_bits";

/// What our client offers, and our server answers: each message compressed by itself, or with what came before.
const fn agreement(compression: Compression) -> &'static str {
    match compression {
        Compression::Message => "permessage-deflate; server_no_context_takeover",
        Compression::Stream => EXTENSION,
    }
}

/// Whether a client takes a response that is coded with gzip. One that says nothing gets it as it is.
pub(crate) fn accepts_gzip(head: &impl RequestHead) -> bool {
    let (mut gzip, mut any) = (None, false);
    for item in items(head.values(&ACCEPT_ENCODING)) {
        let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let wanted = !parts.any(is_weightless);
        if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
            gzip = Some(wanted);
        } else if coding == b"*" {
            any = wanted;
        }
    }
    gzip.unwrap_or(any)
}

/// Whether a parameter is a weight of nothing, which is to say "not acceptable" (RFC 9110 §12.4.2).
fn is_weightless(parameter: &[u8]) -> bool {
    let weight = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="));
    weight.is_some_and(|weight| {
        weight.starts_with(b"0") && weight[1..].iter().all(|&byte| byte == b'.' || byte == b'0')
    })
}

/// The answer to the first offer of a client that can be taken; `None` where it offers none, or none such.
pub(crate) fn takes(head: &impl RequestHead, compression: Compression) -> Option<&'static str> {
    let mut offers = items(head.values(&SEC_WEBSOCKET_EXTENSIONS));
    let takes = |offer: &[u8]| {
        let known = str::from_utf8(offer).ok().and_then(Parameters::read);
        known.is_some_and(|offer| {
            // A smaller window is nothing that the library can have.
            let forgets = compression == Compression::Message || !offer.server_forgets;
            forgets && offer.server_window.is_none()
        })
    };
    offers.any(takes).then(|| agreement(compression))
}

/// Checks what a server has answered to an offer of `wanted`; the reason says what is wrong with it.
pub(crate) fn answered(answer: &str, wanted: Compression) -> Result<(), &'static str> {
    let Some(agreed) = Parameters::read(answer.trim()) else {
        return Err("is no answer to permessage-deflate");
    };
    match wanted {
        _ if agreed.client_window => Err("sets a window of the client that was not offered"),
        Compression::Message if !agreed.server_forgets => {
            Err("lacks server_no_context_takeover, which was offered")
        }
        Compression::Stream if agreed.server_forgets => {
            Err("has the server keep no context, which is what the scenario is about")
        }
        _ => Ok(()),
    }
}

/// An extension that is permessage-deflate, with its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_forgets: bool,
    client_forgets: bool,
    server_window: Option<u8>,
    client_window: bool,
}

impl Parameters {
    /// `None` where it is another extension, or has a parameter twice, one that is unknown or a value that is none.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        if parts.next()? != EXTENSION {
            return None;
        }
        let mut found = Self::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            let window = value.and_then(window_of);
            match (name, value) {
                (SERVER_FORGETS, None) if !found.server_forgets => found.server_forgets = true,
                (CLIENT_FORGETS, None) if !found.client_forgets => found.client_forgets = true,
                (SERVER_WINDOW, Some(_)) if found.server_window.is_none() && window.is_some() => {
                    found.server_window = window;
                }
                (CLIENT_WINDOW, _) if !found.client_window => {
                    found.client_window = value.is_none() || window.is_some();
                    if !found.client_window {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        Some(found)
    }
}

/// 8 to 15, without zeros before it (RFC 7692 §7.1.2.1).
fn window_of(value: &str) -> Option<u8> {
    let digits = !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    let bits = value.parse().ok().filter(|_| digits);
    bits.filter(|bits| (8..=15).contains(bits))
}

/// The items of a list that may stand in several fields.
fn items<'a>(fields: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    fields
        .flat_map(|field| field.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn request(name: &str, fields: &[&str]) -> Request<()> {
        let builder = fields.iter().fold(Request::builder(), |builder, field| {
            builder.header(name, *field)
        });
        builder.body(()).unwrap()
    }

    #[test]
    fn gzip_is_taken_by_those_who_say_so() {
        let accepts = |fields: &[&str]| accepts_gzip(&request("Accept-Encoding", fields));
        for yes in [
            &["gzip"][..],
            &["deflate, GZip;q=0.5"],
            &["br", "x-gzip"],
            &["*"],
            &["gzip;q=1.000, *;q=0"],
        ] {
            assert!(accepts(yes), "{yes:?}");
        }
        for no in [
            &[][..],
            &[""],
            &["identity"],
            &["deflate, br, zstd"],
            &["gzip;q=0"],
            &["gzip; q=0.000, *"],
            &["*;q=0"],
            &["gzippy"],
        ] {
            assert!(!accepts(no), "{no:?}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_taken_is() {
        let taken = |fields: &[&str]| {
            let request = request("Sec-WebSocket-Extensions", fields);
            Compression::ALL.map(|compression| takes(&request, compression).is_some())
        };
        // As browsers offer it.
        assert_eq!(
            taken(&["permessage-deflate; client_max_window_bits"]),
            [true, true]
        );
        assert_eq!(taken(&["x, permessage-deflate"]), [true, true]);
        assert_eq!(
            taken(&["x", "permessage-deflate;client_max_window_bits=\"10\""]),
            [true, true]
        );
        let forgetting =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(taken(&[forgetting]), [true, false]);
        assert_eq!(taken(&[forgetting, "permessage-deflate"]), [true, true]);
        for none in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; y",
            "permessage-deflate;",
        ] {
            assert_eq!(taken(&[none]), [false, false], "{none}");
        }
    }

    #[test]
    fn what_a_server_answers_is_what_was_offered() {
        let [message, stream] = Compression::ALL;
        for compression in Compression::ALL {
            assert_eq!(answered(agreement(compression), compression), Ok(()));
        }
        let more = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9";
        assert_eq!(answered(more, message), Ok(()));
        assert!(
            answered(more, stream).is_err() && answered("permessage-deflate", message).is_err()
        );
        for wrong in [
            "",
            "x",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate; client_max_window_bits=15",
            "permessage-deflate; server_max_window_bits",
        ] {
            assert!(answered(wrong, stream).is_err(), "{wrong}");
        }
    }
}
