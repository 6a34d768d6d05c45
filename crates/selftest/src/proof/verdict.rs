//! What is said of known differences: wrong claims are as rare as promised, right ones as frequent as they should be.

use pushbench_stats::noise::Noise;
use pushbench_stats::simulate::{Claim, Claims, Judge, Share, claims, verdict};
use pushbench_stats::{ALPHA, Comparison, Judgement, Verdict, judge};

use super::CHANCE;
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct VerdictProof {
    /// On one comparison alone.
    judge: Judge,
    /// On a family.
    family: fn(&[Option<Comparison>]) -> Vec<Judgement>,
}

pub(super) static REAL: VerdictProof = VerdictProof {
    judge: verdict,
    family: judge,
};

const MARGIN: f64 = 0.05;
const PAIRS: usize = 12;
const DEVIATION: f64 = 0.05;
/// Comparisons of a family.
const FAMILY: usize = 20;
/// Least share of right claims where the truth is clear.
const POWER: f64 = 0.7;

impl VerdictProof {
    /// In how many of so many families without any difference that matters one is claimed.
    fn false_families(&self, families: u32, seed: u64) -> Share {
        let mut noise = Noise::new(seed);
        let false_ones = (0..families).filter(|_| {
            let comparisons: Vec<Option<Comparison>> = (0..FAMILY)
                .map(|_| Comparison::of(&pairs(PAIRS, &mut noise), 0.0))
                .collect();
            let is_difference =
                |judged: &Judgement| matches!(judged.verdict, Verdict::Less | Verdict::More);
            (self.family)(&comparisons).iter().any(is_difference)
        });
        Share {
            hits: false_ones.count() as u32,
            of: families,
        }
    }
}

fn pairs(n: usize, noise: &mut Noise) -> Vec<(f64, f64)> {
    (0..n)
        .map(|_| ((DEVIATION * noise.normal()).exp(), 1.0))
        .collect()
}

/// What would be said if each comparison of a family were alone.
fn one_by_one(family: &[Option<Comparison>]) -> Vec<Judgement> {
    family.iter().flat_map(|&one| judge(&[one])).collect()
}

impl Proof for VerdictProof {
    fn about(&self) -> About {
        About {
            id: "verdict",
            rules: &[13, 17, 18],
            rule: "Claims are wrong in 5 % of cases at most, over a whole family; fewer than 6 pairs say nothing.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let sessions = context.either(1000, 5000);
        let mut rows = Vec::new();
        for (number, truth) in [0.0, 0.5, 1.0, 2.0].into_iter().enumerate() {
            context.check()?;
            let seed = context.seed.wrapping_add(number as u64);
            rows.push(claims(
                truth,
                MARGIN,
                (PAIRS, DEVIATION),
                (sessions, seed),
                self.judge,
            ));
        }
        context.check()?;
        let few = claims(3.0, MARGIN, (5, 0.001), (20, context.seed), self.judge);
        let families = sessions / 2;
        let family = self.false_families(families, context.seed);
        let naive = VerdictProof {
            judge: self.judge,
            family: one_by_one,
        }
        .false_families(families, context.seed);
        let rare = |share: Share| share.errors_above(ALPHA) <= CHANCE;
        let wrong = rows.iter().all(|row| rare(wrong(row)));
        let right = rows[0].share(Claim::Tie).value() >= POWER
            && rows[3].share(Claim::More).value() >= POWER;
        let silent = few.share(Claim::Nothing).hits == 20;
        Ok(Finding {
            injected: format!(
                "true differences of 0, δ/2, δ and 2δ (δ = 5 %), 12 pairs that differ by 5 %; 5 pairs; families of {FAMILY} ties"
            ),
            expected: format!(
                "wrong claims in at most 5 %; ties at 0 and differences at 2δ in {:.0} % or more; 5 pairs: nothing",
                100.0 * POWER
            ),
            read: format!(
                "tie/slower: {}; 5 pairs: nothing in {}; families with a false difference: {family}",
                rows.iter().map(in_short).collect::<Vec<_>>().join(", "),
                few.share(Claim::Nothing),
            ),
            naive: Some(format!("without Holm's correction: {naive} of families")),
            holds: wrong && right && silent && rare(family),
        })
    }
}

/// Claims that the truth of the row contradicts; on the edge of the margin every claim is wrong, and either kind may be
/// made as often as its error rate says.
fn wrong(row: &Claims) -> Share {
    let of = |claim| row.share(claim);
    let both = Share {
        hits: of(Claim::Less).hits + of(Claim::More).hits,
        ..of(Claim::Less)
    };
    match row.truth {
        truth if truth < 1.0 => both,
        truth if truth > 1.0 => Share {
            hits: of(Claim::Tie).hits + of(Claim::Less).hits,
            ..both
        },
        _ => Share {
            hits: both.hits.max(of(Claim::Tie).hits),
            ..both
        },
    }
}

fn in_short(row: &Claims) -> String {
    format!(
        "{}/{} at {}δ",
        row.share(Claim::Tie),
        row.share(Claim::More),
        row.truth
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn passes() {
        assert_passes(&REAL);
    }

    #[test]
    fn a_family_looked_at_one_by_one_fails() {
        assert_fails(&VerdictProof {
            family: one_by_one,
            ..REAL
        });
    }

    #[test]
    fn taking_no_difference_found_for_a_tie_fails() {
        assert_fails(&VerdictProof {
            judge: |pairs, margin| match verdict(pairs, margin) {
                Verdict::Undecided { .. } => Verdict::NoDifference,
                other => other,
            },
            ..REAL
        });
    }

    #[test]
    fn a_margin_that_is_ignored_fails() {
        assert_fails(&VerdictProof {
            judge: |pairs, _| verdict(pairs, 0.0),
            ..REAL
        });
    }

    #[test]
    fn speaking_of_five_pairs_fails() {
        assert_fails(&VerdictProof {
            judge: |pairs, margin| {
                let twice = [pairs, pairs].concat();
                match verdict(pairs, margin) {
                    Verdict::TooFew { .. } => verdict(&twice, margin),
                    other => other,
                }
            },
            ..REAL
        });
    }
}
