//! A subscription without a socket: given what a server sends and how it is cut into reads, what the subscriber makes of it
//! and what it sends. For those who hold our subscribers against specifications.

use std::rc::Rc;

#[cfg(test)]
use pushbench_model::scenario::Compression;

use crate::subscriber::{Nonce, POLL_PERIOD_MS, Progress, Protocol, Request};

/// The nonce of every dialogue: the WebSocket key that follows from it is the one in RFC 6455, section 1.3.
pub const NONCE: Nonce = *b"the sample nonce";

/// What came of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// The messages, in order.
    pub messages: Vec<Vec<u8>>,
    /// What the client sent, its request included.
    pub sent: Vec<u8>,
    /// State and counted bytes at the end.
    pub progress: Progress,
    /// Why it ended: in the middle of the bytes, or because the connection ends after them.
    pub ended: String,
}

/// The same with messages that are to be compressed.
#[cfg(test)]
pub(crate) fn hold_packed<'a, P: Protocol>(
    path: &str,
    compression: Compression,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Dialogue {
    let request = Request {
        compression: Some(compression),
        ..request(path)
    };
    hold_as::<P>(request, pieces)
}

/// The same of subscriptions that share a connection: each message stands behind the number of the one that it is of.
pub(crate) fn hold_shared<'a, P: Protocol>(
    path: &str,
    streams: u32,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Dialogue {
    let request = Request {
        streams,
        ..request(path)
    };
    let number = |index: usize, body: &[u8]| [format!("{index} ").as_bytes(), body].concat();
    hold_and::<P>(request, pieces, number)
}

/// Subscribes at `path` to everything, receives `pieces` one after the other, and then the end of the connection.
pub(crate) fn hold<'a, P: Protocol>(
    path: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Dialogue {
    hold_as::<P>(request(path), pieces)
}

fn hold_as<'a, P: Protocol>(
    request: Request,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Dialogue {
    hold_and::<P>(request, pieces, |_, body| body.to_vec())
}

/// What is kept of a message, `keep` says.
fn hold_and<'a, P: Protocol>(
    request: Request,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    keep: impl Fn(usize, &[u8]) -> Vec<u8>,
) -> Dialogue {
    let (mut messages, mut sent) = (Vec::new(), Vec::new());
    let mut protocol = P::open(&Rc::new(request), NONCE, &mut sent);
    let mut common = P::Common::default();
    let broken = pieces.into_iter().find_map(|piece| {
        let deliver = &mut |index: usize, body: &[u8]| messages.push(keep(index, body));
        protocol
            .receive_shared(&mut common, piece, &mut sent, deliver)
            .err()
    });
    let ended = broken.unwrap_or_else(|| protocol.end());
    Dialogue {
        messages,
        sent,
        progress: protocol.progress(),
        ended: ended.to_string(),
    }
}

/// A request for everything.
fn request(path: &str) -> Request {
    Request {
        host: "localhost:1".into(),
        path: path.into(),
        after: Some(0),
        counted: false,
        poll_timeout_ms: 20_000,
        poll_period_ms: POLL_PERIOD_MS,
        once: false,
        tells: false,
        compression: None,
        streams: 0,
    }
}
