//! One trial in slices: all servers run at once, each with a load process of its own, and take turns of a few
//! milliseconds. Everybody else is idle meanwhile.
//!
//! The speed of a small machine changes every few seconds by tens of percent. Neighbouring slices share it, so the ratio
//! of their costs does not have it; its median over many rounds leaves out the slices in which something happened.

mod arm;
mod meter;
mod order;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pushbench_model::payload::Payload;
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome, Reason, SCHEMA};
use pushbench_model::scenario::{FanOut, Scenario, Workload};
use pushbench_model::slices::{Slice, SliceArm, SliceTrial};
use pushbench_sys::host;

use crate::plan;
use crate::servers::Server;
use crate::time;
use crate::trial::{Abort, ProcessRunner, steal_share};

use arm::Arm;
use order::Order;

/// Deliveries of a slice, about: they take a server 1 to 5 ms. With four times as many the ratio of two neighbours is
/// hardly steadier and there are a third of the rounds; with fewer, the start of a slice is too much of it.
const DELIVERIES: f64 = 500.0;
/// With more subscribers, every server of a trial in slices holds them all at once, and a message takes so long that the
/// machine changes its speed within it.
const MOST_SUBSCRIBERS: u32 = 5000;
/// A delivery of this many bytes costs about twice that of a small one.
const DOUBLE_BYTES: f64 = 8192.0;
/// With few subscribers, most of the time is the way of a message and not the deliveries: not more messages than this.
const MOST_MESSAGES: f64 = 64.0;
/// A median of fewer ratios is no better than its neighbours.
pub const FEWEST_ROUNDS: u32 = 20;
/// Starting the two processes of a server, connecting and warming up takes about this long.
const START: Duration = Duration::from_millis(500);

/// A trial in slices that is to be run.
#[derive(Clone, Debug)]
pub struct SliceConfig {
    /// Number in the run, from 1, in the order of all trials.
    pub number: u32,
    /// Block, from 1.
    pub repetition: u32,
    /// What to run: a fan-out.
    pub scenario: Arc<Scenario>,
    /// The servers that take turns, at least one; the same one may be there twice.
    pub servers: Vec<Arc<Server>>,
    /// How much of it; says nothing that the other fields do not.
    pub profile: Profile,
    /// Seed of the order within rounds, and of payloads.
    pub seed: u64,
    /// Messages of a slice.
    pub messages: u32,
    /// Rounds begin until this time is over...
    pub lasting: Duration,
    /// ...and there have been this many.
    pub fewest_rounds: u32,
}

impl SliceConfig {
    /// As many messages and rounds as suit the scenario and the profile. `None` when its workload has no slices, when
    /// connections are cut, subscribers slow or the ones to speak in it, when it asks about some transports only, and when it has so many subscribers
    /// that one message is more than a slice.
    #[must_use]
    pub fn new(
        scenario: &Arc<Scenario>,
        servers: Vec<Arc<Server>>,
        profile: Profile,
        seed: u64,
    ) -> Option<Self> {
        let Workload::FanOut(fan_out) = &scenario.workload else {
            return None;
        };
        // Nobody is cut off within a slice, falls behind or speaks, and what polls do between messages is not in one.
        let even = fan_out.cuts.is_none() && fan_out.slow.is_none() && !fan_out.two_way;
        let is_about_all = scenario.transports.is_empty();
        // Slices count no heartbeats, and a window longer than a slice is most of it.
        let is_set = !scenario.server.is_none();
        if fan_out.subscribers > MOST_SUBSCRIBERS || !even || !is_about_all || is_set {
            return None;
        }
        Some(Self {
            number: 1,
            repetition: 1,
            scenario: Arc::clone(scenario),
            servers,
            profile,
            seed,
            messages: messages(fan_out, scenario.payload),
            lasting: match profile {
                // Some forty rounds of nine servers. More trials are worth more than longer ones.
                Profile::Quick | Profile::Standard => Duration::from_secs(1),
                Profile::Thorough => Duration::from_secs(3),
            },
            fewest_rounds: FEWEST_ROUNDS,
        })
    }

    /// How long it will take, roughly.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        START * u32::try_from(self.servers.len()).unwrap_or(u32::MAX) + self.lasting
    }
}

fn messages(fan_out: &FanOut, payload: Payload) -> u32 {
    let delivery = 1.0 + payload.bytes as f64 / DOUBLE_BYTES;
    let messages = DELIVERIES / (f64::from(fan_out.subscribers) * delivery);
    messages.round().clamp(1.0, MOST_MESSAGES) as u32
}

/// What became of a trial in slices.
#[derive(Clone, Debug)]
pub enum SliceResult {
    /// It ended, well or badly: it belongs into the record.
    Finished(Box<SliceTrial>),
    /// It was abandoned because a person asked to stop.
    Interrupted,
}

/// Runs one trial in slices to its end. Nothing is recorded, and no process is left behind.
#[must_use]
pub fn run(runner: &ProcessRunner<'_>, config: &SliceConfig) -> SliceResult {
    let started = time::rfc3339(Timestamp::now());
    let clock = Instant::now();
    let host_before = host::cpu_times().ok();
    let mut arms: Vec<SliceArm> = config.servers.iter().map(|server| empty(server)).collect();
    let outcome = match take_turns(runner, config, &mut arms) {
        Ok(outcome) => outcome,
        Err(Abort::Failed(reason)) => Outcome::Failed { reason },
        Err(Abort::Interrupted) => return SliceResult::Interrupted,
    };
    let steal = host_before.zip(host::cpu_times().ok());
    SliceResult::Finished(Box::new(SliceTrial {
        outcome,
        started,
        wall_s: clock.elapsed().as_secs_f64(),
        arms,
        steal: steal.and_then(|(before, after)| steal_share(&after.total.since(&before.total))),
        ..blank(config)
    }))
}

/// The trial as a failed one that has not begun.
pub(crate) fn not_run(config: &SliceConfig, reason: &str) -> SliceTrial {
    SliceTrial {
        outcome: Outcome::Failed {
            reason: reason.to_owned(),
        },
        started: time::rfc3339(Timestamp::now()),
        arms: config.servers.iter().map(|server| empty(server)).collect(),
        ..blank(config)
    }
}

fn blank(config: &SliceConfig) -> SliceTrial {
    SliceTrial {
        schema: SCHEMA,
        trial: config.number,
        repetition: config.repetition,
        scenario: config.scenario.name.clone(),
        outcome: Outcome::Valid,
        started: String::new(),
        wall_s: 0.0,
        seed: config.seed,
        subscribers: subscribers(&config.scenario),
        messages: config.messages,
        arms: Vec::new(),
        steal: None,
    }
}

fn empty(server: &Server) -> SliceArm {
    SliceArm {
        server: server.label.clone(),
        slices: Vec::new(),
    }
}

fn subscribers(scenario: &Scenario) -> u32 {
    match &scenario.workload {
        Workload::FanOut(fan_out) => fan_out.subscribers,
        Workload::Connect(_) | Workload::Tokens(_) => 0,
    }
}

/// Starts everybody, runs the rounds, hears the results. What is in `slices` at the end are whole rounds, also when it
/// fails.
fn take_turns(
    runner: &ProcessRunner<'_>,
    config: &SliceConfig,
    slices: &mut [SliceArm],
) -> Result<Outcome, Abort> {
    let patience = plan::connecting(subscribers(&config.scenario)) + runner.deadlines.slack;
    let mut arms = Vec::new();
    for server in &config.servers {
        arms.push(Arm::start(runner, config, server, patience)?);
    }
    let complete = rounds(config, &mut arms, slices);
    let whole = slices.iter().map(|arm| arm.slices.len()).min().unwrap_or(0);
    for arm in slices.iter_mut() {
        arm.slices.truncate(whole);
    }
    let complete = complete?;

    let mut reasons = Vec::new();
    for arm in arms {
        reasons.extend(arm.finish(runner, config)?);
    }
    for arm in slices.iter() {
        let used = |side: fn(&Slice) -> u64| arm.slices.iter().map(side).sum::<u64>();
        if used(|slice| slice.server_cpu_ns) == 0 || used(|slice| slice.load_cpu_ns) == 0 {
            reasons.push(Reason {
                side: Blame::Setting,
                text: format!(
                    "{}: no processor time was seen; the kernel must count that of threads (CONFIG_SCHED_INFO)",
                    arm.server
                ),
            });
        }
    }
    if !complete && reasons.is_empty() {
        reasons.push(Reason {
            side: Blame::Server,
            text: "a message took too long to arrive everywhere".into(),
        });
    }
    Ok(if reasons.is_empty() {
        Outcome::Valid
    } else {
        Outcome::Invalid { reasons }
    })
}

/// Whether they all came to their end; a load process that has given up ends them.
fn rounds(
    config: &SliceConfig,
    arms: &mut [Arm<'_>],
    slices: &mut [SliceArm],
) -> Result<bool, Abort> {
    let deliveries = u64::from(config.messages) * u64::from(subscribers(&config.scenario));
    let mut order = Order::new(arms.len(), config.seed);
    let begun = Instant::now();
    let mut done = 0;
    while done < config.fewest_rounds || begun.elapsed() < config.lasting {
        for (&index, place) in order.next_round().iter().zip(1..) {
            let Some(slice) = arms[index].slice()? else {
                return Ok(false);
            };
            slices[index].slices.push(Slice {
                place,
                deliveries,
                ..slice
            });
        }
        done += 1;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
