//! An anatomy as CSV: one line per stage and contender, in the units of the record.

use pushbench_model::anatomy::{Anatomy, Row, Stage};

use crate::csv::{line, number};

const NAMES: [&str; 28] = [
    "side",
    "subscribers",
    "batch",
    "contender",
    "transport",
    "rung",
    "cpu_ns_low",
    "cpu_ns",
    "cpu_ns_high",
    "times_floor_low",
    "times_floor",
    "times_floor_high",
    "user_instructions",
    "kernel_instructions",
    "instructions",
    "instructions_times_floor_low",
    "instructions_times_floor",
    "instructions_times_floor_high",
    "cycles",
    "bytes_down",
    "bytes_up",
    "write_calls",
    "read_calls",
    "wait_calls",
    "other_calls",
    "failed_calls",
    "p50_ns",
    "about",
];

/// The whole of it.
pub(crate) fn csv(anatomy: &Anatomy) -> String {
    let mut out = line(NAMES.into_iter().map(str::to_owned));
    for stage in &anatomy.stages {
        for row in &stage.rows {
            out += &line(fields(stage, row).into_iter());
        }
    }
    out
}

fn fields(stage: &Stage, row: &Row) -> [String; NAMES.len()] {
    let (times, executed) = (row.times_floor, row.instructions_times_floor);
    let calls = row.calls;
    let known = |value: Option<f64>| value.map_or_else(String::new, number);
    [
        stage.side.label().to_owned(),
        stage.subscribers.to_string(),
        stage.batch.to_string(),
        row.name.clone(),
        row.transport.clone(),
        row.rung.label().to_owned(),
        number(row.cpu_ns.low),
        number(row.cpu_ns.median),
        number(row.cpu_ns.high),
        known(times.map(|q| q.low)),
        known(times.map(|q| q.median)),
        known(times.map(|q| q.high)),
        known(row.user_instructions),
        known(row.kernel_instructions),
        known(row.instructions),
        known(executed.map(|q| q.low)),
        known(executed.map(|q| q.median)),
        known(executed.map(|q| q.high)),
        known(row.cycles),
        known(row.bytes_down),
        known(row.bytes_up),
        known(calls.map(|c| c.writes)),
        known(calls.map(|c| c.reads)),
        known(calls.map(|c| c.waits)),
        known(calls.map(|c| c.others)),
        known(calls.map(|c| c.failed)),
        known(row.p50_ns.map(|ns| ns as f64)),
        row.about.clone(),
    ]
}
