//! What is said of known differences?

use super::{Judge, Share};
use crate::Verdict;
use crate::noise::Noise;

/// What can be said, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The first needs less.
    Less,
    /// The first needs more.
    More,
    /// No difference shown.
    Tie,
    /// Nothing: undecided, or too few pairs.
    Nothing,
}

/// All claims, in the order of a row of [`Claims`].
pub const CLAIMS: [Claim; 4] = [Claim::Less, Claim::Tie, Claim::More, Claim::Nothing];

impl From<Verdict> for Claim {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Less => Self::Less,
            Verdict::More => Self::More,
            Verdict::NoDifference => Self::Tie,
            Verdict::Undecided { .. } | Verdict::TooFew { .. } => Self::Nothing,
        }
    }
}

/// How often each claim was made of one true difference: a row of the confusion matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claims {
    /// The true difference, in margins.
    pub truth: f64,
    /// Sessions by claim, as in [`CLAIMS`].
    pub sessions: [u32; 4],
}

impl Claims {
    /// How often `claim` was made.
    #[must_use]
    pub fn share(&self, claim: Claim) -> Share {
        let hits = CLAIMS
            .iter()
            .zip(self.sessions)
            .filter(|(other, _)| **other == claim)
            .map(|(_, n)| n)
            .sum();
        Share {
            hits,
            of: self.sessions.iter().sum(),
        }
    }
}

/// What `judge` says in `sessions` sessions of `pairs` pairs whose logarithms scatter by `deviation` around a true ratio of
/// `(1 + margin)^truth`: at a `truth` of 0 there is no difference, at 1 it lies on the edge of the margin.
#[must_use]
pub fn claims(
    truth: f64,
    margin: f64,
    (pairs, deviation): (usize, f64),
    (sessions, seed): (u32, u64),
    judge: Judge,
) -> Claims {
    let mut noise = Noise::new(seed);
    let mean = truth * margin.ln_1p();
    let mut counts = [0; 4];
    for _ in 0..sessions {
        let pairs: Vec<(f64, f64)> = (0..pairs)
            .map(|_| ((mean + deviation * noise.normal()).exp(), 1.0))
            .collect();
        let said = Claim::from(judge(&pairs, margin));
        for (count, claim) in counts.iter_mut().zip(CLAIMS) {
            *count += u32::from(said == claim);
        }
    }
    Claims {
        truth,
        sessions: counts,
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict;
    use super::*;

    #[test]
    fn the_matrix_of_confusion() {
        let row = |truth| claims(truth, 0.05, (12, 0.05), (1000, 8), verdict);
        let share = |truth, claim| row(truth).share(claim).value();
        assert!(share(0.0, Claim::Tie) > 0.8 && share(0.0, Claim::More) < 0.01);
        assert!(share(1.0, Claim::Tie) < 0.075 && share(1.0, Claim::More) < 0.05);
        assert!(share(2.0, Claim::More) > 0.7 && share(2.0, Claim::Tie) < 0.01);
        assert!(share(-2.0, Claim::Less) > 0.7);
        assert_eq!(row(0.5).sessions.iter().sum::<u32>(), 1000);
        let few = claims(2.0, 0.05, (5, 0.001), (10, 8), verdict);
        assert_eq!(few.share(Claim::Nothing).hits, 10);
    }
}
