//! Cold connections: each subscribes, takes the one message that is kept for it, and closes.
//!
//! A closed loop: a fixed number of connections is being set up at any time, so connections per second is what the
//! server and this process reach together. What is asked is the cost of a connection and the time to its first message.

mod churn;

use std::collections::BTreeMap;

use pushbench_model::control::PublishOrder;
use pushbench_model::histogram::{self, EncodedHistogram, Histogram};
use pushbench_model::measurement::{
    ConnectionCount, LoopModel, Measurement, WireCount, histogram_name,
};
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::Connect;
use pushbench_model::schedule::{Arrivals, Schedule};
use pushbench_model::sequence::SequenceCounts;
use pushbench_sys::clock;
use pushbench_transport::tls;

use crate::barrier::Barrier;
use crate::secure;
use crate::{Bench, LoadError};

use churn::Churn;

pub(crate) fn run(
    bench: &mut Bench,
    connect: Connect,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
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
    let warm_up = churn(bench, wanted, connect.in_flight)?;
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
    let start = clock::now();
    let tally = churn(bench, connections, connect.in_flight)?;
    let elapsed_ns = clock::now() - start;
    barrier.reached("done")?;
    Ok(measurement(bench, connect, connections, elapsed_ns, &tally))
}

/// What a set of connections came to.
struct Tally {
    connect: Histogram,
    first_message: Histogram,
    wire: WireCount,
    sequence: SequenceCounts,
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
        self.connect
            .add(&other.connect)
            .expect("all histograms share their bounds");
        self.first_message
            .add(&other.first_message)
            .expect("all histograms share their bounds");
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

fn churn(bench: &Bench, connections: u32, in_flight: u32) -> Result<Tally, LoadError> {
    let workers = bench.workers.len() as u32;
    let share = |total: u32, index: u32| total / workers + u32::from(index < total % workers);
    let patience = bench.config.patience.first_message;
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
    Ok(tally)
}

fn measurement(
    bench: &Bench,
    connect: Connect,
    wanted: u32,
    elapsed_ns: u64,
    tally: &Tally,
) -> Measurement {
    let config = &bench.config;
    let payload = config.scenario.payload;
    let histograms = BTreeMap::from([
        (
            histogram_name::TCP_CONNECT.to_owned(),
            EncodedHistogram::encode(&tally.connect),
        ),
        (
            histogram_name::FIRST_MESSAGE.to_owned(),
            EncodedHistogram::encode(&tally.first_message),
        ),
    ]);
    Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: LoopModel::Closed,
        publisher: config.publisher,
        concurrency: connect.in_flight.into(),
        operations: tally.opened,
        published: 1,
        body_bytes: BodyMaker::new(payload, config.transport.carries_binary(), config.seed)
            .body_len() as u64,
        payload_bytes: payload.bytes as u64,
        elapsed_ns,
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
            ended_early: 0,
        },
        server: None,
        windows: Vec::new(),
        cuts: None,
        heartbeats: None,
        slow: None,
        dead: None,
        upstream: None,
        tls: secure::count(config, &tally.tls, tally.primed),
        answers: None,
        client: None,
        histograms,
        errors: tally.errors.clone(),
    }
}
