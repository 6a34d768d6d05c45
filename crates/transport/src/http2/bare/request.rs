//! Requests, read out of their heads (RFC 9113 §8.3.1).

use http::header::HeaderName;
use http::{Method, StatusCode, Uri, Version};

use crate::http1::server::{LAST_EVENT_ID, RequestHead};
use crate::http2::frame::error;
use crate::http2::head::{HeadError, Heads, LONGEST};

/// What is counted of a field beside its name and value (RFC 9113 §10.5.1, RFC 7541 §4.1).
const PER_FIELD: usize = 32;

/// Fields that are of one connection, and have no place here (RFC 9113 §8.2.2).
const OF_A_CONNECTION: [&[u8]; 5] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
];

/// A request, as far as it is looked at.
#[derive(Debug)]
pub(super) struct Wanted {
    method: Method,
    uri: Uri,
    last_event_id: Option<Vec<u8>>,
    /// Bytes of its body, where it says so.
    pub(super) length: Option<u64>,
}

/// Why a request is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is malformed: its stream ends in this error.
    Reset(u32),
    /// It is answered.
    Refused(StatusCode),
}

impl RequestHead for Wanted {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn version(&self) -> Version {
        Version::HTTP_2
    }

    /// Of all fields only the cursor is kept.
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let values = self.last_event_id.iter().map(Vec::as_slice);
        values.filter(move |_| *name == LAST_EVENT_ID)
    }
}

impl Wanted {
    /// Reads the head of a request.
    ///
    /// # Errors
    ///
    /// [`HeadError`] when it cannot be read, and with it no later one.
    pub(super) fn read(heads: &mut Heads, block: &[u8]) -> Result<Result<Self, Unfit>, HeadError> {
        let mut fields = Fields::default();
        heads.read(block, &mut |name, value| fields.field(name, value))?;
        Ok(fields.wanted())
    }

    /// Reads fields behind a body, of which only the form is looked at: whether that is as it should be.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(super) fn read_trailers(heads: &mut Heads, block: &[u8]) -> Result<bool, HeadError> {
        let mut fields = Fields {
            regular: true,
            ..Fields::default()
        };
        heads.read(block, &mut |name, value| fields.field(name, value))?;
        Ok(!fields.malformed)
    }
}

#[derive(Default)]
struct Fields {
    method: Option<Vec<u8>>,
    scheme: bool,
    authority: bool,
    path: Option<Vec<u8>>,
    last_event_id: Option<Vec<u8>>,
    length: Option<u64>,
    /// The pseudo-fields are over.
    regular: bool,
    malformed: bool,
    size: usize,
}

impl Fields {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.size = self
            .size
            .saturating_add(name.len() + value.len() + PER_FIELD);
        // Of what is too much nothing is kept.
        if self.size > LONGEST {
            return;
        }
        let fits = is_value(value)
            && match name {
                [b':', ..] => !self.regular && self.pseudo(name, value),
                _ => self.usual(name, value),
            };
        self.malformed |= !fits;
    }

    /// Takes a pseudo-field; whether there is such a thing, and it is the first of its name.
    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> bool {
        match name {
            b":method" => self.method.replace(value.to_vec()).is_none(),
            b":path" => self.path.replace(value.to_vec()).is_none() && !value.is_empty(),
            b":scheme" => !std::mem::replace(&mut self.scheme, true),
            b":authority" => !std::mem::replace(&mut self.authority, true),
            _ => false,
        }
    }

    /// Takes any other field; whether it may be there.
    fn usual(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.regular = true;
        if !is_name(name) || OF_A_CONNECTION.contains(&name) {
            return false;
        }
        match name {
            b"te" => value.eq_ignore_ascii_case(b"trailers"),
            b"last-event-id" => {
                self.last_event_id.get_or_insert_with(|| value.to_vec());
                true
            }
            b"content-length" => {
                let length = length(value);
                let agrees = self.length.is_none() || self.length == length;
                self.length = length;
                agrees && length.is_some()
            }
            _ => true,
        }
    }

    fn wanted(self) -> Result<Wanted, Unfit> {
        if self.size > LONGEST {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Unfit::Refused(status));
        }
        let malformed = Unfit::Reset(error::PROTOCOL_ERROR);
        let method = self.method.filter(|_| !self.malformed).ok_or(malformed)?;
        let method = Method::from_bytes(&method).map_err(|_| malformed)?;
        if method == Method::CONNECT {
            // It has no path (RFC 9113 §8.5), and nobody to be connected with is found here.
            return Err(Unfit::Refused(StatusCode::NOT_FOUND));
        }
        let path = self.path.filter(|_| self.scheme).ok_or(malformed)?;
        let bad = Unfit::Refused(StatusCode::BAD_REQUEST);
        if !(path.starts_with(b"/") || (path == b"*" && method == Method::OPTIONS)) {
            return Err(bad);
        }
        Ok(Wanted {
            method,
            uri: Uri::try_from(path).map_err(|_| bad)?,
            last_event_id: self.last_event_id,
            length: self.length,
        })
    }
}

/// Whether a name has no upper case and nothing that is no name (RFC 9113 §8.2.1).
fn is_name(name: &[u8]) -> bool {
    let fits =
        |byte: &u8| matches!(byte, 0x21..=0x7e) && !byte.is_ascii_uppercase() && *byte != b':';
    !name.is_empty() && name.iter().all(fits)
}

/// Whether a value holds nothing that it must not (RFC 9113 §8.2.1).
fn is_value(value: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let ends = [value.first(), value.last()];
    !ends.into_iter().any(is_blank) && value.iter().all(|byte| !matches!(byte, 0 | b'\r' | b'\n'))
}

fn length(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::head::named;

    /// What is made of fields, in lines of a name, a blank and a value.
    fn read(lines: &[&str]) -> Result<Wanted, Unfit> {
        let mut block = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(' ').unwrap();
            named(name.as_bytes(), value.as_bytes(), &mut block);
        }
        Wanted::read(&mut Heads::default(), &block).unwrap()
    }

    const USUAL: [&str; 4] = [
        ":method GET",
        ":scheme http",
        ":authority x",
        ":path /sse?after=7",
    ];

    #[test]
    fn a_request_is_what_its_fields_say() {
        let wanted = read(&USUAL).unwrap();
        assert_eq!(
            (wanted.method(), wanted.uri().path()),
            (&Method::GET, "/sse")
        );
        assert_eq!(wanted.uri().query(), Some("after=7"));
        assert_eq!(wanted.values(&LAST_EVENT_ID).count(), 0);
        let more = [
            "te trailers",
            "last-event-id 9",
            "last-event-id 10",
            "content-length 5",
            "x y",
        ];
        let wanted = read(&[&USUAL[..], &more].concat()).unwrap();
        let values: Vec<_> = wanted.values(&LAST_EVENT_ID).collect();
        assert_eq!((values, wanted.length), (vec![&b"9"[..]], Some(5)));
        let other = HeaderName::from_static("x");
        assert_eq!(wanted.values(&other).count(), 0);
    }

    #[test]
    fn what_is_malformed_ends_its_stream() {
        for without in [":method", ":scheme", ":path"] {
            let rest: Vec<_> = USUAL
                .into_iter()
                .filter(|line| !line.starts_with(without))
                .collect();
            let unfit = read(&rest).unwrap_err();
            assert_eq!(unfit, Unfit::Reset(error::PROTOCOL_ERROR), "{without}");
        }
        for wrong in [
            ":method GET",
            ":status 200",
            ":path ",
            "X y",
            "x y ",
            "x a\nb",
            " y",
            "a:b y",
            "connection close",
            "transfer-encoding chunked",
            "te gzip",
            "content-length +1",
            "content-length ",
        ] {
            let unfit = read(&[&USUAL[..], &[wrong]].concat()).unwrap_err();
            assert_eq!(unfit, Unfit::Reset(error::PROTOCOL_ERROR), "{wrong}");
        }
        let late = read(&[&USUAL[..3], &["x y", ":path /sse"]].concat());
        assert_eq!(late.unwrap_err(), Unfit::Reset(error::PROTOCOL_ERROR));
        let two = read(&[&USUAL[..], &["content-length 1", "content-length 2"]].concat());
        assert_eq!(two.unwrap_err(), Unfit::Reset(error::PROTOCOL_ERROR));
    }

    #[test]
    fn what_cannot_be_had_is_answered() {
        let refused = |lines: &[&str]| match read(lines) {
            Err(Unfit::Refused(status)) => status.as_u16(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&[":method CONNECT", ":authority x:1"]), 404);
        for path in ["sse", "*", "http://x/sse", "/a b"] {
            let line = format!(":path {path}");
            assert_eq!(refused(&[&USUAL[..3], &[&line]].concat()), 400, "{path}");
        }
        let long = format!("x {}", "y".repeat(LONGEST));
        assert_eq!(refused(&[&USUAL[..], &[&long]].concat()), 431);
    }
}
