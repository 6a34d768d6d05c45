//! Numbers as text: significant digits, a unit per column, thin spaces.

use pushbench_stats::Interval;

/// Narrow no-break space: between groups of digits, and between a number and its unit.
pub(crate) const THIN: char = '\u{202f}';

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time; kept in nanoseconds, shown in ns, µs, ms or s.
    Time,
    /// Bytes on the wire; counted, so they get more digits.
    Bytes,
    /// Bytes of memory.
    Memory,
    /// A count.
    Count,
    /// A rate.
    PerSecond,
    /// A ratio.
    Times,
    /// A part of a whole; kept as 0 to 1, shown in per cent.
    Share,
}

/// A unit chosen for a set of values, so that all of them are shown alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    divisor: f64,
    /// What stands behind the number; empty for plain counts.
    pub(crate) symbol: &'static str,
    digits: usize,
}

impl Unit {
    /// `value` in the multiple that suits it, with its unit: `1.23 ms`.
    #[must_use]
    pub fn in_words(self, value: f64) -> String {
        self.scale([value]).with_unit(value)
    }

    /// The multiple that suits `values`, by the geometric middle of their range.
    pub(crate) fn scale(self, values: impl IntoIterator<Item = f64>) -> Scale {
        let positive = values.into_iter().filter(|&v| v > 0.0 && v.is_finite());
        let (low, high) = positive.fold((f64::MAX, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let middle = if high > 0.0 { (low * high).sqrt() } else { 1.0 };
        let steps: &[(f64, &str)] = match self {
            Self::Time => &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
            Self::Bytes => &[(1.0, "B"), (1e5, "kB"), (1e8, "MB")],
            Self::Memory => &[(1.0, "B"), (1e3, "kB"), (1e6, "MB")],
            Self::Count => &[(1.0, ""), (1e4, "k"), (1e7, "M")],
            Self::PerSecond => &[(1.0, "/s")],
            Self::Times => &[(1.0, "×")],
            Self::Share => &[(1.0, "%")],
        };
        let chosen = steps.iter().rev().find(|(from, _)| middle >= *from);
        let symbol = chosen.or(steps.first()).map_or("", |(_, symbol)| symbol);
        let divisor = match symbol {
            "µs" | "kB" | "k" => 1e3,
            "ms" | "MB" | "M" => 1e6,
            "s" => 1e9,
            "%" => 0.01,
            _ => 1.0,
        };
        let digits = if self == Self::Bytes { 4 } else { 3 };
        Scale {
            divisor,
            symbol,
            digits,
        }
    }
}

impl Scale {
    /// The number alone, without its unit.
    pub(crate) fn number(&self, value: f64) -> String {
        let number = significant(value / self.divisor, self.digits);
        // Counted bytes are whole more often than not.
        match number.strip_suffix(".0") {
            Some(whole) if self.symbol == "B" => whole.to_owned(),
            _ => number,
        }
    }

    /// The number with its unit.
    pub(crate) fn with_unit(&self, value: f64) -> String {
        let number = self.number(value);
        match self.symbol {
            "" => number,
            "/s" | "×" => format!("{number}{}", self.symbol),
            symbol => format!("{number}{THIN}{symbol}"),
        }
    }

    /// `low–high` without a unit.
    pub(crate) fn interval(&self, interval: Interval) -> String {
        format!(
            "{}–{}",
            self.number(interval.low),
            self.number(interval.high)
        )
    }
}

/// A round value beside an axis: no more digits than it has.
pub(crate) fn tick(unit: Unit, value: f64) -> String {
    let scale = unit.scale([value.abs()]);
    let short = short(value / scale.divisor);
    match (unit, scale.symbol) {
        (_, "") | (Unit::PerSecond, _) => short,
        (_, "×") => format!("{short}×"),
        (_, symbol) => format!("{short}{THIN}{symbol}"),
    }
}

/// `value` with no more digits than it has, at most three.
pub(crate) fn short(value: f64) -> String {
    let number = significant(value, 3);
    match number.split_once('.') {
        Some((whole, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{whole}{point}{fraction}")
        }
        None => number,
    }
}

/// `value` rounded to `digits` significant digits, grouped by thousands.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "n/a".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    // Rounding first, so that 9.996 becomes 10.0 and not 10.00.
    let rounded = format!("{value:.*e}", digits.saturating_sub(1));
    let exponent: i64 = rounded
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let value: f64 = rounded.parse().unwrap_or(value);
    let decimals = usize::try_from(digits as i64 - 1 - exponent).unwrap_or(0);
    grouped(&format!("{value:.decimals$}"))
}

/// `value`, which is a ratio or an end of its interval from `low` to `high`: three digits, and three decimals where the interval is so
/// narrow that two would hardly tell its ends apart.
pub(crate) fn ratio(value: f64, (low, high): (f64, f64)) -> String {
    let narrow = high - low < 0.01 * low && (0.1..10.0).contains(&value);
    if narrow {
        format!("{value:.3}")
    } else {
        significant(value, 3)
    }
}

/// A whole number, grouped by thousands.
#[must_use]
pub fn whole(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(text: &str) -> String {
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("−", rest));
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::from(sign);
    for (index, digit) in integer.chars().enumerate() {
        if index > 0 && (integer.len() - index).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `1 trial`, `2 trials`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    let plural = match noun {
        "delivery" => "deliveries".to_owned(),
        _ => format!("{noun}s"),
    };
    let noun = if n == 1 { noun } else { &plural };
    format!("{}{}{noun}", whole(n as u64), ' ')
}

/// `text` with its first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn significant_digits() {
        let cases = [
            (0.0, "0"),
            (9.996, "10.0"),
            (0.012_345, "0.0123"),
            (1.0, "1.00"),
            (99.95, "100"),
            (123.456, "123"),
            (12_345.6, "12\u{202f}300"),
            (999_999.0, "1\u{202f}000\u{202f}000"),
            (-2.5, "−2.50"),
            (f64::NAN, "n/a"),
        ];
        for (value, expected) in cases {
            assert_eq!(significant(value, 3), expected, "{value}");
        }
    }

    #[test]
    fn narrow_intervals_have_decimals_to_be_told_apart() {
        let narrow = (0.9984, 1.0079);
        let said = |value| ratio(value, narrow);
        assert_eq!(
            [said(0.9984), said(1.0041), said(1.0079)],
            ["0.998", "1.004", "1.008"]
        );
        assert_eq!(ratio(1.0041, (0.99, 1.01)), "1.00");
        assert_eq!(ratio(12.345, (12.34, 12.35)), "12.3");
        assert_eq!(ratio(0.012_34, (0.012_33, 0.012_35)), "0.0123");
    }

    #[test]
    fn one_unit_per_set() {
        let scale = Unit::Time.scale([90_000.0, 5_000_000.0]);
        assert_eq!(scale.with_unit(90_000.0), "90.0\u{202f}µs");
        assert_eq!(scale.number(5_000_000.0), "5\u{202f}000");
        assert_eq!(Unit::Time.scale([]).symbol, "ns");
        assert_eq!(
            Unit::Memory.scale([20_480.0]).with_unit(20_480.0),
            "20.5\u{202f}kB"
        );
        assert_eq!(
            Unit::Bytes.scale([1234.5]).with_unit(1234.5),
            "1\u{202f}234\u{202f}B"
        );
        assert_eq!(Unit::Count.scale([25_000.0]).number(25_000.0), "25.0");
        assert_eq!(Unit::Share.in_words(0.0123), "1.23\u{202f}%");
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(tick(Unit::Time, 1e6), "1\u{202f}ms");
        assert_eq!(tick(Unit::Time, 1.5e3), "1.5\u{202f}µs");
        assert_eq!(tick(Unit::Bytes, 0.0), "0\u{202f}B");
        assert_eq!(tick(Unit::Count, 20_000.0), "20\u{202f}k");
        assert_eq!(tick(Unit::PerSecond, 5000.0), "5\u{202f}000");
    }

    #[test]
    fn plurals() {
        assert_eq!(counted(1, "delivery"), "1 delivery");
        assert_eq!(counted(1200, "delivery"), "1\u{202f}200 deliveries");
        assert_eq!(counted(0, "trial"), "0 trials");
    }

    proptest! {
        #[test]
        fn rounding_stays_close(value in 1e-6f64..1e12) {
            let text: String = significant(value, 3).chars().filter(|c| *c != THIN).collect();
            let back: f64 = text.parse().unwrap();
            prop_assert!((back / value - 1.0).abs() <= 0.005_001);
        }
    }
}
