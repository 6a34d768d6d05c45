//! How often does an interval hold the truth?

use super::Share;
use crate::Interval;
use crate::bootstrap::tails;
use crate::noise::Noise;

/// How trials and samples scatter. The truth is 1: logarithms around 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct World {
    /// Trials of a session.
    pub trials: usize,
    /// Samples of a trial.
    pub samples: usize,
    /// Standard deviation of what a trial's samples have in common; 0.05 is 5 %.
    pub between: f64,
    /// Standard deviation of samples within a trial.
    pub within: f64,
}

impl World {
    /// Runs differ by 5 %, samples within a run by 20 %, with 10 000 samples in each: what latencies look like.
    #[must_use]
    pub fn usual(trials: usize) -> Self {
        Self {
            trials,
            samples: 10_000,
            between: 0.05,
            within: 0.2,
        }
    }

    /// The same world with trials of one sample that scatters like the mean of them all: for intervals that look at means
    /// only, ten thousand times as quick.
    #[must_use]
    pub fn of_means(self) -> Self {
        let within = self.within / (self.samples as f64).sqrt();
        Self {
            samples: 1,
            between: self.between.hypot(within),
            within: 0.0,
            ..self
        }
    }

    fn session(&self, noise: &mut Noise) -> Session {
        let trial = |noise: &mut Noise| {
            let luck = self.between * noise.normal();
            let sample = |_| luck + self.within * noise.normal();
            (0..self.samples).map(sample).collect()
        };
        Session {
            trials: (0..self.trials).map(|_| trial(noise)).collect(),
        }
    }
}

/// What was measured: the samples of every trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Samples by trial.
    pub trials: Vec<Vec<f64>>,
}

impl Session {
    /// One figure per trial: the mean of its samples.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let mean = |samples: &Vec<f64>| samples.iter().sum::<f64>() / samples.len() as f64;
        self.trials.iter().map(mean).collect()
    }
}

/// How many of the intervals that `interval` makes of `sessions` sessions hold the truth. It is given a seed as well, a new
/// one every time.
pub fn coverage(
    world: &World,
    sessions: u32,
    seed: u64,
    mut interval: impl FnMut(&Session, u64) -> Option<Interval>,
) -> Share {
    let mut noise = Noise::new(seed);
    Share::count(sessions, || {
        let session = world.session(&mut noise);
        interval(&session, noise.bits()).is_some_and(|interval| interval.contains(0.0))
    })
}

/// What a tool does that takes samples for independent: the percentile bootstrap of the mean over all samples together.
///
/// Of a resample of very many samples only the number taken from each narrow bin matters. It is nearly Poisson
/// distributed, and so nearly normal; each bin counts as the mean of its samples.
#[must_use]
pub fn bootstrap_over_samples(session: &Session, seed: u64) -> Option<Interval> {
    const BINS: usize = 64;
    const RESAMPLES: usize = 200;
    let samples = || session.trials.iter().flatten();
    let (low, high) = samples().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
        (l.min(v), h.max(v))
    });
    if low >= high {
        return None;
    }
    let mut bins = [(0.0, 0.0); BINS];
    let scale = BINS as f64 / (high - low);
    for &value in samples() {
        let (count, sum) = &mut bins[(((value - low) * scale) as usize).min(BINS - 1)];
        *count += 1.0;
        *sum += value;
    }
    let bins: Vec<(f64, f64)> = bins
        .into_iter()
        .filter(|&(count, _)| count > 0.0)
        .map(|(count, sum)| (count, sum / count))
        .collect();
    let mut noise = Noise::new(seed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut n, mut total) = (0.0, 0.0);
            for (count, mean) in &bins {
                let taken = (count + count.sqrt() * noise.normal()).max(0.0);
                n += taken;
                total += taken * mean;
            }
            total / n
        })
        .collect();
    let (low, high) = tails(&mut means);
    Some(Interval { low, high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Averaging, CONFIDENCE, estimate, percentile_bootstrap, studentised_bootstrap};

    fn student(session: &Session, _seed: u64) -> Option<Interval> {
        estimate(&session.means(), Averaging::Arithmetic)?.interval
    }

    #[test]
    fn students_interval_covers_what_it_says() {
        for trials in [5, 10, 20] {
            let world = World::usual(trials).of_means();
            let share = coverage(&world, 2000, 1, student);
            assert!(
                share.errors_above(CONFIDENCE).abs() < 3.3,
                "{trials}: {share}"
            );
        }
    }

    /// With five trials the studentised bootstrap errs by a few percent, on the safe side or not far from it.
    #[test]
    fn so_nearly_does_the_studentised_bootstrap() {
        for trials in [5, 10, 20] {
            let world = World::usual(trials).of_means();
            let share = coverage(&world, 500, 2, |session, seed| {
                studentised_bootstrap(&session.means(), 999, seed)
            });
            assert!((0.92..=0.99).contains(&share.value()), "{trials}: {share}");
        }
    }

    #[test]
    fn the_percentile_bootstrap_covers_too_little() {
        for (trials, low, high) in [(5, 0.80, 0.89), (10, 0.87, 0.94)] {
            let world = World::usual(trials).of_means();
            let share = coverage(&world, 1000, 3, |session, seed| {
                percentile_bootstrap(&session.means(), 999, seed)
            });
            assert!((low..=high).contains(&share.value()), "{trials}: {share}");
        }
    }

    #[test]
    fn over_samples_nearly_nothing_is_covered() {
        let share = coverage(&World::usual(5), 100, 4, bootstrap_over_samples);
        assert!(share.value() < 0.16, "{share}");
    }

    /// The quick bootstrap over bins says what resampling every sample says.
    #[test]
    fn bins_stand_for_their_samples() {
        let world = World {
            samples: 400,
            ..World::usual(5)
        };
        let session = world.session(&mut Noise::new(9));
        let quick = bootstrap_over_samples(&session, 1).unwrap();
        let all: Vec<f64> = session.trials.iter().flatten().copied().collect();
        let full = percentile_bootstrap(&all, 1000, 1).unwrap();
        let widths = (quick.high - quick.low) / (full.high - full.low);
        assert!((0.8..1.25).contains(&widths), "{quick:?} {full:?}");
    }
}
