//! One conversation: its questions, the answer that is coming, and where it is in its phase.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pushbench_model::measurement::WireCount;
use pushbench_sys::clock;
use pushbench_sys::poller::EventFlags;
use pushbench_transport::tokens::Talk;
use pushbench_transport::tokens::talk::Turn;

use super::hearing::{Broken, Hearing};
use super::line::{Line, failed};
use super::script::{Expected, Said, Script};
use super::tally::{Cancelled, Tally};
use crate::mix::nonce;

/// A pause of more than so many mean gaps is a stall.
const STALL: u64 = 3;

/// One conversation.
pub(super) struct Talker {
    /// Its place among all.
    number: u64,
    script: Arc<Script>,
    pub(super) line: Line,
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
        let nonce = nonce(script.seed, number);
        Ok(Self {
            number,
            script,
            line: Line::open(address, source, nonce, talk, &mut tally.connections)?,
            expected: None,
            ended: false,
            cancelled: false,
            received: 0,
            said: Said::default(),
            turn: 0,
            measuring: false,
            state: State::Busy,
        })
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
        self.line.count()
    }

    /// What its connection has cost since it counts.
    pub(super) fn wire(&self) -> io::Result<WireCount> {
        self.line.wire()
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
        self.expected = Some(expected);
        (self.ended, self.cancelled) = (false, false);
        if let Err(broken) = self.line.ask(&body) {
            self.fail(broken, tally);
        }
    }

    /// Something happened to its socket.
    pub(super) fn ready(&mut self, flags: EventFlags, buffer: &mut [u8], tally: &mut Tally) {
        if self.state == State::Failed {
            return;
        }
        if let Err(broken) = self.attend(flags, buffer, tally) {
            self.fail(broken, tally);
        }
    }

    fn attend(
        &mut self,
        flags: EventFlags,
        buffer: &mut [u8],
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        if !self.line.attend(flags)? {
            return Ok(());
        }
        self.settle(tally);
        while let Some(count) = self.line.read(buffer)? {
            if count == 0 {
                // Nobody keeps an idle connection for ever, and nothing more is to come over this one.
                let is_over = self.is_through();
                let ended = "the server ended the connection";
                return is_over.then_some(()).ok_or_else(|| ended.to_owned());
            }
            self.take(&buffer[..count], tally)?;
            if self.state == State::Anew {
                return Ok(());
            }
            if !self.line.has_more(count, buffer.len()) {
                break;
            }
        }
        self.line.flush()
    }

    /// Whether it has asked all its questions, and has its answers.
    fn is_through(&self) -> bool {
        self.measuring && self.state == State::Ready
    }

    /// Ends the phase of connecting.
    fn settle(&mut self, tally: &mut Tally) {
        if self.state == State::Busy
            && self.expected.is_none()
            && self.line.talk.turn() == Turn::Idle
        {
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
            line,
            expected,
            ended,
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
        line.receive(bytes, &mut |body| {
            if let Some(expected) = expected {
                hearing.hear(body, expected, tally);
            }
        })?;
        if let Some(broken) = hearing.broken {
            return Err(broken);
        }
        if self.expected.is_some() && self.line.talk.turn() == Turn::Idle {
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
        self.line.go_on();
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
        if self.line.stop() {
            cancelled.at = clock::now();
            tally.cancelled.push(cancelled);
            return self.line.flush();
        }
        self.expected = None;
        let mut cost = self.wire().map_err(|error| failed(&error))?;
        // What was under way when it was closed, nobody has seen.
        (cost.expected_down, cost.expected_up) = (None, None);
        tally.wire.add(&cost);
        let closed = self.line.reopen(&mut tally.connections);
        cancelled.at = closed.map_err(|error| failed(&error))?;
        tally.cancelled.push(cancelled);
        self.ended = false;
        self.state = State::Anew;
        Ok(())
    }

    /// Goes on after a connection that was begun anew is watched.
    pub(super) fn resume(&mut self, tally: &mut Tally) {
        self.state = State::Busy;
        if !self.line.is_connecting() {
            self.settle(tally);
        }
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
