//! The state machine of event sources.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport::sse::source::{Answer, Ending, Next, Source, Why};
use serde::Deserialize;

use crate::escape;

use super::{Checks, Group, compare};

pub(super) const GROUP: Group = Group {
    name: "event-source",
    about: "the state machine of EventSource: what reconnects, what is final, which id is sent",
    run: || {
        super::run::<Case>(
            "event-source",
            include_str!("../../corpus/event-source.toml"),
            Case::check,
        )
    },
};

/// The reconnection time of every case until its stream sets one, milliseconds.
const RETRY_MS: u64 = 3_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    rule: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    id: Option<String>,
    status: Option<u16>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    location: Option<String>,
    stream: Option<String>,
    ended: Option<Ended>,
    then: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ended {
    Unreachable,
    Broken,
    Complete,
    Futile,
}

impl From<Ended> for Ending {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Unreachable => Self::Unreachable,
            Ended::Broken => Self::Broken,
            Ended::Complete => Self::Complete,
            Ended::Futile => Self::Futile,
        }
    }
}

fn shown(next: Next) -> String {
    match next {
        Next::Open => "open".into(),
        Next::Follow => "follow".into(),
        Next::Reconnect { after_ms } => format!("reconnect {after_ms}"),
        Next::Closed(Why::Status(status)) => format!("closed status {status}"),
        Next::Closed(Why::ContentType) => "closed type".into(),
        Next::Closed(Why::Futile) => "closed futile".into(),
        Next::Closed(Why::Closed) => "closed".into(),
    }
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(&self) -> Checks {
        let mut source = Source::new(RETRY_MS);
        let mut decoder: Option<Decoder> = None;
        let (mut expected, mut got) = (Vec::new(), Vec::new());
        for step in &self.steps {
            if let Some(id) = &step.id {
                expected.push(format!("id {id:?}"));
                got.push(format!(
                    "id {:?}",
                    source.last_event_id().unwrap_or_default()
                ));
            }
            let next = match (step.status, &step.stream, step.ended) {
                (Some(status), None, None) => {
                    let next = source.answered(&Answer {
                        status,
                        content_type: step.content_type.as_deref(),
                        location: step.location.as_deref(),
                    });
                    decoder = (next == Next::Open).then(|| source.decoder(MAX_MESSAGE));
                    Some(next)
                }
                (None, Some(stream), None) => {
                    let decoder = decoder.as_mut().ok_or("a stream before an answer")?;
                    decoder
                        .feed(&escape::bytes(stream)?, &mut |_| {})
                        .map_err(|error| error.to_string())?;
                    None
                }
                (None, None, Some(ended)) => {
                    Some(source.ended(ended.into(), decoder.take().as_ref()))
                }
                _ => return Err("a step has one of status, stream and ended".into()),
            };
            if next.is_some() != step.then.is_some() {
                return Err("`then` belongs to status and ended, and to no stream".into());
            }
            expected.extend(step.then.clone());
            got.extend(next.map(shown));
        }
        Ok(vec![("state machine", 1, compare(&expected, &got))])
    }
}
