//! What the subscribers of a thread see again and again: the head of an answer and the text of a poll, which differ from
//! one to the next in a few places.

use std::ops::Range;

/// Longest head that is kept, bytes.
const MAX_KNOWN: usize = 1024;

/// Most digits of a length, fewer than could overflow.
const MAX_DIGITS: usize = 19;

/// Characters of a date (RFC 9110 §5.6.7).
const DATE_LEN: usize = 29;

/// Where heads differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Length,
    Date,
}

impl Place {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Length => b"content-length",
            Self::Date => b"date",
        }
    }

    /// Bytes of the value at the start of `bytes`, if that is one which means nothing else.
    fn width(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Length => {
                let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
                Some(digits.count()).filter(|count| (1..=MAX_DIGITS).contains(count))
            }
            Self::Date => {
                let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" ,:".contains(byte);
                let date = bytes.get(..DATE_LEN)?;
                date.iter().all(plain).then_some(DATE_LEN)
            }
        }
    }
}

/// The last head of an answer with a body of stated length on a connection that stays.
#[derive(Debug, Default)]
pub struct KnownHead {
    bytes: Vec<u8>,
    /// In order.
    places: Vec<(Place, Range<usize>)>,
    length: u64,
}

impl KnownHead {
    /// Remembers `head`, which was parsed: its body has `length` bytes, and the connection stays. A head that is unusual
    /// in any other way is not remembered.
    pub fn remember(&mut self, head: &[u8], length: u64) {
        self.bytes.clear();
        self.places.clear();
        let mut at = 0;
        for line in head.split_inclusive(|&byte| byte == b'\n') {
            let start = at;
            at += line.len();
            // Anything that a parser might forgive.
            if !line.ends_with(b"\r\n") || line.starts_with(b" ") || line.starts_with(b"\t") {
                return;
            }
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                continue;
            };
            let name = &line[..colon];
            let places = [Place::Length, Place::Date].into_iter();
            for place in places.filter(|place| name.eq_ignore_ascii_case(place.name())) {
                let value = start + colon + ": ".len();
                let text = line[colon..].strip_prefix(b": ");
                let width = text.and_then(|text| place.width(text));
                let Some(width) = width.filter(|width| value + width + "\r\n".len() == at) else {
                    return;
                };
                self.places.push((place, value..value + width));
            }
        }
        let lengths = self
            .places
            .iter()
            .filter(|(place, _)| *place == Place::Length);
        if lengths.count() == 1 && head.len() <= MAX_KNOWN {
            self.bytes.extend_from_slice(head);
            self.length = length;
        }
    }

    /// The length of a head at the start of `bytes` that differs from the last in nothing but its date and the length of
    /// its body, and that length.
    #[inline]
    pub fn at_start_of(&mut self, bytes: &[u8]) -> Option<(usize, u64)> {
        if self.bytes.is_empty() {
            return None;
        }
        // What goes to many has the same head for all.
        if bytes.starts_with(&self.bytes) {
            return Some((self.bytes.len(), self.length));
        }
        let (len, length) = self.changed(bytes)?;
        self.take_over(&bytes[..len], length);
        Some((len, length))
    }

    /// The same for one that is not the last head, byte for byte.
    fn changed(&self, bytes: &[u8]) -> Option<(usize, u64)> {
        let (mut rest, mut known_at, mut length) = (bytes, 0, 0);
        for (place, known) in &self.places {
            rest = rest.strip_prefix(&self.bytes[known_at..known.start])?;
            known_at = known.end;
            let (value, behind) = rest.split_at(place.width(rest)?);
            if *place == Place::Length {
                let digits = value.iter().map(|digit| u64::from(digit - b'0'));
                length = digits.fold(0, |sum, digit| sum * 10 + digit);
            }
            rest = behind;
        }
        rest = rest.strip_prefix(&self.bytes[known_at..])?;
        Some((bytes.len() - rest.len(), length))
    }

    fn take_over(&mut self, head: &[u8], length: u64) {
        if head.len() == self.bytes.len() {
            // As long as before: everything stands where it stood.
            self.bytes.copy_from_slice(head);
            self.length = length;
        } else {
            self.remember(head, length);
        }
    }
}

/// The text of the last poll, whose number changes.
#[derive(Debug, Default)]
pub struct KnownPoll {
    text: Vec<u8>,
    after: u64,
    /// Where the number stands.
    digits: Range<usize>,
}

impl KnownPoll {
    /// The poll for messages after number `after`. `write` appends one and returns where its number stands, in decimal digits; nothing
    /// but that may differ from one poll to the next.
    #[inline]
    pub fn text(&mut self, after: u64, write: impl FnOnce(&mut Vec<u8>) -> Range<usize>) -> &[u8] {
        if self.text.is_empty() {
            self.digits = write(&mut self.text);
            self.after = after;
        } else if self.after != after {
            self.renumber(after);
        }
        &self.text
    }

    fn renumber(&mut self, after: u64) {
        let mut number = itoa::Buffer::new();
        let number = number.format(after).as_bytes();
        match self.text.get_mut(self.digits.clone()) {
            Some(digits) if digits.len() == number.len() => digits.copy_from_slice(number),
            _ => {
                let start = self.digits.start;
                self.text
                    .splice(self.digits.clone(), number.iter().copied());
                self.digits = start..start + number.len();
            }
        }
        self.after = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;
    use crate::http1::body::Framing;
    use crate::http1::head::HeadReader;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 149\r\n\
                        date: Thu, 26 Nov 2026 03:00:00 GMT\r\n\r\n";

    /// Length and body length of the head at the start of `bytes`, by the parser; `None` for one that a subscriber would
    /// have to look at.
    fn parsed(bytes: &[u8]) -> Option<(usize, u64)> {
        let mut reader = HeadReader::default();
        let (head, taken) = reader.feed(bytes).ok()??;
        match head.framing() {
            Framing::Length(length) if head.status == 200 && !head.close => Some((taken, length)),
            _ => None,
        }
    }

    /// One that remembers `head` if a subscriber would.
    fn known(head: &[u8]) -> KnownHead {
        let mut known = KnownHead::default();
        if let Some((len, length)) = parsed(head) {
            known.remember(&head[..len], length);
        }
        known
    }

    #[test]
    fn a_head_is_known_by_its_changed_places() {
        let mut known = known(HEAD.as_bytes());
        assert_eq!(known.at_start_of(HEAD.as_bytes()), Some((HEAD.len(), 149)));
        let later = HEAD.replace("00:00", "00:01").replace("149", "1490");
        let with_body = format!("{later}{{}}");
        for _ in 0..2 {
            assert_eq!(
                known.at_start_of(with_body.as_bytes()),
                Some((later.len(), 1490))
            );
        }
        assert_eq!(known.at_start_of(HEAD.as_bytes()), Some((HEAD.len(), 149)));
        for other in [
            HEAD.replace("200", "204"),
            HEAD.replace("149", ""),
            HEAD.replace("149", "-1"),
            HEAD.replace("149", "12345678901234567890"),
            HEAD.replace("GMT", "GMTx"),
            HEAD.replace("date:", "date: \r\nconnection: close\r\nx:"),
            HEAD[..HEAD.len() - 1].to_owned(),
        ] {
            assert_eq!(known.at_start_of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_a_parser_would_forgive_is_not_remembered() {
        for head in [
            HEAD.replace("\r\n", "\n"),
            HEAD.replace("content-length: 149", "content-length: 149, 149"),
            HEAD.replace(
                "content-length: 149",
                "content-length: 149\r\nContent-Length: 149",
            ),
            HEAD.replace("content-length: 149", "content-length:149"),
            HEAD.replace(
                "content-type: ",
                &format!("x: {}\r\nct: ", "y".repeat(MAX_KNOWN)),
            ),
        ] {
            let (len, _) = parsed(head.as_bytes()).unwrap();
            assert_eq!(len, head.len());
            assert_eq!(
                known(head.as_bytes()).at_start_of(head.as_bytes()),
                None,
                "{head}"
            );
        }
    }

    const PIECES: &[&str] = &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "content-length: 12\r\n",
        "Content-Length: 7\r\n",
        "content-length: 7 \r\n",
        "content-length:17\r\n",
        "content-length:  17\r\n",
        "date: Thu, 26 Nov 2026 03:00:00 GMT\r\n",
        "Date: Fri, 27 Nov 2026 03:00:59 GMT\r\n",
        "date: now\r\n",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "transfer-encoding: chunked\r\n",
        "x-date: content-length: 5\r\n",
        " folded\r\n",
        "\r\n",
        "\n",
        "{}\n",
    ];

    /// Heads of a server, usual and unusual.
    fn heads() -> impl Strategy<Value = Vec<u8>> {
        let soup = vec(select(PIECES), 0..7)
            .prop_map(|parts| format!("{}{}\r\n", PIECES[0], parts.concat()));
        let usual = (any::<u64>(), 0..60_u32).prop_map(|(length, second)| {
            let length = format!("{}", length >> (second % 64));
            HEAD.replace("149", &length)
                .replace("00:00", &format!("00:{second:02}"))
        });
        prop_oneof![soup, usual].prop_map(String::into_bytes)
    }

    proptest! {
        /// A poll that is known is the one that would be written.
        #[test]
        fn a_known_poll_is_the_one_that_would_be_written(
            numbers in vec((any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits), 1..12),
            tail in "[a-z=&]{0,9}",
        ) {
            let mut known = KnownPoll::default();
            let mut written = 0;
            for number in numbers {
                let text = known.text(number, |out| {
                    written += 1;
                    out.extend_from_slice(format!("after={number}{tail}").as_bytes());
                    "after=".len()..out.len() - tail.len()
                });
                let expected = format!("after={number}{tail}");
                prop_assert_eq!(text, expected.as_bytes());
            }
            prop_assert_eq!(written, 1);
        }

        /// Whatever was read before, what is said of a head is what the parser says.
        #[test]
        fn what_is_known_is_what_the_parser_says(
            heads in vec((heads(), any::<Index>(), any::<u8>(), 0..4_u8), 1..12),
        ) {
            let mut known = KnownHead::default();
            for (mut head, place, byte, change) in heads {
                let place = place.index(head.len());
                match change {
                    0 => head[place] = byte,
                    1 => head.truncate(place),
                    _ => {}
                }
                let parsed = parsed(&head);
                if let Some(found) = known.at_start_of(&head) {
                    prop_assert_eq!(Some(found), parsed, "{}", String::from_utf8_lossy(&head));
                } else if let Some((len, length)) = parsed {
                    known.remember(&head[..len], length);
                }
            }
        }
    }
}
