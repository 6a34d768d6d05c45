//! Where records end in what was read (RFC 8446 §5.1): a type, a version and a length of two bytes, then as many bytes.

use std::mem;

/// Bytes before the content of a record.
const HEADER: usize = 5;
/// Largest content of a protected record (RFC 8446 §5.2).
const LARGEST: usize = (1 << 14) + 256;
/// Types of records, from change_cipher_spec to application_data.
const TYPES: std::ops::RangeInclusive<u8> = 20..=23;

/// The bytes read are no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRecord;

/// The place in a sequence of records.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// How much of the header has come.
    have: usize,
    /// What is missing of the content.
    left: usize,
}

impl Records {
    /// Takes the bytes up to the end of the record from the front of `bytes`, or all of them where it does not end there. The
    /// length of the record, header included, comes with its last byte.
    pub(super) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<(&'a [u8], Option<usize>), NoRecord> {
        let all = *bytes;
        if self.have < HEADER {
            let more = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + more].copy_from_slice(&bytes[..more]);
            self.have += more;
            *bytes = &bytes[more..];
            if self.have < HEADER {
                return Ok((all, None));
            }
            self.left = self.len();
            if !TYPES.contains(&self.header[0]) || self.header[1] != 3 || self.left > LARGEST {
                return Err(NoRecord);
            }
        }
        let more = self.left.min(bytes.len());
        self.left -= more;
        *bytes = &bytes[more..];
        let piece = &all[..all.len() - bytes.len()];
        if self.left > 0 {
            return Ok((piece, None));
        }
        self.have = 0;
        let header = mem::take(&mut self.header);
        Ok((piece, Some(HEADER + len_in(header))))
    }

    fn len(&self) -> usize {
        len_in(self.header)
    }
}

fn len_in(header: [u8; HEADER]) -> usize {
    u16::from_be_bytes([header[3], header[4]]).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(len: usize) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        record.extend(std::iter::repeat_n(7, len));
        record
    }

    proptest! {
        /// However the bytes are cut, the same records end in them, and no byte is lost.
        #[test]
        fn records_end_where_they_end(lens in prop::collection::vec(0_usize..400, 1..20), cuts in prop::collection::vec(1_usize..90, 1..200)) {
            let stream: Vec<u8> = lens.iter().flat_map(|&len| record(len)).collect();
            let (mut records, mut rest, mut cuts) = (Records::default(), &stream[..], cuts.into_iter().cycle());
            let (mut seen, mut ends) = (Vec::new(), Vec::new());
            while !rest.is_empty() {
                let cut = cuts.next().unwrap().min(rest.len());
                let mut bytes = &rest[..cut];
                while !bytes.is_empty() {
                    let (piece, end) = records.next(&mut bytes).unwrap();
                    seen.extend_from_slice(piece);
                    ends.extend(end);
                }
                rest = &rest[cut..];
            }
            prop_assert_eq!(seen, stream);
            prop_assert_eq!(ends, lens.iter().map(|len| len + HEADER).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_record_is_known_by_its_header() {
        fn read(mut bytes: &[u8]) -> Result<(&[u8], Option<usize>), NoRecord> {
            Records::default().next(&mut bytes)
        }
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Err(NoRecord));
        assert_eq!(read(&[23, 3, 3, 0x41, 1]), Err(NoRecord), "too long");
        assert_eq!(read(&[24, 3, 3, 0, 1]), Err(NoRecord), "no such type");
        assert_eq!(read(&[23, 2, 3, 0, 1]), Err(NoRecord), "no such version");
        assert_eq!(
            read(&[23, 3, 3, 0x41, 0]),
            Ok((&[23, 3, 3, 0x41, 0][..], None))
        );
    }
}
