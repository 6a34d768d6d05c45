//! One topic, many subscribers, an open-loop publisher.
//!
//! Phases: connect, warm-up, measure, drain. Warm-up and measurement are two schedules with nothing in flight between
//! them, so that what both processes use in the measured phase divides exactly by its deliveries.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::histogram::EncodedHistogram;
use pushbench_model::measurement::{
    ClientLoad, ConnectionCount, LoopModel, Measurement, WireCount, histogram_name,
};
use pushbench_model::payload::BodyMaker;
use pushbench_model::recorder::Recorder;
use pushbench_model::scenario::FanOut;
use pushbench_model::schedule::Schedule;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::windows::{Grid, Windows};
use pushbench_sys::clock;
use tokio::time::{Instant, timeout_at};

use crate::barrier::Barrier;
use crate::watch::{Watch, Watched};
use crate::worker::{Faults, Pending, Station, Stay};
use crate::{Bench, LoadError};

/// Connections being set up at once by each worker.
const CONNECTING: u32 = 64;

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
    let (patience, watched) = publish(bench, schedule(seed), measured, warm_up + measured)?;
    barrier.reached("done")?;

    // Asking the publisher and the sockets costs both sides something, which is no part of a delivery.
    let report = bench.publisher.finish(patience)?;
    let after = sample(bench)?;
    let outcome = collect(bench, warm_up + measured)?;
    Ok(measurement(
        bench,
        fan_out,
        measured,
        &report,
        &between(&before, after),
        outcome,
        &watched,
    ))
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
            worker.start_job(move |station| async move {
                station.inlet.inbox.borrow_mut().watch(grid);
            })
        })
        .collect();
    pending.into_iter().try_for_each(Pending::wait)
}

pub(super) fn connect(bench: &Bench, subscribers: u32) -> Result<(), LoadError> {
    let workers = bench.workers.len() as u32;
    let patience = bench.config.patience.connect;
    let pending: Vec<_> = bench
        .workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            let share = subscribers / workers + u32::from(index < subscribers % workers);
            worker.start_job(move |station| connect_share(station, share, patience))
        })
        .collect();
    let (mut subscribed, mut timed_out, mut words) = (0, false, Vec::new());
    for pending in pending {
        let (count, late, faults) = pending.wait()?;
        subscribed += count;
        timed_out |= late;
        words.extend(faults);
    }
    if subscribed < u64::from(subscribers) {
        let after = if timed_out {
            format!(" within {patience:?}")
        } else {
            String::new()
        };
        let first = words
            .first()
            .map_or_else(String::new, |word| format!(": {word}"));
        return Err(LoadError::Subscribe {
            subscribed,
            wanted: subscribers.into(),
            after,
            first,
        });
    }
    Ok(())
}

/// Opens `share` connections, a few at a time, and waits until the server has accepted each. Returns how many it
/// accepted, whether time ran out, and what went wrong.
async fn connect_share(
    station: Rc<Station>,
    share: u32,
    patience: Duration,
) -> (u64, bool, Vec<String>) {
    let inlet = Rc::clone(&station.inlet);
    let deadline = Instant::now() + patience;
    let mut timed_out = false;
    let unconnected = Cell::new(0);
    let settled = || inlet.subscribed.get() + inlet.refused.get() + unconnected.get();
    for opened in 0..u64::from(share) {
        match timeout_at(deadline, station.connect()).await {
            Ok(Ok((stream, _))) => add(&station, stream),
            Ok(Err(error)) => {
                unconnected.set(unconnected.get() + 1);
                let fault = format!("cannot connect to {}: {error}", station.address());
                station.faults.add(fault);
            }
            Err(_) => timed_out = true,
        }
        while !timed_out && opened + 1 - settled() >= u64::from(CONNECTING) {
            timed_out = timeout_at(deadline, inlet.progressed.notified())
                .await
                .is_err();
        }
        // A server that refuses the first ones refuses all: do not knock a thousand times.
        if timed_out || station.faults.count() >= Faults::KEPT as u64 {
            break;
        }
    }
    while !timed_out && settled() < u64::from(share) && station.faults.count() < Faults::KEPT as u64
    {
        timed_out = timeout_at(deadline, inlet.progressed.notified())
            .await
            .is_err();
    }
    let ended_since = inlet.ended.get() - inlet.refused.get();
    let alive = inlet.subscribed.get() - ended_since;
    (alive, timed_out, station.faults.words())
}

fn add(station: &Rc<Station>, stream: tokio::net::TcpStream) {
    let (subscriber, run) = station.subscribe(stream, &station.inlet, Stay::On);
    station.subscribers.borrow_mut().push(subscriber);
    let station = Rc::clone(station);
    tokio::task::spawn_local(async move {
        if let Err(error) = run.await {
            station.faults.add(error.to_string());
        }
    });
}

/// Publishes `count` messages and waits until every subscriber has all `total` messages of the measurement so far, or
/// the last one is overdue. Returns how much longer the publisher may take to finish, and how the workers kept up.
fn publish(
    bench: &mut Bench,
    schedule: Schedule,
    count: u64,
    total: u64,
) -> Result<(Duration, Watched), LoadError> {
    let payload = bench.config.scenario.payload;
    let spin_ns = bench.config.spin_ns;
    let last_ns = schedule
        .offsets()
        .nth(usize::try_from(count - 1).unwrap_or(usize::MAX))
        .unwrap_or(0);
    bench.publisher.start(&PublishOrder {
        schedule,
        count,
        payload,
        spin_ns,
    })?;
    let drain = bench.config.patience.drain;
    let patience = Duration::from_nanos(last_ns) + drain;
    let deadline = Instant::now() + patience;
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(move |station| async move {
                let watch = Watch::start();
                settle(station, total, patience).await;
                watch.end()
            })
        })
        .collect();
    let mut watched = Watched::default();
    for pending in pending {
        watched.add(&pending.wait()?);
    }
    // When all subscribers have ended, nobody has waited for the schedule.
    let left = deadline.saturating_duration_since(Instant::now()) + drain;
    Ok((left, watched))
}

/// Waits until all subscribers of this worker have `total` messages, or time is up. What is missing then shows in the
/// sequence. What a subscriber misses whose connection has ended will never come, and is not waited for.
async fn settle(station: Rc<Station>, total: u64, patience: Duration) {
    let deadline = Instant::now() + patience;
    let inlet = &station.inlet;
    while !inlet.signal_at(attainable(&station, total)) {
        if timeout_at(deadline, inlet.progressed.notified())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// How many of the `total` messages of each subscriber can still be settled.
fn attainable(station: &Station, total: u64) -> u64 {
    let subscribers = station.subscribers.borrow();
    let wanted = total * subscribers.len() as u64;
    let ended = subscribers.iter().filter(|one| one.has_ended());
    let missed: u64 = ended.map(|one| one.check.borrow().counts(total).lost).sum();
    wanted - missed
}

/// What is known of the sockets at a barrier.
#[derive(Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) wire: WireCount,
    pub(super) batches: u64,
    pub(super) connections: ConnectionCount,
    unreadable: u64,
}

pub(super) fn start_recording(bench: &Bench, from: u64) -> Result<Sample, LoadError> {
    each_station(bench, move |station| {
        station.inlet.inbox.borrow_mut().record_from(from);
        station_sample(station)
    })
}

pub(super) fn sample(bench: &Bench) -> Result<Sample, LoadError> {
    each_station(bench, station_sample)
}

fn each_station(
    bench: &Bench,
    job: impl Fn(&Station) -> Sample + Copy + Send + 'static,
) -> Result<Sample, LoadError> {
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| worker.start_job(move |station| async move { job(&station) }))
        .collect();
    let mut sum = Sample {
        wire: empty_wire(),
        ..Sample::default()
    };
    for pending in pending {
        let part = pending.wait()?;
        sum.wire.add(&part.wire);
        sum.batches += part.batches;
        sum.connections.opened += part.connections.opened;
        sum.connections.nodelay += part.connections.nodelay;
        sum.connections.ended_early += part.connections.ended_early;
        sum.unreadable += part.unreadable;
    }
    Ok(sum)
}

/// Zero, with formulas that apply.
fn empty_wire() -> WireCount {
    WireCount {
        expected_down: Some(0),
        expected_up: Some(0),
        ..WireCount::default()
    }
}

fn station_sample(station: &Station) -> Sample {
    let mut sample = Sample {
        wire: empty_wire(),
        ..Sample::default()
    };
    for subscriber in station.subscribers.borrow().iter() {
        match subscriber.wire() {
            Ok(wire) => sample.wire.add(&wire),
            Err(_) => sample.unreadable += 1,
        }
        sample.batches += subscriber.progress().batches;
        sample.connections.opened += 1;
        sample.connections.nodelay += u64::from(subscriber.nodelay);
    }
    sample.connections.ended_early = station.inlet.ended.get();
    sample
}

/// What the measured phase alone has cost; connections are as they were at its end.
pub(super) fn between(before: &Sample, after: Sample) -> Sample {
    let mut wire = after.wire.since(&before.wire);
    // Bytes of a connection that ended can no longer be compared with what it was to receive.
    if after.connections.ended_early > 0 || after.unreadable + before.unreadable > 0 {
        (wire.expected_down, wire.expected_up) = (None, None);
    }
    Sample {
        wire,
        batches: after.batches.saturating_sub(before.batches),
        ..after
    }
}

/// What the workers hold at the end.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) recorder: Recorder,
    windows: Option<Windows>,
    pub(super) sequence: SequenceCounts,
    pub(super) errors: Vec<String>,
}

pub(super) fn collect(bench: &Bench, last: u64) -> Result<Outcome, LoadError> {
    let mut sum = Outcome::default();
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(move |station| async move {
                let inbox = station.inlet.inbox.borrow();
                let subscribers = station.subscribers.borrow();
                let counts = subscribers
                    .iter()
                    .map(|subscriber| subscriber.check.borrow().counts(last));
                let mut errors = station.faults.words();
                errors.extend_from_slice(inbox.faults());
                Outcome {
                    recorder: inbox.recorder().clone(),
                    windows: inbox.windows().cloned(),
                    sequence: inbox.counts(counts),
                    errors,
                }
            })
        })
        .collect();
    for pending in pending {
        let part = pending.wait()?;
        sum.recorder.merge(&part.recorder);
        match (&mut sum.windows, part.windows) {
            (Some(sum), Some(part)) => sum.merge(&part),
            (sum, part) => *sum = sum.take().or(part),
        }
        sum.sequence.add(&part.sequence);
        sum.errors.extend(part.errors);
    }
    Ok(sum)
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
        client: watched.busy.map(|busiest| ClientLoad { busiest }),
        histograms,
        errors,
    }
}
