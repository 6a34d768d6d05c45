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
        let mut reader = Reader { text, at: 0 };
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
struct Reader<'a> {
    text: &'a str,
    /// In bytes, always between two characters.
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, at: usize, message: String) -> ThresholdError {
        ThresholdError {
            column: 1 + self.text[..at].chars().count(),
            message,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// What stands here as long as `wanted` says so.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
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

    fn side(&mut self) -> Result<Side, ThresholdError> {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Asked, Side, Limit) {
        let read: Threshold = text.parse().unwrap();
        assert_eq!(read.text, text.trim());
        (read.asked, read.side, read.limit)
    }

    #[test]
    fn what_is_allowed() {
        let figure = Asked::Figure;
        let cases = [
            (
                "p99 > +10%",
                figure(Kind::P99),
                Side::Above,
                Limit::Relative(0.1),
            ),
            (
                " p99.9>10 % ",
                figure(Kind::P999),
                Side::Above,
                Limit::Relative(0.1),
            ),
            (
                "rate < -5%",
                figure(Kind::Rate),
                Side::Below,
                Limit::Relative(-0.05),
            ),
            (
                "p50 > +500us",
                figure(Kind::P50),
                Side::Above,
                Limit::Absolute(5e5),
            ),
            (
                "cpu > +1.5µs",
                figure(Kind::Cpu),
                Side::Above,
                Limit::Absolute(1.5e3),
            ),
            (
                "load-cpu < -2 ms",
                figure(Kind::LoadCpu),
                Side::Below,
                Limit::Absolute(-2e6),
            ),
            (
                "memory > +4kB",
                figure(Kind::Memory),
                Side::Above,
                Limit::Absolute(4e3),
            ),
            (
                "bytes > +0B",
                figure(Kind::Bytes),
                Side::Above,
                Limit::Absolute(0.0),
            ),
            (
                "segments > +0.5",
                figure(Kind::Segments),
                Side::Above,
                Limit::Absolute(0.5),
            ),
            (
                "instructions > 3%",
                figure(Kind::Instructions),
                Side::Above,
                Limit::Relative(0.03),
            ),
            (
                "rate < -10/s",
                figure(Kind::Rate),
                Side::Below,
                Limit::Absolute(-10.0),
            ),
            ("lost > +0", Asked::Lost, Side::Above, Limit::Absolute(0.0)),
        ];
        for (text, asked, side, limit) in cases {
            assert_eq!(read(text), (asked, side, limit), "{text}");
        }
    }

    #[test]
    fn mistakes_are_located_and_explained() {
        let cases = [
            ("", 1, "a metric is missing; there are p50, p99, p99.9"),
            ("p95 > +10%", 1, "no metric \"p95\"; there are p50"),
            ("p99", 4, "`>` or `<` expected, the end found"),
            ("p99 = +10%", 5, "`>` or `<` expected, '=' found"),
            ("p99 >= +10%", 6, "a change expected"),
            ("p99 > ", 7, "a change expected, such as +10%"),
            ("p99 > much", 7, "a change expected"),
            ("p99 > +-1%", 7, "a change expected"),
            ("p99 > +1.2.3%", 7, "a change expected"),
            (
                "p99 > +10",
                10,
                "a unit is missing: p99 takes %, ns, us, µs, ms, s",
            ),
            ("p99 > +10 kB", 11, "\"kB\" is no unit: p99 takes %"),
            ("p99 > +10% x", 10, "\"% x\" is no unit"),
            ("p99 > 10ms", 7, "a sign expected: +10ms is a change"),
            ("µ99 > +1%", 1, "no metric \"µ99\""),
            ("cpu µ> +1%", 5, "'µ' found"),
            ("p99 < -100%", 7, "nothing shrinks"),
            ("lost > +10%", 11, "lost have no percentage"),
            ("lost > 1", 8, "a sign expected"),
            ("bytes > +1ms", 11, "bytes takes %, B, kB, MB"),
            ("segments > +1 B", 15, "segments takes %, none"),
        ];
        for (text, column, wanted) in cases {
            let error = text.parse::<Threshold>().expect_err(text);
            assert_eq!(error.column, column, "{text}: {error}");
            assert!(error.message.contains(wanted), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_within_it(text in "\\PC{0,30}") {
            if let Err(error) = text.parse::<Threshold>() {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
            }
        }

        #[test]
        fn nearly_right_texts_do_not_panic(text in "(p50|p99\\.9|cpu|lost|rate|µ)? ?[<>=]{0,2} ?[+-]{0,2}[0-9.]{0,4} ?(%|us|µs|B|/s|x)?") {
            if let Err(error) = text.parse::<Threshold>() {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
            }
        }

        #[test]
        fn percentages_read_back(percent in -99.9f64..1000.0, above: bool) {
            let text = format!("p99 {} {percent:+}%", if above { '>' } else { '<' });
            let (_, side, limit) = read(&text);
            prop_assert_eq!(side == Side::Above, above);
            prop_assert_eq!(limit, Limit::Relative(percent / 100.0));
        }
    }
}
