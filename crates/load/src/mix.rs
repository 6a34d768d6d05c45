//! Numbers that differ from place to place and are the same in every run.

/// Number `n` of the sequence of `seed` (SplitMix64: a fixed bijection of a counter).
pub(crate) fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed ^ n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sixteen bytes for connection number `n`, which no other has.
pub(crate) fn nonce(seed: u64, n: u64) -> [u8; 16] {
    let mut nonce = [0; 16];
    for (half, bytes) in (0..).zip(nonce.chunks_exact_mut(8)) {
        let number = n.wrapping_mul(2).wrapping_add(half);
        bytes.copy_from_slice(&mix(seed, number).to_le_bytes());
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the generator as it was published (Steele, Lea and Flood, 2014), with seed 0.
    #[test]
    fn it_is_the_known_sequence() {
        assert_eq!(
            [0, 1, 2].map(|n| mix(0, n)),
            [
                0xE220_A839_7B1D_CDAF,
                0x6E78_9E6A_A1B9_65F4,
                0x06C4_5D18_8009_454F
            ]
        );
        assert_eq!(nonce(0, 0)[8..], mix(0, 1).to_le_bytes());
        assert_eq!(nonce(0, 1)[..8], mix(0, 2).to_le_bytes());
    }
}
