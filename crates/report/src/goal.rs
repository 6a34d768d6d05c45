//! Figures that have a goal: how they stand to it, in words and in a table.

use crate::number::{ratio, significant};
use crate::table::{Cell, Column, Table};

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The interval crosses the goal, or the goal was not put to the test.
    Undecided,
}

impl Verdict {
    /// Of a figure that lies in `interval` and meets a goal of `limit` or less.
    pub(crate) fn within((low, high): (f64, f64), limit: f64) -> Self {
        if high <= limit {
            Self::Met
        } else if low > limit {
            Self::Missed
        } else {
            Self::Undecided
        }
    }

    /// Of a figure that lies in `interval` and meets a goal of `limit` or more.
    pub(crate) fn beyond((low, high): (f64, f64), limit: f64) -> Self {
        if low >= limit {
            Self::Met
        } else if high < limit {
            Self::Missed
        } else {
            Self::Undecided
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
        }
    }

    /// In a table; red where a goal is missed.
    pub(crate) fn cell(self) -> Cell {
        let cell = Cell::plain(self.label());
        match self {
            Self::Missed => cell.bad(),
            Self::Met | Self::Undecided => cell,
        }
    }
}

/// A figure beside its goal.
pub(crate) struct Row {
    /// Whose figure.
    pub(crate) name: String,
    /// What is meant to stay within the limit.
    pub(crate) goal: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) measured: Cell,
    pub(crate) limit: Cell,
    /// What it was measured in.
    pub(crate) unit: String,
}

/// `2.00×`, with an interval under it.
pub(crate) fn times(value: f64, interval: Option<(f64, f64)>) -> Cell {
    let Some(ends @ (low, high)) = interval else {
        return Cell::plain(format!("{}×", significant(value, 3)));
    };
    let cell = Cell::plain(format!("{}×", ratio(value, ends)));
    cell.under(format!("{}–{}", ratio(low, ends), ratio(high, ends)))
}

/// A row per figure; `head` says what the first column names.
pub(crate) fn table(head: &str, rows: Vec<Row>) -> Table {
    let columns = vec![
        Column::words("verdict"),
        Column::numbers("measured", ""),
        Column::numbers("at most", ""),
        Column::words("goal"),
        Column::words("measured in"),
    ];
    let mut table = Table::new(head, columns);
    for row in rows {
        let (goal, unit) = (Cell::plain(row.goal), Cell::plain(row.unit));
        let cells = vec![row.verdict.cell(), row.measured, row.limit, goal, unit];
        table.row(row.name, cells);
    }
    table
}

/// `17 met, 2 missed, 1 undecided; missed: NAME (GOAL)`; `None` for none.
pub(crate) fn tally<'a>(
    held: impl Iterator<Item = (&'a str, &'a str, Verdict)> + Clone,
) -> Option<String> {
    let count = |verdict| held.clone().filter(|(_, _, one)| *one == verdict).count();
    let said: Vec<String> = [Verdict::Met, Verdict::Missed, Verdict::Undecided]
        .into_iter()
        .map(|verdict| (verdict, count(verdict)))
        .filter(|(_, n)| *n > 0)
        .map(|(verdict, n)| format!("{n} {}", verdict.label()))
        .collect();
    let mut missed: Vec<String> = held
        .filter(|(_, _, verdict)| *verdict == Verdict::Missed)
        .map(|(name, goal, _)| format!("{name} ({goal})"))
        .collect();
    // A figure may be held against its goal under several loads.
    missed.dedup();
    let mut text = said.join(", ");
    if !missed.is_empty() {
        text += &format!("; missed: {}", missed.join(", "));
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_crosses_a_goal_decides_nothing() {
        use Verdict::{Met, Missed, Undecided};

        let both = |low, high| {
            let interval = (low, high);
            (
                Verdict::within(interval, 3.5),
                Verdict::beyond(interval, 3.5),
            )
        };
        assert_eq!(both(2.0, 3.4), (Met, Missed));
        assert_eq!(both(2.0, 3.5), (Met, Undecided));
        assert_eq!(both(3.4, 3.6), (Undecided, Undecided));
        assert_eq!(both(3.5, 4.0), (Undecided, Met));
        assert_eq!(both(3.6, 4.0), (Missed, Met));
    }

    #[test]
    fn what_was_missed_is_named() {
        let held = [
            ("a", "fast", Verdict::Met),
            ("b", "fast", Verdict::Missed),
            ("c", "small", Verdict::Undecided),
        ];
        assert_eq!(
            tally(held.into_iter()).unwrap(),
            "1 met, 1 missed, 1 undecided; missed: b (fast)"
        );
        assert_eq!(tally(std::iter::empty()), None);
    }
}
