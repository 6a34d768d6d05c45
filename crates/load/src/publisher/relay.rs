//! This process publishes through `POST /publish`, or another path of the control endpoint, for servers that only relay.
//!
//! Requests go out on one keep-alive connection when the schedule says so, without waiting for the answers: an open
//! loop must not slow down because the server does. The answers are read and counted by a second thread.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST};
use pushbench_model::message::Stamp;
use pushbench_model::payload::BodyMaker;
use pushbench_model::record::PUBLISHER_THREAD;
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, Tick, prepare_thread};
use pushbench_sys::tcp::set_nodelay_checked;
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use super::Publish;
use crate::client::{connect, read};
use crate::target::Target;
use crate::{LoadError, Patience};

pub(super) struct Relay {
    orders: Option<Sender<PublishOrder>>,
    reports: Receiver<Result<PublishReport, String>>,
    connection: TcpStream,
    control: Target,
}

/// A write into a connection with room takes less than this; what takes longer has waited for the server.
const ORDINARY_WRITE_NS: u64 = 200_000;

/// What the reader of answers has seen.
#[derive(Default)]
struct Answers {
    accepted: AtomicU64,
    refused: Mutex<Option<String>>,
}

impl Relay {
    pub(super) fn start(
        control: Target,
        carries_binary: bool,
        patience: Patience,
    ) -> Result<Self, LoadError> {
        let connection = connect(control.address, patience.control)?;
        let clone = || connection.try_clone().map_err(LoadError::Worker);
        let (out, input) = (clone()?, clone()?);
        if !set_nodelay_checked(&out).map_err(LoadError::Worker)? {
            let refused =
                io::Error::other("TCP_NODELAY could not be set on the publishing connection");
            return Err(LoadError::Worker(refused));
        }
        let answers = Arc::new(Answers::default());
        let counted = Arc::clone(&answers);
        thread::Builder::new()
            .name("pb-answers".into())
            .spawn(move || read_answers(input, &counted))
            .map_err(LoadError::Worker)?;
        let (orders, inbox) = channel();
        let (outbox, reports) = channel();
        let host = control.host.clone();
        let path = control.publish_path().to_owned();
        thread::Builder::new()
            .name(PUBLISHER_THREAD.into())
            .spawn(move || {
                let thread = prepare_thread().to_string();
                let mut sender = Sending {
                    out,
                    path,
                    host,
                    carries_binary,
                    next_seq: 1,
                    thread,
                    patience: patience.drain,
                };
                while let Ok(order) = inbox.recv() {
                    if outbox.send(sender.carry_out(&order, &answers)).is_err() {
                        return;
                    }
                }
            })
            .map_err(LoadError::Worker)?;
        Ok(Self {
            orders: Some(orders),
            reports,
            connection,
            control,
        })
    }

    fn error(&self, reason: String) -> LoadError {
        LoadError::Control {
            request: "POST /publish",
            address: self.control.address,
            reason,
        }
    }
}

impl Publish for Relay {
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError> {
        let sent = self
            .orders
            .as_ref()
            .is_some_and(|orders| orders.send(*order).is_ok());
        if sent {
            Ok(())
        } else {
            Err(LoadError::WorkerDied)
        }
    }

    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError> {
        match self.reports.recv_timeout(patience) {
            Ok(report) => report.map_err(|reason| self.error(reason)),
            Err(RecvTimeoutError::Timeout) => {
                Err(self.error(format!("not done after {patience:?}")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(LoadError::WorkerDied),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.orders = None;
        // Wakes the reader of answers, which ends with the connection.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

struct Sending {
    out: TcpStream,
    path: String,
    host: String,
    carries_binary: bool,
    next_seq: u64,
    thread: String,
    /// For the answers to come, once everything is sent.
    patience: Duration,
}

impl Sending {
    fn carry_out(
        &mut self,
        order: &PublishOrder,
        answers: &Answers,
    ) -> Result<PublishReport, String> {
        let maker = BodyMaker::new(order.payload, self.carries_binary, order.schedule.seed);
        let content_type = if maker.is_binary() {
            "application/octet-stream"
        } else {
            "application/json"
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.path,
            self.host,
            maker.body_len()
        );
        let (mut lateness, mut publish) = (histogram::new(), histogram::new());
        let mut request = Vec::with_capacity(head.len() + maker.body_len());
        let mut failure = None;
        let mut held_up_ns = 0;
        let stop = AtomicBool::new(false);
        let started = clock::now() + 1_000_000;
        let accepted_before = answers.accepted.load(Ordering::Acquire);
        let offsets = order
            .schedule
            .offsets()
            .take(usize::try_from(order.count).unwrap_or(usize::MAX));
        let pacer = Pacer {
            start: started,
            spin_ns: order.spin_ns,
        };
        let published = pacer.run(offsets, &stop, |Tick { intended_ns, .. }| {
            request.clear();
            request.extend_from_slice(head.as_bytes());
            let published = clock::now();
            maker.body(
                Stamp {
                    seq: self.next_seq,
                    intended: intended_ns,
                    published,
                },
                &mut request,
            );
            lateness.saturating_record((published - intended_ns).clamp(1, HIGHEST));
            self.next_seq += 1;
            let writing = clock::now();
            if let Err(error) = self.out.write_all(&request) {
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
        self.await_answers(accepted_before + published, answers)?;
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

    fn await_answers(&self, wanted: u64, answers: &Answers) -> Result<(), String> {
        let deadline = Instant::now() + self.patience;
        while answers.accepted.load(Ordering::Acquire) < wanted {
            if let Some(refused) = answers.refused.lock().expect("no holder panics").clone() {
                return Err(refused);
            }
            if Instant::now() > deadline {
                let accepted = answers.accepted.load(Ordering::Acquire);
                return Err(format!(
                    "{accepted} of {wanted} messages were answered within {:?}",
                    self.patience
                ));
            }
            clock::sleep_until(clock::now() + 1_000_000, 0);
        }
        Ok(())
    }
}

/// Counts accepted messages until the connection ends; the first refusal is kept in words. A refused message is not
/// counted, so whoever waits for all of them to be accepted finds the refusal.
fn read_answers(mut input: TcpStream, answers: &Answers) {
    let mut head = HeadReader::default();
    let mut body: Option<BodyDecoder> = None;
    let mut accepted = false;
    let mut buffer = [0; 16 * 1024];
    let refuse = |reason: String| {
        answers
            .refused
            .lock()
            .expect("no holder panics")
            .get_or_insert(reason);
    };
    loop {
        let mut bytes = match read(&mut input, &mut buffer) {
            Ok(0) => return refuse("the server closed the publishing connection".into()),
            Ok(n) => &buffer[..n],
            Err(error) => return refuse(format!("the publishing connection failed: {error}")),
        };
        while !bytes.is_empty() {
            let Some(decoder) = &mut body else {
                match head.feed(bytes) {
                    Ok(Some((parsed, taken))) => {
                        if !parsed.is_interim() {
                            accepted = (200..300).contains(&parsed.status);
                            if !accepted {
                                refuse(format!("status {}, expected 2xx", parsed.status));
                            }
                            body = Some(BodyDecoder::new(parsed.framing()));
                        }
                        bytes = &bytes[taken..];
                    }
                    Ok(None) => break,
                    Err(error) => return refuse(error.to_string()),
                }
                if body.as_ref().is_some_and(BodyDecoder::is_done) {
                    answers
                        .accepted
                        .fetch_add(u64::from(accepted), Ordering::Release);
                    body = None;
                }
                continue;
            };
            match decoder.feed::<BodyError>(bytes, &mut |_| Ok(())) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) => return refuse(error.to_string()),
            }
            if decoder.is_done() {
                answers
                    .accepted
                    .fetch_add(u64::from(accepted), Ordering::Release);
                body = None;
            }
        }
    }
}
