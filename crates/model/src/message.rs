//! The body of a message, the same on every transport.
//!
//! Text bodies are JSON that a browser can parse. Numbers are padded with spaces on the left, so that every text
//! body is exactly [`TEXT_ENVELOPE`] bytes longer than its data and wire formulas hold to the byte:
//!
//! ```text
//! {"seq":         7,"intended":     1234567890123,"published":     1234567890456,"crc": 305419896,"data":"…"}
//! ```
//!
//! Binary bodies are the tag byte [`BINARY_TAG`] and the same four numbers little-endian, then the payload.
//! The checksum is CRC-32 (IEEE) over `seq`, `intended` and `published` as 8 little-endian bytes each, then the data as
//! it travels. It does not depend on the layout of the JSON, so a server may parse and rewrite a body.

use std::borrow::Cow;

/// Bytes that a text body adds to its data.
pub const TEXT_ENVELOPE: usize = 106;
/// Bytes that a binary body adds to its payload.
pub const BINARY_ENVELOPE: usize = 29;
/// First byte of a binary body; no JSON text starts with it.
pub const BINARY_TAG: u8 = 0xB1;

/// A text body as far as its data, without its numbers: spaces are where they stand.
const ENVELOPE: &[u8; TEXT_ENVELOPE - END.len()] =
    b"{\"seq\":          ,\"intended\":                  ,\"published\":                  ,\"crc\":          ,\"data\":\"";
const SEQ: Field = Field::behind(0, b"{\"seq\":", 10);
const INTENDED: Field = Field::behind(SEQ.end, b",\"intended\":", 18);
const PUBLISHED: Field = Field::behind(INTENDED.end, b",\"published\":", 18);
const CRC: Field = Field::behind(PUBLISHED.end, b",\"crc\":", 10);
const DATA: &[u8] = b",\"data\":\"";
const END: &[u8] = b"\"}";

/// A number of the envelope, at the right end of its columns.
struct Field {
    key: &'static [u8],
    width: usize,
    /// Where the next begins.
    end: usize,
}

impl Field {
    const fn behind(start: usize, key: &'static [u8], width: usize) -> Self {
        Self {
            key,
            width,
            end: start + key.len() + width,
        }
    }
}

/// Position in the sequence and the two publish times of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Sequence number; a publisher counts from 1 without gaps.
    pub seq: u64,
    /// When the schedule wanted the message published, CLOCK_MONOTONIC nanoseconds.
    pub intended: u64,
    /// When it was published, CLOCK_MONOTONIC nanoseconds.
    pub published: u64,
}

/// Why bytes are not an intact message body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Neither the JSON of the contract nor a binary body.
    #[error("not a message body: {0}")]
    Malformed(String),
    /// The checksum does not match the content.
    #[error("message {seq} is corrupted: checksum {found} in the body, {computed} computed")]
    Corrupted {
        /// The sequence number that the body claims.
        seq: u64,
        /// Checksum in the body.
        found: u32,
        /// Checksum of the content.
        computed: u32,
    },
}

/// Appends a text body. `data` must be free of `"`, `\` and control characters (payloads are made so).
pub fn encode_text(stamp: Stamp, data: &str, out: &mut Vec<u8>) {
    debug_assert!(
        data.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\'),
        "data needs no escapes"
    );
    let crc = checksum(stamp, data.as_bytes());
    let mut envelope = *ENVELOPE;
    for (field, value) in [
        (SEQ, stamp.seq),
        (INTENDED, stamp.intended),
        (PUBLISHED, stamp.published),
        (CRC, crc.into()),
    ] {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value).as_bytes();
        let width = field.width;
        assert!(
            digits.len() <= width,
            "number does not fit its {width} columns"
        );
        envelope[field.end - digits.len()..field.end].copy_from_slice(digits);
    }
    out.reserve(TEXT_ENVELOPE + data.len());
    out.extend_from_slice(&envelope);
    out.extend_from_slice(data.as_bytes());
    out.extend_from_slice(END);
}

/// Appends a binary body.
pub fn encode_binary(stamp: Stamp, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(BINARY_ENVELOPE + payload.len());
    out.push(BINARY_TAG);
    for value in [stamp.seq, stamp.intended, stamp.published] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&checksum(stamp, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads a body of either kind and checks its checksum.
///
/// # Errors
///
/// [`MessageError::Malformed`] when it is not a body, [`MessageError::Corrupted`] when its checksum does not match.
pub fn parse(body: &[u8]) -> Result<Stamp, MessageError> {
    let (stamp, crc, data) = if body.first() == Some(&BINARY_TAG) {
        parse_binary(body)?
    } else if let Some(found) = parse_padded(body) {
        found
    } else {
        parse_json(body)?
    };
    let computed = checksum(stamp, &data);
    if computed == crc {
        Ok(stamp)
    } else {
        Err(MessageError::Corrupted {
            seq: stamp.seq,
            found: crc,
            computed,
        })
    }
}

/// The sequence number that a body of this program's own layout claims, unchecked; `None` for any other layout.
#[must_use]
pub fn claimed_seq(body: &[u8]) -> Option<u64> {
    if body.first() == Some(&BINARY_TAG) {
        return body
            .get(1..)?
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes));
    }
    read_padded(body.strip_prefix(SEQ.key)?.get(..SEQ.width)?)
}

type Parts<'a> = (Stamp, u32, Cow<'a, [u8]>);

fn parse_binary(body: &[u8]) -> Result<Parts<'_>, MessageError> {
    let short = || {
        MessageError::Malformed(format!(
            "binary body of {} bytes, at least {BINARY_ENVELOPE} expected",
            body.len()
        ))
    };
    let header = body.get(1..BINARY_ENVELOPE).ok_or_else(short)?;
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let stamp = Stamp {
        seq: number(0),
        intended: number(8),
        published: number(16),
    };
    let mut crc = [0; 4];
    crc.copy_from_slice(&header[24..28]);
    Ok((
        stamp,
        u32::from_le_bytes(crc),
        Cow::Borrowed(&body[BINARY_ENVELOPE..]),
    ))
}

/// The layout of [`encode_text`], read by position; `None` sends the body to the JSON parser.
fn parse_padded(body: &[u8]) -> Option<Parts<'_>> {
    let mut rest = body;
    let mut number = |field: Field| {
        let digits = rest.strip_prefix(field.key)?.get(..field.width)?;
        rest = &rest[field.key.len() + field.width..];
        read_padded(digits)
    };
    let (seq, intended, published) = (number(SEQ)?, number(INTENDED)?, number(PUBLISHED)?);
    let crc = u32::try_from(number(CRC)?).ok()?;
    let data = rest.strip_prefix(DATA)?.strip_suffix(END)?;
    // An escape or a second string would need the JSON parser.
    if memchr::memchr2(b'\\', b'"', data).is_some() {
        return None;
    }
    Some((
        Stamp {
            seq,
            intended,
            published,
        },
        crc,
        Cow::Borrowed(data),
    ))
}

fn parse_json(body: &[u8]) -> Result<Parts<'static>, MessageError> {
    #[derive(serde::Deserialize)]
    struct Json {
        seq: u64,
        intended: u64,
        published: u64,
        crc: u32,
        data: String,
    }
    let json: Json = serde_json::from_slice(body).map_err(|error| {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        MessageError::Malformed(format!("{error} in {start:?}"))
    })?;
    let stamp = Stamp {
        seq: json.seq,
        intended: json.intended,
        published: json.published,
    };
    Ok((stamp, json.crc, Cow::Owned(json.data.into_bytes())))
}

/// The checksum of a message: of its numbers and of its data, without the escapes that JSON may have put into it.
#[must_use]
pub fn checksum(stamp: Stamp, data: &[u8]) -> u32 {
    let mut head = [0; 24];
    head[..8].copy_from_slice(&stamp.seq.to_le_bytes());
    head[8..16].copy_from_slice(&stamp.intended.to_le_bytes());
    head[16..].copy_from_slice(&stamp.published.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head);
    hasher.update(data);
    hasher.finalize()
}

fn read_padded(digits: &[u8]) -> Option<u64> {
    let first = digits.iter().position(|&b| b != b' ')?;
    // JSON has no leading zeros; a damaged space would look like one.
    if digits[first] == b'0' && first + 1 < digits.len() {
        return None;
    }
    digits[first..].iter().try_fold(0u64, |value, &b| {
        b.is_ascii_digit().then(|| value * 10 + u64::from(b - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAMP: Stamp = Stamp {
        seq: 7,
        intended: 1_234_567_890_123,
        published: 1_234_567_890_456,
    };

    fn text(stamp: Stamp, data: &str) -> Vec<u8> {
        let mut out = Vec::new();
        encode_text(stamp, data, &mut out);
        out
    }

    #[test]
    fn text_body_is_json_of_fixed_overhead() {
        for data in ["", "a", "hello world"] {
            let body = text(STAMP, data);
            assert_eq!(body.len(), TEXT_ENVELOPE + data.len());
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(json["seq"], 7);
            assert_eq!(json["published"], 1_234_567_890_456_u64);
            assert_eq!(json["data"], data);
        }
    }

    /// Servers in other languages write the same.
    #[test]
    fn the_layout_is_the_one_that_is_documented() {
        let crc = checksum(STAMP, b"x");
        let expected = format!(
            "{{\"seq\":         7,\"intended\":     1234567890123,\"published\":     1234567890456,\"crc\":{crc:10},\"data\":\"x\"}}"
        );
        assert_eq!(String::from_utf8(text(STAMP, "x")).unwrap(), expected);
        // Every column in use.
        let stamp = Stamp {
            seq: 9_999_999_999,
            intended: 999_999_999_999_999_999,
            published: 100_000_000_000_000_000,
        };
        assert_eq!(parse_padded(&text(stamp, "")).unwrap().0, stamp);
    }

    #[test]
    fn rewritten_json_is_read_and_verified() {
        let body = text(STAMP, "caf\u{e9} ok");
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let rewritten = serde_json::to_vec_pretty(&json).unwrap();
        assert_ne!(rewritten, body);
        assert_eq!(parse(&rewritten), Ok(STAMP));
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let body = text(STAMP, "some payload");
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut damaged = body.clone();
                damaged[at] ^= 1 << bit;
                assert_ne!(parse(&damaged), Ok(STAMP), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn garbage_is_named() {
        assert!(
            parse(b"")
                .unwrap_err()
                .to_string()
                .starts_with("not a message body")
        );
        assert!(
            parse(b"{\"seq\":1}")
                .unwrap_err()
                .to_string()
                .contains("missing field")
        );
        assert!(
            parse(&[BINARY_TAG, 1, 2])
                .unwrap_err()
                .to_string()
                .contains("binary body of 3 bytes")
        );
    }

    proptest! {
        #[test]
        fn both_kinds_round_trip(
            seq in 0u64..9_999_999_999,
            intended in 0u64..999_999_999_999_999_999,
            published in 0u64..999_999_999_999_999_999,
            data in "[ !#-\\[\\]-~]{0,300}",
            payload in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let stamp = Stamp { seq, intended, published };
            prop_assert_eq!(parse(&text(stamp, &data)), Ok(stamp));
            let mut binary = Vec::new();
            encode_binary(stamp, &payload, &mut binary);
            prop_assert_eq!(binary.len(), BINARY_ENVELOPE + payload.len());
            prop_assert_eq!(parse(&binary), Ok(stamp));
            prop_assert_eq!(claimed_seq(&binary), Some(seq));
            prop_assert_eq!(claimed_seq(&text(stamp, &data)), Some(seq));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = claimed_seq(&bytes);
        }
    }
}
