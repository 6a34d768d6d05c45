//! What clients, browsers, proxies and faulty samples did, as tables.

use pushbench_model::record::Record;
use pushbench_model::survey::{self, Kind, Part, State, Survey};

use crate::number::{Scale, Unit, counted};
use crate::table::{Cell, Column, Table, Tone};

/// A table with what must be known to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Sentences before the table.
    pub about: Vec<String>,
    /// The table.
    pub table: Table,
}

/// Whether `record` holds surveys and nothing else.
pub(crate) fn only_surveys(record: &Record) -> bool {
    !record.surveys.is_empty()
        && record.run.scenarios.is_empty()
        && record.trials.is_empty()
        && record.slices.is_empty()
        && record.search.is_none()
        && record.peers.is_none()
        && record.anatomy.is_none()
}

/// The parts of a survey, then what could not take part and the versions of what did.
#[must_use]
pub fn sections(survey: &Survey) -> Vec<Section> {
    let mut sections: Vec<Section> = survey.parts.iter().map(section).collect();
    if !survey.absent.is_empty() {
        sections.push(absent(survey));
    }
    if !survey.versions.is_empty() {
        sections.push(versions(survey));
    }
    sections
}

fn section(part: &Part) -> Section {
    let scales: Vec<Option<Scale>> = (0..part.columns.len())
        .map(|column| scale(part, column))
        .collect();
    let columns = part
        .columns
        .iter()
        .zip(&scales)
        .map(|(column, scale)| match scale {
            Some(scale) => Column::numbers(&column.name, scale.symbol),
            None => Column::words(&column.name),
        });
    let mut table = Table::new(&part.head, columns.collect());
    for row in &part.rows {
        let cells = row.cells.iter().zip(&scales);
        table.row(
            &row.name,
            cells.map(|(cell, scale)| drawn(cell, *scale)).collect(),
        );
    }
    table.notes.clone_from(&part.notes);
    Section {
        title: part.title.clone(),
        about: part.about.clone(),
        table,
    }
}

fn scale(part: &Part, column: usize) -> Option<Scale> {
    let unit = match part.columns[column].kind {
        Kind::Words => return None,
        Kind::Time => Unit::Time,
        Kind::Bytes => Unit::Bytes,
        Kind::Memory => Unit::Memory,
        Kind::Count => Unit::Count,
        Kind::PerSecond => Unit::PerSecond,
        Kind::Times => Unit::Times,
    };
    let cells = part.rows.iter().filter_map(|row| row.cells.get(column));
    Some(unit.scale(cells.filter_map(|cell| match cell {
        survey::Cell::Number { value, .. } => Some(*value),
        _ => None,
    })))
}

fn drawn(cell: &survey::Cell, scale: Option<Scale>) -> Cell {
    match cell {
        survey::Cell::Absent { why } => Cell::absent(why),
        survey::Cell::Number { value, remark } => {
            let figure = match scale {
                // What was counted is whole.
                Some(scale) if scale.symbol.is_empty() && value.fract() == 0.0 => {
                    Cell::plain(crate::number::whole(*value as u64))
                }
                Some(scale) => Cell::plain(scale.number(*value)),
                None => Cell::plain(crate::number::significant(*value, 3)),
            };
            match remark {
                Some(remark) => figure.under(remark),
                None => figure,
            }
        }
        survey::Cell::Words { text } => Cell::plain(text),
        survey::Cell::Code { text } => toned(Cell::plain(text), Tone::Code),
        survey::Cell::State { state, text } => {
            let tone = match state {
                State::Works => Tone::Good,
                State::Late => Tone::Doubtful,
                State::Fails => Tone::Bad,
            };
            let word = toned(Cell::plain(state.label()), tone);
            if text.is_empty() {
                word
            } else {
                word.under(text)
            }
        }
    }
}

fn toned(cell: Cell, tone: Tone) -> Cell {
    Cell { tone, ..cell }
}

fn absent(survey: &Survey) -> Section {
    let mut table = Table::new(
        "system",
        vec![
            Column::words("what is missing"),
            Column::words("to install it"),
        ],
    );
    for system in &survey.absent {
        let install = toned(Cell::plain(&system.install), Tone::Code);
        table.row(&system.name, vec![Cell::plain(&system.reason), install]);
    }
    Section {
        title: "Could not take part".into(),
        about: Vec::new(),
        table,
    }
}

fn versions(survey: &Survey) -> Section {
    let mut table = Table::new("system", vec![Column::words("version")]);
    for (name, version) in &survey.versions {
        table.row(name, vec![Cell::plain(version)]);
    }
    Section {
        title: "Versions".into(),
        about: Vec::new(),
        table,
    }
}

/// When, how long and with what a survey was made.
#[must_use]
pub fn made_with(survey: &Survey) -> String {
    let commit = survey.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    let stopped = if survey.interrupted {
        " It was interrupted: what is above had been seen by then."
    } else {
        ""
    };
    format!(
        "Started {}, {:.0} s, {}, with pushbench {}{commit}, {} build, on {}.{stopped}",
        survey.started,
        survey.wall_s,
        counted(survey.parts.len(), "table"),
        survey.pushbench_version,
        survey.build,
        survey.machine,
    )
}
