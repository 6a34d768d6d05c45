//! The bytes a message is filled with: reproducible, different from message to message; but for quotes free of repetition.

mod quotes;

use base64::Engine as _;
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::message::{self, Stamp};
use crate::scenario::Large;

/// Whether the payload is text, or binary that text transports must carry as base64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadKind {
    /// ASCII text.
    #[default]
    Text,
    /// Arbitrary bytes: native on `websocket` and `tcp`, base64 elsewhere, because that is what a user pays.
    Binary,
    /// Quotes of a ticker, as text: names that come again, and numbers that change. What can be compressed as data is, where the
    /// others are random characters.
    Quotes,
}

impl PayloadKind {
    /// Its name in scenarios.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Quotes => "quotes",
        }
    }

    /// What it is, in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "random letters and digits",
            Self::Binary => "random bytes",
            Self::Quotes => "quotes of a ticker, whose names come again and whose numbers change",
        }
    }
}

/// Size and kind of the payload of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payload {
    /// Payload bytes per message, before base64 and before the envelope.
    pub bytes: usize,
    /// Text or binary.
    #[serde(default)]
    pub kind: PayloadKind,
}

/// How far the window over the source moves; a power of two keeps the step cheap.
const WINDOWS: usize = 4096;

/// What payloads are windows of.
#[derive(Debug)]
enum Source {
    Text(String),
    Binary(Vec<u8>),
    /// None: quotes are made for each message. From a source that comes again a compressor would take whole messages.
    Quotes,
}

/// Makes message bodies for one publisher.
#[derive(Debug)]
pub struct BodyMaker {
    payload: Payload,
    native_binary: bool,
    source: Source,
    /// Which messages are larger, and who makes them.
    large: Option<(Large, Box<Self>)>,
    seed: u64,
}

impl BodyMaker {
    /// A maker whose payloads depend only on `seed` and the sequence number. `native_binary` says whether the
    /// transport carries binary bodies as they are.
    #[must_use]
    pub fn new(payload: Payload, native_binary: bool, seed: u64) -> Self {
        let random = || {
            let mut bytes = vec![0; payload.bytes + WINDOWS];
            Pcg64Mcg::seed_from_u64(seed).fill_bytes(&mut bytes);
            bytes
        };
        // 64 characters that need no escape in JSON: a byte carries 6 random bits.
        const ALPHABET: &[u8; 64] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
        let letter = |byte: u8| char::from(ALPHABET[usize::from(byte % 64)]);
        let source = match payload.kind {
            PayloadKind::Text => Source::Text(random().into_iter().map(letter).collect()),
            PayloadKind::Binary => Source::Binary(random()),
            PayloadKind::Quotes => Source::Quotes,
        };
        Self {
            payload,
            native_binary,
            source,
            large: None,
            seed,
        }
    }

    /// The same, with larger bodies for some messages.
    #[must_use]
    pub fn with(self, large: Option<Large>) -> Self {
        let large = large.map(|large| {
            let payload = Payload {
                bytes: large.bytes,
                ..self.payload
            };
            let maker = Self::new(payload, self.native_binary, self.seed);
            (large, Box::new(maker))
        });
        Self { large, ..self }
    }

    /// Whether bodies are binary on the wire.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.payload.kind == PayloadKind::Binary && self.native_binary
    }

    /// Length in bytes of the body of message number `seq`.
    #[must_use]
    pub fn body_len_of(&self, seq: u64) -> usize {
        match &self.large {
            Some((large, maker)) if large.is(seq) => maker.body_len(),
            _ => self.body_len(),
        }
    }

    /// Length in bytes of every body this maker makes, but of large ones.
    #[must_use]
    pub fn body_len(&self) -> usize {
        match self.payload.kind {
            PayloadKind::Text | PayloadKind::Quotes => message::TEXT_ENVELOPE + self.payload.bytes,
            PayloadKind::Binary if self.native_binary => {
                message::BINARY_ENVELOPE + self.payload.bytes
            }
            PayloadKind::Binary => message::TEXT_ENVELOPE + self.payload.bytes.div_ceil(3) * 4,
        }
    }

    /// Appends the body of the message `stamp.seq` to `out`.
    pub fn body(&self, stamp: Stamp, out: &mut Vec<u8>) {
        if let Some((large, maker)) = &self.large
            && large.is(stamp.seq)
        {
            return maker.body(stamp, out);
        }
        let start = (stamp.seq as usize).wrapping_mul(61) % WINDOWS;
        let window = start..start + self.payload.bytes;
        match &self.source {
            Source::Text(text) => message::encode_text(stamp, &text[window], out),
            Source::Binary(bytes) if self.native_binary => {
                message::encode_binary(stamp, &bytes[window], out);
            }
            Source::Binary(bytes) => {
                let text = base64::engine::general_purpose::STANDARD.encode(&bytes[window]);
                message::encode_text(stamp, &text, out);
            }
            Source::Quotes => {
                let mut quotes = Vec::with_capacity(self.payload.bytes + 96);
                quotes::append(self.seed, stamp.seq, self.payload.bytes, &mut quotes);
                let text = str::from_utf8(&quotes).expect("quotes are ASCII");
                message::encode_text(stamp, text, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: PayloadKind, native: bool, bytes: usize, seq: u64) -> (Vec<u8>, usize) {
        let maker = BodyMaker::new(Payload { bytes, kind }, native, 42);
        let mut out = Vec::new();
        maker.body(
            Stamp {
                seq,
                intended: 1,
                published: 2,
            },
            &mut out,
        );
        (out, maker.body_len())
    }

    #[test]
    fn bodies_have_the_announced_length_and_verify() {
        for kind in [PayloadKind::Text, PayloadKind::Binary, PayloadKind::Quotes] {
            for native in [false, true] {
                for bytes in [0, 1, 2, 3, 125, 65_536] {
                    let (out, len) = body(kind, native, bytes, 9);
                    assert_eq!(out.len(), len, "{kind:?} native {native} {bytes} bytes");
                    assert_eq!(message::parse(&out).unwrap().seq, 9);
                }
            }
        }
    }

    #[test]
    fn same_seed_same_bytes_and_next_message_differs() {
        for kind in [PayloadKind::Text, PayloadKind::Quotes] {
            let one = body(kind, true, 64, 1).0;
            assert_eq!(one, body(kind, true, 64, 1).0);
            assert_ne!(
                one[message::TEXT_ENVELOPE - 2..],
                body(kind, true, 64, 2).0[message::TEXT_ENVELOPE - 2..]
            );
        }
    }

    /// Names come again, within a message and from one to the next, and no two messages are alike.
    #[test]
    fn quotes_are_quotes() {
        let text = |seq| {
            let body = body(PayloadKind::Quotes, false, 300, seq).0;
            let text = String::from_utf8(body).unwrap();
            let (_, data) = text.split_once("\"data\":\"").unwrap();
            data.strip_suffix("\"}").unwrap().to_owned()
        };
        let texts: std::collections::BTreeSet<String> = (1..=5000).map(text).collect();
        assert_eq!(texts.len(), 5000);
        for text in &texts {
            assert_eq!(text.len(), 300);
            assert!(text.matches("symbol:").count() >= 5, "{text}");
            let first = text.split(';').next().unwrap();
            let fields: Vec<_> = first
                .split(',')
                .map(|field| field.split_once(':').unwrap())
                .collect();
            let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["symbol", "bid", "ask", "last", "volume"]);
            let [bid, ask, last] = [1, 2, 3].map(|at| fields[at].1.parse::<f64>().unwrap());
            assert!(bid < ask && (bid..=ask).contains(&last), "{first}");
        }
    }
}
