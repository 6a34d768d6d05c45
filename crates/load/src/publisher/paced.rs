//! A thread of this process that says messages when they are due, whatever becomes of them: an open loop must not slow down
//! because the server does.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST};
use pushbench_model::message::Stamp;
use pushbench_model::payload::BodyMaker;
use pushbench_model::record::PUBLISHER_THREAD;
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, Tick, prepare_thread};

use crate::LoadError;
use crate::target::Target;

/// A write into a connection with room takes less than this; what takes longer has waited for the server.
const ORDINARY_WRITE_NS: u64 = 200_000;

/// How messages are said.
pub(super) trait Voice: Send + 'static {
    /// Begins an order whose bodies `maker` makes.
    fn begin(&mut self, maker: &BodyMaker, seed: u64);

    /// Puts the next message together; `body` appends its body of `len` bytes, whose stamp is taken then.
    fn compose(&mut self, len: usize, body: impl FnOnce(&mut Vec<u8>));

    /// Says it.
    fn say(&mut self) -> io::Result<()>;

    /// Waits until all that was said so far has been accepted, where that is told.
    fn settle(&mut self) -> Result<(), String>;
}

/// The thread, seen from outside. It ends when this is dropped.
pub(super) struct Paced {
    orders: Option<Sender<PublishOrder>>,
    reports: Receiver<Result<PublishReport, String>>,
}

impl Paced {
    pub(super) fn start<V: Voice>(voice: V, carries_binary: bool) -> Result<Self, LoadError> {
        let (orders, inbox) = channel::<PublishOrder>();
        let (outbox, reports) = channel();
        thread::Builder::new()
            .name(PUBLISHER_THREAD.into())
            .spawn(move || {
                let mut saying = Saying {
                    voice,
                    carries_binary,
                    next_seq: 1,
                    thread: prepare_thread().to_string(),
                };
                while let Ok(order) = inbox.recv() {
                    if outbox.send(saying.carry_out(&order)).is_err() {
                        return;
                    }
                }
            })
            .map_err(LoadError::Worker)?;
        Ok(Self {
            orders: Some(orders),
            reports,
        })
    }

    pub(super) fn order(&self, order: &PublishOrder) -> Result<(), LoadError> {
        let orders = self.orders.as_ref();
        let sent = orders.is_some_and(|orders| orders.send(*order).is_ok());
        sent.then_some(()).ok_or(LoadError::WorkerDied)
    }

    /// What became of the order, from a publisher whose messages go to `control`.
    pub(super) fn report(
        &self,
        control: &Target,
        patience: Duration,
    ) -> Result<PublishReport, LoadError> {
        let failed = |reason| LoadError::Control {
            request: "POST /publish",
            address: control.address,
            reason,
        };
        match self.reports.recv_timeout(patience) {
            Ok(report) => report.map_err(failed),
            Err(RecvTimeoutError::Timeout) => Err(failed(format!("not done after {patience:?}"))),
            Err(RecvTimeoutError::Disconnected) => Err(LoadError::WorkerDied),
        }
    }

    /// Takes no more orders.
    pub(super) fn end(&mut self) {
        self.orders = None;
    }
}

struct Saying<V> {
    voice: V,
    carries_binary: bool,
    next_seq: u64,
    thread: String,
}

impl<V: Voice> Saying<V> {
    fn carry_out(&mut self, order: &PublishOrder) -> Result<PublishReport, String> {
        let seed = order.schedule.seed;
        let maker = BodyMaker::new(order.payload, self.carries_binary, seed).with(order.large);
        self.voice.begin(&maker, order.schedule.seed);
        let (mut lateness, mut publish) = (histogram::new(), histogram::new());
        let mut failure = None;
        let mut held_up_ns = 0;
        let stop = AtomicBool::new(false);
        let started = clock::now() + 1_000_000;
        let offsets = order
            .schedule
            .offsets()
            .take(usize::try_from(order.count).unwrap_or(usize::MAX));
        let pacer = Pacer {
            start: started,
            spin_ns: order.spin_ns,
        };
        let (voice, next_seq) = (&mut self.voice, &mut self.next_seq);
        let published = pacer.run(offsets, &stop, |Tick { intended_ns, .. }| {
            let mut published = 0;
            voice.compose(maker.body_len_of(*next_seq), |out| {
                published = clock::now();
                let stamp = Stamp {
                    seq: *next_seq,
                    intended: intended_ns,
                    published,
                };
                maker.body(stamp, out);
            });
            lateness.saturating_record((published - intended_ns).clamp(1, HIGHEST));
            *next_seq += 1;
            let writing = clock::now();
            if let Err(error) = voice.say() {
                failure = Some(format!("the connection failed: {error}"));
                stop.store(true, Ordering::Relaxed);
            }
            let written = clock::now();
            held_up_ns += (written - writing).saturating_sub(ORDINARY_WRITE_NS);
            publish.saturating_record((written - published).clamp(1, HIGHEST));
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.voice.settle()?;
        Ok(PublishReport {
            running: false,
            published,
            started,
            held_up_ns,
            thread: self.thread.clone(),
            lateness: Some(EncodedHistogram::encode(&lateness)),
            publish: Some(EncodedHistogram::encode(&publish)),
        })
    }
}

/// The head of a request that posts a body of `maker` to `control`, as far as the length of that.
pub(super) fn head(control: &Target, maker: &BodyMaker) -> String {
    let content_type = if maker.is_binary() {
        "application/octet-stream"
    } else {
        "application/json"
    };
    format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: ",
        control.publish_path(),
        control.host,
    )
}

/// Appends such a head with the length of its body.
pub(super) fn push_head(head: &str, len: usize, out: &mut Vec<u8>) {
    write!(out, "{head}{len}\r\n\r\n").expect("memory takes all that is written");
}
