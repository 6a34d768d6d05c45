//! Whole subscriptions, from the head of the answer to the last message.

use pushbench_transport::transport::by_name;
use serde::Deserialize;

use crate::escape;

use super::{Checks, Group, in_every_way};

pub(super) const GROUP: Group = Group {
    name: "subscriptions",
    about: "the subscribers: event streams in every framing, answers to long-polls, WebSocket handshakes",
    run: || {
        super::run::<Case>(
            "subscriptions",
            include_str!("../../corpus/subscriptions.toml"),
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
    transport: String,
    stream: String,
    #[serde(default = "yes")]
    subscribed: bool,
    #[serde(default)]
    messages: Vec<String>,
    #[serde(default)]
    asks: Vec<String>,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    subscribed: bool,
    messages: Vec<String>,
    asks: Vec<String>,
}

/// The targets of requests.
fn targets(sent: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(sent);
    text.split("\r\n\r\n")
        .filter_map(|request| request.split(' ').nth(1))
        .map(str::to_owned)
        .collect()
}

impl super::Case for Case {
    fn head(&self) -> (&str, &str, &str) {
        (&self.name, &self.section, &self.rule)
    }
}

impl Case {
    fn check(&self) -> Checks {
        let transport = by_name(&self.transport).map_err(|error| error.to_string())?;
        let polls = transport.name() == "long-poll";
        let stream = escape::bytes(&self.stream)?;
        let expected = Seen {
            subscribed: self.subscribed,
            messages: self.messages.clone(),
            asks: self.asks.clone(),
        };
        let (ways, outcome) = in_every_way(&stream, &expected, |way| {
            let dialogue = transport.dialogue(way);
            Seen {
                subscribed: dialogue.progress.subscribed,
                messages: dialogue.messages.iter().map(|m| escape::text(m)).collect(),
                asks: if polls {
                    targets(&dialogue.sent)
                } else {
                    Vec::new()
                },
            }
        });
        Ok(vec![(transport.name(), ways, outcome)])
    }
}
