//! The floor: length-prefixed frames over a plain socket. Every figure is held against it.
//!
//! A client opens with its cursor, 8 bytes little-endian (all ones: new messages only). The server answers with the
//! number of its newest message, 8 bytes little-endian, then sends frames: a 4-byte little-endian length and the body.

mod bare;
pub mod frame;
mod server;
mod subscriber;

use std::io;
use std::sync::Arc;

use pushbench_model::tuning::Tuning;
use pushbench_sys::poller::Bell;

use crate::dialogue::{self, Dialogue};
use crate::hub::{Hub, Message};
use crate::listener::Worker;
use crate::subscriber::{Request, Subscribers, start};
use crate::tls::Trust;
use crate::tls::guard::{Open, Secure};
use crate::transport::{LocalFuture, ServeOptions, Transport};

/// Bytes of the greeting in each direction.
const GREETING: usize = 8;
/// Cursor that asks for new messages only.
const LIVE: u64 = u64::MAX;

/// The transport `tcp`.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl Transport for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn about(&self) -> &'static str {
        "the floor: length-prefixed frames over a plain TCP socket"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        ("tcp", "")
    }

    fn carries_binary(&self) -> bool {
        true
    }

    fn tunings(&self) -> &'static [Tuning] {
        &[Tuning::Fixed]
    }

    fn encode(&self, message: Message<'_>, _options: &ServeOptions, out: &mut Vec<u8>) {
        // A body is bounded far below the 4 GiB of the prefix before it is published.
        frame::encode(message.body, out).expect("a body fits its length prefix");
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        let dead_after = options.dead_after();
        match &options.tls {
            None => Box::pin(server::serve(hub, worker, dead_after, Open)),
            Some(identity) => {
                let secure = Secure::new(identity, &options);
                Box::pin(server::serve(hub, worker, dead_after, secure))
            }
        }
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        crate::bare::serve(bare::Tcp, &hub, worker, options);
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        start::<subscriber::TcpProtocol>(request, trust, bell)
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<subscriber::TcpProtocol>("", pieces.iter().copied())
    }
}
