//! A server that is being checked, and posting to it.

use std::cell::Cell;

use pushbench_model::message::{self, Stamp};
use pushbench_sys::clock;

use super::http::{Answer, ask, get, post};
use super::subscriber::{Cursor, Subscriber};
use super::wire::{Origin, Wire};
use super::{Subject, TRANSPORTS, Verdict, broken, not_applicable};

pub(super) const TEXT: &str = "application/json";
pub(super) const BINARY: &str = "application/octet-stream";

/// A server and what is known of it.
pub(super) struct Site {
    pub(super) transport: &'static str,
    pub(super) data: Origin,
    pub(super) control: Origin,
    pub(super) by_sequence: bool,
    /// Whether it is said to publish what subscribers say.
    pub(super) says: bool,
    /// Whether it is said to answer at a pace.
    pub(super) answers: bool,
    /// Messages that it has accepted, as far as is known.
    published: Cell<u64>,
}

/// A message that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) seq: u64,
    pub(super) body: Vec<u8>,
    pub(super) binary: bool,
}

impl Site {
    pub(super) fn new(subject: &Subject) -> Result<Self, String> {
        let known = TRANSPORTS.iter().find(|known| **known == subject.transport);
        let transport = known.ok_or_else(|| {
            format!(
                "{:?} is no transport; there are {}",
                subject.transport,
                TRANSPORTS.join(", ")
            )
        })?;
        let data = Origin::parse(&subject.data)?;
        let control = match &subject.control {
            Some(url) => Origin::parse(url)?,
            None => Origin {
                path: String::new(),
                ..data.clone()
            },
        };
        if control.scheme == "tcp" {
            return Err("the control endpoint of a tcp server is elsewhere: name it".into());
        }
        Ok(Self {
            transport,
            data,
            control,
            by_sequence: subject.by_sequence,
            says: subject.says,
            answers: subject.answers,
            published: Cell::new(0),
        })
    }

    /// Finds out how many messages a server has numbered that runs already: of what it keeps, the last has that number.
    /// One without numbers is counted from here on, and one that keeps none from 0.
    pub(super) fn count(&self) {
        if self.by_sequence {
            // What cannot be read breaks a rule, which will be told there.
            self.published.set(Subscriber::newest(self).unwrap_or(0));
        }
    }

    /// The path for subscribers.
    pub(super) fn path(&self) -> &str {
        match (self.data.path.as_str(), self.transport) {
            ("", "sse") => "/sse",
            ("", "websocket") => "/ws",
            ("", "ndjson") => "/ndjson",
            ("", _) => "/poll",
            (path, _) => path,
        }
    }

    fn publish_path(&self) -> &str {
        match self.control.path.as_str() {
            "" => "/publish",
            path => path,
        }
    }

    /// Whether a poll may wait for a message; otherwise it is asked for by the clock.
    pub(super) fn is_held(&self) -> bool {
        self.transport != "short-poll"
    }

    /// Whether binary messages reach subscribers as they are.
    pub(super) fn carries_binary(&self) -> bool {
        matches!(self.transport, "websocket" | "tcp")
    }

    /// So many messages were published by other means than a post.
    pub(super) fn was_said(&self, count: u64) {
        self.published.set(self.published() + count);
    }

    pub(super) fn published(&self) -> u64 {
        self.published.get()
    }

    /// The rule is none for a server that numbers nothing.
    pub(super) fn needs_numbers(&self) -> Result<(), Verdict> {
        match self.by_sequence {
            true => Ok(()),
            false => Err(not_applicable(
                "it numbers no messages (servers.toml: resumes = false)",
            )),
        }
    }

    /// The messages that would be posted next: text with this data.
    pub(super) fn texts(&self, data: &[&str]) -> Vec<Posted> {
        let next = self.published() + 1;
        let texts = (next..).zip(data).map(|(seq, data)| {
            let mut body = Vec::new();
            message::encode_text(stamp(seq), data, &mut body);
            Posted {
                seq,
                body,
                binary: false,
            }
        });
        texts.collect()
    }

    /// So many small ones.
    pub(super) fn small(&self, count: usize) -> Vec<Posted> {
        self.texts(&vec!["some data"; count])
    }

    /// A binary message with this payload.
    pub(super) fn binary(&self, payload: &[u8]) -> Posted {
        let seq = self.published() + 1;
        let mut body = Vec::new();
        message::encode_binary(stamp(seq), payload, &mut body);
        Posted {
            seq,
            body,
            binary: true,
        }
    }

    /// A connection to post on.
    pub(super) fn poster(&self) -> Result<Wire, String> {
        Wire::connect(&self.control)
    }

    /// The requests that post `messages`, one behind the other.
    pub(super) fn requests(&self, messages: &[Posted]) -> Vec<u8> {
        let requests = messages.iter().map(|posted| {
            let content_type = if posted.binary { BINARY } else { TEXT };
            post(
                &self.control,
                self.publish_path(),
                content_type,
                &posted.body,
            )
        });
        requests.collect::<Vec<_>>().concat()
    }

    /// Reads the answers to so many posts; each must be 2xx.
    pub(super) fn accepted(&self, wire: &mut Wire, count: usize) -> Result<(), Verdict> {
        for nth in 1..=count {
            let expected = || format!("2xx as answer {nth} of {count} to what was posted");
            let answer = Answer::read(wire).map_err(|came| broken(expected(), came))?;
            if !(200..300).contains(&answer.head.status) {
                return Err(broken(expected(), answer.in_short()));
            }
            self.published.set(self.published() + 1);
        }
        Ok(())
    }

    /// Posts all in one write on one connection, and reads all answers.
    pub(super) fn publish(&self, messages: &[Posted]) -> Result<(), Verdict> {
        let mut wire = self
            .poster()
            .map_err(super::instead_of("a connection to post on"))?;
        // Large ones fill buffers on both sides: who writes must not wait for who reads.
        let mut writer = wire.writer().map_err(super::instead_of("a socket"))?;
        let requests = self.requests(messages);
        std::thread::scope(|scope| {
            let writing = scope.spawn(move || std::io::Write::write_all(&mut writer, &requests));
            let read = self.accepted(&mut wire, messages.len());
            wire.leave();
            // A server that stopped reading has not answered either.
            drop(writing.join());
            read
        })
    }

    /// Asks the control endpoint.
    pub(super) fn ask_control(&self, path: &str) -> Result<Answer, String> {
        ask(&self.control, get(&self.control, path, ""))
    }

    /// Subscribes; what the server says first is part of it.
    pub(super) fn subscribe(&self, cursor: Cursor) -> Result<Subscriber, Verdict> {
        Subscriber::open(self, cursor).map_err(super::instead_of("a subscription"))
    }
}

fn stamp(seq: u64) -> Stamp {
    let now = clock::now();
    Stamp {
        seq,
        intended: now,
        published: now,
    }
}
