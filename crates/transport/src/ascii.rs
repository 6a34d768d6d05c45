//! Is it ASCII? Then it is UTF-8, and that is settled at a fraction of the cost of a general check. Is it without control
//! characters, too? Then it is one line, and nobody need look for the end of it. And numbers as text.

/// Bytes looked at together: a few vector registers.
const WIDE: usize = 32;

/// Whether all of `bytes` are ASCII. `<[u8]>::is_ascii` goes byte by byte through what its stride leaves over, which is
/// most of the work on a short message; here the last stride overlaps the one before it.
#[inline]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    match over_strides(bytes, |all, byte| all | byte) {
        Some(all) => all < 0x80,
        None => bytes.is_ascii(),
    }
}

/// Whether all of `bytes` are ASCII and none is a control character below the space: one line of text.
#[inline]
pub(crate) fn is_plain_line(bytes: &[u8]) -> bool {
    // Counted from the space on, what is below it is beyond ASCII.
    let from_space = |byte: u8| byte.wrapping_sub(b' ');
    const PLAIN: u8 = 0x80 - b' ';
    match over_strides(bytes, |most, byte| most.max(from_space(byte))) {
        Some(most) => most < PLAIN,
        None => bytes.iter().all(|&byte| from_space(byte) < PLAIN),
    }
}

/// The largest of what `fold` makes of the columns of `bytes` written in strides, from 0 on: the compiler turns that into
/// vector instructions. `fold` must not mind seeing a byte twice. `None` if they are less than a stride.
///
/// Inlined whatever the compiler thinks of it: what is called byte by byte costs ten times as much.
#[inline(always)]
fn over_strides(bytes: &[u8], fold: impl Fn(u8, u8) -> u8 + Copy) -> Option<u8> {
    let last = bytes.last_chunk::<WIDE>()?;
    let (strides, _) = bytes.as_chunks::<WIDE>();
    let mut columns = [0; WIDE];
    for stride in strides {
        add(&mut columns, stride, fold);
    }
    add(&mut columns, last, fold);
    let mut most = 0;
    for column in &columns {
        most = most.max(*column);
    }
    Some(most)
}

#[inline(always)]
fn add(columns: &mut [u8; WIDE], stride: &[u8; WIDE], fold: impl Fn(u8, u8) -> u8) {
    for (column, byte) in columns.iter_mut().zip(stride) {
        *column = fold(*column, *byte);
    }
}

/// Appends a number, at a fraction of what the general formatting of text costs: polls and answers hold some.
#[inline]
pub(crate) fn push_decimal(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
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

    #[test]
    fn one_control_character_is_found_wherever_it_stands() {
        for len in 0..3 * WIDE {
            let mut bytes = vec![b' '; len];
            assert!(is_plain_line(&bytes));
            for at in 0..len {
                for (byte, plain) in [
                    (b'\n', false),
                    (b'\r', false),
                    (0, false),
                    (0x1F, false),
                    (0x80, false),
                    (0xFF, false),
                    (0x7F, true),
                    (b'~', true),
                ] {
                    bytes[at] = byte;
                    assert_eq!(is_plain_line(&bytes), plain, "{byte} at {at} of {len}");
                }
                bytes[at] = b' ';
            }
        }
    }

    #[test]
    fn numbers_are_as_they_are_usually_written() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = Vec::new();
            push_decimal(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
