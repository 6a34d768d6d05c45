//! The client half of a conversation: bytes in, messages and bytes out.

mod exchange;
mod frames;
mod http;
mod polls;

use crate::ndjson::subscriber::Lines;
use crate::sse::subscriber::Events;
use crate::subscriber::{Nonce, Progress, SubscribeError};

use exchange::Exchange;
use frames::Frames;
use polls::Polls;

/// A conversation on one connection. A request is answered by messages ([`pushbench_model::tokens`]), and the next one
/// may follow when the answer has ended.
#[derive(Debug)]
pub struct Talk(Kind);

#[derive(Debug)]
enum Kind {
    Events(Exchange<Events>),
    Lines(Exchange<Lines>),
    Frames(Frames),
    Polls(Polls),
}

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The connection is not ready for a request.
    Opening,
    /// A request may be sent.
    Idle,
    /// An answer is coming.
    Answering,
}

impl Talk {
    /// A request for each answer, which is an event stream.
    #[must_use]
    pub fn events(host: &str) -> Self {
        Self(Kind::Events(Exchange::new(host)))
    }

    /// A request for each answer, which are lines of JSON.
    #[must_use]
    pub fn lines(host: &str) -> Self {
        Self(Kind::Lines(Exchange::new(host)))
    }

    /// A WebSocket for all answers.
    #[must_use]
    pub fn frames(host: &str) -> Self {
        Self(Kind::Frames(Frames::new(host)))
    }

    /// A request that begins each answer, and others that fetch it.
    #[must_use]
    pub fn polls(host: &str) -> Self {
        Self(Kind::Polls(Polls::new(host)))
    }

    /// Begins the conversation on a connection that is open: appends what is to be sent first.
    pub fn open(&mut self, nonce: Nonce, out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Events(_) | Kind::Lines(_) | Kind::Polls(_) => {}
            Kind::Frames(frames) => frames.open(nonce, out),
        }
    }

    /// Appends a request for an answer.
    pub fn ask(&mut self, ask: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Events(exchange) => exchange.ask(ask, out),
            Kind::Lines(exchange) => exchange.ask(ask, out),
            Kind::Frames(frames) => frames.ask(ask, out),
            Kind::Polls(polls) => polls.ask(ask, out),
        }
    }

    /// Appends what asks for more of the answer that is coming, where more has to be asked for and was not. To be called when
    /// what has come was looked at: who wants no more cancels instead.
    pub fn go_on(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Events(_) | Kind::Lines(_) | Kind::Frames(_) => {}
            Kind::Polls(polls) => polls.go_on(out),
        }
    }

    /// Stops the answer that is coming. Whether the conversation goes on, with the end of that answer: otherwise the
    /// connection is to be closed.
    #[must_use]
    pub fn cancel(&mut self, out: &mut Vec<u8>) -> bool {
        match &mut self.0 {
            Kind::Events(_) | Kind::Lines(_) => false,
            Kind::Frames(frames) => {
                frames.cancel(out);
                true
            }
            Kind::Polls(polls) => {
                polls.cancel(out);
                true
            }
        }
    }

    /// Goes on with another connection, which is open, after the last one was closed.
    pub fn reset(&mut self) {
        match &mut self.0 {
            Kind::Events(exchange) => exchange.reset(),
            Kind::Lines(exchange) => exchange.reset(),
            Kind::Frames(frames) => frames.reset(),
            Kind::Polls(polls) => polls.reset(),
        }
    }

    /// Takes bytes as they were read, hands every complete message to `deliver`, and appends what must be sent in answer
    /// (a pong).
    ///
    /// # Errors
    ///
    /// When the server broke the protocol or refused.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        match &mut self.0 {
            Kind::Events(exchange) => exchange.receive(bytes, deliver),
            Kind::Lines(exchange) => exchange.receive(bytes, deliver),
            Kind::Frames(frames) => frames.receive(bytes, out, deliver),
            Kind::Polls(polls) => polls.receive(bytes, deliver),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn turn(&self) -> Turn {
        match &self.0 {
            Kind::Events(exchange) => exchange.turn(),
            Kind::Lines(exchange) => exchange.turn(),
            Kind::Frames(frames) => frames.turn(),
            Kind::Polls(polls) => polls.turn(),
        }
    }

    /// The bytes that formulas say it must have cost so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.0 {
            Kind::Events(exchange) => exchange.progress(),
            Kind::Lines(exchange) => exchange.progress(),
            Kind::Frames(frames) => frames.progress(),
            Kind::Polls(polls) => polls.progress(),
        }
    }
}

#[cfg(test)]
mod tests;
