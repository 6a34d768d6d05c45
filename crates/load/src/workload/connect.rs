//! Cold connections: each subscribes, takes the one message that is kept for it, and closes, at once or when it has stayed.
//!
//! What is asked is the cost of a connection and the time to its first message. In a closed loop a fixed number of connections is being set
//! up at any time, so connections per second is what the server and this process reach together, and a server that stands still is asked
//! for fewer. In an open loop they come by a schedule, and the time runs from when each was due.

mod arriving;
mod books;
mod churn;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pushbench_model::control::PublishOrder;
use pushbench_model::histogram::{self, EncodedHistogram, Histogram};
use pushbench_model::measurement::{
    ArrivalCount, ClientLoad, ConnectionCount, LoopModel, Measurement, WireCount, histogram_name,
};
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::{Connect, Pace};
use pushbench_model::schedule::{Arrivals, Schedule};
use pushbench_model::sequence::SequenceCounts;
use pushbench_sys::clock;
use pushbench_transport::tls;

use crate::barrier::Barrier;
use crate::capacity;
use crate::secure;
use crate::watch::{Watched, Watching};
use crate::{Bench, LoadError};

use arriving::{Arrivals as Arriving, Open};
use churn::Churn;

/// From the beginning of an open loop until its first connection may be due, so that all workers are there.
const LEAD_NS: u64 = 2_000_000;

pub(crate) fn run(
    bench: &mut Bench,
    connect: Connect,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    capacity::ports_last(&connect, bench.config.profile, bench.config.target.address)?;
    // The message that every new subscriber finds waiting.
    let order = PublishOrder {
        schedule: Schedule {
            arrivals: Arrivals::Constant,
            rate: 1.0,
            seed: bench.config.seed,
        },
        count: 1,
        payload: bench.config.scenario.payload,
        large: None,
        spin_ns: 0,
    };
    bench.publisher.start(&order)?;
    bench.publisher.finish(bench.config.patience.drain)?;

    let wanted = connect.warm_up.at(bench.config.profile);
    let seed = bench.config.seed;
    let warm_up = phase(bench, &connect, wanted, seed ^ 1)?;
    if warm_up.opened < u64::from(wanted) {
        let first = warm_up
            .errors
            .first()
            .map_or_else(String::new, |word| format!(": {word}"));
        let wanted = wanted.into();
        return Err(LoadError::Subscribe {
            subscribed: warm_up.opened,
            wanted,
            after: String::new(),
            first,
        });
    }
    barrier.reached("measure")?;
    let connections = connect.connections.at(bench.config.profile);
    let tally = phase(bench, &connect, connections, seed)?;
    barrier.reached("done")?;
    Ok(measurement(bench, &connect, connections, &tally))
}

/// What a set of connections came to.
struct Tally {
    connect: Histogram,
    first_message: Histogram,
    wire: WireCount,
    sequence: SequenceCounts,
    /// How long all of them took, nanoseconds.
    elapsed_ns: u64,
    /// When the last of them had its message.
    last_received: u64,
    /// How late each was opened, and what the worker was like meanwhile; of an open loop.
    lateness: Histogram,
    watched: Watched,
    /// Connections that were open at the same time, at most; of an open loop.
    most_open: u64,
    /// Connections that the server ended while they were to stay.
    ended_early: u64,
    opened: u64,
    nodelay: u64,
    batches: u64,
    tls: tls::Tally,
    primed: u64,
    failed: u64,
    errors: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            connect: histogram::new(),
            first_message: histogram::new(),
            wire: WireCount {
                expected_down: Some(0),
                expected_up: Some(0),
                ..WireCount::default()
            },
            sequence: SequenceCounts::default(),
            elapsed_ns: 0,
            last_received: 0,
            lateness: histogram::new(),
            watched: Watched::default(),
            most_open: 0,
            ended_early: 0,
            opened: 0,
            nodelay: 0,
            batches: 0,
            tls: tls::Tally::default(),
            primed: 0,
            failed: 0,
            errors: Vec::new(),
        }
    }
}

impl Tally {
    fn merge(&mut self, other: Self) {
        for (sum, other) in [
            (&mut self.connect, &other.connect),
            (&mut self.first_message, &other.first_message),
            (&mut self.lateness, &other.lateness),
        ] {
            sum.add(other).expect("all histograms share their bounds");
        }
        self.last_received = self.last_received.max(other.last_received);
        self.ended_early += other.ended_early;
        self.wire.add(&other.wire);
        self.sequence.add(&other.sequence);
        self.opened += other.opened;
        self.nodelay += other.nodelay;
        self.batches += other.batches;
        self.tls.add(&other.tls);
        self.primed += other.primed;
        self.failed += other.failed;
        self.errors.extend(other.errors);
    }
}

/// Opens `connections` connections, by themselves or by a schedule that `seed` draws.
fn phase(
    bench: &Bench,
    connect: &Connect,
    connections: u32,
    seed: u64,
) -> Result<Tally, LoadError> {
    match connect.pace {
        Pace::InFlight(in_flight) => churn(bench, connections, in_flight),
        Pace::Arriving(_) => arrive(bench, connect, connections, seed),
    }
}

fn churn(bench: &Bench, connections: u32, in_flight: u32) -> Result<Tally, LoadError> {
    let workers = bench.workers.len() as u32;
    let share = |total: u32, index: u32| total / workers + u32::from(index < total % workers);
    let patience = bench.config.patience.first_message;
    let start = clock::now();
    let pending: Vec<_> = bench
        .workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            // With more workers than connections in flight, some have nothing to do.
            let (connections, slots) = (share(connections, index), share(in_flight, index).max(1));
            worker.start_task(move |station| Churn::begin(station, connections, slots, patience))
        })
        .collect();
    let mut tally = Tally::default();
    for pending in pending {
        tally.merge(pending.wait()?);
    }
    tally.elapsed_ns = clock::now() - start;
    Ok(tally)
}

fn arrive(bench: &Bench, connect: &Connect, count: u32, seed: u64) -> Result<Tally, LoadError> {
    let Some(arriving) = connect.arriving() else {
        return Ok(Tally::default());
    };
    let workers = bench.workers.len();
    let open = Arc::new(Open::default());
    let plan = arriving::Plan {
        schedule: arriving.schedule(seed),
        start: clock::now() + LEAD_NS,
        count,
        workers,
        index: 0,
        stay: Duration::from_secs_f64(arriving.stay_s),
        patience: bench.config.patience.first_message,
        bound: (connect.most_open() as usize).div_ceil(workers.max(1)),
        open: Arc::clone(&open),
    };
    let start = plan.start;
    let ringer = bench.ringer.as_ref();
    let ringing = ringer.map(|ringer| ringer.ring(plan.schedule, start, count));
    let ringing = ringing.transpose()?;
    let pending: Vec<_> = bench
        .workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            let plan = arriving::Plan {
                index,
                ..plan.clone()
            };
            worker.start_task(move |station| Arriving::begin(station, plan))
        })
        .collect();
    let (mut tally, mut watching) = (Tally::default(), Watching::default());
    for (worker, pending) in bench.workers.iter().zip(pending) {
        let one = pending.wait()?;
        watching.add(worker.core, &one.watched);
        tally.merge(one);
    }
    drop(ringing);
    tally.watched = watching.together();
    tally.elapsed_ns = tally.last_received.saturating_sub(start);
    tally.most_open = open.most();
    Ok(tally)
}

/// Nanoseconds, as many as there are numbers for.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn measurement(bench: &Bench, connect: &Connect, wanted: u32, tally: &Tally) -> Measurement {
    let config = &bench.config;
    let payload = config.scenario.payload;
    let is_open = connect.arriving().is_some();
    let mut histograms = vec![
        (histogram_name::TCP_CONNECT, &tally.connect),
        (histogram_name::FIRST_MESSAGE, &tally.first_message),
    ];
    if is_open {
        histograms.push((histogram_name::LATENESS, &tally.lateness));
        histograms.push((histogram_name::LOOP_LAG, &tally.watched.lag));
    }
    let histograms = histograms.into_iter();
    let histograms: BTreeMap<_, _> = histograms
        .map(|(name, histogram)| (name.to_owned(), EncodedHistogram::encode(histogram)))
        .collect();
    Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: if is_open {
            LoopModel::Open
        } else {
            LoopModel::Closed
        },
        publisher: config.publisher,
        concurrency: connect.at_once().into(),
        operations: tally.opened,
        published: 1,
        body_bytes: BodyMaker::new(payload, config.transport.carries_binary(), config.seed)
            .body_len() as u64,
        payload_bytes: payload.bytes as u64,
        elapsed_ns: tally.elapsed_ns,
        sequence: tally.sequence,
        wire: tally.wire,
        batches: (tally.batches > 0).then_some(tally.batches),
        polls: None,
        held_up_ns: 0,
        connections: ConnectionCount {
            opened: tally.opened,
            failed: tally
                .failed
                .max(u64::from(wanted).saturating_sub(tally.opened)),
            nodelay: tally.nodelay,
            ended_early: tally.ended_early,
        },
        server: None,
        windows: Vec::new(),
        cuts: None,
        arrivals: is_open.then(|| ArrivalCount {
            due: wanted.into(),
            most_open: tally.most_open,
        }),
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: secure::count(config, &tally.tls, tally.primed),
        answers: None,
        client: tally.watched.busy.map(|busiest| ClientLoad { busiest }),
        histograms,
        errors: tally.errors.clone(),
    }
}
