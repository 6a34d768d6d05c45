//! A publisher of our own: messages of docs/PROTOCOL.md, posted when they are due.

mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_model::histogram::{self, Histogram};
use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_model::record::PUBLISHER_THREAD;
use pushbench_model::schedule::Schedule;
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, Tick, prepare_thread};

use super::place::Place;
use super::plan::Publishing;
use super::speech::request;
use super::tally::record;
use super::tls::Security;
use crate::LoadError;
use line::Line;

/// Nanoseconds before each due time that are spent spinning.
const SPIN_NS: u64 = 100_000;
/// Answers are waited for so long after the last message.
const PATIENCE_NS: u64 = 2_000_000_000;
/// Between two looks at a socket that takes or gives nothing, and at answers.
const LOOK: Duration = Duration::from_micros(100);

/// A publisher at work.
pub(super) struct Publisher {
    thread: JoinHandle<Posted>,
    /// Messages posted so far.
    pub(super) posted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// What it has done.
pub(super) struct Posted {
    pub(super) posted: u64,
    pub(super) accepted: u64,
    pub(super) lateness: Histogram,
    /// What went wrong, and how often.
    pub(super) faults: Vec<(String, u64)>,
}

impl Publisher {
    /// Connects, and publishes from now on for `duration`.
    pub(super) fn start(
        publishing: &Publishing,
        security: Option<&Security>,
        duration: Option<Duration>,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let place = Place::parse(&publishing.url)?;
        let line = Line::open(place, security.cloned())?;
        let payload = Payload {
            bytes: publishing.payload_bytes as usize,
            kind: PayloadKind::Text,
        };
        let seconds = duration.map(|duration| duration.as_secs_f64());
        let count = seconds.map_or(u64::MAX, |seconds| {
            ((publishing.rate * seconds).round() as u64).max(1)
        });
        let job = Job {
            line,
            maker: BodyMaker::new(payload, false, seed),
            schedule: Schedule {
                arrivals: publishing.arrivals,
                rate: publishing.rate,
                seed,
            },
            headers: publishing.headers.clone(),
            count,
            posted: Arc::default(),
            stop: Arc::default(),
        };
        let (posted, stop) = (Arc::clone(&job.posted), Arc::clone(&job.stop));
        let thread = thread::Builder::new()
            .name(PUBLISHER_THREAD.into())
            .spawn(move || job.run())
            .map_err(LoadError::Worker)?;
        Ok(Self {
            thread,
            posted,
            stop,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Nothing further is posted; answers are still taken.
    pub(super) fn ask_to_end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Ends it, and tells what it did.
    pub(super) fn finish(self) -> Result<Posted, LoadError> {
        self.ask_to_end();
        self.thread.join().map_err(|_| LoadError::WorkerDied)
    }
}

struct Job {
    line: Line,
    maker: BodyMaker,
    schedule: Schedule,
    headers: Vec<(String, String)>,
    count: u64,
    posted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Job {
    fn run(self) -> Posted {
        // Where a thread cannot be prepared, its lateness shows it.
        let _ = prepare_thread();
        let Self {
            mut line,
            maker,
            schedule,
            headers,
            count,
            posted,
            stop,
        } = self;
        let place = line.place().clone();
        let mut head: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        head.push(("Host", &place.host));
        head.extend(place.basic.as_deref().map(|basic| ("Authorization", basic)));
        head.push(("Content-Type", "application/json"));
        let mut lateness = histogram::new();
        let mut body = Vec::new();
        let mut failed: Option<String> = None;
        let offsets = schedule
            .offsets()
            .take(usize::try_from(count).unwrap_or(usize::MAX));
        let pacer = Pacer {
            start: clock::now() + 1_000_000,
            spin_ns: SPIN_NS,
        };
        let mut seq = 0;
        pacer.run(offsets, &stop, |Tick { intended_ns, .. }| {
            seq += 1;
            let published = clock::now();
            record(&mut lateness, published.saturating_sub(intended_ns));
            body.clear();
            let stamp = Stamp {
                seq,
                intended: intended_ns,
                published,
            };
            maker.body(stamp, &mut body);
            let mut text = line.blank();
            request("POST", &place.path, &head, &body, &mut text);
            match line.push(text, &stop) {
                Ok(true) => posted.store(seq, Ordering::Relaxed),
                // It came too late.
                Ok(false) => {}
                Err(why) => {
                    failed = Some(why);
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        let sent = posted.load(Ordering::Relaxed);
        let deadline = clock::now() + PATIENCE_NS;
        while failed.is_none() && line.waits() && clock::now() < deadline {
            failed = line.take(&stop).err();
            thread::sleep(LOOK);
        }
        let answers = line.finish();
        let mut faults = answers.refused;
        faults.extend(failed.map(|why| (why, 1)));
        if answers.accepted < sent && faults.is_empty() {
            faults.push((
                "a posted message was never answered".into(),
                sent - answers.accepted,
            ));
        }
        Posted {
            posted: sent,
            accepted: answers.accepted,
            lateness,
            faults,
        }
    }
}
