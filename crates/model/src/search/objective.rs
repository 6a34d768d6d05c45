//! A service-level objective in one word: `p99<=10ms`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must hold for a rate to count as sustained, besides that nothing is lost and no backlog grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objective {
    /// Percentile looked at, for example 0.99.
    pub quantile: f64,
    /// Response time it may have, nanoseconds.
    pub limit_ns: u64,
}

impl Objective {
    /// Name of its percentile: `p99`, `p99.9`.
    #[must_use]
    pub fn percentile(&self) -> String {
        // 0.999 is not exact in binary; more than six digits nobody writes.
        let text = format!("{:.6}", self.quantile * 100.0);
        format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
    }

    /// Samples that its percentile needs: ten beyond it.
    #[must_use]
    pub fn samples(&self) -> u64 {
        (10.0 / (1.0 - self.quantile) - 1e-6).ceil() as u64
    }
}

/// `p99 <= 10 ms`.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, unit) = UNITS
            .iter()
            .rev()
            .map(|&(unit, nanoseconds)| (nanoseconds, unit))
            .find(|&(nanoseconds, _)| self.limit_ns as f64 >= nanoseconds)
            .unwrap_or((1.0, "ns"));
        let limit = self.limit_ns as f64 / divisor;
        f.pad(&format!("{} <= {limit} {unit}", self.percentile()))
    }
}

/// Text that is no objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "character {at} ({found}): expected {expected}; an objective is a percentile, `<=` and a time in us, ms or s, such as \
     p99<=10ms or p99.9<=250us"
)]
pub struct ObjectiveError {
    /// Where, counted in characters from 1.
    pub at: usize,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub expected: &'static str,
}

const UNITS: [(&str, f64); 3] = [("us", 1e3), ("ms", 1e6), ("s", 1e9)];
/// Longest limit: a response time beyond it is recorded as this (ten minutes).
const LONGEST_NS: f64 = crate::histogram::HIGHEST as f64;

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let mut rest = Rest { text, at: 0 };
        rest.take("p")
            .ok_or_else(|| rest.error("p and a percentile, such as p99"))?;
        let before = rest.at;
        let percentile = rest
            .number()
            .filter(|p| (50.0..=99.999).contains(p))
            .ok_or_else(|| rest.back(before).error("a percentile of 50 to 99.999"))?;
        rest.take("<=").ok_or_else(|| rest.error("`<=`"))?;
        rest.spaces();
        let before = rest.at;
        let number = rest
            .number()
            .ok_or_else(|| rest.error("a number, such as 10"))?;
        let (unit, nanoseconds) = UNITS
            .into_iter()
            .find(|(unit, _)| rest.unread().trim_start() == *unit)
            .ok_or_else(|| rest.error("us, ms or s, and nothing after it"))?;
        debug_assert!(!unit.is_empty());
        let limit = number * nanoseconds;
        if !(1e3..=LONGEST_NS).contains(&limit) {
            return Err(rest.back(before).error("a time of 1us to 600s"));
        }
        Ok(Self {
            quantile: percentile / 100.0,
            limit_ns: limit.round() as u64,
        })
    }
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn unread(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.unread().trim_start().len();
    }

    fn take(&mut self, word: &str) -> Option<()> {
        self.spaces();
        self.unread()
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<f64> {
        let unread = self.unread();
        let end = unread
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unread.len());
        let number = unread[..end].parse().ok()?;
        self.at += end;
        Some(number)
    }

    fn back(mut self, at: usize) -> Self {
        self.at = at;
        self
    }

    fn error(&self, expected: &'static str) -> ObjectiveError {
        ObjectiveError {
            at: self.text[..self.at].chars().count() + 1,
            found: match self.unread() {
                "" => "the end".into(),
                unread => format!("{unread:?}"),
            },
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, quantile, limit_ns, said) in [
            ("p99<=10ms", 0.99, 10_000_000, "p99 <= 10 ms"),
            (" p99.9 <= 250 us", 0.999, 250_000, "p99.9 <= 250 us"),
            ("p50<=1.5s", 0.5, 1_500_000_000, "p50 <= 1.5 s"),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert!((objective.quantile - quantile).abs() < 1e-12, "{text}");
            assert_eq!(
                (objective.limit_ns, objective.to_string()),
                (limit_ns, said.into())
            );
            assert_eq!(said.parse(), Ok(objective), "what is said can be read");
        }
        let samples = |text: &str| text.parse::<Objective>().unwrap().samples();
        assert_eq!((samples("p99<=1s"), samples("p50<=1s")), (1000, 20));
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, at, found, expected) in [
            ("", 1, "the end", "p and a percentile"),
            ("q99<=1ms", 1, "\"q99<=1ms\"", "p and a percentile"),
            ("p<=1ms", 2, "\"<=1ms\"", "50 to 99.999"),
            ("p100<=1ms", 2, "\"100<=1ms\"", "50 to 99.999"),
            ("p9.9.9<=1ms", 2, "\"9.9.9", "50 to 99.999"),
            ("p99<10ms", 4, "\"<10ms\"", "`<=`"),
            ("p99>=10ms", 4, "\">=10ms\"", "`<=`"),
            ("p99<=ms", 6, "\"ms\"", "a number"),
            ("p99<=-1ms", 6, "\"-1ms\"", "a number"),
            ("p99<=10", 8, "the end", "us, ms or s"),
            ("p99<=10min", 8, "\"min\"", "us, ms or s"),
            ("p99<=10ms, loss=0", 8, "\"ms, loss=0\"", "nothing after it"),
            ("p99<=0ms", 6, "\"0ms\"", "1us to 600s"),
            ("p99<=900s", 6, "\"900s\"", "1us to 600s"),
            ("p99 ≤ 1ms", 5, "\"≤ 1ms\"", "`<=`"),
        ] {
            let error = text.parse::<Objective>().unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.found.starts_with(found), "{text}: {error}");
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }
}
