//! The client's decoder of WebSocket frames.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::websocket::frame::{FrameDecoder, Item};
use serde::Deserialize;

use crate::escape;

use super::{Checks, Group, Outcome, compare, in_every_way};

pub(super) const GROUP: Group = Group {
    name: "websocket-client",
    about: "the client's decoder of frames: every rule of their format, and when a fault is known",
    run: || {
        super::run::<Case>(
            "websocket-client",
            include_str!("../../corpus/websocket-client.toml"),
            Case::check,
        )
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    rule: String,
    stream: String,
    #[serde(default)]
    items: Vec<String>,
    fault: Option<u16>,
    after: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
struct Read {
    items: Vec<String>,
    fault: Option<u16>,
}

/// What an item is called in the corpus.
pub(super) fn shown(item: &Item<'_>) -> String {
    match item {
        Item::Text(text) => format!("text {}", escape::text(text)),
        Item::Binary(bytes) => format!("binary {}", escape::text(bytes)),
        Item::Ping(bytes) => format!("ping {}", escape::text(bytes)),
        Item::Pong(bytes) => format!("pong {}", escape::text(bytes)),
        Item::Close(None) => "close".into(),
        Item::Close(Some((code, ""))) => format!("close {code}"),
        Item::Close(Some((code, reason))) => format!("close {code} {reason}"),
    }
}

/// What the decoder makes of the pieces, and how many bytes it has read to the end or to a fault.
fn decode(pieces: &[&[u8]]) -> (Read, usize) {
    let mut decoder = FrameDecoder::new(MAX_MESSAGE);
    let (mut items, mut read) = (Vec::new(), 0);
    let fault = pieces.iter().find_map(|piece| {
        read += piece.len();
        let fed = decoder.feed(piece, &mut |item| items.push(shown(&item)));
        fed.err().map(|error| error.close_code())
    });
    (Read { items, fault }, read)
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(&self) -> Checks {
        let stream = escape::bytes(&self.stream)?;
        let canonical = |item: &String| escape::bytes(item).map(|bytes| escape::text(&bytes));
        let expected = Read {
            items: self.items.iter().map(canonical).collect::<Result<_, _>>()?,
            fault: self.fault,
        };
        let (ways, mut outcome) = in_every_way(&stream, &expected, |way| decode(way).0);
        if let (Outcome::Passed, Some(after)) = (&outcome, self.after) {
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            outcome = match compare(&after, &decode(&bytes).1) {
                Outcome::Failed(difference) => {
                    Outcome::Failed(format!("bytes before the fault: {difference}"))
                }
                passed => passed,
            };
        }
        Ok(vec![("decoder", ways, outcome)])
    }
}
