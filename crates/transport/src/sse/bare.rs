//! The server half on the stack `bare`: the chunk of an event is a frame, encoded once.

use std::io::Write as _;
use std::ops::Range;

use http::StatusCode;

use crate::bare::http::{Form, answer, open_or};
use crate::bare::{Asked, Common, Heard, Protocol};
use crate::http1::body::Framing;
use crate::http1::server::after_of;

use super::encode;
use super::server::{PATH, takes_post};

pub(super) struct Sse;

/// Appends an event in a chunk of its own.
pub(super) fn event(fields: &encode::Fields<'_>, data: &str, out: &mut Vec<u8>) {
    size_line(encode::event_len(fields, data), out);
    encode::event(fields, data, out);
    out.extend_from_slice(b"\r\n");
}

fn size_line(len: usize, out: &mut Vec<u8>) {
    write!(out, "{len:X}\r\n").expect("memory takes all that is written");
}

/// Appends `text`, in a chunk unless the client knows none.
fn piece(text: &[u8], plain: bool, out: &mut Vec<u8>) {
    if plain {
        return out.extend_from_slice(text);
    }
    size_line(text.len(), out);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

impl Protocol for Sse {
    type State = ();

    const LINES: bool = true;

    fn open(&mut self, bytes: &[u8], common: &mut Common, now: u64, reply: &mut Vec<u8>) -> Asked {
        let head = match open_or(bytes, PATH, takes_post, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let Ok(after) = after_of(&head) else {
            return head.refuse(StatusCode::BAD_REQUEST, common, now, reply);
        };
        let plain = head.form.old;
        let form = Form {
            last: plain || head.form.last,
            ..head.form
        };
        let fields = [
            "content-type: text/event-stream\r\n",
            "cache-control: no-cache\r\n",
        ];
        let framing = if plain {
            Framing::UntilClose
        } else {
            Framing::Chunked
        };
        let date = &mut common.date;
        answer(
            StatusCode::OK,
            &fields,
            Some(framing),
            form,
            date,
            now,
            reply,
        );
        if let Some(ms) = common.options.sse_retry_ms {
            piece(format!("retry: {ms}\n\n").as_bytes(), plain, reply);
        }
        Asked::Stream {
            used: head.used,
            after,
            plain,
        }
    }

    fn hear(&mut self, (): &mut (), bytes: &[u8], _: &mut Vec<u8>) -> Heard {
        // Requests behind a stream that never ends wait for ever.
        Heard::Used(bytes.len())
    }

    fn heartbeat(&mut self, plain: bool, reply: &mut Vec<u8>) {
        let mut comment = Vec::new();
        encode::comment("", &mut comment);
        piece(&comment, plain, reply);
    }

    fn inner(&self, frame: &[u8]) -> Range<usize> {
        let size = memchr::memchr(b'\n', frame).map_or(0, |at| at + 1);
        size..frame.len() - "\r\n".len()
    }
}
