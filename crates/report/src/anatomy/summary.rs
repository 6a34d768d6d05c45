//! The anatomy in short, for a terminal.

use pushbench_model::anatomy::{Anatomy, Side, Stage};

use super::tables::counted_figure;
use super::{Figure, findings, goals, notices, sorted, stages, words};
use crate::number::{Unit, capitalised, significant};
use crate::table::{Cell, Column, Table};

/// What a person sees at the end of `pushbench anatomy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnatomySummary {
    /// The stage to look at first of each side that was measured.
    pub stages: Vec<StageSummary>,
    /// What was found, a line each: title, number.
    pub findings: Vec<String>,
    /// How many goals were met, and which were missed, if any figure has one.
    pub goals: Option<String>,
    /// What a reader must know before trusting a figure: debug build, interruption, contenders left out.
    pub notices: Vec<String>,
}

/// A stage in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSummary {
    /// `Server side, 100 subscribers, one message per wake`.
    pub name: String,
    /// A row per contender; narrow enough for 80 columns.
    pub table: Table,
}

/// Summarises `anatomy`.
#[must_use]
pub fn anatomy_summary(anatomy: &Anatomy) -> AnatomySummary {
    let first = |side| stages(anatomy, side).first().copied();
    let stages = Side::ALL.into_iter().filter_map(first);
    let findings = findings(anatomy).into_iter();
    let goals = goals::tally(anatomy).map(|tally| format!("Held against the goals: {tally}."));
    AnatomySummary {
        stages: stages
            .map(|stage| StageSummary {
                name: capitalised(&words::stage_name(stage)),
                table: table(stage),
            })
            .collect(),
        findings: findings
            .map(|finding| format!("{}: {}", finding.title, finding.figure))
            .collect(),
        goals,
        notices: notices(anatomy),
    }
}

fn table(stage: &Stage) -> Table {
    let rows = sorted(stage);
    let time = Unit::Time.scale(rows.iter().map(|row| row.cpu_ns.median));
    // Rather what misses nothing, and of that rather what this processor has counted.
    let counts = [
        ("instructions", Figure::Instructions),
        ("instructions, emulated", Figure::Emulated),
        ("user instructions", Figure::UserInstructions),
    ];
    let there = |(_, figure): &&(&str, Figure)| rows.iter().any(|row| figure.of(row).is_some());
    let counted = counts.iter().find(there);
    let mut columns = vec![
        Column::numbers("CPU", time.symbol),
        Column::numbers("× floor", ""),
        Column::numbers("middle half", ""),
    ];
    if let Some((head, _)) = counted {
        columns.push(Column::numbers(*head, ""));
    }
    let mut table = Table::new("per delivery", columns);
    for row in rows {
        let none = || Cell::plain("–");
        let times = row.times_floor.as_ref();
        let mut cells = vec![
            Cell::plain(time.number(row.cpu_ns.median)),
            times.map_or_else(none, |q| Cell::plain(significant(q.median, 3))),
            times.map_or_else(none, |q| Cell::plain(words::range(q))),
        ];
        if let Some((_, figure)) = counted {
            let count = figure.of(row).map(counted_figure);
            cells.push(count.map_or_else(none, Cell::plain));
        }
        table.row(&row.name, cells);
    }
    table
}
