//! Huffman's code of strings (RFC 7541, appendix B). It is canonical: codes of one length follow each other in the order of their
//! symbols, and those of the next length follow these, so that all there is to know are the lengths.

/// Bits of the code of each byte, and of the end of a string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The shortest and the longest code, bits.
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The end of a string, which is never said but by its first bits.
const END: u16 = 256;

/// The codes of one length.
#[derive(Clone, Copy)]
struct Length {
    /// The first of them.
    first: u32,
    /// How many they are.
    count: u32,
    /// Where their symbols begin among [`Codes::symbols`].
    from: usize,
}

struct Codes {
    lengths: [Length; LONGEST + 1],
    /// By length, and then by number.
    symbols: [u16; 257],
}

static CODES: Codes = codes();

const fn codes() -> Codes {
    let none = Length {
        first: 0,
        count: 0,
        from: 0,
    };
    let mut codes = Codes {
        lengths: [none; LONGEST + 1],
        symbols: [0; 257],
    };
    let (mut code, mut from, mut length) = (0, 0, 1);
    while length <= LONGEST {
        let begin = from;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                codes.symbols[from] = symbol as u16;
                from += 1;
            }
            symbol += 1;
        }
        let count = (from - begin) as u32;
        codes.lengths[length] = Length {
            first: code,
            count,
            from: begin,
        };
        code = (code + count) << 1;
        length += 1;
    }
    codes
}

/// Appends what `bytes` say; `None` when they are no code.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // Bits that were read and not understood, and how many they are: fewer than the longest code has, and one byte more.
    let (mut bits, mut count) = (0_u64, 0);
    for &byte in bytes {
        bits = bits << 8 | u64::from(byte);
        count += 8;
        while let Some((symbol, length)) = symbol(bits, count) {
            out.push(u8::try_from(symbol).ok().filter(|_| symbol != END)?);
            count -= length;
            bits &= (1 << count) - 1;
        }
        if count > LONGEST {
            return None;
        }
    }
    // What is left are the first bits of an end, and less than a byte (RFC 7541 §5.2).
    (count < 8 && bits + 1 == 1 << count).then_some(())
}

/// The symbol that the first of `count` bits are, and of how many.
#[inline]
fn symbol(bits: u64, count: usize) -> Option<(u16, usize)> {
    (SHORTEST..=count.min(LONGEST)).find_map(|length| {
        let Length {
            first,
            count: codes,
            from,
        } = CODES.lengths[length];
        let at = ((bits >> (count - length)) as u32).wrapping_sub(first);
        (at < codes).then(|| (CODES.symbols[from + at as usize], length))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A string in code.
    pub(crate) fn encode(text: &[u8]) -> Vec<u8> {
        let mut bits = Vec::new();
        for &byte in text {
            let length = LENGTHS[usize::from(byte)] as usize;
            let Length { first, from, .. } = CODES.lengths[length];
            let symbols = &CODES.symbols[from..];
            let at = symbols.iter().position(|&one| one == u16::from(byte));
            let code = first + at.unwrap() as u32;
            bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        bits.chunks(8).map(byte).collect()
    }

    fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(bytes, &mut out)?;
        Some(out)
    }

    #[test]
    fn the_code_is_complete() {
        let parts: u64 = LENGTHS
            .iter()
            .map(|length| 1 << (LONGEST - *length as usize))
            .sum();
        assert_eq!(parts, 1 << LONGEST);
    }

    /// The example of RFC 7541, appendix C.4.1.
    #[test]
    fn a_name_of_the_specification() {
        let code = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        assert_eq!(decoded(&code).unwrap(), b"www.example.com");
        assert_eq!(encode(b"www.example.com"), code);
    }

    #[test]
    fn what_is_left_over_is_the_beginning_of_an_end() {
        assert_eq!(decoded(&[]).unwrap(), b"");
        for wrong in [
            &[0xff][..],
            &[0b0001_1110],
            &[0x1f, 0xff],
            &[0xff, 0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xfc],
        ] {
            assert_eq!(decoded(wrong), None, "{wrong:?}");
        }
        assert_eq!(decoded(&[0x1f]).unwrap(), b"a");
    }

    proptest! {
        #[test]
        fn what_is_coded_is_read(text: Vec<u8>) {
            prop_assert_eq!(decoded(&encode(&text)), Some(text));
        }

        #[test]
        fn what_is_read_is_what_was_coded(bytes in vec(any::<u8>(), 0..40)) {
            if let Some(text) = decoded(&bytes) {
                prop_assert_eq!(encode(&text), bytes);
            }
        }
    }
}
