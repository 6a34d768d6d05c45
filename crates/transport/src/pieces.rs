//! Shared by the tests of codecs and subscriptions: cutting a byte string into reads, and what servers of
//! polls send.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use pushbench_model::message::{Stamp, encode_text};

pub(crate) use crate::dialogue::{Dialogue as Received, hold as receive};

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

/// Byte strings made of `tokens`, so that random input reaches the rules instead of missing them.
pub(crate) fn soup(tokens: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::sample::select(tokens), 0..40).prop_map(|parts| parts.concat())
}

/// A message as a server sends it.
pub(crate) fn body(seq: u64) -> Vec<u8> {
    let stamp = Stamp {
        seq,
        intended: 1,
        published: 2,
    };
    let mut out = Vec::new();
    encode_text(stamp, "data", &mut out);
    out
}

/// The answer of a poll with these lines; without any it is 204.
pub(crate) fn answer(lines: &[Vec<u8>]) -> Vec<u8> {
    if lines.is_empty() {
        return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    }
    let body: Vec<u8> = lines
        .iter()
        .flat_map(|line| [&line[..], b"\n"].concat())
        .collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}
