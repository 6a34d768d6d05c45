//! The server half on the stack `bare`: the chunk of an event is a frame, encoded once.

use bytes::Bytes;
use pushbench_model::scenario::Compression;

use crate::bare::http::open_or;
use crate::bare::{Asked, Common, Guise, Heard, Known, Protocol};
use crate::http2::bare::Endpoint;
use crate::stream;
use crate::stream::bare::size_line;
use crate::tokens::parlour::Manner;
use crate::transport::ServeOptions;

use super::encode;
use super::server::{ANSWERS, CONTENT_TYPE, PATH, retry, takes_post};

pub(super) struct Sse {
    /// Messages are compressed, each by itself.
    packs: bool,
    known: Known,
}

impl Sse {
    pub(super) fn new(options: &ServeOptions) -> Self {
        Self {
            packs: options.compression == Some(Compression::Message),
            known: Known::default(),
        }
    }
}

/// Appends an event in a chunk of its own.
pub(super) fn event(fields: &encode::Fields<'_>, data: &str, out: &mut Vec<u8>) {
    size_line(encode::event_len(fields, data), out);
    encode::event(fields, data, out);
    out.extend_from_slice(b"\r\n");
}

/// The stream where many share a connection.
pub(super) fn endpoint(options: &ServeOptions) -> Endpoint {
    Endpoint {
        path: PATH,
        content_type: CONTENT_TYPE,
        greeting: retry(options),
        takes: takes_post,
    }
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
        if let Some((asked, _)) = self.known.find(bytes, now) {
            self.known.answer(&[], reply);
            return asked;
        }
        let head = match open_or(bytes, PATH, takes_post, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let content_type = "content-type: text/event-stream\r\n";
        let asked = stream::bare::begin(&head, content_type, common, now, reply);
        if let Asked::Stream { guise, .. } = asked
            && let Some(ms) = common.options.sse_retry_ms
        {
            let retry = format!("retry: {ms}\n\n");
            stream::bare::chunk(retry.as_bytes(), guise.unframed, reply);
        }
        let fresh_until = common.date.fresh_until();
        self.known
            .keep(asked, (bytes, 0..0), (reply, 0..0), fresh_until);
        asked
    }

    fn hear(&mut self, (): &mut (), bytes: &[u8], _: &mut Vec<u8>) -> Heard {
        // Requests behind a stream that never ends wait for ever.
        Heard::Used(bytes.len())
    }

    fn heartbeat(&mut self, (): &mut (), guise: Guise, _: u64, reply: &mut Vec<u8>) {
        let mut comment = Vec::new();
        encode::comment("", &mut comment);
        stream::bare::aside(&comment, self.packs, guise, reply);
    }

    fn dress(&mut self, frame: &Bytes, guise: Guise) -> Bytes {
        stream::bare::dress(frame, guise)
    }
}
