//! Pushbench's own subscriber as a client, in a thread whose processor time is read from outside: what others are held against.
//! It verifies every message while it receives; the others are verified afterwards.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::SequenceCounts;
use pushbench_sys::poller::Bell;
use pushbench_sys::process::ThreadClock;
use pushbench_transport::subscriber::{POLL_PERIOD_MS, Request, Subscribers};
use pushbench_transport::transport::Transport;

use super::check::Harvest;
use super::turn::Subject;

/// The kernel cuts names of threads to 15 bytes.
const THREAD: &str = "client-own";
/// How long a server may hold a poll; no client here polls.
const POLL_TIMEOUT_MS: u64 = 20_000;

/// What the thread is asked.
enum Order {
    /// The times so far; those of the next phase begin with this message.
    Next(u64),
    /// What arrived up to this message, and then the end.
    End(u64),
}

/// What it answers.
enum Answer {
    Subscribed,
    Times(Box<Recorder>),
    Counts(SequenceCounts, Vec<String>),
    Failed(String),
}

pub(super) struct Own {
    orders: Option<Sender<Order>>,
    answers: Receiver<Answer>,
    bell: Arc<Bell>,
    clock: ThreadClock,
    thread: Option<JoinHandle<()>>,
    times: Vec<Recorder>,
}

impl Own {
    /// Starts it and waits for its subscription.
    pub(super) fn start(
        transport: &'static dyn Transport,
        address: SocketAddr,
        patience: Duration,
    ) -> Result<Self, String> {
        let (orders, inbox) = channel();
        let (outbox, answers) = channel();
        let failed = |error: io::Error| format!("its thread: {error}");
        let bell = Arc::new(Bell::new().map_err(failed)?);
        let heard = Arc::clone(&bell);
        let thread = thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || {
                if let Err(error) = work(transport, address, patience, heard, &inbox, &outbox) {
                    let _ = outbox.send(Answer::Failed(error));
                }
            })
            .map_err(failed)?;
        let subscribed = answers.recv_timeout(patience);
        let clock = ThreadClock::attach(std::process::id(), |name| name == THREAD);
        let own = Self {
            orders: Some(orders),
            answers,
            bell,
            clock: clock.map_err(failed)?,
            thread: Some(thread),
            times: Vec::new(),
        };
        match subscribed {
            Ok(Answer::Subscribed) => Ok(own),
            Ok(Answer::Failed(reason)) => Err(reason),
            _ => Err("it does not subscribe".into()),
        }
    }

    fn ask(&self, order: Order) -> Result<Answer, String> {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
        self.bell.ring();
        match self.answers.recv() {
            Ok(Answer::Failed(reason)) => Err(reason),
            Ok(answer) => Ok(answer),
            Err(_) => Err("its thread has ended".into()),
        }
    }
}

impl Subject for Own {
    fn cpu_ns(&self) -> io::Result<u64> {
        self.clock.read().map(|time| time.cpu_ns)
    }

    fn phase_ended(&mut self, next: u64) -> Result<(), String> {
        if let Answer::Times(times) = self.ask(Order::Next(next))? {
            self.times.push(*times);
        }
        Ok(())
    }

    fn harvest(mut self: Box<Self>, ends: &[u64], _: Duration) -> Result<Harvest, String> {
        let last = ends.last().copied().unwrap_or(0);
        match self.ask(Order::End(last))? {
            Answer::Counts(counts, notes) => Ok(Harvest {
                counts,
                notes,
                times: std::mem::take(&mut self.times),
                scanned: Vec::new(),
            }),
            _ => Err("its thread answers something else".into()),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.orders = None;
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn work(
    transport: &'static dyn Transport,
    address: SocketAddr,
    patience: Duration,
    bell: Arc<Bell>,
    orders: &Receiver<Order>,
    answers: &Sender<Answer>,
) -> Result<(), String> {
    let request = Request {
        host: address.to_string(),
        path: transport.endpoint().1.to_owned(),
        after: None,
        counted: false,
        poll_timeout_ms: POLL_TIMEOUT_MS,
        poll_period_ms: POLL_PERIOD_MS,
        once: false,
        tells: false,
        compression: None,
        streams: 0,
    };
    let words = |error: io::Error| error.to_string();
    let mut subscribers = transport
        .subscribers(request, None, Some(bell))
        .map_err(words)?;
    subscribers
        .open(address, None, *b"one client alone")
        .map_err(words)?;
    let deadline = Instant::now() + patience;
    while subscribers.inlet().subscribed == 0 {
        if Instant::now() >= deadline || subscribers.inlet().ended > 0 {
            return Err("it is not subscribed".into());
        }
        subscribers
            .turn(Some(Duration::from_millis(50)))
            .map_err(words)?;
    }
    subscribers.inlet_mut().inbox.record_from(1);
    let _ = answers.send(Answer::Subscribed);
    loop {
        subscribers.turn(None).map_err(words)?;
        match orders.try_recv() {
            Ok(Order::Next(next)) => {
                let inbox = &mut subscribers.inlet_mut().inbox;
                let times = Box::new(inbox.recorder().clone());
                inbox.record_from(next);
                let _ = answers.send(Answer::Times(times));
            }
            Ok(Order::End(last)) => {
                let (counts, faults) = counts(subscribers.as_ref(), last);
                let _ = answers.send(Answer::Counts(counts, faults));
                return Ok(());
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

fn counts(subscribers: &dyn Subscribers, last: u64) -> (SequenceCounts, Vec<String>) {
    let mut counts = SequenceCounts::default();
    subscribers.for_each(&mut |subscriber, _| counts.add(&subscriber.check.counts(last)));
    let inbox = &subscribers.inlet().inbox;
    (
        inbox.counts(std::iter::once(counts)),
        inbox.faults().to_vec(),
    )
}
