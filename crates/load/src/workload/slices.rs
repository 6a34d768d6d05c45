//! Slices: a few messages at a time, whenever the harness asks for them, and rest in between.
//!
//! A message is published when every subscriber has the one before it. So no two are ever sent or read together: each
//! delivery is one write and one read, on a slow machine as on a fast one, and a slice takes as long as it needs.
//! Messages come through `POST /publish`, whose answer tells at once, and not by a schedule, whose start and pace would
//! be most of a slice. The threads that this occupies, one on each side, are no part of what a slice costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pushbench_model::measurement::{LoopModel, Measurement};
use pushbench_model::scenario::FanOut;
use pushbench_sys::clock;

use super::fan_out;
use crate::barrier::Barrier;
use crate::publisher::OneAtATime;
use crate::station::Station;
use crate::worker::Task;
use crate::{Bench, LoadError};

/// Slices before the first that is measured.
const WARM_UP: u32 = 10;

/// Announces `slice` until that is not answered with a wish for another; each has `messages` messages. Ends early when
/// one does not arrive everywhere, which the measurement then shows.
pub(crate) fn run(
    bench: &mut Bench,
    fan_out: FanOut,
    messages: u32,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    fan_out::connect(bench, fan_out.subscribers)?;
    let mut publisher = OneAtATime::connect(&bench.config)?;
    let mut complete = slice(bench, &mut publisher, WARM_UP * messages)?;
    let warm_up = publisher.published();
    let before = fan_out::start_recording(bench, warm_up + 1)?;
    let start = Instant::now();
    while complete && barrier.once_more("slice")? {
        complete = slice(bench, &mut publisher, messages)?;
    }
    let elapsed = start.elapsed();

    let published = publisher.published();
    let phase = fan_out::between(&before, fan_out::sample(bench)?);
    let outcome = fan_out::collect(bench, published)?;
    let config = &bench.config;
    Ok(Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: LoopModel::Closed,
        publisher: config.publisher,
        concurrency: fan_out.subscribers.into(),
        operations: outcome.recorder.response.len(),
        published: published - warm_up,
        body_bytes: publisher.body_len() as u64,
        payload_bytes: config.scenario.payload.bytes as u64,
        elapsed_ns: u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
        sequence: outcome.sequence,
        wire: phase.wire,
        batches: (phase.batches > 0).then_some(phase.batches),
        polls: None,
        held_up_ns: 0,
        connections: phase.connections,
        server: None,
        windows: Vec::new(),
        cuts: None,
        arrivals: None,
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: None,
        answers: None,
        client: None,
        histograms: BTreeMap::new(),
        errors: outcome.errors,
    })
}

/// Publishes `messages` one by one. Whether each has arrived at every subscriber; nothing follows one that has not.
fn slice(bench: &Bench, publisher: &mut OneAtATime, messages: u32) -> Result<bool, LoadError> {
    let patience = bench.config.patience.drain;
    for _ in 0..messages {
        let total = publisher.published() + 1;
        let workers = bench.workers.iter();
        // Before publishing, so that nobody looks for the signal after it.
        let pending: Vec<_> = workers
            .map(|worker| worker.start_task(move |station| Arrival::of(station, total, patience)))
            .collect();
        publisher.publish()?;
        let mut everywhere = true;
        for pending in pending {
            everywhere &= pending.wait()?;
        }
        if !everywhere {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits until all subscribers of a worker have `total` messages each; not when one of them has ended or time is up.
struct Arrival {
    settled: u64,
    deadline: u64,
}

impl Arrival {
    fn of(station: &mut Station, total: u64, patience: Duration) -> Self {
        station.subscribers.run_clocks(true);
        let mut subscribers = 0;
        station
            .subscribers
            .for_each(&mut |one, _| subscribers += one.count());
        let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        Self {
            settled: total * subscribers,
            deadline: clock::now().saturating_add(patience),
        }
    }
}

impl Task for Arrival {
    type Output = bool;

    fn step(&mut self, station: &mut Station) -> Option<bool> {
        let inlet = station.inlet();
        if inlet.inbox.settled() >= self.settled && inlet.now < self.deadline {
            station.subscribers.run_clocks(false);
            return station.subscribers.are_answered().then_some(true);
        }
        (inlet.ended > 0 || inlet.now >= self.deadline).then_some(false)
    }

    fn due(&self) -> u64 {
        self.deadline
    }
}
