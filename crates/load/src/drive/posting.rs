//! A publisher of our own: messages of docs/PROTOCOL.md, posted when they are due.

use std::io;
use std::net::TcpStream;
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
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use super::link::{Broken, Link};
use super::place::Place;
use super::plan::Publishing;
use super::speech::request;
use super::tally::record;
use super::tls::Security;
use crate::LoadError;

/// Nanoseconds before each due time that are spent spinning.
const SPIN_NS: u64 = 100_000;
/// Answers are waited for so long after the last message.
const PATIENCE_NS: u64 = 2_000_000_000;
/// Between two looks at a socket that takes or gives nothing.
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
        let stream = connect(&place)?;
        let failed = |broken: Broken| LoadError::Target {
            url: place.shown.clone(),
            reason: match broken {
                Broken::Tls(why) | Broken::Io(_, why) => why,
                Broken::Ended => "it ended the connection".into(),
            },
        };
        let link = Link::new(stream, &place, security).map_err(failed)?;
        let payload = Payload {
            bytes: publishing.payload_bytes as usize,
            kind: PayloadKind::Text,
        };
        let seconds = duration.map(|duration| duration.as_secs_f64());
        let count = seconds.map_or(u64::MAX, |seconds| {
            ((publishing.rate * seconds).round() as u64).max(1)
        });
        let job = Job {
            link,
            maker: BodyMaker::new(payload, false, seed),
            schedule: Schedule {
                arrivals: publishing.arrivals,
                rate: publishing.rate,
                seed,
            },
            headers: publishing.headers.clone(),
            place,
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

fn connect(place: &Place) -> Result<TcpStream, LoadError> {
    let mut last = None;
    for address in &place.addresses {
        match TcpStream::connect_timeout(address, Duration::from_secs(10)) {
            Ok(stream) => {
                let ready = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_nonblocking(true));
                ready.map_err(LoadError::Worker)?;
                return Ok(stream);
            }
            Err(source) => last = Some((*address, source)),
        }
    }
    Err(match last {
        Some((address, source)) => LoadError::Connect { address, source },
        None => LoadError::Worker(io::Error::other("no address to publish to")),
    })
}

struct Job {
    link: Link,
    place: Place,
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
            mut link,
            place,
            maker,
            schedule,
            headers,
            count,
            posted,
            stop,
        } = self;
        let mut head: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        head.push(("Host", &place.host));
        head.extend(place.basic.as_deref().map(|basic| ("Authorization", basic)));
        head.push(("Content-Type", "application/json"));
        let mut answers = Answers::default();
        let mut lateness = histogram::new();
        let (mut body, mut text) = (Vec::new(), Vec::new());
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
            text.clear();
            request("POST", &place.path, &head, &body, &mut text);
            match push(&mut link, &text, &mut answers, &stop) {
                Ok(()) => posted.store(seq, Ordering::Relaxed),
                Err(why) => {
                    failed = Some(why);
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        let sent = posted.load(Ordering::Relaxed);
        let deadline = clock::now() + PATIENCE_NS;
        while failed.is_none() && answers.all() < sent && clock::now() < deadline {
            failed = answers.take(&mut link).err();
            thread::sleep(LOOK);
        }
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

/// Sends a request, and takes the answers that are there.
fn push(
    link: &mut Link,
    text: &[u8],
    answers: &mut Answers,
    stop: &AtomicBool,
) -> Result<(), String> {
    let failed = |broken: Broken| match broken {
        Broken::Ended => "the publishing connection was ended".to_owned(),
        Broken::Io(_, why) | Broken::Tls(why) => format!("the publishing connection failed: {why}"),
    };
    link.send(text).map_err(failed)?;
    answers.take(link)?;
    while link.wants_write() || !link.is_secured() {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        thread::sleep(LOOK);
        link.flush().map_err(failed)?;
        answers.take(link)?;
    }
    Ok(())
}

/// What the other side says to what is posted.
#[derive(Default)]
struct Answers {
    head: HeadReader,
    body: Option<BodyDecoder>,
    status: u16,
    accepted: u64,
    refused: Vec<(String, u64)>,
}

enum Bad {
    Broken(Broken),
    Http(String),
}

impl From<Broken> for Bad {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Answers {
    fn all(&self) -> u64 {
        self.accepted + self.refused.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// Reads what there is.
    fn take(&mut self, link: &mut Link) -> Result<(), String> {
        let mut buffer = [0; 16 * 1024];
        let read = link.read::<Bad>(&mut buffer, &mut |bytes| {
            self.read(bytes).map_err(Bad::Http)
        });
        match read {
            Ok(()) => Ok(()),
            Err(Bad::Http(why)) => Err(format!("the answer to a posted message: {why}")),
            Err(Bad::Broken(Broken::Ended)) => {
                Err("the publishing connection was ended by the server".into())
            }
            Err(Bad::Broken(Broken::Io(_, why) | Broken::Tls(why))) => {
                Err(format!("the publishing connection failed: {why}"))
            }
        }
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() || self.body.as_ref().is_some_and(BodyDecoder::is_done) {
            match &mut self.body {
                None => {
                    let Some((head, taken)) =
                        self.head.feed(bytes).map_err(|error| error.to_string())?
                    else {
                        return Ok(());
                    };
                    bytes = &bytes[taken..];
                    if !head.is_interim() {
                        self.status = head.status;
                        self.body = Some(BodyDecoder::new(head.framing()));
                    }
                }
                Some(body) if body.is_done() => {
                    self.body = None;
                    if (200..300).contains(&self.status) {
                        self.accepted += 1;
                    } else {
                        let text = format!("a posted message was answered with {}", self.status);
                        match self.refused.iter_mut().find(|(known, _)| *known == text) {
                            Some((_, count)) => *count += 1,
                            None => self.refused.push((text, 1)),
                        }
                    }
                }
                Some(body) => {
                    let taken = body.feed::<BodyError>(bytes, &mut |_| Ok(()));
                    bytes = &bytes[taken.map_err(|error| error.to_string())?..];
                }
            }
        }
        Ok(())
    }
}
