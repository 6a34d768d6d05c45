//! Polling by the clock, over a keep-alive connection: a request every so often, answered at once with all messages after
//! its cursor, or with nothing.
//!
//! It is the poll of [`crate::long_poll`] that asks not to be held, so every server that answers one answers the other. Its
//! server half is that of long-polling with no hold at all; the subscriber half asks when it is time
//! ([`crate::subscriber::Protocol::tick`]) and not when it has an answer.

use std::io;
use std::sync::Arc;

use pushbench_sys::poller::Bell;

use crate::dialogue::{self, Dialogue};
use crate::hub::{Hub, Message};
use crate::listener::Worker;
use crate::long_poll::{self, LongPoll};
use crate::subscriber::{Request, Subscribers, start};
use crate::tls::Trust;
use crate::transport::{LocalFuture, ServeOptions, Transport};

#[cfg(test)]
mod tests;

/// The transport `short-poll`.
#[derive(Clone, Copy, Debug)]
pub struct ShortPoll;

type Protocol = long_poll::PollProtocol<true>;

/// A server that holds nothing, whatever it is asked.
fn without_hold(options: &ServeOptions) -> Arc<ServeOptions> {
    Arc::new(ServeOptions {
        poll_timeout_ms: 0,
        ..options.clone()
    })
}

impl Transport for ShortPoll {
    fn name(&self) -> &'static str {
        "short-poll"
    }

    fn about(&self) -> &'static str {
        "HTTP/1.1 polling by the clock: a request every 100 ms on a keep-alive connection, answered at once (hyper)"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        LongPoll.endpoint()
    }

    fn carries_binary(&self) -> bool {
        LongPoll.carries_binary()
    }

    fn is_asked_by_the_clock(&self) -> bool {
        true
    }

    fn is_asked_by_number(&self) -> bool {
        LongPoll.is_asked_by_number()
    }

    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>) {
        LongPoll.encode(message, options, out);
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        LongPoll.serve(hub, worker, without_hold(&options))
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        LongPoll.serve_bare(hub, worker, without_hold(&options));
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        start::<Protocol>(request, trust, bell)
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<Protocol>(self.endpoint().1, pieces.iter().copied())
    }
}
