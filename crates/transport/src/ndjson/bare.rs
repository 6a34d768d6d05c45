//! The server half on the stack `bare`: the chunk of a line is a frame, encoded once.

use bytes::Bytes;
use pushbench_model::scenario::Compression;

use crate::bare::http::open;
use crate::bare::{Asked, Common, Guise, Heard, Known, Protocol};
use crate::http2::bare::Endpoint;
use crate::stream;
use crate::tokens::parlour::Manner;
use crate::transport::ServeOptions;

use super::encode::HEARTBEAT;
use super::server::{ANSWERS, CONTENT_TYPE, PATH};

pub(super) struct Ndjson {
    /// Messages are compressed, each by itself.
    packs: bool,
    known: Known,
}

impl Ndjson {
    pub(super) fn new(options: &ServeOptions) -> Self {
        Self {
            packs: options.compression == Some(Compression::Message),
            known: Known::default(),
        }
    }
}

/// The stream where many share a connection.
pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        path: PATH,
        content_type: CONTENT_TYPE,
        greeting: None,
        takes: |_, _, _| false,
    }
}

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
        if let Some((asked, _)) = self.known.find(bytes, now) {
            self.known.answer(&[], reply);
            return asked;
        }
        let head = match open(bytes, PATH, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let content_type = "content-type: application/x-ndjson\r\n";
        let asked = stream::bare::begin(&head, content_type, common, now, reply);
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
        stream::bare::aside(HEARTBEAT, self.packs, guise, reply);
    }

    fn dress(&mut self, frame: &Bytes, guise: Guise) -> Bytes {
        stream::bare::dress(frame, guise)
    }
}
