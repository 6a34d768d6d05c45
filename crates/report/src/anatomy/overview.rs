//! All stages of a side at a glance: how many times the floor's everything costs, with every number of subscribers.

use pushbench_model::anatomy::{Anatomy, Quartiles, Row, Rung, Side, Stage};

use super::tables::{counted_figure, times};
use super::{stages, words};
use crate::number::{Unit, whole};
use crate::table::{Cell, Column, Table};

/// What is held against the floor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    Time,
    /// Instructions of program and kernel, on the emulated machine.
    Emulated,
}

impl Cost {
    fn times_floor(self, row: &Row) -> Option<Quartiles> {
        match self {
            Self::Time => row.times_floor,
            Self::Emulated => row.instructions_times_floor,
        }
    }

    /// Of the floor: what the others are multiples of.
    fn own(self, floor: &Row) -> Option<String> {
        match self {
            Self::Time => {
                let ns = floor.cpu_ns.median;
                Some(Unit::Time.scale([ns]).with_unit(ns))
            }
            Self::Emulated => floor.instructions.map(counted_figure),
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Time => "processor time, × floor",
            Self::Emulated => "instructions, × floor",
        }
    }

    fn note(self) -> &'static str {
        match self {
            Self::Time => {
                "Processor time per delivery as a multiple of the floor's under the same load; small: the middle half of the \
                 slices, and for the floor its own time."
            }
            Self::Emulated => {
                "Instructions of program and kernel per delivery, on an emulated machine, as a multiple of the floor's under the same \
                 load; small: the middle half of the slices, and for the floor its own instructions."
            }
        }
    }
}

/// Times the floor over all stages of a side: a row per contender, a column per number of subscribers and messages per
/// wake. None where only one stage was measured.
pub(crate) fn overviews(anatomy: &Anatomy, side: Side) -> Vec<Table> {
    let mut stages = stages(anatomy, side);
    stages.sort_by_key(|stage| (stage.batch, stage.subscribers));
    let costs = [Cost::Time, Cost::Emulated].into_iter();
    costs.filter_map(|cost| overview(&stages, cost)).collect()
}

fn overview(stages: &[&Stage], cost: Cost) -> Option<Table> {
    let held = |stage: &&&Stage| {
        let mut rows = stage.rows.iter();
        rows.any(|row| cost.times_floor(row).is_some())
    };
    let stages: Vec<&Stage> = stages.iter().filter(held).copied().collect();
    if stages.len() < 2 {
        return None;
    }
    let mut rows: Vec<&Row> = Vec::new();
    for row in stages.iter().flat_map(|stage| &stage.rows) {
        if !rows.iter().any(|known| known.name == row.name) {
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| super::place(row));
    let columns = stages.iter().map(|stage| {
        let wake = format!("{}\u{a0}per\u{a0}wake", whole(u64::from(stage.batch)));
        Column::numbers(words::subscribers(stage.subscribers), wake)
    });
    let mut table = Table::new(cost.head(), columns.collect());
    for row in rows {
        let cells = stages.iter().map(|stage| match stage.row(&row.name) {
            None => Cell::plain("–"),
            Some(at) => cell(at, cost),
        });
        table.row(&row.name, cells.collect());
    }
    table.notes.push(cost.note().into());
    Some(table)
}

fn cell(row: &Row, cost: Cost) -> Cell {
    if let Some(held) = cost.times_floor(row) {
        return times(&held);
    }
    match cost.own(row).filter(|_| row.rung == Rung::Floor) {
        Some(own) => Cell::plain("1").under(own),
        None => Cell::absent(""),
    }
}
