//! Newline-delimited JSON over HTTP/1.1: one response that never ends, `application/x-ndjson`, chunked. It is the stream
//! of SSE in another framing: what a client reads with `fetch` and no `EventSource`.

mod bare;
mod defaults;
mod encode;
mod server;
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

/// The transport `ndjson`.
#[derive(Clone, Copy, Debug)]
pub struct Ndjson;

impl Transport for Ndjson {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn about(&self) -> &'static str {
        "NDJSON: one HTTP/1.1 response that never ends, a chunk per line of JSON (hyper)"
    }

    fn endpoint(&self) -> (&'static str, &'static str) {
        ("http", server::PATH)
    }

    fn carries_binary(&self) -> bool {
        false
    }

    fn packs(&self) -> &'static [(Stack, Compression)] {
        &stream::PACKS
    }

    fn shares(&self) -> &'static [Stack] {
        &[Stack::Bare, Stack::Reference]
    }

    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>) {
        if options.compression == Some(Compression::Message) {
            let mut line = Vec::new();
            encode::line(message.body, &mut line);
            return stream::pack(options.stack, &line, out);
        }
        match options.stack {
            // On a stream of HTTP/2 there are no chunks.
            Stack::Bare if !options.http2 => encode::chunk(message.body, out),
            Stack::Bare => encode::line(message.body, out),
            _ if options.tuning == Tuning::Defaults => out.extend_from_slice(message.body),
            _ => encode::line(message.body, out),
        }
    }

    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()> {
        match options.tuning {
            Tuning::Defaults => Box::pin(defaults::serve(hub, worker, options)),
            Tuning::Equalised | Tuning::Fixed => Box::pin(server::serve(hub, worker, options)),
        }
    }

    fn serve_bare(&self, hub: Arc<Hub>, worker: crate::bare::Worker, options: Arc<ServeOptions>) {
        if options.http2 {
            return http2::bare::serve(bare::endpoint(), &hub, worker, options);
        }
        crate::bare::serve(bare::Ndjson::new(&options), &hub, worker, options);
    }

    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>> {
        if request.streams > 0 {
            return start::<subscriber::SharedNdjson>(request, trust, bell);
        }
        if request.compression.is_some() {
            return start::<subscriber::PackedNdjson>(request, trust, bell);
        }
        start::<subscriber::NdjsonProtocol>(request, trust, bell)
    }

    fn talk(&self, host: &str) -> Option<Talk> {
        Some(Talk::lines(host))
    }

    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue {
        dialogue::hold::<subscriber::NdjsonProtocol>(server::PATH, pieces.iter().copied())
    }
}
