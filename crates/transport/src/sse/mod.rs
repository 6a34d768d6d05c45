//! Server-Sent Events over HTTP/1.1: one response that never ends, `text/event-stream`, chunked.

mod axum;
mod bare;
pub mod decode;
mod defaults;
pub mod encode;
mod server;
pub mod source;
pub(crate) mod subscriber;

use std::io;
use std::sync::Arc;

use pushbench_model::scenario::Compression;
use pushbench_model::tuning::Tuning;
use pushbench_sys::poller::Bell;

use crate::dialogue::{self, Dialogue};
use crate::http2;
use crate::hub::{Hub, Message};
use crate::listener::Worker;
use crate::stack::Stack;
use crate::stream;
use crate::subscriber::{Request, Subscribers, start};
use crate::tls::Trust;
use crate::tokens::Talk;
use crate::transport::{LocalFuture, ServeOptions, Transport};

/// The transport `sse`.
#[derive(Clone, Copy, Debug)]
pub struct Sse;

impl Transport for Sse {
    fn name(&self) -> &'static str {
        "sse"
    }

    fn about(&self) -> &'static str {
        "Server-Sent Events: one HTTP/1.1 response that never ends, a chunk per event (hyper)"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        ("http", server::PATH)
    }

    fn carries_binary(&self) -> bool {
        false
    }

    fn stacks(&self) -> &'static [Stack] {
        &Stack::ALL
    }

    fn packs(&self) -> &'static [(Stack, Compression)] {
        &stream::PACKS
    }

    fn shares(&self) -> &'static [Stack] {
        &[Stack::Bare, Stack::Reference]
    }

    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>) {
        let formats = options.stack == Stack::Axum || options.tuning == Tuning::Defaults;
        if formats && options.stack != Stack::Bare {
            return out.extend_from_slice(message.body);
        }
        let fields = encode::Fields {
            event: options.sse_event.as_deref(),
            id: options.sse_ids.then_some(message.seq),
            retry_ms: None,
        };
        // The format is UTF-8; bytes that are not would be replaced by every client, so they are here.
        let data = decode::decode(message.body);
        if options.compression == Some(Compression::Message) {
            let mut event = Vec::new();
            encode::event(&fields, &data, &mut event);
            return stream::pack(options.stack, &event, out);
        }
        match options.stack {
            // On a stream of HTTP/2 there are no chunks.
            Stack::Bare if !options.http2 => bare::event(&fields, &data, out),
            _ => encode::event(&fields, &data, out),
        }
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        if options.stack == Stack::Axum {
            return Box::pin(axum::serve(hub, worker, options));
        }
        match options.tuning {
            Tuning::Defaults => Box::pin(defaults::serve(hub, worker, options)),
            Tuning::Equalised | Tuning::Fixed => Box::pin(server::serve(hub, worker, options)),
        }
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        if options.http2 {
            return http2::bare::serve(bare::endpoint(&options), &hub, worker, options);
        }
        crate::bare::serve(bare::Sse::new(&options), &hub, worker, options);
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        if request.streams > 0 {
            return start::<subscriber::SharedSse>(request, trust, bell);
        }
        if request.compression.is_some() {
            return start::<subscriber::PackedSse>(request, trust, bell);
        }
        start::<subscriber::SseProtocol>(request, trust, bell)
    }

    fn talk(&self, host: &str) -> Option<Talk> {
        Some(Talk::events(host))
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<subscriber::SseProtocol>(server::PATH, pieces.iter().copied())
    }
}
