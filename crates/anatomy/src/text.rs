//! A stage as a plain table of at most 80 columns.

use std::fmt::Write as _;

use pushbench_model::anatomy::Stage;

/// The table of `stage`, its heading first.
#[must_use]
pub fn table(stage: &Stage) -> String {
    let plural = if stage.subscribers == 1 { "" } else { "s" };
    let mut text = format!(
        "{}, {} subscriber{plural}, {} per wake; per delivery\n{:<31} {:>8} {:>6} {:<13} {:>6} {:>5} {:>5}\n",
        stage.side.label(),
        stage.subscribers,
        stage.batch,
        "",
        "CPU ns",
        "times",
        "[quartiles]",
        "user",
        "bytes",
        "calls",
    );
    for row in &stage.rows {
        let quartiles = row.times_floor.map_or_else(String::new, |times| {
            format!("[{:.2} {:.2}]", times.low, times.high)
        });
        let calls = row
            .calls
            .map(|calls| calls.writes + calls.reads + calls.waits + calls.others);
        // A string takes any text.
        let _ = writeln!(
            text,
            "{:<31} {:>8.0} {:>6} {quartiles:<13} {:>6} {:>5} {:>5}",
            row.name,
            row.cpu_ns.median,
            shown(row.times_floor.map(|times| times.median), 2),
            shown(row.user_instructions, 0),
            shown(row.bytes_down, 0),
            shown(calls, 2),
        );
    }
    text
}

/// A figure, or a dash. Differences of two counts may come out a hair below zero.
fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| format!("{:.digits$}", value.max(0.0)),
    )
}
