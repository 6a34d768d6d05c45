//! One conversation and its connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use pushbench_model::histogram::HIGHEST;
use pushbench_model::measurement::WireCount;
use pushbench_model::tokens::Done;
use pushbench_sys::clock;
use pushbench_sys::tcp::begin_connect;
use pushbench_transport::subscriber::{Nonce, wire};
use pushbench_transport::tokens::Talk;
use pushbench_transport::tokens::talk::Turn;

use super::script::{Expected, Fault, Said, Script};
use super::tally::{Cancelled, Tally};

/// A pause of more than so many mean gaps is a stall.
const STALL: u64 = 3;

/// One conversation.
pub(super) struct Talker {
    /// Its place among all.
    number: u64,
    script: Arc<Script>,
    address: SocketAddr,
    source: Option<IpAddr>,
    nonce: Nonce,
    pub(super) stream: TcpStream,
    talk: Talk,
    connecting: bool,
    unsent: Vec<u8>,
    /// The answer that is coming.
    expected: Option<Expected>,
    /// It was stopped.
    cancelled: bool,
    received: u64,
    said: Said,
    turn: u32,
    /// It records what comes.
    measuring: bool,
    pub(super) state: State,
    /// What the present connection had cost before.
    base: WireCount,
}

/// Where a conversation is in its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Something is to come yet.
    Busy,
    /// The phase is over for it.
    Ready,
    /// It has broken off.
    Failed,
    /// Its connection was closed on purpose, and another begun: it is to be watched.
    Anew,
}

/// What keeps a conversation from going on.
type Broken = String;

impl Talker {
    /// Begins a connection.
    pub(super) fn open(
        number: u64,
        script: Arc<Script>,
        address: SocketAddr,
        source: Option<IpAddr>,
        talk: Talk,
        tally: &mut Tally,
    ) -> io::Result<Self> {
        let begun = begin_connect(address, source)?;
        tally.connections.opened += 1;
        tally.connections.nodelay += u64::from(begun.nodelay);
        let mut nonce = Nonce::default();
        let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ script.seed;
        nonce[..8].copy_from_slice(&mixed.to_le_bytes());
        nonce[8..].copy_from_slice(&mixed.rotate_left(29).to_le_bytes());
        let mut talker = Self {
            number,
            script,
            address,
            source,
            nonce,
            stream: begun.stream,
            talk,
            connecting: true,
            unsent: Vec::new(),
            expected: None,
            cancelled: false,
            received: 0,
            said: Said::default(),
            turn: 0,
            measuring: false,
            state: State::Busy,
            base: WireCount::default(),
        };
        if begun.established {
            talker.established();
        }
        Ok(talker)
    }

    fn established(&mut self) {
        self.connecting = false;
        self.talk.open(self.nonce, &mut self.unsent);
    }

    /// Asks for an answer that is not measured.
    pub(super) fn warm_up(&mut self, tally: &mut Tally) {
        self.state = State::Busy;
        let expected = self.script.warm_up(clock::now());
        self.ask(expected, tally);
    }

    /// Counts from here on.
    pub(super) fn measure(&mut self) -> io::Result<()> {
        self.measuring = true;
        self.state = State::Busy;
        self.base = wire(&self.stream, &self.talk.progress())?;
        Ok(())
    }

    /// What its connection has cost since it counts.
    pub(super) fn wire(&self) -> io::Result<WireCount> {
        Ok(wire(&self.stream, &self.talk.progress())?.since(&self.base))
    }

    /// Asks the next question.
    pub(super) fn next(&mut self, tally: &mut Tally) {
        if self.turn == self.script.turns {
            self.state = State::Ready;
            return;
        }
        let asked = clock::now();
        let expected = self.script.ask(self.number, self.turn, &self.said, asked);
        tally.started = tally.started.min(asked);
        tally.answers.asked += 1;
        tally.answers.tokens += u64::from(expected.wanted());
        tally.answers.prompt_bytes += expected.ask.prompt.len() as u64;
        self.turn += 1;
        self.ask(expected, tally);
    }

    fn ask(&mut self, expected: Expected, tally: &mut Tally) {
        let mut body = Vec::new();
        expected.ask.write(&mut body);
        self.talk.ask(&body, &mut self.unsent);
        self.expected = Some(expected);
        self.cancelled = false;
        if let Err(error) = self.flush() {
            self.fail(format!("connection failed: {error}"), tally);
        }
    }

    /// Something happened to its socket.
    pub(super) fn ready(&mut self, buffer: &mut [u8], tally: &mut Tally) {
        if self.state == State::Failed {
            return;
        }
        if let Err(broken) = self.attend(buffer, tally) {
            self.fail(broken, tally);
        }
    }

    fn attend(&mut self, buffer: &mut [u8], tally: &mut Tally) -> Result<(), Broken> {
        let failed = |error: io::Error| format!("connection failed: {error}");
        if self.connecting {
            if let Some(error) = self.stream.take_error().map_err(failed)? {
                return Err(format!("cannot connect to {}: {error}", self.address));
            }
            match self.stream.peer_addr() {
                Ok(_) => self.established(),
                // Something else happened to it.
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
        self.flush().map_err(failed)?;
        self.settle(tally);
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(count) => {
                    self.take(&buffer[..count], tally)?;
                    if self.state == State::Anew {
                        return Ok(());
                    }
                    if count < buffer.len() {
                        return self.flush().map_err(failed);
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return self.flush().map_err(failed),
                    ErrorKind::Interrupted => {}
                    _ => return Err(failed(error)),
                },
            }
        }
    }

    /// Ends the phase of connecting.
    fn settle(&mut self, tally: &mut Tally) {
        if self.state == State::Busy && self.expected.is_none() && self.talk.turn() == Turn::Idle {
            if self.measuring && self.turn > 0 {
                self.next(tally);
            } else if !self.measuring {
                self.state = State::Ready;
            }
        }
    }

    fn take(&mut self, bytes: &[u8], tally: &mut Tally) -> Result<(), Broken> {
        let now = clock::now();
        let Self {
            talk,
            expected,
            unsent,
            script,
            cancelled,
            received,
            said,
            measuring,
            ..
        } = self;
        let mut hearing = Hearing {
            now,
            stall_ns: STALL * script.tokens.gaps.mean_ns(),
            received,
            said,
            measuring: *measuring,
            cancelled: *cancelled,
            ended: false,
            broken: None,
        };
        talk.receive(bytes, unsent, &mut |body| {
            if let Some(expected) = expected {
                hearing.hear(body, expected, tally);
            }
        })
        .map_err(|error| error.to_string())?;
        let (ended, broken) = (hearing.ended, hearing.broken);
        if let Some(broken) = broken {
            return Err(broken);
        }
        let is_over = ended && self.talk.turn() == Turn::Idle;
        if is_over {
            return self.over(tally);
        }
        let is_half = |expected: &Expected| expected.stop_after.is_some_and(|n| expected.seen >= n);
        if !self.cancelled && self.expected.as_ref().is_some_and(is_half) {
            self.cancel(now, tally)?;
        }
        if self.expected.is_none() {
            self.settle(tally);
        }
        Ok(())
    }

    /// The answer has ended.
    fn over(&mut self, tally: &mut Tally) -> Result<(), Broken> {
        let Some(expected) = self.expected.take() else {
            return Ok(());
        };
        if !self.measuring {
            self.state = State::Ready;
            return Ok(());
        }
        if !self.cancelled {
            tally.answers.whole += 1;
            self.said.add(&expected);
        }
        self.next(tally);
        Ok(())
    }

    /// Stops the answer that is coming.
    fn cancel(&mut self, now: u64, tally: &mut Tally) -> Result<(), Broken> {
        let Some(expected) = &self.expected else {
            return Ok(());
        };
        let mut cancelled = Cancelled {
            answer: expected.ask.pace.answer,
            at: now,
            received: expected.seen,
        };
        tally.answers.cancelled += 1;
        self.cancelled = true;
        let failed = |error: io::Error| format!("connection failed: {error}");
        let mut out = Vec::new();
        if self.talk.cancel(&mut out) {
            self.unsent.extend_from_slice(&out);
            cancelled.at = clock::now();
            tally.cancelled.push(cancelled);
            return self.flush().map_err(failed);
        }
        self.expected = None;
        let mut cost = self.wire().map_err(failed)?;
        // What was under way when it was closed, nobody has seen.
        (cost.expected_down, cost.expected_up) = (None, None);
        tally.wire.add(&cost);
        let begun = begin_connect(self.address, self.source).map_err(failed)?;
        tally.connections.opened += 1;
        tally.connections.nodelay += u64::from(begun.nodelay);
        cancelled.at = clock::now();
        self.stream = begun.stream;
        tally.cancelled.push(cancelled);
        self.base = WireCount {
            expected_down: Some(self.talk.progress().expected_down),
            expected_up: Some(self.talk.progress().expected_up),
            ..WireCount::default()
        };
        self.talk.reset();
        self.connecting = true;
        self.unsent.clear();
        if begun.established {
            self.established();
        }
        self.state = State::Anew;
        Ok(())
    }

    /// Goes on after a connection that was begun anew is watched.
    pub(super) fn resume(&mut self, tally: &mut Tally) {
        self.state = State::Busy;
        if !self.connecting {
            self.settle(tally);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.connecting {
            return Ok(());
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => {
                    self.unsent.drain(..sent);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn fail(&mut self, broken: Broken, tally: &mut Tally) {
        self.state = State::Failed;
        tally.connections.ended_early += 1;
        tally.faults.add(broken);
    }

    /// Gives it up.
    pub(super) fn give_up(&mut self, tally: &mut Tally) {
        if self.state != State::Failed {
            let seen = self.expected.as_ref().map_or(0, |expected| expected.seen);
            self.fail(format!("no end of an answer after its token {seen}"), tally);
        }
    }

    /// Tokens of the answer that is coming, and of those that were not asked for, that will not come.
    pub(super) fn missing(&self) -> u64 {
        let expected = self.expected.as_ref().filter(|_| !self.cancelled);
        expected.map_or(0, |expected| {
            u64::from(expected.wanted().saturating_sub(expected.seen))
        })
    }
}

/// What one read brings.
struct Hearing<'a> {
    now: u64,
    stall_ns: u64,
    /// When the last token came.
    received: &'a mut u64,
    said: &'a Said,
    measuring: bool,
    cancelled: bool,
    ended: bool,
    broken: Option<Broken>,
}

impl Hearing<'_> {
    fn hear(&mut self, body: &[u8], expected: &mut Expected, tally: &mut Tally) {
        if let Some(done) = Done::parse(body) {
            self.ended = true;
            if !self.cancelled {
                self.end(done, expected);
            }
            return;
        }
        if self.cancelled {
            return;
        }
        if !expected.ask.stream {
            return self.whole(body, expected, tally);
        }
        match expected.take(body) {
            Ok(arrived) => {
                let first = expected.seen == 1;
                let gap = self.now - *self.received;
                *self.received = self.now;
                if !self.measuring {
                    return;
                }
                tally.sequence.delivered += 1;
                tally.sequence.lost += arrived.missed;
                // What comes in the same read as the last one that is wanted is beyond what was asked for.
                if expected.stop_after.is_some_and(|stop| expected.seen > stop) {
                    return;
                }
                tally.recorder.record(arrived.stamp, self.now);
                tally.answers.text_bytes += arrived.text.len() as u64;
                if first {
                    tally.first_token(self.now.saturating_sub(arrived.stamp.intended));
                } else {
                    tally.answers.stalls += u64::from(gap > self.stall_ns);
                    tally.answers.scheduled_stalls += u64::from(arrived.gap > self.stall_ns);
                }
            }
            Err(Fault::Again) => tally.sequence.duplicated += 1,
            Err(Fault::Corrupted(fault)) => {
                tally.sequence.corrupted += 1;
                tally.faults.mention(fault);
            }
        }
    }

    fn end(&mut self, done: Done, expected: &Expected) {
        let context = expected.context(self.said.bytes);
        if done.tokens != expected.ask.tokens || expected.seen != expected.ask.tokens {
            let Done { tokens, .. } = done;
            self.broken = Some(format!(
                "an answer ended after {} tokens, said to be {tokens}, of {}",
                expected.seen, expected.ask.tokens
            ));
        } else if self.measuring && done.context != context {
            self.broken = Some(format!(
                "the server has seen a context of {} bytes, expected {context}",
                done.context
            ));
        }
    }

    fn whole(&mut self, body: &[u8], expected: &mut Expected, tally: &mut Tally) {
        self.ended = true;
        let (due, context) = match expected.take_whole(body) {
            Ok(whole) => whole,
            Err(fault) => {
                self.broken = Some(fault);
                return;
            }
        };
        if !self.measuring {
            return;
        }
        self.end(
            Done {
                tokens: expected.ask.tokens,
                context,
            },
            expected,
        );
        tally.sequence.delivered += due.len() as u64;
        tally.answers.text_bytes += expected.text_bytes();
        let asked = expected.ask.pace.asked;
        for (place, due) in due.into_iter().enumerate() {
            let added = self.now.saturating_sub(asked + due);
            tally
                .recorder
                .response
                .saturating_record(added.min(HIGHEST));
            tally.recorder.last_received = self.now;
            if place == 0 {
                tally.first_token(added);
            }
        }
    }
}
