//! Data with a known truth, to hold intervals, orders and verdicts against.
//!
//! Every simulation is handed the mechanism it tries as a function, so that a self-test can put in the real one and a test
//! of the self-test a broken one. The same seed gives the same result.
//!
//! # Layout
//!
//! - `coverage`: how often an interval holds the truth, when trials differ among each other
//! - `sessions`: how often two identical servers are told apart: A/A, and under a drift of the machine
//! - `claims`: what is said of known differences

mod claims;
mod coverage;
mod sessions;

pub use claims::{CLAIMS, Claim, Claims, claims};
pub use coverage::{Session, World, bootstrap_over_samples, coverage};
pub use sessions::{Arm, Drift, Identical, false_differences, false_differences_under_drift};

use crate::{Comparison, Verdict, judge};

/// What says something of pairs `(first, second)`, given a margin: [`verdict`], or another in its place.
pub type Judge = fn(&[(f64, f64)], f64) -> Verdict;

/// The verdict on one comparison alone.
#[must_use]
pub fn verdict(pairs: &[(f64, f64)], margin: f64) -> Verdict {
    judge(&[Comparison::of(pairs, margin)])[0].verdict
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Times it happened.
    pub hits: u32,
    /// Times it could have.
    pub of: u32,
}

impl Share {
    /// Counts how often `happened` in `of` rounds.
    fn count(of: u32, mut happened: impl FnMut() -> bool) -> Self {
        let hits = (0..of).filter(|_| happened()).count() as u32;
        Self { hits, of }
    }

    /// 0 to 1.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.hits) / f64::from(self.of)
    }

    /// Standard errors between it and a true share of `truth`.
    #[must_use]
    pub fn errors_above(self, truth: f64) -> f64 {
        (self.value() - truth) / (truth * (1.0 - truth) / f64::from(self.of)).sqrt()
    }
}

/// `93.2 %`.
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:.1} %", 100.0 * self.value()))
    }
}
