//! Is it ASCII? Then it is UTF-8, and that is settled at a fraction of the cost of a general check.

/// Bytes looked at together: a few vector registers.
const WIDE: usize = 32;

/// Whether all of `bytes` are ASCII. `<[u8]>::is_ascii` goes byte by byte through what its stride leaves over, which is
/// most of the work on a short message; here the last stride overlaps the one before it.
#[inline]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    match bytes.last_chunk::<WIDE>() {
        Some(last) => {
            let (strides, _) = bytes.as_chunks::<WIDE>();
            strides.iter().all(plain) && plain(last)
        }
        None => bytes.is_ascii(),
    }
}

#[inline]
fn plain(stride: &[u8; WIDE]) -> bool {
    stride.iter().fold(0, |all, byte| all | byte) < 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_beyond_ascii_is_found_wherever_it_stands() {
        for len in 0..3 * WIDE {
            let mut bytes = vec![0x7F; len];
            assert!(is_ascii(&bytes));
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }
}
