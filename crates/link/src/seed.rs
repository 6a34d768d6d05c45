//! Seeds that are far from each other.

/// How far apart two of them are: the golden ratio of 64 bits, as SplitMix has it (OOPSLA '14).
const APART: u64 = 0x9e37_79b9_7f4a_7c15;

/// The seed of what has this `number`.
pub(crate) fn apart(seed: u64, number: u64) -> u64 {
    seed.wrapping_add(number.wrapping_mul(APART))
}
