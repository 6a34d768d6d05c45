//! `response.p99 > 5ms`: what is asked of a drive.
//!
//! ```text
//! threshold = quantity side number [unit]
//! quantity  = time "." statistic | count | rate
//! time      = "latency" | "response" | "service" | "gap" | "connect" | "first-byte" | "first-message" | "lateness"
//! statistic = "p" number | "mean" | "max"
//! count     = "messages" | "lost" | "missing" | "duplicated" | "reordered" | "unreadable" | "faults"
//!           | "connections." ("subscribed" | "failed" | "ended" | "reconnects" | "most" | "at-end")
//!           | "published.failed"
//! rate      = "messages/s" | "bytes/s"
//! side      = ">" | "<"
//! unit      = "ns" | "us" | "µs" | "ms" | "s"   of times
//!           | "B" | "kB" | "MB"                 of bytes/s
//! ```
//!
//! `latency` is the response time where there is one and the service time otherwise. Spaces may stand between the parts.

use std::fmt;
use std::str::FromStr;

use pushbench_model::drive::histogram;

use crate::compare::threshold::{Reader, Side, ThresholdError};

/// A threshold: exceeded when the quantity lies beyond its limit on its side.
#[derive(Clone, Debug, PartialEq)]
pub struct DriveThreshold {
    /// As it was written.
    pub text: String,
    /// Which figure.
    pub quantity: Quantity,
    /// Which side of the limit is wrong.
    pub side: Side,
    /// Nanoseconds, bytes per second, or a count.
    pub limit: f64,
}

/// A figure of a drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// A statistic of a histogram by its name; without a name of the latency, whichever there is.
    Time(Option<&'static str>, Statistic),
    /// A count, or a rate.
    Count(Count),
}

/// A statistic of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// A quantile, between 0 and 1.
    Quantile(f64),
    /// The arithmetic mean.
    Mean,
    /// The largest.
    Max,
}

/// A count, or a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names in `COUNTS` say it")]
pub enum Count {
    Messages,
    MessagesPerS,
    BytesPerS,
    Lost,
    Missing,
    Duplicated,
    Reordered,
    Unreadable,
    Faults,
    Subscribed,
    Failed,
    Ended,
    Reconnects,
    Most,
    AtEnd,
    PublishFailed,
}

/// What a drive must have, so that a figure can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A time stamp in messages.
    Stamp,
    /// The time that messages were due at.
    Due,
    /// A sequence number in messages.
    Sequence,
    /// Something to be found in messages.
    Reading,
    /// A publisher of our own.
    Publisher,
}

const TIMES: [(&str, Option<&str>); 8] = [
    ("latency", None),
    ("response", Some(histogram::RESPONSE)),
    ("service", Some(histogram::SERVICE)),
    ("gap", Some(histogram::GAP)),
    ("connect", Some(histogram::CONNECT)),
    ("first-byte", Some(histogram::FIRST_BYTE)),
    ("first-message", Some(histogram::FIRST_MESSAGE)),
    ("lateness", Some(histogram::LATENESS)),
];

const COUNTS: [(&str, Count); 16] = [
    ("messages", Count::Messages),
    ("messages/s", Count::MessagesPerS),
    ("bytes/s", Count::BytesPerS),
    ("lost", Count::Lost),
    ("missing", Count::Missing),
    ("duplicated", Count::Duplicated),
    ("reordered", Count::Reordered),
    ("unreadable", Count::Unreadable),
    ("faults", Count::Faults),
    ("connections.subscribed", Count::Subscribed),
    ("connections.failed", Count::Failed),
    ("connections.ended", Count::Ended),
    ("connections.reconnects", Count::Reconnects),
    ("connections.most", Count::Most),
    ("connections.at-end", Count::AtEnd),
    ("published.failed", Count::PublishFailed),
];

impl Quantity {
    /// What it needs.
    #[must_use]
    pub fn need(self) -> Need {
        match self {
            Self::Time(None | Some(histogram::SERVICE), _) => Need::Stamp,
            Self::Time(Some(histogram::RESPONSE), _) => Need::Due,
            Self::Time(Some(histogram::LATENESS), _) => Need::Publisher,
            Self::Time(..) => Need::Nothing,
            Self::Count(count) => match count {
                Count::Lost | Count::Duplicated | Count::Reordered => Need::Sequence,
                Count::Unreadable => Need::Reading,
                Count::Missing | Count::PublishFailed => Need::Publisher,
                _ => Need::Nothing,
            },
        }
    }

    fn parse(name: &str) -> Option<Self> {
        if let Some(&(_, count)) = COUNTS.iter().find(|(label, _)| *label == name) {
            return Some(Self::Count(count));
        }
        let (time, statistic) = name.split_once('.')?;
        let &(_, time) = TIMES.iter().find(|(label, _)| *label == time)?;
        let statistic = match statistic {
            "mean" => Statistic::Mean,
            "max" => Statistic::Max,
            other => {
                let digits = other.strip_prefix('p')?;
                let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
                let percent: f64 = digits.parse().ok().filter(|_| plain)?;
                (0.0 < percent && percent < 100.0)
                    .then_some(Statistic::Quantile(percent / 100.0))?
            }
        };
        Some(Self::Time(time, statistic))
    }

    /// Units with their multiple of the unit of the report; an empty name: none.
    fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Time(..) => &[
                ("ns", 1.0),
                ("us", 1e3),
                ("µs", 1e3),
                ("ms", 1e6),
                ("s", 1e9),
            ],
            Self::Count(Count::BytesPerS) => &[("", 1.0), ("B", 1.0), ("kB", 1e3), ("MB", 1e6)],
            Self::Count(_) => &[("", 1.0)],
        }
    }
}

impl fmt::Display for DriveThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for DriveThreshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let mut reader = Reader::new(text);
        let quantity = quantity(&mut reader)?;
        let side = reader.side()?;
        reader.skip_spaces();
        let start = reader.place();
        let digits = reader.take(|c| c.is_ascii_digit() || c == '.');
        let Some(number) = digits.parse::<f64>().ok().filter(|n| n.is_finite()) else {
            return Err(reader.error(start, "a limit expected, such as 5ms or 0".into()));
        };
        reader.skip_spaces();
        let unit_at = reader.place();
        let unit = reader.rest().trim_end();
        let units = quantity.units();
        let Some((_, multiple)) = units.iter().find(|(name, _)| *name == unit) else {
            return Err(reader.error(unit_at, wrong_unit(units, unit)));
        };
        Ok(Self {
            text: text.trim().to_owned(),
            quantity,
            side,
            limit: number * multiple,
        })
    }
}

fn quantity(reader: &mut Reader<'_>) -> Result<Quantity, ThresholdError> {
    reader.skip_spaces();
    let start = reader.place();
    let name = reader.take(|c| !c.is_whitespace() && !matches!(c, '<' | '>' | '='));
    Quantity::parse(name).ok_or_else(|| {
        let found = if name.is_empty() {
            "a figure is missing".to_owned()
        } else {
            format!("no figure {name:?}")
        };
        let times: Vec<&str> = TIMES.iter().map(|(label, _)| *label).collect();
        let counts: Vec<&str> = COUNTS.iter().map(|(label, _)| *label).collect();
        let message = format!(
            "{found}; there are {} and .p50, .p99.9, .mean or .max of {}",
            counts.join(", "),
            times.join(", ")
        );
        reader.error(start, message)
    })
}

fn wrong_unit(units: &[(&str, f64)], unit: &str) -> String {
    let allowed: Vec<&str> = units
        .iter()
        .map(|(name, _)| if name.is_empty() { "none" } else { name })
        .collect();
    let found = if unit.is_empty() {
        "a unit is missing".to_owned()
    } else {
        format!("{unit:?} is no unit of it")
    };
    format!("{found}; there are {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DriveThreshold {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn figures_sides_and_units() {
        let one = parse(" response.p99 > 5ms ");
        assert_eq!(one.text, "response.p99 > 5ms");
        assert_eq!(
            (one.quantity, one.side, one.limit),
            (
                Quantity::Time(Some("response"), Statistic::Quantile(0.99)),
                Side::Above,
                5e6
            )
        );
        assert_eq!(
            parse("latency.max>1.5s").quantity,
            Quantity::Time(None, Statistic::Max)
        );
        assert_eq!(parse("gap.p99.9>3us").limit, 3e3);
        assert_eq!(
            parse("messages/s<1000").quantity,
            Quantity::Count(Count::MessagesPerS)
        );
        assert_eq!(parse("bytes/s<2MB").limit, 2e6);
        for (name, count) in COUNTS {
            assert_eq!(
                parse(&format!("{name}>0")).quantity,
                Quantity::Count(count),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, column, wanted) in [
            ("", 1, "a figure is missing"),
            ("p99>5ms", 1, "no figure \"p99\""),
            ("response.p100>5ms", 1, "no figure"),
            ("response.p0>5ms", 1, "no figure"),
            ("response.pnan>5ms", 1, "no figure"),
            ("lost=0", 5, "`>` or `<`"),
            ("lost>", 6, "a limit expected"),
            ("lost>-1", 6, "a limit expected"),
            ("lost>1..2", 6, "a limit expected"),
            ("lost>0ms", 7, "\"ms\" is no unit of it; there are none"),
            (
                "gap.p50>5",
                10,
                "a unit is missing; there are ns, us, µs, ms, s",
            ),
        ] {
            let error = text.parse::<DriveThreshold>().unwrap_err();
            assert!(
                error.column == column && error.message.contains(wanted),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn needs() {
        for (text, need) in [
            ("response.p99>1ms", Need::Due),
            ("latency.p99>1ms", Need::Stamp),
            ("service.p99>1ms", Need::Stamp),
            ("gap.p99>1ms", Need::Nothing),
            ("lost>0", Need::Sequence),
            ("missing>0", Need::Publisher),
            ("unreadable>0", Need::Reading),
            ("faults>0", Need::Nothing),
        ] {
            assert_eq!(parse(text).quantity.need(), need, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<DriveThreshold>();
        }
    }
}
