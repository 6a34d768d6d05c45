//! A scenario: data that names a workload, its parameters, what it models and what is expected.
//!
//! Parsing validates: a [`Scenario`] that exists can run. A mistake is an error with file, line and what is allowed.

mod compression;
mod connect;
mod cuts;
mod dead;
mod fan_out;
mod large;
mod over;
mod setting;
mod slow;
mod source;
mod tls;
mod tokens;

use std::ops::Range;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::link::Link;
use crate::margin::Margins;
use crate::payload::{Payload, PayloadKind};
use crate::profile::Profile;

pub use compression::Compression;
use connect::RawConnect;
pub use connect::{Arriving, Connect, Pace};
pub use cuts::{Cuts, Pattern};
pub use dead::Dead;
pub use fan_out::FanOut;
use fan_out::RawFanOut;
pub use large::Large;
pub use setting::{MOST_STREAMS, Setting};
pub use slow::Slow;
pub use source::ScenarioError;
use source::Source;
pub use tls::Tls;
use tokens::RawTokens;
pub use tokens::{Context, Tokens};

/// A scenario that is known to be valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// Unique name: lower-case letters, digits and dashes; behind an `@` the link, where it is one of several copies that
    /// differ in it.
    pub name: String,
    /// What real situation it stands for.
    pub models: String,
    /// What theory expects, written before the run.
    pub expected: String,
    /// Profiles it is part of; with none it runs by name only.
    pub profiles: Vec<Profile>,
    /// Transports it asks about; all if there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
    /// How its servers are to be set.
    #[serde(default, skip_serializing_if = "Setting::is_none")]
    pub server: Setting,
    /// The network path between server and load process; loopback if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// How large a difference must be to matter.
    pub margins: Margins,
    /// What every message carries.
    pub payload: Payload,
    /// What publishers and subscribers do.
    pub workload: Workload,
    /// What a server must keep to be of use, if anybody has said it; of a fan-out alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
}

/// Most payload bytes of a message.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What a scenario may ask about.
pub const TRANSPORT_NAMES: [&str; 6] = [
    "tcp",
    "sse",
    "websocket",
    "long-poll",
    "ndjson",
    "short-poll",
];

/// The one of them whose subscribers speak on the subscription itself; over the others they post.
pub const SPOKEN_ON: &str = "websocket";

/// What a server must keep to be of use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Objective {
    /// Largest 99th percentile of response times, milliseconds. Nothing may be lost besides.
    pub p99_ms: f64,
}

/// The behaviour of publishers and subscribers, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// One topic, many subscribers, an open-loop publisher.
    FanOut(FanOut),
    /// Cold connections until their first message: a number of them at a time, or by a schedule.
    Connect(Connect),
    /// Conversations with a language model: a request, and an answer token by token.
    Tokens(Tokens),
}

impl Workload {
    /// Name on the command line and in records.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::FanOut(_) => "fan-out",
            Self::Connect(_) => "connect",
            Self::Tokens(_) => "tokens",
        }
    }

    /// Connections that are open at the same time, at most: subscribers that speak may have a second one each, and those that come by a
    /// schedule pile up where they are not served.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match self {
            Self::FanOut(fan_out) if fan_out.two_way => 2 * fan_out.subscribers,
            Self::Connect(connect) => connect.most_open(),
            _ => self.subscribers(),
        }
    }

    /// Those who are served at the same time.
    #[must_use]
    pub fn subscribers(&self) -> u32 {
        match self {
            Self::FanOut(fan_out) => fan_out.subscribers,
            Self::Connect(connect) => connect.at_once(),
            Self::Tokens(tokens) => tokens.conversations,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawScenario {
    name: Spanned<String>,
    models: String,
    expected: String,
    profiles: Vec<Profile>,
    #[serde(default)]
    transports: Vec<Spanned<String>>,
    /// Absent where the workload brings its own.
    payload: Option<RawPayload>,
    #[serde(default)]
    margin: Option<Spanned<Margins>>,
    #[serde(default)]
    objective: Option<Spanned<Objective>>,
    server: Option<Spanned<Setting>>,
    link: Option<Spanned<String>>,
    fan_out: Option<RawFanOut>,
    connect: Option<RawConnect>,
    tokens: Option<RawTokens>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPayload {
    bytes: Spanned<usize>,
    #[serde(default)]
    kind: PayloadKind,
}

impl Scenario {
    /// Which of its messages are larger than the others, if some are.
    #[must_use]
    pub fn large(&self) -> Option<Large> {
        match &self.workload {
            Workload::FanOut(fan_out) => fan_out.large,
            _ => None,
        }
    }

    /// Whether some of its subscribers lose their network, which only a link can take away, and it has none.
    #[must_use]
    pub fn lacks_a_link(&self) -> bool {
        let dies = matches!(&self.workload, Workload::FanOut(fan_out) if fan_out.dead.is_some());
        dies && self.link.is_none()
    }

    /// Whether its subscribers say the messages.
    #[must_use]
    pub fn is_two_way(&self) -> bool {
        matches!(&self.workload, Workload::FanOut(fan_out) if fan_out.two_way)
    }

    /// Connections that are open at the same time, at most, as [`Workload::connections`], where several subscribers may share one.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.server.connections(self.workload.connections())
    }

    /// Whether it asks about servers of `transport`.
    #[must_use]
    pub fn asks_about(&self, transport: &str) -> bool {
        self.transports.is_empty() || self.transports.iter().any(|name| name == transport)
    }

    /// Parses the text of a scenario file; `file` is how errors name it.
    ///
    /// # Errors
    ///
    /// When the text is not TOML, a key is unknown or missing, or a value is outside its range.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ScenarioError> {
        let source = Source { text, file };
        let raw: RawScenario = toml::from_str(text)
            .map_err(|error| source.error(error.span().unwrap_or(0..0), error.message()))?;

        let name_is_plain = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        source.check(
            &raw.name,
            |name| name_is_plain(name),
            "a name of lower-case letters, digits and dashes",
        )?;

        if let Some(margins) = &raw.margin {
            let allowed = |m: &Margins| m.named().iter().all(|&(_, v)| (0.0..=1.0).contains(&v));
            source.check(
                margins,
                allowed,
                "shares of 0.0 to 1.0, such as 0.05 for 5 %",
            )?;
        }

        if let Some(objective) = &raw.objective {
            source.check(
                objective,
                |objective| (0.001..=600_000.0).contains(&objective.p99_ms),
                "a 99th percentile of 0.001 to 600000 milliseconds",
            )?;
        }

        let workload = match (raw.fan_out, raw.connect, raw.tokens) {
            (Some(fan_out), None, None) => Workload::FanOut(fan_out.validate(&source)?),
            (None, Some(connect), None) => Workload::Connect(connect.validate(&source)?),
            (None, None, Some(tokens)) => Workload::Tokens(tokens.validate(&source)?),
            _ => {
                let wanted =
                    "a scenario has exactly one workload: a table [fan-out], [connect] or [tokens]";
                return Err(source.error(raw.name.span(), wanted));
            }
        };
        if let Some(objective) = &raw.objective
            && !matches!(workload, Workload::FanOut(_))
        {
            let wanted = "an objective is for [fan-out] alone, nothing else is held against one: leave [objective] out";
            return Err(source.error(objective.span(), wanted));
        }
        for name in &raw.transports {
            let wanted = format!("one of {}", TRANSPORT_NAMES.join(", "));
            source.check(
                name,
                |name| TRANSPORT_NAMES.contains(&name.as_str()),
                &wanted,
            )?;
        }
        let payload = payload(raw.payload, &workload, raw.name.span(), &source)?;
        let link = over::validate(raw.link, &source)?;
        let server = raw.server;
        if let (Workload::Connect(connect), Some(server)) = (&workload, &server) {
            connect::check_setting(connect, server.get_ref(), server.span(), &source)?;
        }
        let server = server.map(|server| Setting::validate(server, &workload, &source));
        Ok(Self {
            name: raw.name.into_inner(),
            models: raw.models,
            expected: raw.expected,
            profiles: raw.profiles,
            transports: raw
                .transports
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            server: server.transpose()?.unwrap_or_default(),
            link,
            margins: raw.margin.map(Spanned::into_inner).unwrap_or_default(),
            payload,
            workload,
            objective: raw.objective.map(Spanned::into_inner),
        })
    }
}

/// What messages carry. Tokens carry text of their own.
fn payload(
    raw: Option<RawPayload>,
    workload: &Workload,
    name: Range<usize>,
    source: &Source<'_>,
) -> Result<Payload, ScenarioError> {
    match (raw, workload) {
        (None, Workload::Tokens(_)) => Ok(Payload {
            bytes: 0,
            kind: PayloadKind::Text,
        }),
        (Some(raw), Workload::Tokens(_)) => Err(source.error(
            raw.bytes.span(),
            "the workload tokens sends a text of its own: leave [payload] out",
        )),
        (None, _) => Err(source.error(name, "a table [payload] with bytes is missing")),
        (Some(raw), _) => {
            source.in_range(&raw.bytes, 0..=MOST_BYTES, "bytes")?;
            Ok(Payload {
                bytes: raw.bytes.into_inner(),
                kind: raw.kind,
            })
        }
    }
}

#[cfg(test)]
mod tests;
