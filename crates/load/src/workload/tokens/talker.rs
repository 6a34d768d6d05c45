//! One conversation and its connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use pushbench_model::measurement::WireCount;
use pushbench_sys::clock;
use pushbench_sys::poller::EventFlags;
use pushbench_sys::tcp::begin_connect;
use pushbench_transport::subscriber::{Nonce, wire};
use pushbench_transport::tokens::Talk;
use pushbench_transport::tokens::talk::Turn;

use super::hearing::{Broken, Hearing};
use super::script::{Expected, Said, Script};
use super::tally::{Cancelled, Tally};
use crate::mix::nonce;

/// A pause of more than so many mean gaps is a stall.
const STALL: u64 = 3;
/// What a server does that ends its side.
const ENDING: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

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
    /// The server has ended its side: reading goes on until that shows.
    ending: bool,
    unsent: Vec<u8>,
    /// The answer that is coming.
    expected: Option<Expected>,
    /// Its last message has come; what its framing adds may not have.
    ended: bool,
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
        let nonce = nonce(script.seed, number);
        let mut talker = Self {
            number,
            script,
            address,
            source,
            nonce,
            stream: begun.stream,
            talk,
            connecting: true,
            ending: false,
            unsent: Vec::new(),
            expected: None,
            ended: false,
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
        (self.ended, self.cancelled) = (false, false);
        if let Err(error) = self.flush() {
            self.fail(format!("connection failed: {error}"), tally);
        }
    }

    /// Something happened to its socket.
    pub(super) fn ready(&mut self, flags: EventFlags, buffer: &mut [u8], tally: &mut Tally) {
        if self.state == State::Failed {
            return;
        }
        self.ending |= flags.intersects(ENDING);
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
                // Nobody keeps an idle connection for ever, and nothing more is to come over this one.
                Ok(0) if self.is_through() => return Ok(()),
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(count) => {
                    self.take(&buffer[..count], tally)?;
                    if self.state == State::Anew {
                        return Ok(());
                    }
                    // A short read has emptied the socket, but for an end that was announced before it.
                    if count < buffer.len() && !self.ending {
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

    /// Whether it has asked all its questions, and has its answers.
    fn is_through(&self) -> bool {
        self.measuring && self.state == State::Ready
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
            ended,
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
            ended,
            broken: None,
        };
        talk.receive(bytes, unsent, &mut |body| {
            if let Some(expected) = expected {
                hearing.hear(body, expected, tally);
            }
        })
        .map_err(|error| error.to_string())?;
        if let Some(broken) = hearing.broken {
            return Err(broken);
        }
        if self.expected.is_some() && self.talk.turn() == Turn::Idle {
            if !self.ended {
                return Err("an answer ended without saying so".into());
            }
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
        (self.connecting, self.ending, self.ended) = (true, false, false);
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
        // A question that cannot be written fails while an answer is read, and what is read then fails again.
        if self.state == State::Failed {
            return;
        }
        self.state = State::Failed;
        tally.connections.ended_early += 1;
        tally.faults.add(broken);
    }

    /// Gives it up.
    pub(super) fn give_up(&mut self, tally: &mut Tally) {
        let seen = self.expected.as_ref().map_or(0, |expected| expected.seen);
        self.fail(format!("no end of an answer after its token {seen}"), tally);
    }

    /// Tokens of the answer that is coming, and of those that were not asked for, that will not come.
    pub(super) fn missing(&self) -> u64 {
        let expected = self.expected.as_ref().filter(|_| !self.cancelled);
        expected.map_or(0, |expected| {
            u64::from(expected.wanted().saturating_sub(expected.seen))
        })
    }
}
