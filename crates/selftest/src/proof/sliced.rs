//! Trials in slices that two proofs look at: a server, the same again, and the same with a little work added, twice.

use std::sync::Arc;
use std::time::Duration;

use pushbench_harness::slices::{self, SliceConfig, SliceResult};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome};
use pushbench_model::slices::{Slice, SliceTrial};
use pushbench_stats::median_ratio;

use crate::arms::{fan_out, runner, server};
use crate::{Context, Unproven};

/// Work added to the third and the fourth server, as a share of what a delivery costs.
pub(crate) const ADDED: [f64; 2] = [0.03, 0.10];
/// Rounds of arithmetic that calibrate: somewhat more than a tenth of a delivery, like the larger of what is added, so that
/// a round costs the same in both.
const MANY: u32 = 1000;
/// Of these less than so much of a delivery cannot be: then nothing was added.
const LEAST: f64 = 0.02;
/// Messages of a slice. Shorter slices share more of what the machine does at the moment, and there are more of them; a
/// single message is mostly waking up.
const MESSAGES: u32 = 2;

/// Trials of a run, each with fresh processes: where their memory lies makes one server some tenths of a per cent dearer
/// than its twin, for as long as it lives.
const TRIALS: u32 = 6;
/// Runs of twins alone in the full self-test.
const RUNS: u32 = 10;

const SUBSCRIBERS: u32 = 100;
const BYTES: usize = 128;

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sliced {
    /// Trials with the same four servers: as it is, again, with the first of [`ADDED`], with the second.
    pub(crate) trials: Vec<SliceTrial>,
    /// Rounds of arithmetic that were added.
    pub(crate) rounds: [u32; 2],
    /// Whether work is counted in instructions; otherwise it is processor time.
    pub(crate) counted: bool,
    /// Why there are no figures, if so.
    pub(crate) wrong: Option<String>,
}

impl Sliced {
    /// What a slice of the server cost: instructions, or [`relative_cpu`].
    pub(crate) fn work(&self, slice: &Slice) -> Option<u64> {
        work(slice, self.counted)
    }
}

/// Processor time of the server in a slice, in millionths of that of the load process. All servers here feed the same
/// load program with the same bytes, so its time is a yardstick: it differs between two slices only by what the machine
/// did to both sides meanwhile. On a noisy machine this halves what is left after pairing. Servers of different
/// transports have different clients, and no such yardstick.
pub(crate) fn relative_cpu(slice: &Slice) -> Option<u64> {
    (slice.server_cpu_ns * 1_000_000).checked_div(slice.load_cpu_ns)
}

/// Runs them, or takes what another proof of the same self-test has seen.
pub(crate) fn observe(context: &Context<'_>) -> Result<Sliced, Unproven> {
    if let Some(seen) = context.sliced.get() {
        return Ok(seen.clone());
    }
    let seen = run(context)?;
    Ok(context.sliced.get_or_init(|| seen).clone())
}

/// Runs of twins: the first two servers of every trial are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Twins {
    /// The trials of every run.
    pub(crate) runs: Vec<Vec<SliceTrial>>,
    /// Why there are no more, if so.
    pub(crate) wrong: Option<String>,
}

/// Runs ten times [`TRIALS`] trials of twins; in the quick self-test [`observe`] has seen one such run.
pub(crate) fn observe_twins(context: &Context<'_>) -> Result<Twins, Unproven> {
    if context.quick {
        let seen = observe(context)?;
        return Ok(Twins {
            runs: vec![seen.trials],
            wrong: seen.wrong,
        });
    }
    let mut twins = Twins {
        runs: Vec::new(),
        wrong: None,
    };
    for run in 1..=RUNS {
        let mut trials = Vec::new();
        for number in 1..=TRIALS {
            let trial = trial(context, 100 * run + number, &[0, 0])?;
            if let Err(reason) = sound(&trial) {
                twins.wrong = Some(reason);
                return Ok(twins);
            }
            trials.push(trial);
        }
        twins.runs.push(trials);
    }
    Ok(twins)
}

fn run(context: &Context<'_>) -> Result<Sliced, Unproven> {
    let counted = context.no_counters.is_none();
    let mut sliced = Sliced {
        trials: Vec::new(),
        rounds: [0; 2],
        counted,
        wrong: None,
    };
    let first = trial(context, 0, &[0, MANY])?;
    let share = match sound(&first).and_then(|()| share_of_a_round(&first, counted)) {
        Ok(share) => share,
        Err(reason) => {
            sliced.wrong = Some(reason);
            return Ok(sliced);
        }
    };
    sliced.rounds = ADDED.map(|added| (added / share).round().max(1.0) as u32);
    let work = [0, 0, sliced.rounds[0], sliced.rounds[1]];
    for number in 1..=context.either(TRIALS, 2 * TRIALS) {
        let trial = trial(context, number, &work)?;
        sliced.wrong = sound(&trial).err();
        if sliced.wrong.is_some() {
            break;
        }
        sliced.trials.push(trial);
    }
    Ok(sliced)
}

/// What a round of arithmetic adds to a delivery, as a share of it.
fn share_of_a_round(trial: &SliceTrial, counted: bool) -> Result<f64, String> {
    let [plain, more] = &trial.arms[..] else {
        return Err("a trial of two servers has not two arms".into());
    };
    let added = median_ratio(&more.pairs(plain, |slice| work(slice, counted))).map(|r| r - 1.0);
    added
        .filter(|&added| added > LEAST)
        .map(|added| added / f64::from(MANY))
        .ok_or_else(|| format!("{MANY} rounds of arithmetic a delivery cost nothing: {added:?}"))
}

fn work(slice: &Slice, counted: bool) -> Option<u64> {
    if !counted {
        return relative_cpu(slice);
    }
    let counters = slice.server_counters?;
    Some(counters.user_instructions + counters.kernel_instructions.unwrap_or(0))
}

/// One trial of a server for each number of rounds of arithmetic.
fn trial(context: &Context<'_>, number: u32, rounds: &[u32]) -> Result<SliceTrial, Unproven> {
    context.check()?;
    let servers = rounds.iter().enumerate().map(|(arm, &rounds)| {
        // The same command line for all: its length moves the stack, and with it what code costs.
        let inject = ["--inject".to_owned(), format!("work={rounds:05}")];
        Arc::new(server(&format!("arm-{}", arm + 1), "sse", &inject))
    });
    let scenario = Arc::new(fan_out(BYTES, SUBSCRIBERS, 100.0, 1.0));
    let seed = context.seed.wrapping_add(number.into());
    let config = SliceConfig::new(&scenario, servers.collect(), Profile::Quick, seed)
        .ok_or_else(|| Unproven::Impossible("a fan-out has no slices".into()))?;
    let config = SliceConfig {
        messages: MESSAGES,
        lasting: Duration::from_millis(1600),
        ..config
    };
    match slices::run(&runner(context), &config) {
        SliceResult::Finished(trial) => Ok(*trial),
        SliceResult::Interrupted => Err(Unproven::Interrupted),
    }
}

/// Nothing went wrong but what was asked for.
fn sound(trial: &SliceTrial) -> Result<(), String> {
    let others = match &trial.outcome {
        Outcome::Valid => return Ok(()),
        Outcome::Failed { reason } => return Err(reason.clone()),
        Outcome::Invalid { reasons } => reasons.iter().find(|reason| {
            reason.side != Blame::Setting || !reason.text.contains("serve --inject")
        }),
    };
    others.map_or(Ok(()), |reason| Err(reason.text.clone()))
}

/// Trials of a machine whose speed flips every few rounds, with slices that something disturbed, and servers of which the
/// third and the fourth need `added` more. None of the figures was measured.
#[cfg(test)]
pub(crate) fn synthetic(seed: u64, added: [f64; 2]) -> Sliced {
    use pushbench_model::record::SCHEMA;
    use pushbench_model::slices::SliceArm;
    use pushbench_stats::noise::Noise;

    const ROUNDS: usize = 200;
    let mut noise = Noise::new(seed);
    let factors = [1.0, 1.0, 1.0 + added[0], 1.0 + added[1]];
    let mut trial = |number: u32| {
        let mut arms: Vec<SliceArm> = (1..=4)
            .map(|arm| SliceArm {
                server: server(&format!("arm-{arm}"), "sse", &[]).label,
                slices: Vec::new(),
            })
            .collect();
        for round in 0..ROUNDS {
            let speed = if (round / 25) % 2 == 0 { 1.0 } else { 1.3 };
            for (arm, factor) in arms.iter_mut().zip(factors) {
                let disturbed = if noise.uniform() < 0.02 { 50.0 } else { 1.0 };
                let mut cost = |factor| 1e6 * speed * factor * (0.03 * noise.normal()).exp();
                arm.slices.push(Slice {
                    deliveries: 200,
                    server_cpu_ns: cost(factor * disturbed) as u64,
                    load_cpu_ns: cost(1.0) as u64,
                    ..Slice::default()
                });
            }
        }
        SliceTrial {
            schema: SCHEMA,
            trial: number,
            repetition: 1,
            scenario: "synthetic".into(),
            outcome: Outcome::Valid,
            started: String::new(),
            wall_s: 1.0,
            seed,
            subscribers: SUBSCRIBERS,
            messages: MESSAGES,
            arms,
            steal: None,
        }
    };
    Sliced {
        trials: (1..=6).map(&mut trial).collect(),
        rounds: [30, 100],
        counted: false,
        wrong: None,
    }
}
