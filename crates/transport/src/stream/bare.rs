//! The response on the stack `bare`: the chunk of a message is a frame, encoded once.

use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use http::StatusCode;
use pushbench_model::scenario::Compression;

use crate::bare::http::{Form, Head, answer};
use crate::bare::{Asked, Common, Guise, Packing};
use crate::deflate::{agree, gzip, pack, stored, unpack};
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

/// Appends a chunk whose content is compressed by itself.
pub(crate) fn packed_chunk(content: &[u8], out: &mut Vec<u8>) {
    let mut packed = Vec::new();
    pack(content, &mut packed);
    chunk(&packed, false, out);
}

/// Appends what is no message, for a subscriber to a stream in which messages are compressed each by itself, or not at all.
pub(crate) fn aside(content: &[u8], packs: bool, guise: Guise, out: &mut Vec<u8>) {
    if !packs || guise.inflated {
        return chunk(content, guise.unframed, out);
    }
    let mut block = Vec::new();
    stored(content, &mut block);
    chunk(&block, guise.unframed, out);
}

/// The chunk of a message, for a subscriber that knows no chunks or has not offered to inflate it.
pub(crate) fn dress(frame: &Bytes, guise: Guise) -> Bytes {
    let inner = content(frame);
    if !guise.inflated {
        return frame.slice(inner);
    }
    let (mut text, mut out) = (Vec::new(), Vec::new());
    // It was packed here, and can be read.
    if unpack(&frame[inner], &mut text).is_ok() {
        chunk(&text, guise.unframed, &mut out);
    }
    out.into()
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
    let compression = common.options.compression;
    let coded = compression.is_some() && agree::accepts_gzip(head);
    let fields = [
        content_type,
        "cache-control: no-cache\r\n",
        "vary: accept-encoding\r\n",
        "content-encoding: gzip\r\n",
    ];
    let fields = match (compression, coded) {
        (None, _) => &fields[..2],
        (Some(_), false) => &fields[..3],
        (Some(_), true) => &fields,
    };
    answer(
        StatusCode::OK,
        fields,
        Some(framing),
        form,
        &mut common.date,
        now,
        reply,
    );
    if coded {
        chunk(&gzip::HEADER, plain, reply);
    }
    let packing = if plain {
        Packing::Content
    } else {
        Packing::Chunks
    };
    Asked::Stream {
        used: head.used,
        after,
        guise: Guise {
            unframed: plain,
            inflated: compression == Some(Compression::Message) && !coded,
        },
        packing: (compression == Some(Compression::Stream) && coded).then_some(packing),
    }
}
