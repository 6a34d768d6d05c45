//! The subscribers say the messages themselves: each one is drawn from among them.
//!
//! Where a transport carries what its subscribers say, a member speaks on its own subscription: the publishing thread writes
//! on that socket, and reading stays with the worker. Elsewhere it posts on a connection of its own beside it, which was used
//! once before anything is measured; the answers are read by a second thread. Nobody waits for an answer: a member whose last
//! one is missing sends its next request behind it.

mod posts;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::measurement::{Upstream, WireCount};
use pushbench_model::payload::BodyMaker;
use pushbench_sys::{clock, tcp};
use pushbench_transport::transport::Utter;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::paced::{Paced, Voice, head, push_head};
use super::{Publish, Said};
use crate::target::Target;
use crate::worker::Pending;
use crate::{Bench, LoadError};
use posts::Posts;

/// What the seed of a schedule is changed by, so that who speaks does not depend on when.
const DRAWS: u64 = 0x6d65_6d62_6572_7321;

/// Between two looks at a socket that takes nothing, nanoseconds.
const LOOK_NS: u64 = 100_000;

/// All subscribers of a measurement, as those who publish.
pub(crate) struct Members {
    paced: Paced,
    control: Target,
    spoken: Arc<Spoken>,
    /// Connections to post on; none where subscriptions carry what is said.
    posts: Option<Posts>,
}

/// What was written so far.
#[derive(Debug, Default)]
struct Spoken {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Members {
    /// Gives everybody who is connected a voice.
    pub(crate) fn start(bench: &Bench, subscribers: u32) -> Result<Self, LoadError> {
        let config = &bench.config;
        let (control, patience) = (config.control.clone(), config.patience);
        let (lines, manner, posts) = match config.transport.speech() {
            Some(speech) => {
                let lines = subscriptions(bench)?;
                (Arc::from(lines), Manner::Frames(speech.encode), None)
            }
            None => {
                let posts = Posts::connect(&control, subscribers, patience)?;
                let manner = Manner::Requests(String::new());
                (posts.lines(), manner, Some(posts))
            }
        };
        let spoken = Arc::new(Spoken::default());
        let speaking = Speaking {
            lines,
            manner,
            binary: false,
            control: control.clone(),
            random: Pcg64Mcg::seed_from_u64(0),
            speaker: 0,
            body: Vec::new(),
            out: Vec::new(),
            spoken: Arc::clone(&spoken),
            answers: posts.as_ref().map(Posts::answers),
            patience: patience.drain,
        };
        Ok(Self {
            paced: Paced::start(speaking, config.transport.carries_binary())?,
            control,
            spoken,
            posts,
        })
    }
}

/// The sockets of all subscribers.
fn subscriptions(bench: &Bench) -> Result<Vec<TcpStream>, LoadError> {
    let pending: Vec<_> = bench
        .workers
        .iter()
        .map(|worker| {
            worker.start_job(|station| {
                let mut lines = Vec::new();
                let mut cloned = Ok(());
                station
                    .subscribers
                    .for_each(&mut |subscriber, _| match subscriber.try_clone_stream() {
                        Ok(line) => lines.push(line),
                        Err(error) => cloned = Err(error),
                    });
                cloned.map(|()| lines)
            })
        })
        .collect();
    let parts = pending.into_iter().map(Pending::wait);
    let mut lines = Vec::new();
    for part in parts {
        lines.extend(part?.map_err(LoadError::Worker)?);
    }
    Ok(lines)
}

impl Publish for Members {
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError> {
        self.paced.order(order)
    }

    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError> {
        self.paced.report(&self.control, patience)
    }

    fn said(&self) -> Option<Said> {
        let (messages, bytes) = (&self.spoken.messages, &self.spoken.bytes);
        let (messages, bytes) = (
            messages.load(Ordering::Acquire),
            bytes.load(Ordering::Acquire),
        );
        Some(match &self.posts {
            None => Said {
                upstream: Upstream {
                    messages,
                    bytes,
                    ..Upstream::default()
                },
                wire: WireCount {
                    expected_down: Some(0),
                    expected_up: Some(bytes),
                    ..WireCount::default()
                },
            },
            Some(posts) => Said {
                upstream: Upstream {
                    messages,
                    bytes,
                    answers: posts.accepted(),
                    answer_bytes: posts.answer_bytes(),
                },
                wire: posts.wire(bytes),
            },
        })
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.paced.end();
    }
}

/// What is written for a message.
enum Manner {
    /// A frame on the subscription.
    Frames(Utter),
    /// A request, which has this head.
    Requests(String),
}

/// The publishing thread's part.
struct Speaking {
    lines: Arc<[TcpStream]>,
    manner: Manner,
    binary: bool,
    control: Target,
    random: Pcg64Mcg,
    /// Whose turn it is.
    speaker: usize,
    body: Vec<u8>,
    out: Vec<u8>,
    spoken: Arc<Spoken>,
    answers: Option<Arc<super::answers::Answers>>,
    /// For a socket to take something, and for the answers once everything is said.
    patience: Duration,
}

impl Voice for Speaking {
    fn begin(&mut self, maker: &BodyMaker, seed: u64) {
        self.binary = maker.is_binary();
        self.random = Pcg64Mcg::seed_from_u64(seed ^ DRAWS);
        if let Manner::Requests(text) = &mut self.manner {
            *text = head(&self.control, maker);
        }
    }

    fn compose(&mut self, len: usize, body: impl FnOnce(&mut Vec<u8>)) {
        self.speaker = self.random.random_range(0..self.lines.len());
        self.out.clear();
        match &self.manner {
            Manner::Requests(head) => {
                push_head(head, len, &mut self.out);
                body(&mut self.out);
            }
            Manner::Frames(utter) => {
                let mask = self.random.random::<[u8; 4]>();
                self.body.clear();
                body(&mut self.body);
                utter(&self.body, self.binary, mask, &mut self.out);
            }
        }
    }

    fn say(&mut self) -> io::Result<()> {
        write_all(&self.lines[self.speaker], &self.out, self.patience)?;
        let len = self.out.len() as u64;
        self.spoken.bytes.fetch_add(len, Ordering::Release);
        self.spoken.messages.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        let wanted = self.spoken.messages.load(Ordering::Acquire);
        let answers = self.answers.as_ref();
        answers.map_or(Ok(()), |answers| answers.wait(wanted, self.patience))
    }
}

/// Writes all of `bytes` on a socket that does not block. It has room, as nearly always; else this waits for the server. What is
/// sent at once stays in one piece, whatever the worker writes on the same socket; a pong that falls between two pieces breaks a
/// frame, and the server ends the connection, which is told. Our own servers send no pings here.
fn write_all(line: &TcpStream, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
    let mut deadline = None;
    while !bytes.is_empty() {
        match tcp::send(line, bytes) {
            Ok(sent) => {
                bytes = &bytes[sent..];
                deadline = None;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() > *deadline.get_or_insert_with(|| Instant::now() + patience) {
                    let reason = format!("the server took nothing for {patience:?}");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                }
                clock::sleep_until(clock::now() + LOOK_NS, 0);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
