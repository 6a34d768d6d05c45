//! The server half on the stack `bare`: the chunk of a line is a frame, encoded once.

use std::ops::Range;

use crate::bare::http::open;
use crate::bare::{Asked, Common, Heard, Protocol};
use crate::stream;
use crate::tokens::parlour::Manner;

use super::encode::HEARTBEAT;
use super::server::{ANSWERS, PATH};

pub(super) struct Ndjson;

impl Protocol for Ndjson {
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
        let head = match open(bytes, PATH, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let content_type = "content-type: application/x-ndjson\r\n";
        stream::bare::begin(&head, content_type, common, now, reply)
    }

    fn hear(&mut self, (): &mut (), bytes: &[u8], _: &mut Vec<u8>) -> Heard {
        // Requests behind a stream that never ends wait for ever.
        Heard::Used(bytes.len())
    }

    fn heartbeat(&mut self, (): &mut (), plain: bool, _: u64, reply: &mut Vec<u8>) {
        stream::bare::chunk(HEARTBEAT, plain, reply);
    }

    fn inner(&self, frame: &[u8]) -> Range<usize> {
        stream::bare::content(frame)
    }
}
