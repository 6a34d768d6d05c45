//! The server half on the stack `bare`: the chunk of an event is a frame, encoded once.

use std::ops::Range;

use crate::bare::http::open_or;
use crate::bare::{Asked, Common, Heard, Protocol};
use crate::stream;
use crate::stream::bare::size_line;
use crate::tokens::parlour::Manner;

use super::encode;
use super::server::{ANSWERS, PATH, takes_post};

pub(super) struct Sse;

/// Appends an event in a chunk of its own.
pub(super) fn event(fields: &encode::Fields<'_>, data: &str, out: &mut Vec<u8>) {
    size_line(encode::event_len(fields, data), out);
    encode::event(fields, data, out);
    out.extend_from_slice(b"\r\n");
}

impl Protocol for Sse {
    type State = ();

    const ANSWERS: Option<Manner> = Some(Manner::Http(ANSWERS));

    const LINES: bool = true;

    fn open(
        &mut self,
        (): &mut (),
        bytes: &[u8],
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked {
        let head = match open_or(bytes, PATH, takes_post, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let content_type = "content-type: text/event-stream\r\n";
        let asked = stream::bare::begin(&head, content_type, common, now, reply);
        if let Asked::Stream { plain, .. } = asked
            && let Some(ms) = common.options.sse_retry_ms
        {
            stream::bare::chunk(format!("retry: {ms}\n\n").as_bytes(), plain, reply);
        }
        asked
    }

    fn hear(&mut self, (): &mut (), bytes: &[u8], _: &mut Vec<u8>) -> Heard {
        // Requests behind a stream that never ends wait for ever.
        Heard::Used(bytes.len())
    }

    fn heartbeat(&mut self, (): &mut (), plain: bool, _: u64, reply: &mut Vec<u8>) {
        let mut comment = Vec::new();
        encode::comment("", &mut comment);
        stream::bare::chunk(&comment, plain, reply);
    }

    fn inner(&self, frame: &[u8]) -> Range<usize> {
        stream::bare::content(frame)
    }
}
