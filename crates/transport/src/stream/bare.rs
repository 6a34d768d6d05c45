//! The response on the stack `bare`: the chunk of a message is a frame, encoded once.

use std::io::Write as _;
use std::ops::Range;

use http::StatusCode;

use crate::bare::http::{Form, Head, answer};
use crate::bare::{Asked, Common};
use crate::http1::body::Framing;
use crate::http1::server::after_of;

const LINE_END: &[u8] = b"\r\n";

/// Appends the line that begins a chunk of `len` bytes.
pub(crate) fn size_line(len: usize, out: &mut Vec<u8>) {
    write!(out, "{len:X}\r\n").expect("memory takes all that is written");
}

/// Appends a chunk, or its content alone for a client that knows none.
pub(crate) fn chunk(content: &[u8], plain: bool, out: &mut Vec<u8>) {
    if plain {
        return out.extend_from_slice(content);
    }
    size_line(content.len(), out);
    out.extend_from_slice(content);
    out.extend_from_slice(LINE_END);
}

/// Where the content of a chunk stands in it.
pub(crate) fn content(chunk: &[u8]) -> Range<usize> {
    let size = memchr::memchr(b'\n', chunk).map_or(0, |at| at + 1);
    size..chunk.len() - LINE_END.len()
}

/// Begins the response to a request that asks for the stream: its head, and what is to follow.
pub(crate) fn begin(
    head: &Head<'_>,
    content_type: &str,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Asked {
    let Ok(after) = after_of(head) else {
        return head.refuse(StatusCode::BAD_REQUEST, common, now, reply);
    };
    let plain = head.form.old;
    let form = Form {
        last: plain || head.form.last,
        ..head.form
    };
    let framing = if plain {
        Framing::UntilClose
    } else {
        Framing::Chunked
    };
    answer(
        StatusCode::OK,
        &[content_type, "cache-control: no-cache\r\n"],
        Some(framing),
        form,
        &mut common.date,
        now,
        reply,
    );
    Asked::Stream {
        used: head.used,
        after,
        plain,
    }
}
