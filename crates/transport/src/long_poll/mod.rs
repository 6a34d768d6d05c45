//! HTTP long-polling over a keep-alive connection: each request holds until there are messages after its cursor, and
//! takes all of them as one response.

mod bare;
pub mod batch;
mod defaults;
mod server;
mod subscriber;
pub mod usual;

use std::io;
use std::sync::Arc;

use pushbench_model::tuning::Tuning;
use pushbench_sys::poller::Bell;

use crate::dialogue::{self, Dialogue};
use crate::hub::{Hub, Message};
use crate::listener::Worker;
use crate::stack::Stack;
use crate::subscriber::{Request, Subscribers, start};
use crate::tls::Trust;
use crate::tls::guard::{Guard, Open, Secure};
use crate::tokens::Talk;
use crate::transport::{LocalFuture, ServeOptions, Transport};

pub(crate) use subscriber::{PollProtocol, after as cursor_behind};

/// The transport `long-poll`.
#[derive(Clone, Copy, Debug)]
pub struct LongPoll;

impl Transport for LongPoll {
    fn name(&self) -> &'static str {
        "long-poll"
    }

    fn about(&self) -> &'static str {
        "HTTP/1.1 long-polling: a request per batch of messages on a keep-alive connection (hyper)"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        ("http", server::PATH)
    }

    fn carries_binary(&self) -> bool {
        false
    }

    fn is_asked_by_number(&self) -> bool {
        true
    }

    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>) {
        out.extend_from_slice(message.body);
        if options.tuning != Tuning::Defaults || options.stack == Stack::Bare {
            out.push(b'\n');
        }
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        match &options.tls {
            None => serve_as_tuned(hub, worker, options, Open),
            Some(identity) => {
                let secure = Secure::new(identity, &options);
                serve_as_tuned(hub, worker, options, secure)
            }
        }
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        crate::bare::serve(bare::LongPoll::default(), &hub, worker, options);
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        start::<PollProtocol<false>>(request, trust, bell)
    }

    fn talk(&self, host: &str) -> Option<Talk> {
        Some(Talk::polls(host))
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<PollProtocol<false>>(server::PATH, pieces.iter().copied())
    }
}

/// The server half of the stack `reference` that the tuning names, behind `guard`.
fn serve_as_tuned<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
) -> LocalFuture<()> {
    match options.tuning {
        Tuning::Defaults => Box::pin(defaults::serve(hub, worker, options, guard)),
        Tuning::Equalised | Tuning::Fixed => Box::pin(server::serve(hub, worker, options, guard)),
    }
}
