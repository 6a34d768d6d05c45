//! How often are two identical servers told apart?

use super::{Judge, Share};
use crate::Verdict;
use crate::noise::Noise;

/// Two servers that are one and the same, measured in pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Identical {
    /// Pairs of a session.
    pub pairs: usize,
    /// Standard deviation of what a pair has in common; 0.05 is 5 %.
    pub shared: f64,
    /// Standard deviation of each trial by itself.
    pub own: f64,
}

/// In how many of `sessions` A/A sessions `judge` sees a difference, at a margin of 0: there a true tie lies on the edge, so
/// that every false difference shows.
#[must_use]
pub fn false_differences(world: &Identical, sessions: u32, seed: u64, judge: Judge) -> Share {
    let mut noise = Noise::new(seed);
    Share::count(sessions, || {
        let pairs: Vec<(f64, f64)> = (0..world.pairs)
            .map(|_| {
                let shared = world.shared * noise.normal();
                let mut trial = || (shared + world.own * noise.normal()).exp();
                (trial(), trial())
            })
            .collect();
        is_difference(judge(&pairs, 0.0))
    })
}

/// Which of the two a trial is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// The first.
    First,
    /// The second.
    Second,
}

/// A machine that slows down steadily while two identical servers are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Trials of each server.
    pub trials: usize,
    /// How much slower the last trial is than the first; 0.2 is 20 %.
    pub rise: f64,
    /// Standard deviation of a trial.
    pub noise: f64,
}

/// In how many of `sessions` sessions `judge` sees a difference at a margin of 0 when trials run in the order that `order`
/// gives for a number of trials per server and a seed. The k-th trials of both are a pair.
///
/// # Panics
///
/// When `order` gives the two a different number of trials.
pub fn false_differences_under_drift(
    drift: &Drift,
    sessions: u32,
    seed: u64,
    mut order: impl FnMut(usize, u64) -> Vec<Arm>,
    judge: Judge,
) -> Share {
    let mut noise = Noise::new(seed);
    Share::count(sessions, || {
        let order = order(drift.trials, noise.bits());
        let last = order.len() as f64 - 1.0;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (place, arm) in order.iter().enumerate() {
            let slower = 1.0 + drift.rise * place as f64 / last;
            let figure = slower * (drift.noise * noise.normal()).exp();
            match arm {
                Arm::First => first.push(figure),
                Arm::Second => second.push(figure),
            }
        }
        assert_eq!(first.len(), second.len(), "the order favours one of them");
        let pairs: Vec<(f64, f64)> = first.into_iter().zip(second).collect();
        is_difference(judge(&pairs, 0.0))
    })
}

fn is_difference(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Less | Verdict::More)
}

#[cfg(test)]
mod tests {
    use super::super::verdict;
    use super::*;
    use crate::{ALPHA, FEWEST_PAIRS};

    #[test]
    fn identical_servers_are_seldom_told_apart() {
        for pairs in [FEWEST_PAIRS, 12] {
            let world = Identical {
                pairs,
                shared: 0.1,
                own: 0.05,
            };
            let share = false_differences(&world, 2000, 5, verdict);
            assert!(share.errors_above(ALPHA).abs() < 3.3, "{pairs}: {share}");
        }
    }

    #[test]
    fn a_drift_misleads_one_order_and_not_the_other() {
        let drift = Drift {
            trials: 10,
            rise: 0.2,
            noise: 0.05,
        };
        let sequential =
            |trials: usize, _| [vec![Arm::First; trials], vec![Arm::Second; trials]].concat();
        let share = false_differences_under_drift(&drift, 500, 6, sequential, verdict);
        assert!(share.value() > 0.9, "{share}");
        let in_pairs = |trials, seed| {
            let mut noise = Noise::new(seed);
            let pair = |_| match noise.below(2) {
                0 => [Arm::First, Arm::Second],
                _ => [Arm::Second, Arm::First],
            };
            (0..trials).flat_map(pair).collect()
        };
        let share = false_differences_under_drift(&drift, 1000, 7, in_pairs, verdict);
        assert!(share.errors_above(ALPHA) < 3.3, "{share}");
    }
}
