//! One topic, many subscribers, an open-loop publisher.
//!
//! Phases: connect, warm-up, measure, drain. Warm-up and measurement are two schedules with nothing in flight between
//! them, so that what both processes use in the measured phase divides exactly by its deliveries.

mod connect;
mod cutting;
mod dying;
mod heartbeat;
mod phase;
mod sample;
mod settle;
mod straggling;

use std::collections::BTreeMap;
use std::time::Duration;

use pushbench_model::control::PublishReport;
use pushbench_model::histogram::EncodedHistogram;
use pushbench_model::late::Late;
use pushbench_model::measurement::{
    ClientLoad, LoopModel, Measurement, PollCount, Upstream, histogram_name,
};
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::FanOut;
use pushbench_model::schedule::Schedule;
use pushbench_model::windows::Grid;
use pushbench_sys::clock;

use crate::barrier::Barrier;
use crate::publisher::Members;
use crate::secure;
use crate::station::poll_period_ns;
use crate::watch::Watched;
use crate::worker::Pending;
use crate::{Bench, LoadError};

pub(super) use connect::connect;
use dying::Mortals;
pub(super) use sample::{Outcome, Sample, between, collect, sample, start_recording};

pub(crate) fn run(
    bench: &mut Bench,
    fan_out: FanOut,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    // Those who are to die have a worker of their own.
    connect(bench, fan_out.subscribers - fan_out.dead_subscribers())?;
    let mortals = Mortals::connect(bench, &fan_out)?;
    if fan_out.two_way {
        bench.publisher = Box::new(Members::start(bench, fan_out.subscribers)?);
    }
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
        let (patience, _) = phase::publish(bench, schedule(seed ^ 1), warm_up, warm_up)?;
        bench.publisher.finish(patience)?;
    }
    if let Some(slow) = fan_out.slow {
        straggling::set_aside(bench, slow, fan_out.subscribers)?;
    }
    let mut before = start_recording(bench, warm_up + 1)?;
    let said_before = said(bench, &mut before);
    barrier.reached("measure")?;
    let total = warm_up + measured;
    let schedule = schedule(seed);
    let ran = match &mortals {
        None => phase::publish_measured(bench, fan_out, schedule, measured, total)?,
        Some(mortals) => {
            let seconds = fan_out.measure_s.at(profile);
            phase::publish_beside_dying(
                bench,
                schedule,
                [measured, total],
                (mortals, seconds),
                barrier,
            )?
        }
    };
    barrier.reached("done")?;

    // Asking the publisher and the sockets costs both sides something, which is no part of a delivery.
    let report = bench.publisher.finish(ran.patience)?;
    let mut after = sample(bench)?;
    if let Some(tally) = &ran.cuts {
        after.with_closed(&tally.wire, tally.batches, tally.answers);
    }
    let said_after = said(bench, &mut after);
    let outcome = collect(bench, total)?;
    let mut measurement = measurement(
        bench,
        fan_out,
        measured,
        &report,
        &between(&before, after),
        outcome,
        &ran.watched,
    );
    measurement.slow = ran.slow;
    if let Some(missed) = ran.dead {
        measurement.dead = Some(missed.count);
        for (name, histogram) in [
            (histogram_name::NOTICED, &missed.noticed),
            (histogram_name::GIVEN_UP, &missed.given_up),
        ] {
            if !histogram.is_empty() {
                let encoded = EncodedHistogram::encode(histogram);
                measurement.histograms.insert(name.to_owned(), encoded);
            }
        }
        let fault = missed
            .fault
            .map(|fault| format!("the server's sockets: {fault}"));
        measurement.errors.extend(fault);
    }
    measurement.upstream = said_before
        .zip(said_after)
        .map(|(before, after)| after.since(before));
    if let Some(tally) = ran.cuts {
        measurement.cuts = Some(tally.count);
        let recovery = EncodedHistogram::encode(&tally.recovery);
        measurement
            .histograms
            .insert(histogram_name::RECOVERY.to_owned(), recovery);
    }
    Ok(measurement)
}

/// What subscribers have said so far, if they speak; what that took is added to `sample`.
fn said(bench: &Bench, sample: &mut Sample) -> Option<Upstream> {
    let said = bench.publisher.said()?;
    sample.wire.add(&said.wire);
    Some(said.upstream)
}

/// Lets every worker note response times over time, in the same windows, keep those of large messages apart, and note whom
/// messages are late for where that is asked.
fn watch_over_time(bench: &Bench, fan_out: &FanOut) -> Result<(), LoadError> {
    let profile = bench.config.profile;
    let seconds = fan_out.warm_up_s.at(profile) + fan_out.measure_s.at(profile);
    let (large, late_ns) = (fan_out.large, fan_out.late_ns());
    let grid = Grid::over(clock::now(), Duration::from_secs_f64(seconds));
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(move |station| {
                let inbox = &mut station.subscribers.inlet_mut().inbox;
                inbox.watch(grid);
                inbox.set_apart(large);
                if let Some(late_ns) = late_ns {
                    inbox.note_late(late_ns);
                }
            })
        })
        .collect();
    pending.into_iter().try_for_each(Pending::wait)
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
        large,
        late,
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
    if fan_out.large.is_some() {
        let encoded = EncodedHistogram::encode(&large.response);
        histograms.insert(histogram_name::LARGE.to_owned(), encoded);
    }
    for (name, histogram) in [
        (histogram_name::LATENESS, &report.lateness),
        (histogram_name::PUBLISH, &report.publish),
    ] {
        if let Some(histogram) = histogram {
            histograms.insert(name.to_owned(), histogram.clone());
        }
    }
    let mut wire = phase.wire;
    let heartbeats = config
        .transport
        .heartbeat()
        .filter(|_| config.scenario.server.heartbeat_s > 0)
        .and_then(|one| heartbeat::count(&mut wire, one, fan_out.measured_subscribers().into()));
    Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: LoopModel::Open,
        publisher: config.publisher,
        concurrency: fan_out.subscribers.into(),
        operations: recorder.response.len() + large.response.len(),
        published,
        body_bytes: BodyMaker::new(payload, config.transport.carries_binary(), config.seed)
            .body_len() as u64,
        payload_bytes: payload.bytes as u64,
        elapsed_ns: recorder
            .last_received
            .max(large.last_received)
            .saturating_sub(report.started),
        sequence,
        wire,
        arrivals: None,
        heartbeats,
        batches: (phase.batches > 0).then_some(phase.batches),
        polls: (phase.answers > 0).then(|| PollCount {
            answered: phase.answers,
            period_ns: poll_period_ns(config),
        }),
        held_up_ns: report.held_up_ns,
        connections: phase.connections,
        server: None,
        windows: windows.map_or_else(Vec::new, |windows| windows.figures(report.started)),
        cuts: None,
        slow: None,
        dead: None,
        late: late.as_ref().map(Late::count),
        upstream: None,
        tls: secure::count(config, &phase.tls, phase.primed),
        answers: None,
        client: watched.busy.map(|busiest| ClientLoad { busiest }),
        histograms,
        errors,
    }
}
