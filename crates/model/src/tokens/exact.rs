//! Chance and functions that come out the same in every language: of operations that IEEE 754 rounds exactly, in an order that
//! is part of the contract. What a mathematical library gives may differ in its last bit from one to the next.

/// Numbers from 0 to 1, evenly: SplitMix64 (Steele, Lea and Flood 2014), of which the upper 53 bits are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uniform(u64);

impl Uniform {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, less than 1.
    pub(super) const fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 2⁻⁵³
        (z >> 11) as f64 * 1.110_223_024_625_156_5e-16
    }
}

/// Logarithm of 2.
const LN_2: f64 = std::f64::consts::LN_2;

/// Natural logarithm of a number above 0 and not above 1.
pub(super) fn ln(x: f64) -> f64 {
    let (mut m, mut k) = (x, 0.0);
    while m < 0.75 {
        m *= 2.0;
        k -= 1.0;
    }
    // ln m = 2 artanh z, with z between -1/7 and 1/5.
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    for n in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * n + 1);
    }
    2.0 * z * sum + k * LN_2
}

/// The exponential function, for numbers up to some hundreds.
pub(super) fn exp(x: f64) -> f64 {
    let k = (x / LN_2 + 0.5).floor();
    let rest = x - k * LN_2;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(n);
    }
    let (factor, times) = if k < 0.0 { (0.5, -k) } else { (2.0, k) };
    for _ in 0..times as u32 {
        sum *= factor;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first numbers of seed 1234567, as the authors publish them.
    #[test]
    fn the_generator_is_the_one_that_is_published() {
        let mut uniform = Uniform::new(1_234_567);
        for wanted in [
            6_457_827_717_110_365_317_u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ] {
            assert_eq!(uniform.draw(), (wanted >> 11) as f64 / (1_u64 << 53) as f64);
        }
    }

    proptest! {
        #[test]
        fn they_are_what_libraries_have_but_for_the_last_bits(x in 1e-16..=1.0_f64, y in -60.0..60.0_f64) {
            prop_assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "{} {}", ln(x), x.ln());
            prop_assert!((exp(y) / y.exp() - 1.0).abs() < 2e-14, "{} {}", exp(y), y.exp());
        }
    }
}
