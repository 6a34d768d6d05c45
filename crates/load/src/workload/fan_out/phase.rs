//! Publishing by a schedule, and what subscribers do meanwhile.

use std::time::{Duration, Instant};

use pushbench_model::control::PublishOrder;
use pushbench_model::measurement::SlowCount;
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::{Cuts, FanOut, Slow};
use pushbench_model::schedule::Schedule;
use pushbench_sys::clock;

use super::settle::Settle;
use super::{cutting, dying, straggling};
use crate::barrier::Barrier;
use crate::watch::{Watched, Watching};
use crate::{Bench, LoadError};

/// What the measured phase came to, apart from what subscribers hold.
#[derive(Default)]
pub(super) struct Ran {
    /// How much longer the publisher may take to finish.
    pub(super) patience: Duration,
    /// How the workers kept up.
    pub(super) watched: Watched,
    pub(super) cuts: Option<cutting::Tally>,
    pub(super) slow: Option<SlowCount>,
    pub(super) dead: Option<dying::Missed>,
}

/// Publishes what is measured, while the scenario's connections are cut or its slow subscribers read what they may.
pub(super) fn publish_measured(
    bench: &mut Bench,
    fan_out: FanOut,
    schedule: Schedule,
    count: u64,
    total: u64,
) -> Result<Ran, LoadError> {
    if let Some(cuts) = fan_out.cuts {
        return publish_and_cut(bench, schedule, count, total, cuts);
    }
    if let Some(slow) = fan_out.slow {
        return publish_beside_slow(bench, schedule, count, total, slow);
    }
    let (patience, watched) = publish(bench, schedule, count, total)?;
    Ok(Ran {
        patience,
        watched,
        ..Ran::default()
    })
}

/// Publishes `count` messages and waits until every subscriber has all `total` messages of the measurement so far, or
/// the last one is overdue. Returns how much longer the publisher may take to finish, and how the workers kept up.
pub(super) fn publish(
    bench: &mut Bench,
    schedule: Schedule,
    count: u64,
    total: u64,
) -> Result<(Duration, Watched), LoadError> {
    let started = start(bench, schedule, count)?;
    let patience = started.patience;
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| worker.start_task(move |station| Settle::begin(station, total, patience)))
        .collect();
    let mut watching = Watching::default();
    for (worker, pending) in bench.workers.iter().zip(pending) {
        watching.add(worker.core, &pending.wait()?);
    }
    Ok((started.left(bench), watching.together()))
}

/// The same, with connections that are cut meanwhile.
fn publish_and_cut(
    bench: &mut Bench,
    schedule: Schedule,
    count: u64,
    total: u64,
    cuts: Cuts,
) -> Result<Ran, LoadError> {
    let started = start(bench, schedule, count)?;
    let payload = bench.config.scenario.payload;
    let binary = bench.config.transport.carries_binary();
    let body = BodyMaker::new(payload, binary, bench.config.seed).body_len();
    // Who is cut last must be back before the last few messages.
    let quiet = cuts.longest_delay() + FEW / schedule.rate + SPARE_S;
    let order = cutting::Order {
        cuts,
        resume: cuts.resume || bench.config.transport.is_asked_by_number(),
        start: started.at,
        end: (started.at + started.last_ns).saturating_sub((quiet * 1e9) as u64),
        total,
        patience: started.patience + Duration::from_secs_f64(cuts.longest_delay()),
        within: u32::try_from(2 * body).unwrap_or(u32::MAX),
        seed: bench.config.seed,
    };
    let pending: Vec<_> = bench
        .workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            worker.start_task(move |station| cutting::Cutting::begin(station, index, order))
        })
        .collect();
    let mut watching = Watching::default();
    let mut tally = cutting::Tally::default();
    for (worker, pending) in bench.workers.iter().zip(pending) {
        let cut = pending.wait()?;
        watching.add(worker.core, &cut.watched);
        tally.merge(cut.tally);
    }
    Ok(Ran {
        patience: started.left(bench),
        watched: watching.together(),
        cuts: Some(tally),
        ..Ran::default()
    })
}

/// The same, beside subscribers that are slow.
fn publish_beside_slow(
    bench: &mut Bench,
    schedule: Schedule,
    count: u64,
    total: u64,
    slow: Slow,
) -> Result<Ran, LoadError> {
    let started = start(bench, schedule, count)?;
    let patience = started.patience;
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_task(move |station| {
                straggling::Straggling::begin(station, slow, total, patience)
            })
        })
        .collect();
    let mut watching = Watching::default();
    let mut count = SlowCount::default();
    for (worker, pending) in bench.workers.iter().zip(pending) {
        let straggled = pending.wait()?;
        watching.add(worker.core, &straggled.watched);
        straggling::add(&mut count, &straggled.count);
    }
    Ok(Ran {
        patience: started.left(bench),
        watched: watching.together(),
        slow: Some(count),
        ..Ran::default()
    })
}

/// The same, of `[count, total]` messages, while others lose their network; those are watched for so many seconds.
pub(super) fn publish_beside_dying(
    bench: &mut Bench,
    schedule: Schedule,
    [count, total]: [u64; 2],
    (mortals, seconds): (&dying::Mortals, f64),
    barrier: &mut dyn Barrier,
) -> Result<Ran, LoadError> {
    let started = start(bench, schedule, count)?;
    let patience = started.patience;
    let settling: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| worker.start_task(move |station| Settle::begin(station, total, patience)))
        .collect();
    let to_die = mortals.deaths(started.at, bench.config.seed)?;
    barrier.dead(&dying::told(&to_die))?;
    let end = started.at + (seconds * 1e9) as u64;
    let missed = mortals.watch(bench, to_die, end);
    let mut watching = Watching::default();
    for (worker, settled) in bench.workers.iter().zip(settling) {
        watching.add(worker.core, &settled.wait()?);
    }
    Ok(Ran {
        dead: Some(missed.wait()?),
        patience: started.left(bench),
        watched: watching.together(),
        ..Ran::default()
    })
}

/// Messages, and seconds, that follow the last return.
const FEW: f64 = 10.0;
const SPARE_S: f64 = 0.25;

/// A schedule that has begun.
struct Started {
    /// About when: CLOCK_MONOTONIC nanoseconds.
    at: u64,
    /// From the first message to the last, nanoseconds.
    last_ns: u64,
    patience: Duration,
    deadline: Instant,
}

impl Started {
    /// How much longer the publisher may take. When all subscribers have ended, nobody has waited for the schedule.
    fn left(&self, bench: &Bench) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) + bench.config.patience.drain
    }
}

fn start(bench: &mut Bench, schedule: Schedule, count: u64) -> Result<Started, LoadError> {
    let last_ns = schedule
        .offsets()
        .nth(usize::try_from(count - 1).unwrap_or(usize::MAX))
        .unwrap_or(0);
    let scenario = &bench.config.scenario;
    let (payload, large, spin_ns) = (scenario.payload, scenario.large(), bench.config.spin_ns);
    bench.publisher.start(&PublishOrder {
        schedule,
        count,
        payload,
        large,
        spin_ns,
    })?;
    let patience = Duration::from_nanos(last_ns) + bench.config.patience.drain;
    Ok(Started {
        at: clock::now(),
        last_ns,
        patience,
        deadline: Instant::now() + patience,
    })
}
