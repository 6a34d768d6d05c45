//! A server against itself, in real trials: no difference is claimed, and the spread of the pairs is the noise floor.

use pushbench_harness::{FinishedTrial, Plan, TrialResult, TrialRunner as _};
use pushbench_model::histogram::Histogram;
use pushbench_model::margin::Margins;
use pushbench_model::measurement::histogram_name;
use pushbench_model::profile::Profile;
use pushbench_stats::{
    ALPHA, Comparison, FEWEST_PAIRS, Judgement, Verdict, judge, merge, percentile,
};

use super::percent;
use super::slices::in_percent;
use crate::arms::{fan_out, runner, server};
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Trials {
    /// Runs the trials.
    observe: fn(&Context<'_>) -> Result<Session, Unproven>,
    /// What may be said of p50, p99 and processor time.
    judge: fn(&[[Figures; 2]]) -> Vec<Judgement>,
}

pub(super) static REAL: Trials = Trials {
    observe,
    judge: over_trials,
};

/// What was seen.
#[derive(Clone, Debug, Default)]
struct Session {
    /// Both servers in each block in which the trials of both were valid.
    pairs: Vec<[Figures; 2]>,
    /// Why the others were not, the last one.
    invalid: Option<String>,
}

/// Of one trial.
#[derive(Clone, Debug)]
struct Figures {
    response: Histogram,
    /// Processor time of the server per delivery, nanoseconds.
    cpu_ns: Option<f64>,
}

const LABELS: [&str; 3] = ["p50", "p99", "cpu"];
/// 60 messages to 30 subscribers are 1800 deliveries: enough for a 99th percentile.
const SUBSCRIBERS: u32 = 30;
const RATE: f64 = 200.0;
const SECONDS: f64 = 0.3;
/// Blocks more than wanted, where a busy machine makes some trials invalid.
const SPARE: u32 = 4;

impl Proof for Trials {
    fn about(&self) -> About {
        About {
            id: "a-a-trials",
            rules: &[16],
            rule: "A server measured against itself, in interleaved trials of fresh processes, is not called different.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let session = (self.observe)(context)?;
        Ok(self.finding(&session))
    }
}

impl Trials {
    fn finding(&self, session: &Session) -> Finding {
        let judged = (self.judge)(&session.pairs);
        let claimed = |judged: &Judgement| matches!(judged.verdict, Verdict::Less | Verdict::More);
        let enough = session.pairs.len() >= FEWEST_PAIRS;
        let read = match (&session.invalid, enough) {
            (Some(reason), false) => format!(
                "{} valid pairs of {FEWEST_PAIRS}; the last trial that was not: {reason}",
                session.pairs.len()
            ),
            _ => LABELS
                .into_iter()
                .zip(&judged)
                .map(|(label, judgement)| in_words(label, judgement))
                .collect::<Vec<_>>()
                .join("; "),
        };
        let margins = Margins::default();
        Finding {
            injected: format!(
                "the same server as two, {} pairs of trials in shuffled blocks, fresh processes each",
                session.pairs.len()
            ),
            expected: format!(
                "no difference claimed beyond {}, {} and {} (wrongly in {} of self-tests at most)",
                percent(margins.p50),
                percent(margins.p99),
                percent(margins.cpu),
                percent(ALPHA)
            ),
            read,
            naive: Some(format!(
                "statistics over samples: {}",
                LABELS
                    .into_iter()
                    .zip(over_samples(&session.pairs))
                    .filter(|(_, judged)| judged.comparison.is_some() || claimed(judged))
                    .map(|(label, judged)| {
                        let word = if claimed(&judged) {
                            "a difference"
                        } else {
                            "none"
                        };
                        format!("{label} {word}")
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            holds: enough && !judged.iter().any(claimed),
        }
    }
}

fn in_words(label: &str, judgement: &Judgement) -> String {
    let Some(comparison) = judgement.comparison else {
        return format!("{label}: n/a");
    };
    let word = match judgement.verdict {
        Verdict::Less | Verdict::More => "a difference",
        Verdict::NoDifference => "no difference",
        Verdict::Undecided { .. } => "undecided",
        Verdict::TooFew { .. } => "too few",
    };
    format!(
        "{label}: {} %, {word}, spread {}",
        in_percent(Some(comparison.ratio.value)),
        percent(comparison.deviation)
    )
}

/// Runs blocks until there are enough pairs.
fn observe(context: &Context<'_>) -> Result<Session, Unproven> {
    let wanted = context.either(FEWEST_PAIRS, 12);
    let servers = ["one", "other"].map(|stack| server(stack, "sse", &[]));
    let scenario = fan_out(128, SUBSCRIBERS, RATE, SECONDS);
    let blocks = wanted as u32 + SPARE;
    let plan = Plan::new(&[scenario], &servers, Profile::Quick, blocks, context.seed);
    let mut runner = runner(context);
    let mut session = Session::default();
    for block in plan.trials.chunks(2) {
        let mut figures = [None, None];
        for planned in block {
            context.check()?;
            let TrialResult::Finished(trial) = runner.run(planned) else {
                return Err(Unproven::Interrupted);
            };
            let arm = usize::from(planned.server.label.stack != "one");
            figures[arm] = figures_of(&trial);
            if figures[arm].is_none() {
                session.invalid = Some(trial.outcome.in_words());
            }
        }
        if let [Some(one), Some(other)] = figures {
            session.pairs.push([one, other]);
        }
        if session.pairs.len() == wanted {
            break;
        }
    }
    Ok(session)
}

fn figures_of(trial: &FinishedTrial) -> Option<Figures> {
    let measurement = trial
        .measurement
        .as_ref()
        .filter(|_| trial.outcome.is_valid())?;
    let response = measurement.histograms.get(histogram_name::RESPONSE)?;
    let cpu_ns = trial
        .server_usage
        .as_ref()
        .map(|usage| usage.cost.delivery_cpu_ns());
    Some(Figures {
        response: response.decode().ok()?,
        cpu_ns: cpu_ns.map(|cpu_ns| cpu_ns as f64 / measurement.operations as f64),
    })
}

/// One figure a trial, and a family of three comparisons.
fn over_trials(pairs: &[[Figures; 2]]) -> Vec<Judgement> {
    let margins = Margins::default();
    let of = |q| move |figures: &Figures| percentile(&figures.response, 0, q).value();
    judge(&[
        compare(pairs, margins.p50, of(0.5)),
        compare(pairs, margins.p99, of(0.99)),
        compare(pairs, margins.cpu, |figures| figures.cpu_ns),
    ])
}

fn compare(
    pairs: &[[Figures; 2]],
    margin: f64,
    figure: impl Fn(&Figures) -> Option<f64>,
) -> Option<Comparison> {
    let both = pairs
        .iter()
        .filter_map(|[one, other]| Some((figure(one)?, figure(other)?)));
    Comparison::of(&both.collect::<Vec<_>>(), margin)
}

/// What is said when the samples of all trials are thrown together and each counts as independent: the standard errors of
/// the percentiles by order statistics, `nq ± √(nq(1-q))`, and a difference beyond 1.96 of both.
fn over_samples(pairs: &[[Figures; 2]]) -> Vec<Judgement> {
    let [one, other] = [0, 1].map(|arm| merge(pairs.iter().map(|pair| &pair[arm].response)));
    let value_and_error = |histogram: &Histogram, q: f64| {
        let off = (q * (1.0 - q) / histogram.len() as f64).sqrt();
        let at = |q: f64| histogram.value_at_quantile(q.clamp(0.0, 1.0)) as f64;
        (at(q), (at(q + off) - at(q - off)) / 2.0)
    };
    let judged = |q| {
        let (first, second) = (value_and_error(&one, q), value_and_error(&other, q));
        let errors = (first.0 - second.0) / first.1.hypot(second.1);
        Judgement {
            comparison: Comparison::of(&[(first.0, second.0); 2], 0.0),
            verdict: match errors {
                errors if errors < -1.96 => Verdict::Less,
                errors if errors > 1.96 => Verdict::More,
                _ => Verdict::Undecided { further: None },
            },
        }
    };
    let silent = Judgement {
        comparison: None,
        verdict: Verdict::TooFew { pairs: 0 },
    };
    if one.is_empty() || other.is_empty() {
        return vec![silent; 3];
    }
    vec![judged(0.5), judged(0.99), silent]
}

#[cfg(test)]
mod tests {
    use pushbench_model::histogram;
    use pushbench_stats::noise::Noise;

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    /// Trials that differ by 5 %, with samples that differ by 20 % within.
    fn synthetic(pairs: usize, seed: u64) -> Session {
        let mut noise = Noise::new(seed);
        let mut trial = || {
            let luck = (0.05 * noise.normal()).exp();
            let mut response = histogram::new();
            for _ in 0..1200 {
                response.saturating_record((200e3 * luck * (0.2 * noise.normal()).exp()) as u64);
            }
            Figures {
                response,
                cpu_ns: Some(5e3 * luck),
            }
        };
        Session {
            pairs: (0..pairs).map(|_| [trial(), trial()]).collect(),
            invalid: None,
        }
    }

    const SYNTHETIC: Trials = Trials {
        observe: |context| Ok(synthetic(6, context.seed)),
        ..REAL
    };

    #[test]
    fn statistics_over_trials_pass() {
        assert_passes(&SYNTHETIC);
    }

    /// Nearly always: the luck of a trial is many times what its samples say of their own error.
    #[test]
    fn statistics_over_samples_fail() {
        let naive = Trials {
            judge: over_samples,
            ..REAL
        };
        let failed = |proof: &Trials| {
            let sessions = (0..40).map(|seed| proof.finding(&synthetic(6, seed)));
            sessions.filter(|finding| !finding.holds).count()
        };
        assert!(failed(&naive) >= 30, "{}", failed(&naive));
        assert!(failed(&REAL) <= 4, "{}", failed(&REAL));
    }

    #[test]
    fn too_few_pairs_fail_and_say_why() {
        let session = Session {
            invalid: Some("late".into()),
            ..synthetic(5, 1)
        };
        let finding = REAL.finding(&session);
        assert!(
            !finding.holds && finding.read.contains("5 valid pairs of 6"),
            "{finding:?}"
        );
        assert!(finding.read.contains("late"));
    }

    #[test]
    fn a_server_that_is_slower_fails() {
        assert_fails(&Trials {
            observe: |context| {
                let mut session = synthetic(6, context.seed);
                let slow = synthetic(6, context.seed);
                for (pair, mut slow) in session.pairs.iter_mut().zip(slow.pairs) {
                    slow[0].cpu_ns = slow[0].cpu_ns.map(|cpu_ns| 1.5 * cpu_ns);
                    pair[1] = slow[0].clone();
                }
                Ok(session)
            },
            ..REAL
        });
    }
}
