//! A scenario: data that names a workload, its parameters, what it models and what is expected.
//!
//! Parsing validates: a [`Scenario`] that exists can run. A mistake is an error with file, line and what is allowed.

mod cuts;
mod slow;
mod tokens;

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::margin::Margins;
use crate::payload::{Payload, PayloadKind};
use crate::profile::{PerProfile, Profile};
use crate::schedule::Arrivals;

pub use cuts::{Cuts, Pattern};
pub use slow::Slow;
use tokens::RawTokens;
pub use tokens::{Context, Tokens};

/// A scenario that is known to be valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// Unique name: lower-case letters, digits and dashes.
    pub name: String,
    /// What real situation it stands for.
    pub models: String,
    /// What theory expects, written before the run.
    pub expected: String,
    /// Profiles it is part of.
    pub profiles: Vec<Profile>,
    /// Transports it asks about; all if there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
    /// How large a difference must be to matter.
    pub margins: Margins,
    /// What every message carries.
    pub payload: Payload,
    /// What publishers and subscribers do.
    pub workload: Workload,
    /// What a server must keep to be of use, if anybody has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
}

/// What a scenario may ask about.
pub const TRANSPORT_NAMES: [&str; 6] = [
    "tcp",
    "sse",
    "websocket",
    "long-poll",
    "ndjson",
    "short-poll",
];

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
    /// Cold connections, each closed after its first message.
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

    /// Connections that are open at the same time, at most: subscribers that speak may have a second one each.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match self {
            Self::FanOut(fan_out) if fan_out.two_way => 2 * fan_out.subscribers,
            _ => self.subscribers(),
        }
    }

    /// Those who are served at the same time.
    #[must_use]
    pub fn subscribers(&self) -> u32 {
        match self {
            Self::FanOut(fan_out) => fan_out.subscribers,
            Self::Connect(connect) => connect.in_flight,
            Self::Tokens(tokens) => tokens.conversations,
        }
    }
}

/// Parameters of the fan-out workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FanOut {
    /// Subscribers of the topic.
    pub subscribers: u32,
    /// Messages per second on the topic.
    pub rate: f64,
    /// Shape of the arrivals.
    pub arrivals: Arrivals,
    /// Seconds of load before measuring.
    pub warm_up_s: PerProfile<f64>,
    /// Seconds measured.
    pub measure_s: PerProfile<f64>,
    /// Connections that are cut in the measured phase, and come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<Cuts>,
    /// Subscribers that stop reading when the measured phase begins, or read slowly from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Each message is said by one of the subscribers, and goes to all of them, itself included.
    #[serde(default, skip_serializing_if = "is_false")]
    pub two_way: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Most subscribers of a two-way fan-out: each has two connections in the load process, whose publisher reaches all of them.
const MOST_TWO_WAY: u32 = 2000;

impl FanOut {
    /// Subscribers that are slow on purpose.
    #[must_use]
    pub fn slow_subscribers(&self) -> u32 {
        self.slow.map_or(0, |slow| slow.of(self.subscribers))
    }

    /// Subscribers that figures are of: those that are not slow on purpose.
    #[must_use]
    pub fn measured_subscribers(&self) -> u32 {
        self.subscribers - self.slow_subscribers()
    }

    /// Messages published in `seconds`, at least one.
    #[must_use]
    pub fn messages(&self, seconds: f64) -> u64 {
        ((self.rate * seconds).round() as u64).max(1)
    }
}

/// Parameters of the connect workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connect {
    /// Connections opened in the measured phase.
    pub connections: PerProfile<u32>,
    /// Connections opened before measuring.
    pub warm_up: PerProfile<u32>,
    /// Connections being set up at any time (closed loop).
    pub in_flight: u32,
}

/// A scenario file that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ScenarioError {
    /// The file, as it was named.
    pub file: String,
    /// Line of the mistake, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawScenario {
    name: Spanned<String>,
    models: String,
    expected: String,
    profiles: Spanned<Vec<Profile>>,
    #[serde(default)]
    transports: Vec<Spanned<String>>,
    /// Absent where the workload brings its own.
    payload: Option<RawPayload>,
    #[serde(default)]
    margin: Option<Spanned<Margins>>,
    #[serde(default)]
    objective: Option<Spanned<Objective>>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFanOut {
    subscribers: Spanned<u32>,
    rate: Spanned<f64>,
    arrivals: Arrivals,
    warm_up_s: Spanned<PerProfile<f64>>,
    measure_s: Spanned<PerProfile<f64>>,
    cuts: Option<Spanned<Cuts>>,
    slow: Option<Spanned<Slow>>,
    #[serde(default)]
    two_way: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawConnect {
    connections: Spanned<PerProfile<u32>>,
    warm_up: Spanned<PerProfile<u32>>,
    in_flight: Spanned<u32>,
}

impl Scenario {
    /// Whether its subscribers say the messages.
    #[must_use]
    pub fn is_two_way(&self) -> bool {
        matches!(&self.workload, Workload::FanOut(fan_out) if fan_out.two_way)
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
        source.check(
            &raw.profiles,
            |list| !list.is_empty(),
            "at least one of quick, standard, thorough",
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
        for name in &raw.transports {
            let wanted = format!("one of {}", TRANSPORT_NAMES.join(", "));
            source.check(
                name,
                |name| TRANSPORT_NAMES.contains(&name.as_str()),
                &wanted,
            )?;
        }
        let payload = payload(raw.payload, &workload, raw.name.span(), &source)?;
        Ok(Self {
            name: raw.name.into_inner(),
            models: raw.models,
            expected: raw.expected,
            profiles: raw.profiles.into_inner(),
            transports: raw
                .transports
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
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
            source.in_range(&raw.bytes, 0..=8 * 1024 * 1024, "bytes")?;
            Ok(Payload {
                bytes: raw.bytes.into_inner(),
                kind: raw.kind,
            })
        }
    }
}

impl RawFanOut {
    fn validate(self, source: &Source<'_>) -> Result<FanOut, ScenarioError> {
        source.in_range(&self.subscribers, 1..=1_000_000, "subscribers")?;
        source.in_range(&self.rate, 0.001..=1_000_000.0, "messages per second")?;
        source.each_in_range(&self.warm_up_s, 0.0..=3600.0, "seconds")?;
        source.each_in_range(&self.measure_s, 0.01..=86_400.0, "seconds")?;
        if let (Some(_), Some(slow)) = (&self.cuts, &self.slow) {
            let wanted = "a fan-out has slow subscribers or cuts, not both";
            return Err(source.error(slow.span(), wanted));
        }
        if self.two_way {
            self.validate_two_way(source)?;
        }
        let slow = self
            .slow
            .map(|slow| Slow::validate(slow, &self.subscribers, source))
            .transpose()?;
        Ok(FanOut {
            subscribers: self.subscribers.into_inner(),
            rate: self.rate.into_inner(),
            arrivals: self.arrivals,
            warm_up_s: self.warm_up_s.into_inner(),
            measure_s: self.measure_s.into_inner(),
            cuts: self
                .cuts
                .map(|cuts| Cuts::validate(cuts, source))
                .transpose()?,
            slow,
            two_way: self.two_way,
        })
    }

    /// Who is cut off or does not read cannot say anything, and figures are of all who can.
    fn validate_two_way(&self, source: &Source<'_>) -> Result<(), ScenarioError> {
        let cuts = self.cuts.as_ref().map(|cuts| (cuts.span(), "cuts"));
        let slow = self.slow.as_ref().map(Spanned::span);
        if let Some((span, what)) = cuts.or(slow.map(|span| (span, "slow subscribers"))) {
            let wanted = format!("a two-way fan-out has no {what}: leave one of both out");
            return Err(source.error(span, &wanted));
        }
        source.in_range(
            &self.subscribers,
            1..=MOST_TWO_WAY,
            "subscribers of a two-way fan-out",
        )
    }
}

impl RawConnect {
    fn validate(self, source: &Source<'_>) -> Result<Connect, ScenarioError> {
        source.each_in_range(&self.connections, 1..=10_000_000, "connections")?;
        source.each_in_range(&self.warm_up, 0..=10_000_000, "connections")?;
        source.in_range(&self.in_flight, 1..=10_000, "connections")?;
        Ok(Connect {
            connections: self.connections.into_inner(),
            warm_up: self.warm_up.into_inner(),
            in_flight: self.in_flight.into_inner(),
        })
    }
}

/// The text being parsed, to turn byte offsets into lines.
struct Source<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Source<'_> {
    fn error(&self, span: Range<usize>, message: &str) -> ScenarioError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        ScenarioError {
            file: self.file.display().to_string(),
            line,
            message: message.trim_end().to_owned(),
        }
    }

    fn check<T: std::fmt::Debug>(
        &self,
        value: &Spanned<T>,
        allowed: impl Fn(&T) -> bool,
        wanted: &str,
    ) -> Result<(), ScenarioError> {
        if allowed(value.get_ref()) {
            return Ok(());
        }
        Err(self.error(
            value.span(),
            &format!("{:?} is not allowed here: {wanted}", value.get_ref()),
        ))
    }

    fn in_range<T: PartialOrd + std::fmt::Debug>(
        &self,
        value: &Spanned<T>,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<(), ScenarioError> {
        let wanted = format!("{:?} to {:?} {unit}", range.start(), range.end());
        self.check(value, |value| range.contains(value), &wanted)
    }

    fn each_in_range<T: Copy + PartialOrd + std::fmt::Debug>(
        &self,
        value: &Spanned<PerProfile<T>>,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<(), ScenarioError> {
        for profile in Profile::ALL {
            let one = Spanned::new(value.span(), value.get_ref().at(profile));
            self.in_range(&one, range.clone(), unit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
