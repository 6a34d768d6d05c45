//! The thread that publishes on a schedule. It lives as long as the server, so that what it costs can be told apart
//! from the serving by its name.

mod faults;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST, Histogram};
use pushbench_model::injection::Injection;
use pushbench_model::message::Stamp;
use pushbench_model::payload::BodyMaker;
use pushbench_model::record::PUBLISHER_THREAD;
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, Tick, prepare_thread};
use pushbench_transport::hub::Hub;
use pushbench_transport::transport::Transport;

use crate::ServeError;
use faults::Faulty;

/// Between an order and its first message: time for the order's answer to be on its way.
const LEAD_NS: u64 = 2_000_000;

/// The server's own publisher. Dropping it ends its thread, in the middle of an order too.
pub(crate) struct Publisher {
    /// Taken when the publisher ends.
    orders: Mutex<Option<Sender<PublishOrder>>>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// An order is accepted and not finished.
    busy: AtomicBool,
    /// Messages published by the current or last order.
    published: AtomicU64,
    started: AtomicU64,
    thread: Mutex<String>,
    stages: Mutex<Option<Stages>>,
    /// The server ends.
    stop: AtomicBool,
}

impl State {
    fn stages(&self) -> MutexGuard<'_, Option<Stages>> {
        self.stages.lock().expect("no holder of this lock panics")
    }
}

/// What publishing took.
struct Stages {
    /// From the intended to the actual publish time.
    lateness: Histogram,
    /// From the actual publish time until the hub had the message and its workers were told.
    publish: Histogram,
}

impl Stages {
    fn new() -> Self {
        Self {
            lateness: histogram::new(),
            publish: histogram::new(),
        }
    }

    /// Records a message that has just been handed on.
    fn record(&mut self, intended: u64, published: u64) {
        let handed_on = clock::now();
        let late = published.saturating_sub(intended);
        let publish = handed_on.saturating_sub(published);
        self.lateness.saturating_record(late.clamp(1, HIGHEST));
        self.publish.saturating_record(publish.clamp(1, HIGHEST));
    }
}

/// The publisher is still at work on an earlier order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Publisher {
    pub(crate) fn start(
        hub: Arc<Hub>,
        transport: &'static dyn Transport,
        injection: Injection,
    ) -> Result<Self, ServeError> {
        let (orders, inbox) = channel();
        let state = Arc::new(State::default());
        let thread_state = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name(PUBLISHER_THREAD.into())
            .spawn(move || {
                let faulty = (!injection.is_none()).then(|| Faulty::new(injection));
                work(&inbox, &hub, transport, &thread_state, faulty);
            })
            .map_err(|source| ServeError::Thread {
                thread: "publisher",
                source,
            })?;
        Ok(Self {
            orders: Mutex::new(Some(orders)),
            state,
            thread: Some(thread),
        })
    }

    pub(crate) fn order(&self, order: PublishOrder) -> Result<(), Busy> {
        if self.state.busy.swap(true, Ordering::AcqRel) {
            return Err(Busy);
        }
        self.state.published.store(0, Ordering::Relaxed);
        *self.state.stages() = None;
        let orders = self.orders.lock().expect("no holder of this lock panics");
        // The thread ends only with the server, and then nobody asks.
        if let Some(orders) = &*orders {
            let _ = orders.send(order);
        }
        Ok(())
    }

    pub(crate) fn report(&self) -> PublishReport {
        let running = self.state.busy.load(Ordering::Acquire);
        let stages = self.state.stages();
        let encoded = |part: fn(&Stages) -> &Histogram| {
            stages
                .as_ref()
                .map(|stages| EncodedHistogram::encode(part(stages)))
        };
        PublishReport {
            running,
            published: self.state.published.load(Ordering::Relaxed),
            held_up_ns: 0,
            started: self.state.started.load(Ordering::Relaxed),
            thread: self
                .state
                .thread
                .lock()
                .expect("no holder of this lock panics")
                .clone(),
            lateness: encoded(|stages| &stages.lateness),
            publish: encoded(|stages| &stages.publish),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        if let Ok(orders) = self.orders.get_mut() {
            *orders = None;
        }
        if let Some(thread) = self.thread.take() {
            // A publisher that panicked has said so; there is nothing left to end.
            let _ = thread.join();
        }
    }
}

fn work(
    orders: &Receiver<PublishOrder>,
    hub: &Hub,
    transport: &'static dyn Transport,
    state: &State,
    mut faulty: Option<Faulty>,
) {
    *state.thread.lock().expect("no holder of this lock panics") = prepare_thread().to_string();
    while let Ok(order) = orders.recv() {
        let stages = carry_out(&order, hub, transport, state, faulty.as_mut());
        *state.stages() = Some(stages);
        state.busy.store(false, Ordering::Release);
    }
}

fn carry_out(
    order: &PublishOrder,
    hub: &Hub,
    transport: &'static dyn Transport,
    state: &State,
    faulty: Option<&mut Faulty>,
) -> Stages {
    let maker = BodyMaker::new(
        order.payload,
        transport.carries_binary(),
        order.schedule.seed,
    )
    .with(order.large);
    let binary = maker.is_binary();
    let mut stages = Stages::new();
    let start = clock::now() + LEAD_NS;
    state.started.store(start, Ordering::Relaxed);
    let offsets = order
        .schedule
        .offsets()
        .take(usize::try_from(order.count).unwrap_or(usize::MAX));
    let pacer = Pacer {
        start,
        spin_ns: order.spin_ns,
    };
    if let Some(faulty) = faulty {
        pacer.run(offsets, &state.stop, |Tick { intended_ns, .. }| {
            faulty.publish(intended_ns, hub, &maker, &mut stages);
            state.published.fetch_add(1, Ordering::Relaxed);
        });
        faulty.hand_on_held(hub, &maker, &mut stages);
        return stages;
    }
    pacer.run(offsets, &state.stop, |Tick { intended_ns, .. }| {
        let mut published = 0;
        hub.publish_with(|seq, body| {
            published = clock::now();
            maker.body(
                Stamp {
                    seq,
                    intended: intended_ns,
                    published,
                },
                body,
            );
            binary
        });
        stages.record(intended_ns, published);
        state.published.fetch_add(1, Ordering::Relaxed);
    });
    stages
}
