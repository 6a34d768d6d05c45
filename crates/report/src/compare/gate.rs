//! Holding a threshold against what was compared.
//!
//! A change is a *regression* when its whole interval lies beyond the limit, it *passes* when the whole interval lies
//! within, and it is *undecided* when the interval holds the limit. The interval is that of a two-sided t test at 95 %,
//! of the logarithms of paired ratios for a relative limit and of paired differences for an absolute one. A threshold is
//! held against many servers and scenarios, and one regression fails it: so regressions are claimed with Holm's
//! correction over all of them. To pass, all must pass, which needs no correction (intersection-union test: Berger,
//! Technometrics 24, 1982).

use pushbench_model::record::ServerLabel;
use pushbench_stats::{
    ALPHA, Averaging, Estimate, FEWEST_PAIRS, estimate, holm, paired_ratio, t_cdf,
};

use super::threshold::{Asked, Limit, Side, Threshold};
use super::{Figure, Pairing};

/// What division may leave between figures that are equal, relative to the limit they are held against.
const ROUNDING: f64 = 1e-9;

/// A threshold with what became of it.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The threshold.
    pub threshold: Threshold,
    /// One per candidate, scenario and server that has the figure.
    pub checks: Vec<Check>,
}

/// A threshold, held against one server in one scenario.
#[derive(Clone, Debug)]
pub struct Check {
    /// Place of the candidate among the records, from 1.
    pub candidate_at: usize,
    /// Name of the scenario.
    pub scenario: String,
    /// The server.
    pub server: ServerLabel,
    /// What came out.
    pub outcome: Outcome,
    /// The change; absent where there is none.
    pub change: Option<Change>,
}

/// How much a figure changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Candidate over baseline.
    Relative(Estimate),
    /// Candidate less baseline.
    Absolute(Estimate),
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The change is within the limit.
    Pass,
    /// The change is beyond the limit.
    Regression,
    /// It cannot be told.
    Undecided {
        /// Why, where it is not the interval.
        why: Option<String>,
    },
    /// There is no figure to tell it from.
    Missing {
        /// Whose.
        why: String,
    },
}

/// What a comparison comes to; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Nothing is wrong.
    Pass,
    /// Some threshold is neither met nor missed.
    Undecided,
    /// Some trial of what was compared is invalid, failed or missing, or a figure asked for is.
    Unusable,
    /// Some threshold is missed.
    Regression,
}

impl Outcome {
    /// Name in tables and files.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regression => "regression",
            Self::Undecided { .. } => "undecided",
            Self::Missing { .. } => "missing",
        }
    }

    /// Its reason, if it has one in words.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Pass | Self::Regression => None,
            Self::Undecided { why } => why.as_deref(),
            Self::Missing { why } => Some(why),
        }
    }
}

impl Ending {
    /// Name in files.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Undecided => "undecided",
            Self::Unusable => "unusable",
            Self::Regression => "regression",
        }
    }
}

impl Gate {
    /// The worst of its checks; without any, the figure it asks for is missing.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let endings = self.checks.iter().map(|check| match check.outcome {
            Outcome::Pass => Ending::Pass,
            Outcome::Regression => Ending::Regression,
            Outcome::Undecided { .. } => Ending::Undecided,
            Outcome::Missing { .. } => Ending::Unusable,
        });
        endings.max().unwrap_or(Ending::Unusable)
    }

    /// How many checks came to `label`.
    #[must_use]
    pub fn count(&self, label: &str) -> usize {
        let outcomes = self.checks.iter().map(|check| check.outcome.label());
        outcomes.filter(|outcome| *outcome == label).count()
    }
}

/// Holds `threshold` against `pairings`.
pub(super) fn hold(threshold: &Threshold, pairings: &[Pairing]) -> Gate {
    let mut checks = Vec::new();
    let mut tests = Vec::new();
    for pairing in pairings {
        let held = match threshold.asked {
            Asked::Lost => Some(lost(threshold, pairing)),
            Asked::Figure(kind) => {
                let figure = pairing.figures.iter().find(|figure| figure.kind == kind);
                match figure {
                    Some(figure) => Some(one(threshold, figure)),
                    // Every figure of a trial is missing where no trial is valid, and that is not the figure's fault.
                    None if pairing.baseline.valid == 0 || pairing.candidate.valid == 0 => {
                        Some(Held::missing(whose(pairing)))
                    }
                    None => None,
                }
            }
        };
        let Some(held) = held else { continue };
        tests.push(held.p_beyond);
        checks.push(Check {
            candidate_at: pairing.candidate_at,
            scenario: pairing.scenario.clone(),
            server: pairing.server.clone(),
            outcome: held.outcome,
            change: held.change,
        });
    }
    correct(&mut checks, &tests);
    Gate {
        threshold: threshold.clone(),
        checks,
    }
}

/// Claims the regressions that Holm's method allows; without them, what lies beyond is undecided.
fn correct(checks: &mut [Check], tests: &[Option<f64>]) {
    let p: Vec<f64> = tests.iter().flatten().copied().collect();
    let mut corrected = holm(&p).into_iter();
    for (check, test) in checks.iter_mut().zip(tests) {
        if test.is_some() && corrected.next().is_some_and(|p| p <= ALPHA / 2.0) {
            check.outcome = Outcome::Regression;
        }
    }
}

struct Held {
    outcome: Outcome,
    change: Option<Change>,
    /// Probability of such data if the true change were not beyond the limit.
    p_beyond: Option<f64>,
}

impl Held {
    fn missing(why: String) -> Self {
        Self {
            outcome: Outcome::Missing { why },
            change: None,
            p_beyond: None,
        }
    }
}

fn whose(pairing: &Pairing) -> String {
    match (pairing.baseline.valid, pairing.candidate.valid) {
        (0, 0) => "no valid trial in either".into(),
        (0, _) => "no valid trial in the baseline".into(),
        _ => "no valid trial in the candidate".into(),
    }
}

fn one(threshold: &Threshold, figure: &Figure) -> Held {
    // Distances beyond the limit, on a scale on which they are symmetric, and the change as it is printed.
    let (values, limit, change): (Vec<f64>, f64, Option<Change>) = match threshold.limit {
        Limit::Relative(share) => (
            positive(&figure.pairs).map(|(a, b)| (a / b).ln()).collect(),
            share.ln_1p(),
            paired_ratio(&figure.pairs).map(Change::Relative),
        ),
        Limit::Absolute(by) => {
            let values: Vec<f64> = figure.pairs.iter().map(|(a, b)| a - b).collect();
            let change = estimate(&values, Averaging::Arithmetic).map(Change::Absolute);
            (values, by, change)
        }
    };
    if values.is_empty() {
        let why = "no repetition has it in both records".to_owned();
        return Held::missing(why);
    }
    if values.len() < FEWEST_PAIRS {
        let why = format!("only {} of {FEWEST_PAIRS} pairs", values.len());
        return Held {
            outcome: Outcome::Undecided { why: Some(why) },
            change,
            p_beyond: None,
        };
    }
    let sign = match threshold.side {
        Side::Above => 1.0,
        Side::Below => -1.0,
    };
    let (distance, error) = beyond(&values, limit, sign);
    let df = values.len() as f64 - 1.0;
    // Counted figures repeat exactly, but for the rounding of a division; a change that equals the limit is within it.
    let p_beyond = if error > ROUNDING * (1.0 + limit.abs()) {
        1.0 - t_cdf(distance / error, df)
    } else if distance > ROUNDING * (1.0 + limit.abs()) {
        0.0
    } else {
        1.0
    };
    let passes = 1.0 - p_beyond <= ALPHA / 2.0;
    Held {
        outcome: if passes {
            Outcome::Pass
        } else {
            Outcome::Undecided { why: None }
        },
        change,
        p_beyond: Some(p_beyond),
    }
}

fn positive(pairs: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    pairs.iter().copied().filter(|(a, b)| *a > 0.0 && *b > 0.0)
}

/// How far the mean lies beyond the limit, and its standard error.
fn beyond(values: &[f64], limit: f64, sign: f64) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (sign * (mean - limit), (squares / (n - 1.0) / n).sqrt())
}

/// Losses are counted: there is no interval, and none is needed.
fn lost(threshold: &Threshold, pairing: &Pairing) -> Held {
    let [Some(before), Some(after)] = pairing.lost else {
        let side = ["baseline", "candidate"][usize::from(pairing.lost[0].is_some())];
        return Held::missing(format!("no trial in the {side} measured"));
    };
    let (Limit::Absolute(limit) | Limit::Relative(limit)) = threshold.limit;
    let change = after - before;
    let is_beyond = match threshold.side {
        Side::Above => change > limit,
        Side::Below => change < limit,
    };
    Held {
        outcome: if is_beyond {
            Outcome::Regression
        } else {
            Outcome::Pass
        },
        change: estimate(&[change], Averaging::Arithmetic).map(Change::Absolute),
        p_beyond: None,
    }
}
