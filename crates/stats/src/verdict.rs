//! What may be said of two servers.
//!
//! A margin `δ` that stands in the scenario before the run divides all possible ratios into three: below `1/(1+δ)`,
//! above `1+δ`, and the band between, where a difference does not matter. A verdict is the claim that the true ratio lies
//! in one of the three, and each kind of claim is made with error probability of at most [`ALPHA`], over the whole family:
//!
//! - *faster* and *slower*: one-sided t tests against the near edge of the band, doubled because either may be claimed;
//! - *no difference shown*: two one-sided t tests, one against each edge (TOST: Schuirmann, J. Pharmacokinet. Biopharm.
//!   15, 1987), so that equality is demonstrated and not merely not refuted;
//! - *undecided*: neither. The number of further pairs that would probably decide is given.

use crate::{ALPHA, Estimate, FEWEST_PAIRS, paired_ratio, t_cdf, t_quantile};

/// Power for which further repetitions are planned.
const POWER: f64 = 0.8;
/// More pairs than this are not suggested to anybody.
const MOST_PAIRS: u32 = 10_000;

// Quantiles of the normal distribution.
const NORMAL_80: f64 = 0.841_621;
const NORMAL_90: f64 = 1.281_551;
const NORMAL_95: f64 = 1.644_853;
const NORMAL_975: f64 = 1.959_963;

/// A ratio, held against its margin; not yet a verdict, because that depends on the family it is judged in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Geometric mean of first over second, with its 95 % interval. Lower than 1: the first needs less.
    pub ratio: Estimate,
    /// Half-width of the band in which a difference does not matter: 0.05 for 5 %.
    pub margin: f64,
    /// Standard deviation of the logarithms of the pairs.
    pub deviation: f64,
    /// Probability of such data if the true ratio were not below the band.
    pub p_below: f64,
    /// Probability of such data if the true ratio were not above the band.
    pub p_above: f64,
    /// Probability of such data if the true ratio were not inside the band.
    pub p_inside: f64,
}

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The true ratio is below the band: the first needs less (time, work, bytes).
    Less,
    /// The true ratio is above the band: the first needs more.
    More,
    /// The true ratio is inside the band: no difference that matters.
    NoDifference,
    /// None of the three can be claimed.
    Undecided {
        /// Further pairs that would decide with probability 0.8 if what was seen so far is the truth; `None` when the
        /// ratio lies so close to an edge that no reasonable number would.
        further: Option<u32>,
    },
    /// Fewer pairs than [`FEWEST_PAIRS`].
    TooFew {
        /// Pairs there are.
        pairs: usize,
    },
}

/// A comparison with its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// What was compared; absent when no pair has both figures.
    pub comparison: Option<Comparison>,
    /// What may be said.
    pub verdict: Verdict,
}

impl Comparison {
    /// Compares pairs `(first, second)`, one per repetition in which both have a positive figure. `None` below two
    /// pairs.
    ///
    /// # Panics
    ///
    /// When the margin is negative or not finite.
    #[must_use]
    pub fn of(pairs: &[(f64, f64)], margin: f64) -> Option<Self> {
        assert!(margin >= 0.0 && margin.is_finite(), "margin {margin}");
        let ratio = paired_ratio(pairs)?;
        if ratio.n < 2 {
            return None;
        }
        let logarithms: Vec<f64> = pairs
            .iter()
            .filter(|(a, b)| *a > 0.0 && *b > 0.0)
            .map(|(a, b)| (a / b).ln())
            .collect();
        let n = logarithms.len() as f64;
        let mean = logarithms.iter().sum::<f64>() / n;
        let squares: f64 = logarithms.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (n - 1.0)).sqrt();
        let edge = margin.ln_1p();
        // P(T >= distance / error): small when the mean lies far on the claimed side.
        let beyond = |distance: f64| one_sided(distance, deviation / n.sqrt(), n - 1.0);
        // Counts that are equal in every pair are equal, whatever the margin.
        let identical = logarithms.iter().all(|&logarithm| logarithm == 0.0);
        Some(Self {
            ratio,
            margin,
            deviation,
            p_below: beyond(-edge - mean),
            p_above: beyond(mean - edge),
            p_inside: if identical {
                0.0
            } else {
                beyond(mean + edge).max(beyond(edge - mean))
            },
        })
    }

    /// Probability of a false claim if the difference in the direction seen is claimed; both directions could have been.
    #[must_use]
    pub fn p_difference(&self) -> f64 {
        (2.0 * self.p_below.min(self.p_above)).min(1.0)
    }

    /// How far the ratio lies from the nearer edge of the band, in logarithms, and whether it lies inside.
    fn place(&self) -> (f64, bool) {
        let (mean, edge) = (self.ratio.value.ln().abs(), self.margin.ln_1p());
        ((mean - edge).abs(), mean < edge)
    }

    /// Whether `n` pairs decide with probability [`POWER`], if the mean and the deviation seen are the truth. As many
    /// claims of the kind are `open` in the family, this one included: each gets its share of the error probability.
    fn decides(&self, n: u32, open: usize) -> bool {
        let alpha = ALPHA / open as f64;
        let (off, inside) = self.place();
        let (root, df) = (f64::from(n).sqrt(), f64::from(n - 1));
        // A tie may fail at either edge, and a difference is tested on both sides: each halves what it shares.
        let (level, power) = if inside {
            (1.0 - alpha, f64::midpoint(1.0, POWER))
        } else {
            (1.0 - alpha / 2.0, POWER)
        };
        let needed = t_quantile(level, df) + t_quantile(power, df);
        off * root >= needed * self.deviation
    }

    /// Further pairs that would decide with probability [`POWER`]: the least number.
    fn further(&self, open: usize) -> Option<u32> {
        let (off, inside) = self.place();
        let have = self.ratio.n as u32;
        // No t quantile lies below the normal one: fewer pairs cannot do. From there on gallop, then bisect.
        let normal = if inside {
            NORMAL_95 + NORMAL_90
        } else {
            NORMAL_975 + NORMAL_80
        };
        let least = (normal * self.deviation / off).powi(2);
        if off <= 0.0 || least > f64::from(MOST_PAIRS) {
            return None;
        }
        let mut low = have.max((least as u32).saturating_sub(1));
        let (mut high, mut step) = (low + 1, 1);
        while !self.decides(high, open) {
            if high >= MOST_PAIRS {
                return None;
            }
            low = high;
            step *= 2;
            high = (high + step).min(MOST_PAIRS);
        }
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if self.decides(middle, open) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high - have)
    }
}

/// `P(T ≥ distance/error)` under Student's t; without any error, certainty.
fn one_sided(distance: f64, error: f64, df: f64) -> f64 {
    if error > 0.0 {
        return 1.0 - t_cdf(distance / error, df);
    }
    // Counted figures repeat exactly. On the edge itself nothing is claimed.
    if distance > 0.0 { 0.0 } else { 1.0 }
}

/// Judges a family of comparisons together, in their order. Differences and ties are each corrected by Holm's method
/// over all comparisons of the family with enough pairs: the chance of any false difference in the family is at most
/// [`ALPHA`], and so is the chance of any false tie.
#[must_use]
pub fn judge(family: &[Option<Comparison>]) -> Vec<Judgement> {
    let enough = |c: &Comparison| c.ratio.n >= FEWEST_PAIRS;
    let members: Vec<usize> = (0..family.len())
        .filter(|&at| family[at].as_ref().is_some_and(enough))
        .collect();
    let corrected = |p: fn(&Comparison) -> f64| {
        let values: Vec<f64> = members
            .iter()
            .filter_map(|&at| family[at].as_ref().map(p))
            .collect();
        holm(&values)
    };
    let different = corrected(Comparison::p_difference);
    let inside = corrected(|c| c.p_inside);
    let mut judged: Vec<Judgement> = family
        .iter()
        .map(|&comparison| Judgement {
            comparison,
            verdict: Verdict::TooFew {
                pairs: comparison.map_or(0, |c| c.ratio.n),
            },
        })
        .collect();
    // What Holm's method leaves to the claims that could not be made.
    let open = |p: &[f64]| p.iter().filter(|&&p| p > ALPHA).count().max(1);
    let (ties_open, differences_open) = (open(&inside), open(&different));
    for (member, &at) in members.iter().enumerate() {
        let Some(comparison) = family[at] else {
            continue;
        };
        judged[at].verdict = if inside[member] <= ALPHA {
            Verdict::NoDifference
        } else if different[member] <= ALPHA {
            if comparison.ratio.value < 1.0 {
                Verdict::Less
            } else {
                Verdict::More
            }
        } else {
            Verdict::Undecided {
                further: comparison.further(if comparison.place().1 {
                    ties_open
                } else {
                    differences_open
                }),
            }
        };
    }
    judged
}

/// Probabilities corrected for being looked at together (Holm, Scand. J. Statist. 6, 1979), in their order: a claim whose
/// corrected value is at most `α` may be made, and the chance of any false one is at most `α`.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        largest = largest.max(((p.len() - rank) as f64 * p[at]).min(1.0));
        corrected[at] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    fn pairs(noise: &mut Noise, n: usize, log_ratio: f64, deviation: f64) -> Vec<(f64, f64)> {
        (0..n)
            .map(|_| ((log_ratio + deviation * noise.normal()).exp(), 1.0))
            .collect()
    }

    fn verdict(pairs: &[(f64, f64)], margin: f64) -> Verdict {
        judge(&[Comparison::of(pairs, margin)])[0].verdict
    }

    #[test]
    fn the_four_outcomes() {
        let around = |ratio: f64| -> Vec<(f64, f64)> {
            (0..8)
                .map(|i| (ratio * (1.0 + 0.002 * f64::from(i % 3)), 1.0))
                .collect()
        };
        assert_eq!(verdict(&around(0.8), 0.05), Verdict::Less);
        assert_eq!(verdict(&around(1.3), 0.05), Verdict::More);
        assert_eq!(verdict(&around(1.01), 0.05), Verdict::NoDifference);
        assert!(matches!(
            verdict(&around(1.0485), 0.05),
            Verdict::Undecided { .. }
        ));
        assert_eq!(
            verdict(&around(1.3)[..5], 0.05),
            Verdict::TooFew { pairs: 5 }
        );
        assert_eq!(verdict(&[], 0.05), Verdict::TooFew { pairs: 0 });
    }

    #[test]
    fn counted_figures_without_noise_are_decided() {
        let same = |ratio: f64| vec![(ratio, 1.0); 6];
        assert_eq!(verdict(&same(1.0), 0.0), Verdict::NoDifference);
        assert_eq!(verdict(&same(1.001), 0.0), Verdict::More);
        assert_eq!(verdict(&same(1.001), 0.01), Verdict::NoDifference);
    }

    #[test]
    fn holm_by_hand() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (got, wanted) in corrected.iter().zip(expected) {
            assert!((got - wanted).abs() < 1e-12, "{corrected:?}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    /// The promise of the module: on an edge of the band and beyond, a wrong claim is made at most as often as stated.
    #[test]
    fn wrong_claims_are_as_rare_as_promised() {
        let (margin, deviation, rounds) = (0.05f64, 0.05, 4000);
        let edge = margin.ln_1p();
        let mut noise = Noise::new(11);
        for n in [6, 12] {
            let mut share = |log_ratio: f64, wrong: fn(Verdict) -> bool| {
                let wrongs = (0..rounds)
                    .filter(|_| wrong(verdict(&pairs(&mut noise, n, log_ratio, deviation), margin)))
                    .count();
                wrongs as f64 / f64::from(rounds)
            };
            let difference: fn(Verdict) -> bool = |v| matches!(v, Verdict::Less | Verdict::More);
            let tie: fn(Verdict) -> bool = |v| v == Verdict::NoDifference;
            assert!(share(0.0, difference) <= ALPHA, "difference at equality");
            assert!(
                share(edge, difference) <= ALPHA + 0.01,
                "difference on the edge"
            );
            assert!(share(edge, tie) <= ALPHA + 0.01, "tie on the edge");
            assert!(share(2.0 * edge, tie) <= ALPHA, "tie at twice the edge");
        }
    }

    /// A search from the normal quantiles finds what a search through all numbers finds.
    #[test]
    fn further_pairs_are_the_least_that_decide() {
        let comparison = |ratio: f64, deviation: f64| {
            let same = vec![(ratio, 1.0); 6];
            Comparison {
                deviation,
                ..Comparison::of(&same, 0.05).unwrap()
            }
        };
        let cases = [(0.01, 1), (0.05, 1), (0.2, 1), (0.05, 20)];
        for ratio in [1.0, 1.02, 1.045, 1.06, 1.1] {
            for (deviation, open) in cases {
                let comparison = comparison(ratio, deviation);
                let Some(further) = comparison.further(open) else {
                    assert!(!comparison.decides(MOST_PAIRS, open), "{ratio} {deviation}");
                    continue;
                };
                assert!(comparison.decides(6 + further, open), "{ratio} {deviation}");
                let one_less = further > 1 && comparison.decides(5 + further, open);
                assert!(!one_less, "{ratio} {deviation}: {further}");
            }
        }
        assert_eq!(
            comparison(1.05, 0.05).further(1),
            None,
            "on the edge itself"
        );
    }

    /// The number of further pairs is worth following: with that many, most sessions are decided.
    #[test]
    fn further_pairs_decide() {
        let mut noise = Noise::new(5);
        let seen = Comparison {
            deviation: 0.06,
            ..Comparison::of(&pairs(&mut noise, 6, 0.0, 1e-9), 0.05).unwrap()
        };
        let n = 6 + seen.further(1).unwrap() as usize;
        let decided = (0..1000)
            .filter(|_| {
                let verdict = verdict(&pairs(&mut noise, n, 0.0, 0.06), 0.05);
                verdict == Verdict::NoDifference
            })
            .count();
        assert!((650..=950).contains(&decided), "{n} pairs: {decided}");
    }
}
