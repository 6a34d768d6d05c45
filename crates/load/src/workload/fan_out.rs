//! One topic, many subscribers, an open-loop publisher.
//!
//! Phases: connect, warm-up, measure, drain. Warm-up and measurement are two schedules with nothing in flight between
//! them, so that what both processes use in the measured phase divides exactly by its deliveries.

mod connect;
mod cutting;
mod sample;
mod settle;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::histogram::EncodedHistogram;
use pushbench_model::measurement::{ClientLoad, LoopModel, Measurement, histogram_name};
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::{Cuts, FanOut};
use pushbench_model::schedule::Schedule;
use pushbench_model::windows::Grid;
use pushbench_sys::clock;

use crate::barrier::Barrier;
use crate::watch::Watched;
use crate::worker::{Pending, Worker};
use crate::{Bench, LoadError};

pub(super) use connect::connect;
pub(super) use sample::{Outcome, Sample, between, collect, sample, start_recording};
use settle::Settle;

pub(crate) fn run(
    bench: &mut Bench,
    fan_out: FanOut,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    connect(bench, fan_out.subscribers)?;
    barrier.reached("connected")?;

    let profile = bench.config.profile;
    let warm_up = match fan_out.warm_up_s.at(profile) {
        0.0 => 0,
        seconds => fan_out.messages(seconds),
    };
    let measured = fan_out.messages(fan_out.measure_s.at(profile));
    let seed = bench.config.seed;
    let schedule = |seed| Schedule {
        arrivals: fan_out.arrivals,
        rate: fan_out.rate,
        seed,
    };
    watch_over_time(bench, &fan_out)?;
    if warm_up > 0 {
        let (patience, _) = publish(bench, schedule(seed ^ 1), warm_up, warm_up)?;
        bench.publisher.finish(patience)?;
    }
    let before = start_recording(bench, warm_up + 1)?;
    barrier.reached("measure")?;
    let total = warm_up + measured;
    let (patience, watched, cuts) = match fan_out.cuts {
        None => {
            let (patience, watched) = publish(bench, schedule(seed), measured, total)?;
            (patience, watched, None)
        }
        Some(cuts) => {
            let (patience, watched, tally) =
                publish_and_cut(bench, schedule(seed), measured, total, cuts)?;
            (patience, watched, Some(tally))
        }
    };
    barrier.reached("done")?;

    // Asking the publisher and the sockets costs both sides something, which is no part of a delivery.
    let report = bench.publisher.finish(patience)?;
    let mut after = sample(bench)?;
    if let Some(tally) = &cuts {
        after.with_closed(&tally.wire, tally.batches);
    }
    let outcome = collect(bench, total)?;
    let mut measurement = measurement(
        bench,
        fan_out,
        measured,
        &report,
        &between(&before, after),
        outcome,
        &watched,
    );
    if let Some(tally) = cuts {
        measurement.cuts = Some(tally.count);
        let recovery = EncodedHistogram::encode(&tally.recovery);
        measurement
            .histograms
            .insert(histogram_name::RECOVERY.to_owned(), recovery);
    }
    Ok(measurement)
}

/// Lets every worker note response times over time, in the same windows.
fn watch_over_time(bench: &Bench, fan_out: &FanOut) -> Result<(), LoadError> {
    let profile = bench.config.profile;
    let seconds = fan_out.warm_up_s.at(profile) + fan_out.measure_s.at(profile);
    let grid = Grid::over(clock::now(), Duration::from_secs_f64(seconds));
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(move |station| station.subscribers.inlet_mut().inbox.watch(grid))
        })
        .collect();
    pending.into_iter().try_for_each(Pending::wait)
}

/// Publishes `count` messages and waits until every subscriber has all `total` messages of the measurement so far, or
/// the last one is overdue. Returns how much longer the publisher may take to finish, and how the workers kept up.
fn publish(
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
        watching.add(worker, &pending.wait()?);
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
) -> Result<(Duration, Watched, cutting::Tally), LoadError> {
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
        watching.add(worker, &cut.watched);
        tally.merge(cut.tally);
    }
    Ok((started.left(bench), watching.together(), tally))
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
    let (payload, spin_ns) = (bench.config.scenario.payload, bench.config.spin_ns);
    bench.publisher.start(&PublishOrder {
        schedule,
        count,
        payload,
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

/// How all workers kept up: those of a core together.
#[derive(Default)]
struct Watching {
    all: Watched,
    by_core: BTreeMap<usize, Watched>,
}

impl Watching {
    fn add(&mut self, worker: &Worker, watched: &Watched) {
        match worker.core {
            Some(core) => self.by_core.entry(core).or_default().beside(watched),
            None => self.all.add(watched),
        }
    }

    fn together(mut self) -> Watched {
        for core in self.by_core.values() {
            self.all.add(core);
        }
        self.all
    }
}

fn measurement(
    bench: &Bench,
    fan_out: FanOut,
    published: u64,
    report: &PublishReport,
    phase: &Sample,
    outcome: Outcome,
    watched: &Watched,
) -> Measurement {
    let config = &bench.config;
    let payload = config.scenario.payload;
    let Outcome {
        recorder,
        windows,
        sequence,
        errors,
    } = outcome;
    let mut histograms = BTreeMap::from([
        (
            histogram_name::RESPONSE.to_owned(),
            EncodedHistogram::encode(&recorder.response),
        ),
        (
            histogram_name::SERVICE.to_owned(),
            EncodedHistogram::encode(&recorder.service),
        ),
        (
            histogram_name::LOOP_LAG.to_owned(),
            EncodedHistogram::encode(&watched.lag),
        ),
    ]);
    for (name, histogram) in [
        (histogram_name::LATENESS, &report.lateness),
        (histogram_name::PUBLISH, &report.publish),
    ] {
        if let Some(histogram) = histogram {
            histograms.insert(name.to_owned(), histogram.clone());
        }
    }
    Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: LoopModel::Open,
        publisher: config.publisher,
        concurrency: fan_out.subscribers.into(),
        operations: recorder.response.len(),
        published,
        body_bytes: BodyMaker::new(payload, config.transport.carries_binary(), config.seed)
            .body_len() as u64,
        payload_bytes: payload.bytes as u64,
        elapsed_ns: recorder.last_received.saturating_sub(report.started),
        sequence,
        wire: phase.wire,
        batches: (phase.batches > 0).then_some(phase.batches),
        held_up_ns: report.held_up_ns,
        connections: phase.connections,
        server: None,
        windows: windows.map_or_else(Vec::new, |windows| windows.figures(report.started)),
        cuts: None,
        answers: None,
        client: watched.busy.map(|busiest| ClientLoad { busiest }),
        histograms,
        errors,
    }
}
