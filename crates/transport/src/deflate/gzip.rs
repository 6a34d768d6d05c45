//! The header of a gzip stream (RFC 1952 §2.3).

use super::InflateError;

/// The header that our servers send: no name, no time, an unknown system.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff];

/// Flags: a check of the header, a field for whatever, a name, a comment. The rest are reserved.
const CHECK: u8 = 0x02;
const EXTRA: u8 = 0x04;
const NAME: u8 = 0x08;
const COMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

/// Where in a header the reading stands. Nothing of it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    part: Part,
    flags: u8,
    /// Bytes read of the part, or with the field for whatever those that are left.
    count: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Check,
    Done,
}

impl Header {
    pub(crate) fn is_done(self) -> bool {
        self.part == Part::Done
    }

    /// Reads on; how many of `bytes` belong to the header.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<usize, InflateError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.is_done() {
                return Ok(at);
            }
            self.byte(byte)?;
        }
        Ok(bytes.len())
    }

    fn byte(&mut self, byte: u8) -> Result<(), InflateError> {
        match self.part {
            Part::Fixed => {
                let at = self.count as u8;
                if let Some(&expected) = HEADER[..3].get(usize::from(at))
                    && byte != expected
                {
                    return Err(InflateError::Header {
                        got: byte,
                        at,
                        expected,
                    });
                }
                if at == 3 {
                    if byte & RESERVED != 0 {
                        return Err(InflateError::Flags(byte));
                    }
                    self.flags = byte;
                }
                self.count += 1;
                if usize::from(self.count) == HEADER.len() {
                    self.begin(Part::ExtraLength);
                }
            }
            // The low byte of the length waits in the flags' place no longer than for the high one.
            Part::ExtraLength if self.count & 0x8000 == 0 => self.count = 0x8000 | u16::from(byte),
            Part::ExtraLength => {
                self.count = u16::from_le_bytes([self.count as u8, byte]);
                self.part = Part::Extra;
                if self.count == 0 {
                    self.begin(Part::Name);
                }
            }
            Part::Extra => {
                self.count -= 1;
                if self.count == 0 {
                    self.begin(Part::Name);
                }
            }
            Part::Name if byte == 0 => self.begin(Part::Comment),
            Part::Comment if byte == 0 => self.begin(Part::Check),
            Part::Check if self.count == 1 => self.part = Part::Done,
            Part::Check => self.count += 1,
            Part::Name | Part::Comment | Part::Done => {}
        }
        Ok(())
    }

    /// Goes on with `part`, or with the next one that there is.
    fn begin(&mut self, part: Part) {
        self.count = 0;
        let parts = [
            (Part::ExtraLength, EXTRA),
            (Part::Name, NAME),
            (Part::Comment, COMMENT),
            (Part::Check, CHECK),
        ];
        let mut left = parts.iter().skip_while(|(one, _)| *one != part);
        let next = left.find(|(_, flag)| self.flags & flag != 0);
        self.part = next.map_or(Part::Done, |(part, _)| *part);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::pieces::cuts;

    /// Bytes that belong to the header in `pieces`, and whether it is whole.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(usize, bool), InflateError> {
        let (mut header, mut sum) = (Header::default(), 0);
        for piece in pieces {
            sum += header.feed(piece)?;
        }
        Ok((sum, header.is_done()))
    }

    #[test]
    fn what_is_no_header_is_named() {
        let wrong = |bytes: &[u8]| read([bytes]).unwrap_err().to_string();
        assert_eq!(
            wrong(b"id: 1"),
            "gzip: byte 0x69 at place 0 of the header, expected 0x1f"
        );
        assert!(wrong(&[0x1f, 0x8b, 0x07]).contains("at place 2 of the header, expected 0x08"));
        assert!(wrong(&[0x1f, 0x8b, 0x08, 0x20]).contains("flags 0x20"));
        assert_eq!(read([&HEADER[..9]]), Ok((9, false)));
    }

    proptest! {
        /// With every field or without, cut anywhere, it ends where it ends.
        #[test]
        fn any_header_is_read_to_its_end(
            extra in proptest::option::of(vec(any::<u8>(), 0..300)),
            name in proptest::option::of("[a-z]{0,9}"),
            comment in proptest::option::of("[a-z]{0,9}"),
            check: bool,
            rest in vec(any::<u8>(), 0..9),
            cuts in cuts(),
        ) {
            let mut header = HEADER.to_vec();
            if let Some(extra) = &extra {
                header[3] |= EXTRA;
                header.extend_from_slice(&(extra.len() as u16).to_le_bytes());
                header.extend_from_slice(extra);
            }
            for (text, flag) in [(&name, NAME), (&comment, COMMENT)] {
                if let Some(text) = text {
                    header[3] |= flag;
                    header.extend_from_slice(text.as_bytes());
                    header.push(0);
                }
            }
            if check {
                header[3] |= CHECK;
                header.extend_from_slice(&[7, 7]);
            }
            let len = header.len();
            header.extend_from_slice(&rest);
            prop_assert_eq!(read([&header[..]]), Ok((len, true)));
            prop_assert_eq!(read(cuts.of(&header)), Ok((len, true)));
        }
    }
}
