//! What workers know at a barrier.

use pushbench_model::late::Late;
use pushbench_model::measurement::{ConnectionCount, WireCount};
use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::windows::Windows;
use pushbench_transport::tls::Tally;

use crate::station::Station;
use crate::{Bench, LoadError};

/// What is known of the sockets at a barrier.
#[derive(Clone, Copy, Default)]
pub(in crate::workload) struct Sample {
    pub(in crate::workload) wire: WireCount,
    pub(in crate::workload) batches: u64,
    pub(in crate::workload) answers: u64,
    pub(in crate::workload) connections: ConnectionCount,
    /// Handshakes of all connections, records of the phase.
    pub(in crate::workload) tls: Tally,
    pub(in crate::workload) primed: u64,
    unreadable: u64,
}

impl Sample {
    /// Adds what went over connections that were closed since: no formula knows what was cut off of a message.
    pub(super) fn with_closed(&mut self, wire: &WireCount, batches: u64, answers: u64) {
        self.wire.add(wire);
        (self.wire.expected_down, self.wire.expected_up) = (None, None);
        self.batches += batches;
        self.answers += answers;
    }
}

pub(in crate::workload) fn start_recording(bench: &Bench, from: u64) -> Result<Sample, LoadError> {
    each_station(bench, move |station| {
        station.subscribers.inlet_mut().inbox.record_from(from);
        station_sample(station)
    })
}

pub(in crate::workload) fn sample(bench: &Bench) -> Result<Sample, LoadError> {
    each_station(bench, |station| station_sample(station))
}

fn each_station(
    bench: &Bench,
    job: impl Fn(&mut Station) -> Sample + Copy + Send + 'static,
) -> Result<Sample, LoadError> {
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| worker.start_job(job))
        .collect();
    let mut sum = Sample {
        wire: empty_wire(),
        ..Sample::default()
    };
    for pending in pending {
        let part = pending.wait()?;
        sum.wire.add(&part.wire);
        sum.batches += part.batches;
        sum.answers += part.answers;
        sum.connections.add(&part.connections);
        sum.unreadable += part.unreadable;
        sum.tls.add(&part.tls);
        sum.primed += part.primed;
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
    station.subscribers.for_each(&mut |subscriber, progress| {
        sample.connections.opened += 1;
        sample.connections.nodelay += u64::from(subscriber.nodelay);
        // What one has not read, no formula knows.
        if subscriber.is_aside() {
            return;
        }
        match subscriber.wire(&progress) {
            Ok(wire) => sample.wire.add(&wire),
            Err(_) => sample.unreadable += 1,
        }
        sample.batches += progress.batches;
        sample.answers += progress.answers;
    });
    // Who shares a connection ends with it.
    sample.connections.ended_early = station.inlet().ended / station.per_connection;
    sample.tls = station.inlet().tls;
    sample.primed = station.primed;
    sample
}

/// What the measured phase alone has cost; connections are as they were at its end.
pub(in crate::workload) fn between(before: &Sample, after: Sample) -> Sample {
    let mut wire = after.wire.since(&before.wire);
    // Bytes of a connection that ended can no longer be compared with what it was to receive.
    if after.connections.ended_early > 0 || after.unreadable + before.unreadable > 0 {
        (wire.expected_down, wire.expected_up) = (None, None);
    }
    let phase = after.tls.since(&before.tls);
    Sample {
        wire,
        tls: Tally {
            records_down: phase.records_down,
            records_up: phase.records_up,
            ..after.tls
        },
        batches: after.batches.saturating_sub(before.batches),
        answers: after.answers.saturating_sub(before.answers),
        ..after
    }
}

/// What the workers hold at the end.
#[derive(Default)]
pub(in crate::workload) struct Outcome {
    pub(in crate::workload) recorder: Recorder,
    pub(super) large: Recorder,
    pub(super) late: Option<Late>,
    pub(super) windows: Option<Windows>,
    pub(in crate::workload) sequence: SequenceCounts,
    pub(in crate::workload) errors: Vec<String>,
}

pub(in crate::workload) fn collect(bench: &Bench, last: u64) -> Result<Outcome, LoadError> {
    let mut sum = Outcome::default();
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(move |station| {
                let mut counts = SequenceCounts::default();
                station.subscribers.for_each(&mut |subscriber, _| {
                    if !subscriber.is_aside() {
                        for check in subscriber.checks() {
                            counts.add(&check.counts(last));
                        }
                    }
                });
                let inbox = &station.inlet().inbox;
                let mut errors = station.faults.words();
                errors.extend_from_slice(inbox.faults());
                Outcome {
                    recorder: inbox.recorder().clone(),
                    large: inbox.large_recorder().clone(),
                    late: inbox.late().cloned(),
                    windows: inbox.windows().cloned(),
                    sequence: inbox.counts(std::iter::once(counts)),
                    errors,
                }
            })
        })
        .collect();
    for pending in pending {
        let part = pending.wait()?;
        sum.recorder.merge(&part.recorder);
        sum.large.merge(&part.large);
        match (&mut sum.late, part.late) {
            (Some(sum), Some(part)) => sum.merge(&part),
            (sum, part) => *sum = sum.take().or(part),
        }
        match (&mut sum.windows, part.windows) {
            (Some(sum), Some(part)) => sum.merge(&part),
            (sum, part) => *sum = sum.take().or(part),
        }
        sum.sequence.add(&part.sequence);
        sum.errors.extend(part.errors);
    }
    Ok(sum)
}
