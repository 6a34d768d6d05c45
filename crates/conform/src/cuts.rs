//! The ways in which bytes are cut into reads: a decoder must not care.

/// Cuts at random places, besides all others.
const RANDOM: u64 = 48;

/// All ways in which `bytes` are to be read: whole, byte by byte, with one cut at every place there is, and with several at
/// random, the same ones each time.
#[must_use]
pub fn ways(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![bytes]];
    if bytes.len() < 2 {
        return ways;
    }
    ways.push(bytes.chunks(1).collect());
    for at in 1..bytes.len() {
        let (before, after) = bytes.split_at(at);
        ways.push(vec![before, after]);
    }
    let mut random = Random(bytes.len() as u64);
    ways.extend((0..RANDOM).map(|_| random.pieces(bytes)));
    ways
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Pieces of 0 to 15 bytes, or of up to 127 now and then. A read of nothing must change nothing.
    fn pieces<'a>(&mut self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let drawn = self.next();
            let longest = if drawn & 7 == 0 { 127 } else { 15 };
            let len = (drawn >> 8 & longest) as usize;
            let (piece, after) = rest.split_at(len.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_way_is_the_whole() {
        for len in [0, 1, 2, 300] {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let ways = super::ways(&bytes);
            assert!(ways.iter().all(|way| way.concat() == bytes));
            for at in 1..bytes.len() {
                assert!(ways.contains(&vec![&bytes[..at], &bytes[at..]]));
            }
            assert_eq!(ways.len() > 1, len > 1);
        }
    }
}
