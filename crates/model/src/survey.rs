//! What systems of others did in front of Pushbench, or Pushbench in front of them: clients, browsers, proxies, faulty samples,
//! conformance. A survey is tables of facts, each with its kind, so that a report draws one it has never heard of.
//! `survey-NAME.json`, any number of them in a record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Columns of a part that holds what proxies keep in buffers against its formula: bytes of a buffer, bytes of a message, time between
/// two of them, and when the first is handed on. Of a part that has them a report draws a chart.
pub const BUFFERED: [(&str, Kind); 5] = [
    ("buffer", Kind::Bytes),
    ("message", Kind::Bytes),
    ("a message every", Kind::Time),
    ("first message by formula", Kind::Time),
    ("first message", Kind::Time),
];

/// What the name of a survey's file begins with; its own name and `.json` follow.
pub const SURVEY_PREFIX: &str = "survey-";

/// The outcome of one survey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// Name: lower-case letters, digits and dashes.
    pub name: String,
    /// Heading of its section in a report.
    pub title: String,
    /// Where its section stands among those of the other surveys: by this number, then by name.
    pub place: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// How long it took, seconds.
    pub wall_s: f64,
    /// The exact command, one element per argument.
    pub command: Vec<String>,
    /// Whether a person stopped it before its end.
    pub interrupted: bool,
    /// Version of this program.
    pub pushbench_version: String,
    /// Commit it was built from.
    pub commit: Option<String>,
    /// Build profile: `release` or `debug`.
    pub build: String,
    /// Short name of the machine.
    pub machine: String,
    /// Versions of the systems that took part, by name.
    pub versions: BTreeMap<String, String>,
    /// What was found, in the order a reader needs it.
    pub parts: Vec<Part>,
    /// Systems that could not take part.
    pub absent: Vec<AbsentSystem>,
}

/// A table with what must be known to read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Heading.
    pub title: String,
    /// Sentences before the table: what was done, and what it shows.
    pub about: Vec<String>,
    /// What the first column holds.
    pub head: String,
    /// The other columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Remarks under the table.
    pub notes: Vec<String>,
}

/// A column of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Name, without a unit.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Words, code or states.
    Words,
    /// Times, nanoseconds.
    Time,
    /// Bytes on the wire.
    Bytes,
    /// Bytes of memory.
    Memory,
    /// Counts.
    Count,
    /// Rates, per second.
    PerSecond,
    /// Ratios.
    Times,
}

/// A row of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name.
    pub name: String,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// A cell of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Cell {
    /// There is nothing to say, and why.
    Absent {
        /// A few words; may be empty.
        why: String,
    },
    /// A figure in the unit of its column.
    Number {
        /// The figure.
        value: f64,
        /// What stands under it in small type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
    },
    /// Words.
    Words {
        /// A few of them.
        text: String,
    },
    /// Bytes or program text, to be shown as they are.
    Code {
        /// With line ends where there are any.
        text: String,
    },
    /// How well something works.
    State {
        /// How well.
        state: State,
        /// What was seen.
        text: String,
    },
}

/// How well something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should.
    Works,
    /// Everything arrives, and late.
    Late,
    /// Not, or not all of it.
    Fails,
}

impl State {
    /// In words: colour alone says nothing.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Late => "works late",
            Self::Fails => "does not work",
        }
    }
}

/// A system that could not take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentSystem {
    /// Which.
    pub name: String,
    /// What is missing.
    pub reason: String,
    /// Command that would install it.
    pub install: String,
}

impl Part {
    /// A part without rows.
    #[must_use]
    pub fn new(title: &str, head: &str, columns: &[(&str, Kind)]) -> Self {
        Self {
            title: title.into(),
            head: head.into(),
            columns: columns
                .iter()
                .map(|&(name, kind)| Column {
                    name: name.into(),
                    kind,
                })
                .collect(),
            ..Self::default()
        }
    }

    /// Adds a sentence before the table.
    #[must_use]
    pub fn about(mut self, sentence: impl Into<String>) -> Self {
        self.about.push(sentence.into());
        self
    }

    /// Where the column `name` is, if it is there and holds `kind`.
    #[must_use]
    pub fn column(&self, name: &str, kind: Kind) -> Option<usize> {
        let wanted = |column: &Column| column.name == name && column.kind == kind;
        self.columns.iter().position(wanted)
    }

    /// Adds a row.
    pub fn row(&mut self, name: impl Into<String>, cells: impl Into<Vec<Cell>>) {
        let (name, cells) = (name.into(), cells.into());
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(Row { name, cells });
    }
}

impl Cell {
    /// Nothing, and why.
    #[must_use]
    pub fn absent(why: impl Into<String>) -> Self {
        Self::Absent { why: why.into() }
    }

    /// A figure in the unit of its column.
    #[must_use]
    pub fn number(value: f64) -> Self {
        Self::Number {
            value,
            remark: None,
        }
    }

    /// A count.
    #[must_use]
    pub fn count(value: u64) -> Self {
        Self::number(value as f64)
    }

    /// A figure with a remark under it.
    #[must_use]
    pub fn remarked(value: f64, remark: impl Into<String>) -> Self {
        Self::Number {
            value,
            remark: Some(remark.into()),
        }
    }

    /// Words.
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self::Words { text: text.into() }
    }

    /// Bytes or program text.
    #[must_use]
    pub fn code(text: impl Into<String>) -> Self {
        Self::Code { text: text.into() }
    }

    /// Its figure, if it holds one.
    #[must_use]
    pub fn figure(&self) -> Option<f64> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// How well something works, and what was seen.
    #[must_use]
    pub fn state(state: State, text: impl Into<String>) -> Self {
        Self::State {
            state,
            text: text.into(),
        }
    }
}

impl Survey {
    /// The file that holds it, in a record.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{SURVEY_PREFIX}{}.json", self.name)
    }

    /// Whether its parts belong together.
    ///
    /// # Errors
    ///
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(named) {
            return Err(format!(
                "field `name` is {:?}; it has lower-case letters, digits and dashes",
                self.name
            ));
        }
        for part in &self.parts {
            for row in &part.rows {
                if row.cells.len() != part.columns.len() {
                    return Err(format!(
                        "part {:?}, row {:?} has {} cells for {} columns",
                        part.title,
                        row.name,
                        row.cells.len(),
                        part.columns.len()
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_belong_together_is_named() {
        let mut part = Part::new("Clients", "client", &[("delivered", Kind::Count)]);
        part.row("ws", [Cell::count(200)]);
        let mut survey = Survey {
            schema: crate::record::SCHEMA,
            name: "clients".into(),
            title: "Clients".into(),
            place: 1,
            started: "2026-01-01T00:00:00Z".into(),
            wall_s: 1.0,
            command: vec![],
            interrupted: false,
            pushbench_version: "0".into(),
            commit: None,
            build: "debug".into(),
            machine: "none".into(),
            versions: BTreeMap::new(),
            parts: vec![part],
            absent: vec![],
        };
        assert_eq!(survey.file(), "survey-clients.json");
        assert_eq!(survey.check(), Ok(()));
        survey.parts[0].rows[0].cells.clear();
        assert!(
            survey
                .check()
                .unwrap_err()
                .contains("0 cells for 1 columns")
        );
        survey.parts.clear();
        survey.name = "../x".into();
        assert!(survey.check().unwrap_err().contains("`name`"));
    }
}
