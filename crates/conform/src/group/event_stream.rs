//! The decoder of event streams.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;
use serde::Deserialize;

use crate::escape;

use super::{Checks, Group, Outcome, compare, in_every_way};

pub(super) const GROUP: Group = Group {
    name: "event-stream",
    about: "the decoder of event streams: every rule of their format",
    run: || {
        super::run::<Case>(
            "event-stream",
            include_str!("../../corpus/event-stream.toml"),
            Case::check,
        )
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: String,
    section: String,
    rule: String,
    stream: String,
    #[serde(default)]
    resumes: String,
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    last: String,
    retry: Option<u64>,
    #[serde(default)]
    ready: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    data: String,
    #[serde(default = "message", rename = "type")]
    kind: String,
    #[serde(default)]
    id: String,
}

fn message() -> String {
    "message".into()
}

#[derive(Debug, PartialEq, Eq)]
struct Outcomes {
    events: Vec<Event>,
    last: String,
    retry: Option<u64>,
    error: Option<String>,
}

/// What the decoder makes of the pieces, and after how many bytes each event was there.
fn decode(resumes: &str, pieces: &[&[u8]]) -> (Outcomes, Vec<usize>) {
    let mut decoder = Decoder::resuming(MAX_MESSAGE, resumes);
    let (mut events, mut ready, mut read) = (Vec::new(), Vec::new(), 0);
    let error = pieces.iter().find_map(|piece| {
        read += piece.len();
        let fed = decoder.feed(piece, &mut |event| {
            events.push(Event {
                data: String::from_utf8_lossy(event.data).into_owned(),
                kind: event.event.to_owned(),
                id: event.last_event_id.to_owned(),
            });
            ready.push(read);
        });
        fed.err().map(|error| error.to_string())
    });
    let outcomes = Outcomes {
        events,
        last: decoder.last_event_id().to_owned(),
        retry: decoder.retry_ms(),
        error,
    };
    (outcomes, ready)
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(&self) -> Checks {
        let stream = escape::bytes(&self.stream)?;
        let expected = Outcomes {
            events: self.events.clone(),
            last: self.last.clone(),
            retry: self.retry,
            error: None,
        };
        let (ways, mut outcome) =
            in_every_way(&stream, &expected, |way| decode(&self.resumes, way).0);
        if outcome == Outcome::Passed && !self.ready.is_empty() {
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            let (_, ready) = decode(&self.resumes, &bytes);
            outcome = match compare(&self.ready, &ready) {
                Outcome::Failed(difference) => {
                    Outcome::Failed(format!("bytes before each event: {difference}"))
                }
                passed => passed,
            };
        }
        Ok(vec![("decoder", ways, outcome)])
    }
}
