//! One thread and its connections.

mod slot;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pushbench_model::drive::FaultKind;
use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Events, Poller};

use super::delays::Delays;
use super::live::Snapshot;
use super::place::Place;
use super::plan::Plan;
use super::reading::Reader;
use super::reconnect::pause;
use super::speech::{Ask, Resume, Stop};
use super::tally::Tally;
use super::tls::Security;
use crate::capacity::Spread;
use slot::{Slot, Step};

/// How long a server may hold a poll.
const HOLD_MS: u64 = 20_000;
/// Bytes read at once; one buffer serves all connections of a thread.
const BUFFER: usize = 64 * 1024;
/// Longest wait between two looks at whether to stop.
const LOOK_NS: u64 = 20_000_000;
/// An attempt that has waited for so long at the end of the drive has failed.
const LONG_NS: u64 = 1_000_000_000;
/// Between two states that are shown.
const SHOW_NS: u64 = 200_000_000;

const READING: EventFlags = EventFlags::IN.union(EventFlags::RDHUP);

/// What a worker is to do.
pub(super) struct Orders {
    pub(super) plan: Plan,
    pub(super) place: Place,
    pub(super) security: Option<Security>,
    pub(super) reader: Reader,
    /// Its connections have these numbers among all.
    pub(super) numbers: std::ops::Range<u32>,
    pub(super) spread: Spread,
    /// When the drive began, CLOCK_MONOTONIC nanoseconds.
    pub(super) began: u64,
    pub(super) shared: Arc<Shared>,
}

/// What a worker and the coordinating thread tell each other.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    /// Somebody looks at latencies while it goes on.
    pub(super) is_watched: AtomicBool,
    /// Messages of all workers.
    pub(super) messages: AtomicU64,
    /// Deliveries of a number for the first time, of all workers.
    pub(super) unique: AtomicU64,
    /// Connections whose first attempt has come to something.
    pub(super) settled: AtomicU64,
    /// Connections that are subscriptions.
    pub(super) open: AtomicU64,
    /// Connections that will not be tried again.
    pub(super) given_up: AtomicU64,
    /// Workers' states, by worker.
    pub(super) states: Mutex<Vec<Snapshot>>,
}

/// Something to do at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Open(usize),
    /// The attempt with this number has taken long enough.
    GiveUp(usize, u32),
}

/// A worker.
pub(super) struct Worker {
    orders: Orders,
    index: usize,
    ask: Rc<Ask>,
    place: Rc<Place>,
    poller: Poller,
    buffer: Box<[u8]>,
    out: Vec<u8>,
    slots: Vec<Slot>,
    due: BinaryHeap<Reverse<(u64, Due)>>,
    tally: Tally,
    open: u32,
    connecting: u32,
    given_up: u32,
    random: u64,
    shown: u64,
    told: (u64, u64),
}

impl Worker {
    pub(super) fn new(index: usize, orders: Orders) -> io::Result<Self> {
        let plan = &orders.plan;
        let ask = Rc::new(Ask {
            asking: plan.request.clone(),
            contract: matches!(plan.reading, super::plan::Reading::Contract),
            hold_ms: HOLD_MS,
        });
        let place = Rc::new(orders.place.clone());
        let count = orders.numbers.len();
        let mut due = BinaryHeap::with_capacity(count);
        let all = u64::from(plan.connections.max(1));
        let ramp = u64::try_from(plan.ramp.as_nanos()).unwrap_or(u64::MAX);
        for (slot, number) in orders.numbers.clone().enumerate() {
            let at = orders.began + ramp / all * u64::from(number);
            due.push(Reverse((at, Due::Open(slot))));
        }
        let mut tally = Tally::new(orders.reader.clone(), orders.began);
        tally.connections.asked = u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Self {
            index,
            ask: Rc::clone(&ask),
            place: Rc::clone(&place),
            poller: Poller::new()?,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            out: Vec::new(),
            slots: (0..count)
                .map(|_| Slot::new(Rc::clone(&place), Resume::new(&ask.asking)))
                .collect(),
            due,
            tally,
            open: 0,
            connecting: 0,
            given_up: 0,
            random: orders.plan.seed.wrapping_add(index as u64) | 1,
            shown: 0,
            told: (0, 0),
            orders,
        })
    }

    /// Drives until it is told to stop.
    pub(super) fn run(mut self) -> io::Result<Tally> {
        let mut events = Events::default();
        while !self.orders.shared.stop.load(Ordering::Relaxed) {
            let now = clock::now();
            while let Some(&Reverse((at, due))) = self.due.peek() {
                if at > now {
                    break;
                }
                self.due.pop();
                match due {
                    Due::Open(key) => self.begin(key, now),
                    Due::GiveUp(key, attempt) => self.give_up(key, attempt),
                }
            }
            let next = self.due.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
            let wait = next.saturating_sub(now).min(LOOK_NS);
            let ready = self
                .poller
                .wait(&mut events, Some(Duration::from_nanos(wait)))?;
            for (token, flags) in ready {
                self.ready(token as usize, flags);
            }
            self.tell();
        }
        self.tally.connections.at_end = self.open;
        let now = clock::now();
        for slot in &mut self.slots {
            if slot.stream().is_some()
                && !slot.is_subscribed()
                && now.saturating_sub(slot.track.began) >= LONG_NS
            {
                self.tally.connections.failed += 1;
                let text = format!("{} had not come at the end", slot.waiting_for());
                self.tally.fault(FaultKind::Timeout, text);
            }
            if let Some((down, up)) = slot.bytes() {
                self.tally.wire_down += down;
                self.tally.wire_up += up;
            }
            self.tally.settle(&slot.track);
        }
        Ok(self.tally)
    }

    /// Begins an attempt.
    fn begin(&mut self, key: usize, now: u64) {
        let plan = &self.orders.plan;
        self.tally.connections.attempts += u64::from(!std::mem::take(&mut self.slots[key].goes_on));
        let number = u64::from(self.orders.numbers.start) + key as u64;
        let source = self.orders.spread.source(number);
        self.random = mix(self.random);
        let nonce: [u8; 16] = std::array::from_fn(|index| {
            self.random.rotate_left(index as u32 * 7).to_le_bytes()[index % 8]
        });
        let slot = &mut self.slots[key];
        self.connecting += 1;
        let begun = slot.begin(
            plan.transport.name(),
            &self.ask,
            source,
            nonce,
            self.orders.security.as_ref(),
            now,
        );
        let watched = begun.and_then(|()| match slot.stream() {
            Some(stream) => self
                .poller
                .add(stream, key as u64, READING.union(EventFlags::OUT))
                .map_err(|error| {
                    Stop::Fault(
                        FaultKind::Connect,
                        format!("cannot watch a connection: {error}"),
                    )
                }),
            None => Ok(()),
        });
        match watched {
            Ok(()) => {
                let patience = u64::try_from(plan.patience.as_nanos()).unwrap_or(u64::MAX);
                let attempt = slot.attempt;
                self.due.push(Reverse((
                    now.saturating_add(patience),
                    Due::GiveUp(key, attempt),
                )));
            }
            Err(stop) => self.stop(key, stop, now),
        }
    }

    fn give_up(&mut self, key: usize, attempt: u32) {
        let slot = &self.slots[key];
        if slot.attempt != attempt || slot.is_subscribed() || slot.stream().is_none() {
            return;
        }
        let what = slot.waiting_for();
        let seconds = self.orders.plan.patience.as_secs_f64();
        let text = format!("{what} did not come within {seconds} s");
        self.stop(key, Stop::Fault(FaultKind::Timeout, text), clock::now());
    }

    fn ready(&mut self, key: usize, flags: EventFlags) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        self.out.clear();
        let received = self.tally.messages.received;
        let seen = slot.ready(flags, &mut self.buffer, &mut self.out, &mut self.tally);
        let now = seen.read_at.unwrap_or_else(clock::now);
        let messages = self.tally.messages.received - received;
        if seen.read > 0 || messages > 0 {
            let second = self.tally.second(now);
            second.bytes += seen.read;
            second.messages += messages;
        }
        if seen.has_subscribed {
            self.connecting -= 1;
            self.open += 1;
            self.tally.connections.subscribed += 1;
            self.tally.connections.most = self.tally.connections.most.max(self.open);
            self.tally.second(now).open = self.open;
            self.orders.shared.open.fetch_add(1, Ordering::Relaxed);
            if slot.settle() {
                self.orders.shared.settled.fetch_add(1, Ordering::Relaxed);
            }
        }
        match seen.step {
            Step::Goes => {
                if let Some(writing) = seen.turns_to_writing
                    && let Some(stream) = slot.stream()
                {
                    let interest = if writing {
                        READING.union(EventFlags::OUT)
                    } else {
                        READING
                    };
                    // A connection that cannot be watched shows at the next read.
                    let _ = self.poller.modify(stream, key as u64, interest);
                }
            }
            Step::Stops(stop) => self.stop(key, stop, now),
        }
    }

    /// An attempt or a subscription has come to its end.
    fn stop(&mut self, key: usize, stop: Stop, now: u64) {
        let slot = &mut self.slots[key];
        let (was_subscribed, was_accepted) = (slot.is_subscribed(), slot.is_accepted());
        if let Some((down, up)) = slot.bytes() {
            self.tally.wire_down += down;
            self.tally.wire_up += up;
        }
        slot.close();
        if was_subscribed && !was_accepted {
            // A poll that was refused at last.
            self.tally.connections.subscribed -= 1;
        }
        if was_subscribed {
            self.open -= 1;
            self.orders.shared.open.fetch_sub(1, Ordering::Relaxed);
            self.tally.second(now).open = self.open;
        } else {
            self.connecting = self.connecting.saturating_sub(1);
        }
        let (kind, text) = match stop {
            Stop::Again => {
                slot.goes_on = true;
                self.due.push(Reverse((now, Due::Open(key))));
                return;
            }
            Stop::Redirect(status, location) => {
                match slot.redirect(status, &location, self.orders.plan.redirects) {
                    Ok(()) => {
                        slot.goes_on = true;
                        self.tally.connections.redirects += 1;
                        self.due.push(Reverse((now, Due::Open(key))));
                        return;
                    }
                    Err(text) => (FaultKind::Redirect, text),
                }
            }
            Stop::Fault(FaultKind::Connect, text) => {
                if slot.next_address() {
                    slot.goes_on = true;
                    self.due.push(Reverse((now, Due::Open(key))));
                    return;
                }
                (FaultKind::Connect, text)
            }
            Stop::Fault(kind, text) => (kind, text),
        };
        if was_accepted {
            slot.failures = 0;
            self.tally.connections.ended_by_server += 1;
        } else {
            self.tally.connections.failed += 1;
        }
        slot.failures += 1;
        slot.go_back(&self.place);
        if slot.settle() {
            self.orders.shared.settled.fetch_add(1, Ordering::Relaxed);
        }
        self.tally.second(now).faults += 1;
        self.tally.fault(kind, text);
        self.random = mix(self.random);
        let policy = &self.orders.plan.reconnect;
        match pause(
            policy,
            kind,
            slot.failures,
            &mut slot.resume.source,
            self.random,
        ) {
            Some(pause) => {
                self.tally.connections.reconnects += 1;
                let at = now.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
                self.due.push(Reverse((at, Due::Open(key))));
            }
            None => {
                self.given_up += 1;
                self.orders.shared.given_up.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells the coordinating thread how things are.
    fn tell(&mut self) {
        let (messages, unique) = (self.tally.messages.received, self.tally.unique);
        let shared = &self.orders.shared;
        if messages > self.told.0 {
            shared
                .messages
                .fetch_add(messages - self.told.0, Ordering::Relaxed);
            shared
                .unique
                .fetch_add(unique - self.told.1, Ordering::Relaxed);
            self.told = (messages, unique);
        }
        let now = clock::now();
        if now < self.shown + SHOW_NS {
            return;
        }
        self.shown = now;
        let mut faults = std::collections::BTreeMap::new();
        for ((kind, _), count) in &self.tally.faults {
            *faults.entry(*kind).or_insert(0) += count;
        }
        let lost = self
            .slots
            .iter()
            .filter_map(|slot| slot.track.check.as_ref());
        let lost = lost
            .map(|check| check.counts(check.next().saturating_sub(1)).lost)
            .sum();
        let open_down: u64 = self
            .slots
            .iter()
            .filter_map(Slot::bytes)
            .map(|(down, _)| down)
            .sum();
        let (name, latency) = self.tally.latency();
        // Hundreds of kilobytes.
        let is_watched = shared.is_watched.load(Ordering::Relaxed);
        let snapshot = Snapshot {
            elapsed_ns: now.saturating_sub(self.orders.began),
            connecting: self.connecting,
            open: self.open,
            messages,
            bytes: self.tally.wire_down + open_down,
            published: 0,
            lost,
            faults: faults.into_iter().collect(),
            latency: latency.filter(|_| is_watched).map(Delays::histogram),
            latency_name: name,
        };
        let mut states = shared.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() <= self.index {
            states.resize_with(self.index + 1, Snapshot::default);
        }
        states[self.index] = snapshot;
    }
}

/// The next of a row of numbers that look random (SplitMix64).
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
