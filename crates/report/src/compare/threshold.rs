//! `p99 > +10%`: which change of a figure is a regression.
//!
//! ```text
//! threshold = metric side change
//! metric    = "p50" | "p99" | "p99.9" | "cpu" | "load-cpu" | "instructions" | "bytes" | "segments" | "memory"
//!           | "rate" | "lost"
//! side      = ">" | "<"
//! change    = [sign] number "%"                 relative to the baseline
//!           | sign number [unit]                candidate less baseline
//! unit      = "ns" | "us" | "µs" | "ms" | "s"   of p50, p99, p99.9, cpu, load-cpu
//!           | "B" | "kB" | "MB"                 of bytes, memory
//!           | "/s"                              of rate, and may be left out
//! ```
//!
//! A change without `%` needs its sign, so that nobody takes `p99 > 10ms` for a limit on p99 itself. Spaces may stand
//! between the parts and nowhere else.

use std::fmt;
use std::str::FromStr;

use super::Kind;

/// What is asked of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// Which figure.
    pub asked: Asked,
    /// Which side of the limit is a regression.
    pub side: Side,
    /// The limit of the change.
    pub limit: Limit,
}

/// Which figure a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One that is compared by statistics.
    Figure(Kind),
    /// Messages lost per trial, over all trials that measured, the invalid ones too.
    Lost,
}

/// A side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// More than the limit.
    Above,
    /// Less than the limit.
    Below,
}

/// How large a change may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Share of the baseline: 0.1 for `+10%`; more than -1.
    Relative(f64),
    /// Candidate less baseline, in the unit of the record: nanoseconds, bytes, operations per second, or a count.
    Absolute(f64),
}

/// An expression that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct ThresholdError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl Asked {
    /// Name in thresholds and files.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Figure(kind) => kind.label(),
            Self::Lost => "lost",
        }
    }

    /// Units an absolute change of it may have, with their multiple of the unit of the record; an empty name: none.
    fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Figure(Kind::Bytes | Kind::Memory) => &[("B", 1.0), ("kB", 1e3), ("MB", 1e6)],
            Self::Figure(Kind::Rate) => &[("/s", 1.0), ("", 1.0)],
            Self::Figure(Kind::Instructions | Kind::Segments) | Self::Lost => &[("", 1.0)],
            Self::Figure(_) => &[
                ("ns", 1.0),
                ("us", 1e3),
                ("µs", 1e3),
                ("ms", 1e6),
                ("s", 1e9),
            ],
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let figures = Kind::ALL.into_iter().map(Self::Figure);
        figures.chain(std::iter::once(Self::Lost))
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let mut reader = Reader::new(text);
        let asked = reader.metric()?;
        let side = reader.side()?;
        let limit = reader.change(asked)?;
        Ok(Self {
            text: text.trim().to_owned(),
            asked,
            side,
            limit,
        })
    }
}

/// A place in an expression.
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// In bytes, always between two characters.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where it is.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    pub(crate) fn error(&self, at: usize, message: String) -> ThresholdError {
        ThresholdError {
            column: 1 + self.text[..at].chars().count(),
            message,
        }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// What stands here as long as `wanted` says so.
    pub(crate) fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn metric(&mut self) -> Result<Asked, ThresholdError> {
        self.skip_spaces();
        let start = self.at;
        let name = self.take(|c| !c.is_whitespace() && !matches!(c, '<' | '>' | '='));
        Asked::all()
            .find(|asked| asked.label() == name)
            .ok_or_else(|| {
                let known: Vec<&str> = Asked::all().map(Asked::label).collect();
                let found = if name.is_empty() {
                    "a metric is missing".to_owned()
                } else {
                    format!("no metric {name:?}")
                };
                self.error(start, format!("{found}; there are {}", known.join(", ")))
            })
    }

    pub(crate) fn side(&mut self) -> Result<Side, ThresholdError> {
        self.skip_spaces();
        let side = match self.rest().chars().next() {
            Some('>') => Side::Above,
            Some('<') => Side::Below,
            other => {
                let found = other.map_or("the end".to_owned(), |c| format!("{c:?}"));
                return Err(self.error(self.at, format!("`>` or `<` expected, {found} found")));
            }
        };
        self.at += 1;
        Ok(side)
    }

    fn change(&mut self, asked: Asked) -> Result<Limit, ThresholdError> {
        self.skip_spaces();
        let start = self.at;
        let sign = self.take(|c| matches!(c, '+' | '-'));
        let digits = self.take(|c| c.is_ascii_digit() || c == '.');
        let number = format!("{sign}{digits}").parse::<f64>();
        let number = number.ok().filter(|n| n.is_finite() && !digits.is_empty());
        let Some(number) = number else {
            let message = "a change expected, such as +10% or +500us".to_owned();
            return Err(self.error(start, message));
        };
        self.skip_spaces();
        let unit_at = self.at;
        let unit = self.rest().trim_end();
        self.at = self.text.len();
        if unit == "%" {
            return self.relative(asked, number, start, unit_at);
        }
        let units = asked.units();
        let Some((_, multiple)) = units.iter().find(|(name, _)| *name == unit) else {
            return Err(self.error(unit_at, wrong_unit(asked, unit)));
        };
        if sign.is_empty() {
            let message = format!(
                "a sign expected: +{digits}{unit} is a change against the baseline, not a limit on {} itself",
                asked.label()
            );
            return Err(self.error(start, message));
        }
        Ok(Limit::Absolute(number * multiple))
    }

    fn relative(
        &self,
        asked: Asked,
        number: f64,
        start: usize,
        unit_at: usize,
    ) -> Result<Limit, ThresholdError> {
        if asked == Asked::Lost {
            let message =
                "messages lost have no percentage, since mostly none are: write +0".into();
            return Err(self.error(unit_at, message));
        }
        if number <= -100.0 {
            return Err(self.error(start, "nothing shrinks by 100 % or more".into()));
        }
        Ok(Limit::Relative(number / 100.0))
    }
}

fn wrong_unit(asked: Asked, unit: &str) -> String {
    let percent = (asked != Asked::Lost).then_some("%");
    let allowed: Vec<&str> = percent
        .into_iter()
        .chain(asked.units().iter().map(|(name, _)| match *name {
            "" => "none",
            name => name,
        }))
        .collect();
    let found = if unit.is_empty() {
        "a unit is missing".to_owned()
    } else {
        format!("{unit:?} is no unit")
    };
    format!("{found}: {} takes {}", asked.label(), allowed.join(", "))
}

#[cfg(test)]
mod tests;
