//! Shared by the tests of codecs and subscriptions: cutting a byte string into reads.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::subscriber::{Nonce, Progress, Protocol, Request};

/// Where a test cuts its input. An empty piece is a read of nothing, which must change nothing.
#[derive(Debug, Clone)]
pub(crate) enum Cuts {
    /// Every byte arrives alone.
    Bytes,
    /// Cuts at these places, in any order, equal ones included.
    At(Vec<Index>),
}

impl Cuts {
    /// The pieces of `bytes`, in order; together they are `bytes` again.
    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let Self::At(places) = self else {
            return bytes.chunks(1).collect();
        };
        let mut ends: Vec<usize> = places.iter().map(|at| at.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut start = 0;
        ends.into_iter()
            .map(|end| &bytes[std::mem::replace(&mut start, end)..end])
            .collect()
    }
}

/// One read per byte, or up to seven cuts anywhere.
pub(crate) fn cuts() -> impl Strategy<Value = Cuts> {
    prop_oneof![
        1 => Just(Cuts::Bytes),
        4 => vec(any::<Index>(), 0..8).prop_map(Cuts::At),
    ]
}

/// What a subscription makes of a server's bytes, read in these pieces.
#[derive(Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) messages: Vec<Vec<u8>>,
    /// What the client sent, its request included.
    pub(crate) sent: Vec<u8>,
    pub(crate) progress: Progress,
    /// Why it ended: in the middle of the bytes, or because the connection ends after them.
    pub(crate) ended: String,
}

/// Subscribes at `path` and receives `pieces`.
pub(crate) fn receive<'a, P: Protocol>(
    path: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Received {
    let (mut messages, mut sent) = (Vec::new(), Vec::new());
    let mut protocol = P::open(&Rc::new(request(path)), NONCE, &mut sent);
    let mut common = P::Common::default();
    let broken = pieces.into_iter().find_map(|piece| {
        let deliver = &mut |body: &[u8]| messages.push(body.to_vec());
        protocol
            .receive(&mut common, piece, &mut sent, deliver)
            .err()
    });
    let ended = broken.unwrap_or_else(|| protocol.end());
    Received {
        messages,
        sent,
        progress: protocol.progress(),
        ended: ended.to_string(),
    }
}

const NONCE: Nonce = *b"the sample nonce";

/// A request for everything.
fn request(path: &str) -> Request {
    Request {
        host: "localhost:1".into(),
        path: path.into(),
        after: Some(0),
        poll_timeout_ms: 20_000,
        once: false,
    }
}

/// Byte strings made of `tokens`, so that random input reaches the rules instead of missing them.
pub(crate) fn soup(tokens: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::sample::select(tokens), 0..40).prop_map(|parts| parts.concat())
}
