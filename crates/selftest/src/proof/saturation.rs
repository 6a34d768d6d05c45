//! The search for the highest sustainable rate finds the limit of a queue whose limit is known.

use pushbench_harness::FinishedTrial;
use pushbench_harness::saturate::simulate::{Mechanism, Queue, search};
use pushbench_harness::saturate::{Bisection, judge};
use pushbench_model::search::{Objective, ProbeJudgement, SearchRange};

use super::percent;
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Saturation {
    /// What chooses rates, and what judges them.
    mechanism: Mechanism,
}

pub(super) static REAL: Saturation = Saturation {
    mechanism: Mechanism {
        strategy: |range| Box::new(Bisection::new(range)),
        judge,
    },
};

/// Messages per second.
const SERVICE_RATE: f64 = 2000.0;
/// Of a simulated probe, seconds.
const PROBE_S: f64 = 30.0;
/// The percentile decides in the first. The second is not reached within a probe at slight overload: only the growing
/// backlog shows that.
const OBJECTIVES: [&str; 2] = ["p99<=20ms", "p99<=5s"];
const RANGE: SearchRange = SearchRange {
    from: 100.0,
    to: 1e6,
    resolution: 0.02,
};
/// How far from the truth a search may end.
const BOUND: f64 = 0.05;

impl Saturation {
    /// How far from the truth a search ends, as a share; all of it when it finds nothing.
    fn error(&self, objective: &Objective, seed: u64) -> f64 {
        let mut queue = Queue::new(SERVICE_RATE, seed);
        let truth = queue.truth(objective);
        let (found, _) = search(&mut queue, objective, RANGE, PROBE_S, &self.mechanism);
        found.sustained.map_or(-1.0, |rate| rate / truth - 1.0)
    }
}

impl Proof for Saturation {
    fn about(&self) -> About {
        About {
            id: "saturation",
            rules: &[31, 32],
            rule: "The search finds the highest rate that keeps an objective without a growing backlog.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let searches = context.either(4, 20);
        let mut worst = Vec::new();
        let mut all = true;
        let mut naive = 0.0;
        for objective in OBJECTIVES {
            let objective: Objective = objective
                .parse()
                .map_err(|error| Unproven::Impossible(format!("{objective}: {error}")))?;
            let mut off: f64 = 0.0;
            for number in 0..searches {
                context.check()?;
                let error = self.error(&objective, context.seed.wrapping_add(number));
                off = if error.abs() > off.abs() { error } else { off };
            }
            all &= off.abs() <= BOUND;
            worst.push(off);
            context.check()?;
            naive = Self {
                mechanism: Mechanism {
                    judge: blind_to_backlog,
                    ..self.mechanism
                },
            }
            .error(&objective, context.seed);
        }
        let truths: Vec<String> = OBJECTIVES
            .iter()
            .filter_map(|objective| objective.parse().ok())
            .map(|objective| format!("{:.0}", Queue::new(SERVICE_RATE, 0).truth(&objective)))
            .collect();
        Ok(Finding {
            injected: format!(
                "M/M/1 queues that serve {SERVICE_RATE} messages/s, {searches} searches each for {}",
                OBJECTIVES.join(" and ")
            ),
            expected: format!(
                "{} messages/s, within {} each",
                truths.join(" and "),
                percent(BOUND)
            ),
            read: format!(
                "farthest off: {}",
                worst
                    .iter()
                    .map(|&off| percent(off))
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
            naive: Some(format!(
                "a judge blind to the backlog, {}: {} off",
                OBJECTIVES[1],
                percent(naive)
            )),
            holds: all,
        })
    }
}

/// Judges as if there were no windows: by the percentile and losses alone.
fn blind_to_backlog(finished: &FinishedTrial, objective: &Objective) -> ProbeJudgement {
    let mut finished = finished.clone();
    if let Some(measurement) = &mut finished.measurement {
        measurement.windows.clear();
    }
    judge(&finished, objective)
}

#[cfg(test)]
mod tests {
    use pushbench_harness::saturate::{Found, Strategy};
    use pushbench_model::search::{End, ProbeVerdict, Purpose};

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn passes() {
        assert_passes(&REAL);
    }

    #[test]
    fn a_judge_blind_to_the_backlog_fails() {
        assert_fails(&Saturation {
            mechanism: Mechanism {
                judge: blind_to_backlog,
                ..REAL.mechanism
            },
        });
    }

    /// Ends with the last rate that held before one failed.
    struct FirstBracket {
        rate: f64,
        held: Option<f64>,
        ended: bool,
    }

    impl Strategy for FirstBracket {
        fn next(&self) -> Option<(f64, Purpose)> {
            (!self.ended).then_some((self.rate, Purpose::Bracket))
        }

        fn tell(&mut self, verdict: ProbeVerdict) {
            match verdict {
                ProbeVerdict::Held => (self.held, self.rate) = (Some(self.rate), self.rate * 2.0),
                ProbeVerdict::Failed => self.ended = true,
                ProbeVerdict::Void => {}
            }
        }

        fn found(&self) -> Found {
            Found {
                sustained: self.held,
                failed_at: Some(self.rate),
                end: End::Found,
                ended: String::new(),
            }
        }
    }

    #[test]
    fn taking_the_first_bracket_fails() {
        assert_fails(&Saturation {
            mechanism: Mechanism {
                strategy: |range| {
                    Box::new(FirstBracket {
                        rate: range.from,
                        held: None,
                        ended: false,
                    })
                },
                ..REAL.mechanism
            },
        });
    }
}
