//! Somebody else on the machine is noticed, and a quiet machine is not suspected.

use pushbench_harness::Nobody;
use pushbench_model::record::Flag;

use super::percent;
use crate::disturb::Neighbours;
use crate::trial::{Setup, TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

const RATE: f64 = 100.0;

pub(super) struct Interference {
    observe: fn(&Context<'_>, bool) -> Result<Watched, Trouble>,
    /// What the reader of a trial is told.
    watch: fn(&Watched) -> &[Flag],
}

pub(super) static REAL: Interference = Interference {
    observe,
    watch: |watched| &watched.flags,
};

/// What was noticed during a trial.
struct Watched {
    flags: Vec<Flag>,
    /// Share of the processor time that others used, where the system tells.
    others_cpu: Option<f64>,
}

fn observe(context: &Context<'_>, busy: bool) -> Result<Watched, Trouble> {
    let _neighbours = if busy {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let started = Neighbours::on(cores).map_err(|error| {
            let why = format!("no shell can be kept busy as a neighbour: {error}");
            Unproven::Impossible(why)
        });
        Some(started?)
    } else {
        None
    };
    let setup = Setup::new("sse", RATE, context.either(1.0, 2.0));
    let trial = setup.run(context, &mut Nobody)?.trial;
    Ok(Watched {
        flags: trial.flags,
        others_cpu: trial.others_cpu,
    })
}

fn strangers(flags: &[Flag]) -> bool {
    flags
        .iter()
        .any(|flag| matches!(flag, Flag::OthersCpu { .. }))
}

impl Interference {
    /// A trial that nobody disturbed.
    fn quiet(&self, context: &Context<'_>) -> Result<Watched, Trouble> {
        let mut least: Option<f64> = None;
        for _ in 0..TRIES {
            let watched = (self.observe)(context, false)?;
            let Some(share) = watched.others_cpu else {
                let why = "the system does not tell what programs use together";
                return Err(Unproven::Impossible(why.into()).into());
            };
            if !strangers(&watched.flags) {
                return Ok(watched);
            }
            least = Some(least.map_or(share, |least| least.min(share)));
        }
        let share = percent(least.unwrap_or(1.0));
        let why = format!(
            "the machine is busy by itself: other programs use {share} of it, and with less than 2 % it could be tried"
        );
        Err(Unproven::Impossible(why).into())
    }
}

impl Proof for Interference {
    fn about(&self) -> About {
        About {
            id: "interference",
            rules: &[35],
            rule: "A trial during which others used the machine is flagged.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            1,
            "a trial alone; the same with a busy neighbour on every core",
            "no flag for others' processor time; that flag",
            || {
                let quiet = self.quiet(context)?;
                let busy = (self.observe)(context, true)?;
                let share = |watched: &Watched| watched.others_cpu.map_or("n/a".into(), percent);
                let (alone, flagged) = ((self.watch)(&quiet), (self.watch)(&busy));
                let flag = |yes: bool| if yes { "flagged" } else { "not flagged" };
                Ok((
                    format!(
                        "others used {}, {}; then {}, {}",
                        share(&quiet),
                        flag(strangers(alone)),
                        share(&busy),
                        flag(strangers(flagged))
                    ),
                    None,
                    !strangers(alone) && strangers(flagged),
                ))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::selftest::ProofStatus;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::testing::{assert_fails, assert_passes, context};

    fn seen(_: &Context<'_>, busy: bool) -> Result<Watched, Trouble> {
        let share = if busy { 0.5 } else { 0.01 };
        Ok(Watched {
            flags: busy
                .then_some(Flag::OthersCpu { share })
                .into_iter()
                .collect(),
            others_cpu: Some(share),
        })
    }

    #[test]
    fn passes() {
        assert_passes(&Interference {
            observe: seen,
            ..REAL
        });
    }

    #[test]
    fn without_a_watch_it_fails() {
        assert_fails(&Interference {
            observe: seen,
            watch: |_| &[],
        });
    }

    #[test]
    fn a_watch_that_always_cries_fails() {
        assert_fails(&Interference {
            observe: seen,
            watch: |_| &[Flag::OthersCpu { share: 0.5 }],
        });
    }

    #[test]
    fn a_busy_machine_is_no_failure() {
        let stop = AtomicBool::new(false);
        for others_cpu in [Some(0.5), None] {
            let proof = Interference {
                observe: |context, _| seen(context, true),
                ..REAL
            };
            let silent = Interference {
                observe: |_, _| {
                    Ok(Watched {
                        flags: Vec::new(),
                        others_cpu: None,
                    })
                },
                ..REAL
            };
            let proof = if others_cpu.is_some() { proof } else { silent };
            let row = crate::run::row(&proof, &context(&stop)).unwrap();
            assert_eq!(row.status, ProofStatus::NotRun, "{row:?}");
        }
    }
}
