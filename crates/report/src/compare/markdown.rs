//! Markdown for a comment on a pull request: what changed in a short table, all the rest folded.

use super::{Compared, tables, words};
use crate::markdown::{escape, prose, table};

/// Rows of what changed that are shown unfolded; a comment is read at a glance.
const SHOWN: usize = 20;

/// `compared` as Markdown (GitHub's).
#[must_use]
pub fn markdown(compared: &Compared<'_>) -> String {
    let mut out = format!(
        "### Pushbench: {}\n\n{}\n",
        escape(&words::title(compared)),
        escape(&words::headline(compared))
    );
    if !compared.gates.is_empty() {
        out.push('\n');
    }
    for gate in &compared.gates {
        out += &format!("- {}\n", escape(&words::gate(gate)));
    }
    for gate in &compared.gates {
        let missed = tables::checks(compared, gate, false);
        if !missed.rows.is_empty() {
            out += &format!("\n**{}**\n\n", escape(&gate.threshold.text));
            out += &table(&missed);
        }
    }
    out += "\n#### What changed\n\n";
    let mut changed = tables::changed(compared);
    let left = changed.rows.len().saturating_sub(SHOWN);
    if changed.rows.is_empty() {
        out += "Nothing that the margins and the repetitions allow to call a difference.\n";
    } else {
        changed.rows.truncate(SHOWN);
        out += &table(&changed);
    }
    if left > 0 {
        out += &format!("\n{left} more are in the tables below.\n");
    }
    out.push('\n');
    for notice in words::notices(compared) {
        out += &format!("- {}\n", prose(&notice));
    }
    for (name, one) in tables::by_scenario(compared) {
        let body = format!("{}\n{}\n", table(&one), escape(tables::LEGEND));
        out += &folded(&format!("All figures: {name}"), &body);
    }
    if let Some(floor) = tables::floor(compared) {
        out += &folded("How much the floor moved", &table(&floor));
    }
    if let Some(facts) = tables::facts(compared) {
        out += &folded("Machines and builds differ", &table(&facts));
    }
    for (name, unused) in tables::unused(compared) {
        let title = format!("Trials of {name} that enter no figure");
        out += &folded(&title, &table(&unused));
    }
    let method: String = words::METHOD
        .iter()
        .map(|line| format!("- {}\n", prose(line)))
        .collect();
    let records = table(&tables::records(compared));
    out += &folded("Records and method", &format!("{records}\n{method}"));
    out
}

/// Markdown within HTML needs an empty line before it.
fn folded(title: &str, body: &str) -> String {
    format!(
        "\n<details><summary>{}</summary>\n\n{body}\n</details>\n",
        crate::html::escape(title)
    )
}
