//! What a delivery is made of: an anatomy, read and put into tables and words.
//!
//! # Layout
//!
//! - this file: which stage is shown first, and in which order stacks stand
//! - `tables`: the tables of a stage, of who took part and who did not; `overview`: all stages of a side
//! - `ladder`: what each rung adds to the one below it, for the bars
//! - `findings`: what was found by comparing two rows
//! - `goals`: figures that have a goal, held against it; `extras`: what the instrument adds, what a connection costs
//! - `words`: sentences that more than one format prints
//! - `summary`: the anatomy in short, for a terminal; `lines`: all of it as CSV

mod extras;
mod findings;
mod goals;
mod ladder;
mod lines;
mod overview;
mod summary;
mod tables;
mod words;

pub(crate) use extras::{INSTRUMENT, SETUP, instrument, setup};
pub(crate) use findings::{Finding, findings};
pub(crate) use goals::{goals, reasons};
pub(crate) use ladder::{Figure, Ladder, Step, ladders};
pub(crate) use lines::csv;
pub(crate) use overview::overviews;
pub use summary::{AnatomySummary, StageSummary, anatomy_summary};
pub(crate) use tables::{contenders, left_out, stage_table};
pub(crate) use words::{
    INTRODUCTION, METHOD, RUNGS, WORDS, load, made_with, notices, stage_name, stopped,
};

use pushbench_model::anatomy::{Anatomy, Row, Side, Stage};
use pushbench_model::record::Record;

/// Number of subscribers whose stage is shown first: enough that publishing is shared by many, few enough that all
/// of them stay in the processor's caches.
const MAIN_SUBSCRIBERS: u32 = 100;

/// The anatomy of a record that holds nothing else.
pub(crate) fn alone(record: &Record) -> Option<&Anatomy> {
    let else_empty = record.run.scenarios.is_empty()
        && record.trials.is_empty()
        && record.slices.is_empty()
        && record.search.is_none()
        && record.peers.is_none()
        && record.surveys.is_empty();
    record.anatomy.as_ref().filter(|_| else_empty)
}

/// The stages of `side` that have rows, the one to show first first: few messages per wake, then near to 100
/// subscribers.
pub(crate) fn stages(anatomy: &Anatomy, side: Side) -> Vec<&Stage> {
    let mut stages: Vec<&Stage> = anatomy
        .stages
        .iter()
        .filter(|stage| stage.side == side && !stage.rows.is_empty())
        .collect();
    let distance = |stage: &Stage| {
        let times = f64::from(stage.subscribers.max(1)) / f64::from(MAIN_SUBSCRIBERS);
        times.ln().abs()
    };
    stages.sort_by(|a, b| {
        let near = distance(a).total_cmp(&distance(b));
        let few = a.subscribers.cmp(&b.subscribers);
        a.batch.cmp(&b.batch).then(near).then(few)
    });
    stages
}

/// Where a row stands among the others: by transport, then by rung, then as it was measured.
fn place(row: &Row) -> (usize, usize) {
    use pushbench_model::anatomy::Rung;
    let rung = Rung::ALL.iter().position(|r| *r == row.rung);
    let first = match row.rung {
        Rung::Floor => 0,
        _ => 1 + order(&row.transport),
    };
    (first, rung.unwrap_or(0))
}

/// Where a transport stands among the others; unknown ones last.
fn order(transport: &str) -> usize {
    let transports = ["tcp", "sse", "websocket", "long-poll"];
    let known = transports.iter().position(|known| *known == transport);
    known.unwrap_or(transports.len())
}

/// The rows of a stage in the order of tables.
pub(crate) fn sorted(stage: &Stage) -> Vec<&Row> {
    let mut rows: Vec<&Row> = stage.rows.iter().collect();
    rows.sort_by_key(|row| place(row));
    rows
}
