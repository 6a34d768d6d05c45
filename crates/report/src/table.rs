//! A table before it is HTML, Markdown or lines of a terminal.

use crate::number::Scale;
use crate::number::whole;
use pushbench_stats::{Estimate, Percentile};

/// Rows and columns of text; the first column names the row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What the first column holds.
    pub head: String,
    /// The other columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Remarks that belong under it.
    pub notes: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Unit of all its numbers; empty for none.
    pub unit: String,
    /// Whether it holds words.
    pub words: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name, from a record.
    pub name: String,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The figure.
    pub text: String,
    /// What stands under it in small type: the interval, the multiple of the floor.
    pub small: Vec<String>,
    /// How it is meant.
    pub tone: Tone,
}

/// How a cell is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// There is no figure here.
    Absent,
    /// Something is wrong.
    Bad,
    /// As it should be.
    Good,
    /// Not wrong, and not as it should be.
    Doubtful,
    /// Bytes or program text, shown as they are.
    Code,
}

impl Column {
    /// A column of numbers in one unit.
    pub(crate) fn numbers(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            words: false,
        }
    }

    /// A column of words.
    pub(crate) fn words(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: String::new(),
            words: true,
        }
    }

    /// Name and unit: `response p50, µs`.
    #[must_use]
    pub fn heading(&self) -> String {
        if self.unit.is_empty() {
            self.name.clone()
        } else {
            format!("{}, {}", self.name, self.unit)
        }
    }
}

impl Cell {
    /// Just text.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// No figure, with the reason in short.
    pub(crate) fn absent(why: impl Into<String>) -> Self {
        Self {
            text: "n/a".into(),
            small: Some(why.into())
                .filter(|w| !w.is_empty())
                .into_iter()
                .collect(),
            tone: Tone::Absent,
        }
    }

    /// A figure with its interval under it.
    pub(crate) fn estimate(estimate: Option<Estimate>, scale: &Scale) -> Self {
        estimate.map_or_else(
            || Self::absent(""),
            |e| Self {
                text: scale.number(e.value),
                small: e.interval.map(|i| scale.interval(i)).into_iter().collect(),
                tone: Tone::Plain,
            },
        )
    }

    /// A percentile, or why there is none.
    pub(crate) fn percentile(percentile: Percentile, scale: &Scale) -> Self {
        match percentile {
            Percentile::Value(value) => Self::plain(scale.number(value as f64)),
            Percentile::TooFew { n } => Self::absent(format!("n={}", whole(n))),
            Percentile::Lost => Self {
                text: "lost".into(),
                small: vec!["beyond the end of the run".into()],
                tone: Tone::Bad,
            },
        }
    }

    pub(crate) fn under(mut self, small: impl Into<String>) -> Self {
        self.small.push(small.into());
        self
    }

    pub(crate) fn bad(mut self) -> Self {
        self.tone = Tone::Bad;
        self
    }
}

impl Table {
    pub(crate) fn new(head: &str, columns: Vec<Column>) -> Self {
        Self {
            head: head.into(),
            columns,
            ..Self::default()
        }
    }

    pub(crate) fn row(&mut self, name: impl Into<String>, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(Row {
            name: name.into(),
            cells,
        });
    }
}
