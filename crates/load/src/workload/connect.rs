//! Cold connections: each subscribes, takes the one message that is kept for it, and closes.
//!
//! A closed loop: a fixed number of connections is being set up at any time, so connections per second is what the
//! server and this process reach together. What is asked is the cost of a connection and the time to its first message.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pushbench_model::control::PublishOrder;
use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST, Histogram};
use pushbench_model::measurement::{
    ConnectionCount, LoopModel, Measurement, WireCount, histogram_name,
};
use pushbench_model::payload::BodyMaker;
use pushbench_model::scenario::Connect;
use pushbench_model::schedule::{Arrivals, Schedule};
use pushbench_model::sequence::SequenceCounts;
use pushbench_sys::clock;
use pushbench_transport::subscriber::Inlet;
use tokio::time::timeout;

use crate::barrier::Barrier;
use crate::worker::{Faults, Station, Stay};
use crate::{Bench, LoadError};

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
            worker.start_job(move |station| churn_share(station, connections, slots, patience))
        })
        .collect();
    let mut tally = Tally::default();
    for pending in pending {
        tally.merge(pending.wait()?);
    }
    Ok(tally)
}

async fn churn_share(
    station: Rc<Station>,
    connections: u32,
    slots: u32,
    patience: Duration,
) -> Tally {
    let left = Rc::new(Cell::new(connections));
    let tally = Rc::new(RefCell::new(Tally::default()));
    let faults = Rc::new(Faults::default());
    let tasks: Vec<_> = (0..slots)
        .map(|_| {
            let (station, left) = (Rc::clone(&station), Rc::clone(&left));
            let (tally, faults) = (Rc::clone(&tally), Rc::clone(&faults));
            tokio::task::spawn_local(async move {
                let inlet = Rc::new(Inlet::default());
                while let Some(rest) = left.get().checked_sub(1) {
                    left.set(rest);
                    let one = timeout(patience, one(&station, &inlet, &tally)).await;
                    let overdue = |_| Err(format!("no message within {patience:?}"));
                    if let Err(fault) = one.unwrap_or_else(overdue) {
                        faults.add(fault);
                        // A server that refuses refuses all: a handful of faults is enough to say so.
                        if faults.count() >= Faults::KEPT as u64 {
                            left.set(0);
                        }
                    }
                }
                for fault in inlet.inbox.borrow().faults() {
                    faults.mention(fault.clone());
                }
            })
        })
        .collect();
    for task in tasks {
        if task.await.is_err() {
            faults.add("a connection's task ended unexpectedly".into());
        }
    }
    let mut tally = tally.take();
    tally.failed = faults.count();
    tally.errors = faults.words();
    tally
}

/// What is said of a subscription that ended in a way its protocol allows.
const ENDED: &str = "the connection ended";

/// One connection, from nothing to its first message.
async fn one(station: &Station, inlet: &Rc<Inlet>, tally: &RefCell<Tally>) -> Result<(), String> {
    let start = clock::now();
    let (stream, connect_ns) = station
        .connect()
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    let (settled, corrupted) = {
        let inbox = inlet.inbox.borrow();
        (inbox.settled(), inbox.corrupted())
    };
    let reached = inlet.signal_at(settled + 1);
    debug_assert!(!reached, "the count only grows");
    let (subscriber, run) = station.subscribe(stream, inlet, Stay::Once);
    tokio::pin!(run);
    while inlet.inbox.borrow().settled() == settled {
        tokio::select! {
            biased;
            // With the message or without: a subscription that ends by itself is no success.
            ended = &mut run => {
                return Err(ended.map_or_else(|error| error.to_string(), |()| ENDED.to_owned()));
            }
            () = inlet.progressed.notified() => {}
        }
    }
    let received = inlet.inbox.borrow().recorder().last_received.max(start);
    let wire = subscriber.wire().map_err(|error| error.to_string())?;
    let tally = &mut *tally.borrow_mut();
    tally
        .connect
        .saturating_record(connect_ns.clamp(1, HIGHEST));
    tally.wire.add(&wire);
    tally.opened += 1;
    tally.nodelay += u64::from(subscriber.nodelay);
    tally.batches += subscriber.progress().batches;
    let mut counts = subscriber.check.borrow().counts(1);
    counts.corrupted = inlet.inbox.borrow().corrupted() - corrupted;
    if counts.corrupted == 0 {
        tally
            .first_message
            .saturating_record((received - start).clamp(1, HIGHEST));
    } else {
        // It came, and nobody knows what it was.
        counts.lost = 0;
    }
    tally.sequence.add(&counts);
    Ok(())
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
        client: None,
        histograms,
        errors: tally.errors.clone(),
    }
}
