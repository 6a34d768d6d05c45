//! WebSocket (RFC 6455): an HTTP upgrade, then a frame per message.

mod axum;
pub(crate) mod bare;
mod conversation;
mod defaults;
pub mod frame;
pub mod handshake;
mod pulse;
mod server;
mod subscriber;
mod utf8;

use std::io;
use std::sync::Arc;

use pushbench_model::scenario::Compression;
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
use crate::transport::{LocalFuture, ServeOptions, Speech, Transport};

use frame::{Opcode, encode_client};

/// The transport `websocket`.
#[derive(Clone, Copy, Debug)]
pub struct WebSocket;

impl Transport for WebSocket {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn about(&self) -> &'static str {
        "WebSocket: an HTTP/1.1 upgrade, then a frame per message (hyper and tokio-tungstenite)"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        ("http", server::PATH)
    }

    fn carries_binary(&self) -> bool {
        true
    }

    fn stacks(&self) -> &'static [Stack] {
        &Stack::ALL
    }

    /// tungstenite has no permessage-deflate.
    fn packs(&self) -> &'static [(Stack, Compression)] {
        &[
            (Stack::Bare, Compression::Message),
            (Stack::Bare, Compression::Stream),
        ]
    }

    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>) {
        if options.stack == Stack::Bare {
            return match options.compression {
                Some(Compression::Message) => bare::encode_packed(message, out),
                Some(Compression::Stream) | None => bare::encode(message, out),
            };
        }
        // The frame header is tungstenite's to write; the payload is what connections share.
        out.extend_from_slice(message.body);
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        if options.stack == Stack::Axum {
            return Box::pin(axum::serve(hub, worker, options));
        }
        match &options.tls {
            None => serve_as_tuned(hub, worker, options, Open),
            Some(identity) => {
                let secure = Secure::new(identity, &options);
                serve_as_tuned(hub, worker, options, secure)
            }
        }
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        let protocol = bare::WebSocket::new(Arc::clone(&hub), &options);
        crate::bare::serve(protocol, &hub, worker, options);
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        if request.compression.is_some() {
            return start::<subscriber::PackedWebSocket>(request, trust, bell);
        }
        start::<subscriber::WebSocketProtocol>(request, trust, bell)
    }

    fn talk(&self, host: &str) -> Option<Talk> {
        Some(Talk::frames(host))
    }

    fn speech(&self) -> Option<Speech> {
        Some(Speech {
            query: "say=1",
            encode: |body, binary, mask, out| {
                let opcode = if binary { Opcode::Binary } else { Opcode::Text };
                encode_client(opcode, body, mask, out);
            },
        })
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<subscriber::WebSocketProtocol>(server::PATH, pieces.iter().copied())
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
