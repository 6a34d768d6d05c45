//! A thread that wakes workers when something is due that they are to begin: their own loops wait in whole milliseconds, which is longer
//! than what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use pushbench_model::record::PUBLISHER_THREAD;
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::schedule::Schedule;
use pushbench_sys::pacer::{Pacer, prepare_thread};
use pushbench_sys::poller::Bell;

use crate::LoadError;
use crate::worker::Worker;

/// The thread, seen from outside. It ends when this is dropped.
///
/// It has the name of a publisher and is there before anything is sampled, so that its spinning is in no figure.
pub(crate) struct Ringer {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

struct Order {
    schedule: Schedule,
    start: u64,
    count: u32,
    stop: Arc<AtomicBool>,
}

/// A schedule by which workers are woken, until this is dropped.
pub(crate) struct Ringing(Arc<AtomicBool>);

impl Drop for Ringing {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ringer {
    /// For `workers`, where `scenario` has a schedule that they follow.
    pub(crate) fn start(
        scenario: &Scenario,
        workers: &[Worker],
        spin_ns: u64,
    ) -> Result<Option<Self>, LoadError> {
        let Workload::Connect(connect) = scenario.workload else {
            return Ok(None);
        };
        if connect.arriving().is_none() {
            return Ok(None);
        }
        let bells: Vec<_> = workers.iter().map(Worker::bell).collect();
        let (orders, inbox) = channel();
        let thread = thread::Builder::new()
            .name(PUBLISHER_THREAD.into())
            .spawn(move || run(&inbox, &bells, spin_ns))
            .map_err(LoadError::Worker)?;
        Ok(Some(Self {
            orders: Some(orders),
            thread: Some(thread),
        }))
    }

    /// Wakes the workers in turn, at each of the first `count` times of `schedule` after `start` the next one.
    pub(crate) fn ring(
        &self,
        schedule: Schedule,
        start: u64,
        count: u32,
    ) -> Result<Ringing, LoadError> {
        let stop = Arc::new(AtomicBool::new(false));
        let order = Order {
            schedule,
            start,
            count,
            stop: Arc::clone(&stop),
        };
        let orders = self.orders.as_ref();
        let sent = orders.is_some_and(|orders| orders.send(order).is_ok());
        sent.then_some(Ringing(stop)).ok_or(LoadError::WorkerDied)
    }
}

impl Drop for Ringer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn run(orders: &Receiver<Order>, bells: &[Arc<Bell>], spin_ns: u64) {
    // What is refused shows as lateness.
    let _ = prepare_thread();
    while let Ok(order) = orders.recv() {
        let offsets = order.schedule.offsets().take(order.count as usize);
        let start = order.start;
        let mut bells = bells.iter().cycle();
        Pacer { start, spin_ns }.run(offsets, &order.stop, |_| {
            if let Some(bell) = bells.next() {
                bell.ring();
            }
        });
    }
}
