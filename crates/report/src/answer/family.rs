//! The comparisons of a group, judged in families.
//!
//! A group is one scenario under one tuning. Two questions are asked of it before any run, and each is a family of its
//! own, within which the chance of any false claim of a kind is at most 5 % (Holm):
//!
//! - *transports*: every pair of transports that the same stack speaks, by each of [`transport_figures`];
//! - *servers*: every other pair of servers but the floor, by each of [`main_figures`].
//!
//! Comparisons without enough pairs get no verdict and do not count. Those of figures that repeat exactly (bytes,
//! segments) cost the others nothing: Holm takes the surest first.

use pushbench_stats::{Comparison, Estimate, FEWEST_PAIRS, Interval, Verdict, judge};

use super::table::crowd::is_crowd;
use super::table::headline;
use crate::metric::{Metric, P50, P99, Series, Side};
use crate::results::{Arm, Basis, Group};

/// Two servers compared by one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// First over second, with its 95 % interval; absent when no pair has both figures.
    pub ratio: Option<Estimate>,
    /// Half-width of the band in which a difference does not matter.
    pub margin: f64,
    /// What may be said; absent where verdicts are refused.
    pub verdict: Option<Verdict>,
    /// Whole trials or slices.
    pub basis: Basis,
}

/// A comparison with the places of its servers in the group.
#[derive(Clone, Copy, Debug)]
struct Member {
    first: usize,
    second: usize,
    metric: Metric,
    compared: Compared,
}

/// All comparisons of a group.
#[derive(Clone, Debug)]
pub struct Verdicts {
    transports: Vec<Member>,
    servers: Vec<Member>,
}

/// Figures by which transports on the same stack are compared.
pub(super) fn transport_figures(group: &Group<'_>) -> Vec<Metric> {
    let mut figures = vec![
        headline(group),
        Metric::Percentile(group.main_series(), P99),
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        group.instructions(Side::Server),
        Metric::Bytes,
        Metric::Segments,
    ];
    if is_crowd(group) {
        figures.push(group.memory(Side::Server));
    }
    if group.work() == "token" {
        figures.push(Metric::Percentile(Series::FirstToken, P50));
    }
    figures
}

/// Figures by which all servers are compared, the one that leads the answer first.
pub(super) fn main_figures(group: &Group<'_>) -> [Metric; 3] {
    [headline(group), Metric::Cpu(Side::Server), Metric::Bytes]
}

impl Verdicts {
    /// Compares and judges.
    #[must_use]
    pub fn of(group: &Group<'_>) -> Self {
        let arms = &group.arms;
        let mut transports = Vec::new();
        let mut servers = Vec::new();
        for (second, base) in arms.iter().enumerate() {
            for (first, other) in arms.iter().enumerate().skip(second + 1) {
                if base.server.stack == other.server.stack {
                    let figures = transport_figures(group);
                    transports.extend(figures.into_iter().map(|metric| (first, second, metric)));
                } else {
                    let mut figures = main_figures(group).to_vec();
                    figures.retain(|&m| !apart(group, base, m) && !apart(group, other, m));
                    servers.extend(figures.into_iter().map(|metric| (first, second, metric)));
                }
            }
        }
        Self {
            transports: judged(group, &transports),
            servers: judged(group, &servers),
        }
    }

    /// `first` against `second` by `metric`, if that is a comparison of the group.
    #[must_use]
    pub fn find(&self, first: usize, second: usize, metric: Metric) -> Option<Compared> {
        let all = || self.transports.iter().chain(&self.servers);
        let with = |a, b| all().find(|m| m.first == a && m.second == b && m.metric == metric);
        let straight = with(first, second).map(|m| m.compared);
        straight.or_else(|| Some(with(second, first)?.compared.inverse()))
    }

    /// Comparisons of transports on the same stack, and of other servers, that have enough pairs.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let size = |family: &[Member]| {
            let n = |m: &&Member| m.compared.ratio.is_some_and(|r| r.n >= FEWEST_PAIRS);
            family.iter().filter(n).count()
        };
        (size(&self.transports), size(&self.servers))
    }
}

/// Whether `arm` is the floor and has no say: it is what nobody can go below and not a choice, so it is compared only
/// where there is nothing else to compare.
fn apart(group: &Group<'_>, arm: &Arm<'_>, metric: Metric) -> bool {
    let has = |arm: &&Arm<'_>| !arm.is_floor() && arm.estimate(metric).is_some();
    arm.is_floor() && group.arms.iter().filter(has).count() > 1
}

fn judged(group: &Group<'_>, family: &[(usize, usize, Metric)]) -> Vec<Member> {
    let (bases, comparisons): (Vec<Basis>, Vec<Option<Comparison>>) = family
        .iter()
        .map(|&(first, second, metric)| {
            group.comparison(&group.arms[first], &group.arms[second], metric)
        })
        .unzip();
    judge(&comparisons)
        .into_iter()
        .zip(bases)
        .zip(family)
        .map(|((judgement, basis), &(first, second, metric))| {
            // One pair has a ratio, though no comparison.
            let alone = || group.ratio(&group.arms[first], &group.arms[second], metric);
            let ratio = judgement.comparison.map(|c| c.ratio);
            let ratio = ratio.or_else(|| alone().map(|ratio| ratio.estimate));
            let verdict = match judgement.verdict {
                Verdict::TooFew { .. } => Verdict::TooFew {
                    pairs: ratio.map_or(0, |r| r.n),
                },
                enough => enough,
            };
            Member {
                first,
                second,
                metric,
                compared: Compared {
                    ratio,
                    margin: metric.margin(&group.scenario.margins),
                    verdict: group.refusal.is_none().then_some(verdict),
                    basis,
                },
            }
        })
        .collect()
}

impl Compared {
    /// The same with first and second exchanged.
    fn inverse(self) -> Self {
        let turned = |estimate: Estimate| Estimate {
            value: 1.0 / estimate.value,
            interval: estimate.interval.map(|Interval { low, high }| Interval {
                low: 1.0 / high,
                high: 1.0 / low,
            }),
            n: estimate.n,
        };
        Self {
            ratio: self.ratio.map(turned),
            verdict: self.verdict.map(|verdict| match verdict {
                Verdict::Less => Verdict::More,
                Verdict::More => Verdict::Less,
                other => other,
            }),
            ..self
        }
    }
}

#[cfg(test)]
#[path = "family_tests.rs"]
mod tests;
