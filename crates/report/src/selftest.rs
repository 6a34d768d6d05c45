//! What the self-test of the method found, beside the results that it vouches for.

use pushbench_model::record::Record;
use pushbench_model::selftest::{ProofStatus, SelfTest};

use crate::number::counted;
use crate::table::{Cell, Column, Table};

/// One line for the top of a report.
pub(crate) fn line(record: &Record) -> String {
    let Some(test) = &record.selftest else {
        return "Self-test of the method: not run on this machine: `pushbench selftest`.".into();
    };
    let (passed, failed, not_run) = test.counts();
    let mut said = format!(
        "Self-test of the method: {passed} of {} passed",
        counted(test.rows.len(), "proof")
    );
    if failed > 0 {
        said += &format!(", {failed} failed: until they pass, no figure here is proven");
    }
    if not_run > 0 {
        said += &format!(", {not_run} could not be run here");
    }
    match stranger(record, test) {
        Some(warning) => format!("{said}. {warning}"),
        None => format!("{said}."),
    }
}

/// What it was made with.
pub(crate) fn made_with(test: &SelfTest) -> String {
    let commit = test.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    let form = if test.quick { "quick" } else { "full" };
    format!(
        "The {form} form, started {}, {:.0} s, seed {}, with pushbench {}{commit}, {} build, on {}; hardware counters: \
         {}.",
        test.started,
        test.wall_s,
        test.seed,
        test.pushbench_version,
        test.build,
        test.machine,
        test.no_counters
            .as_ref()
            .map_or_else(|| "yes".into(), |why| format!("none, {why}")),
    )
}

/// A warning when the self-test was made with another build or on another machine than the record.
pub(crate) fn stranger(record: &Record, test: &SelfTest) -> Option<String> {
    let run = &record.run.environment;
    let pairs = [
        ("machine", test.machine == run.machine),
        ("version", test.pushbench_version == run.pushbench_version),
        ("commit", test.commit == run.commit),
        ("build", test.build == run.build),
    ];
    let other: Vec<&str> = pairs
        .iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| *name)
        .collect();
    (!other.is_empty()).then(|| {
        format!(
            "It was made with another {} than this run, and says little about it.",
            other.join(" and another ")
        )
    })
}

/// The proofs.
pub(crate) fn proofs(test: &SelfTest) -> Table {
    let columns = [
        "outcome",
        "rule",
        "injected",
        "expected",
        "read",
        "naive tool",
    ];
    let mut table = Table::new("proof", columns.map(Column::words).into());
    for row in &test.rows {
        let rules: Vec<String> = row.rules.iter().map(u32::to_string).collect();
        let outcome = match row.status {
            ProofStatus::Passed => Cell::plain("passed"),
            ProofStatus::Failed => Cell::plain("failed").bad(),
            ProofStatus::NotRun => Cell::plain("not run"),
        };
        table.row(
            &row.id,
            vec![
                outcome,
                Cell::plain(format!(
                    "{} ({})",
                    row.rule.trim_end_matches('.'),
                    rules.join(", ")
                )),
                Cell::plain(&row.injected),
                Cell::plain(&row.expected),
                Cell::plain(&row.read),
                row.naive
                    .as_ref()
                    .map_or_else(|| Cell::plain("–"), Cell::plain),
            ],
        );
    }
    table.notes.push(
        "Numbers in brackets are those of the rules in docs/METHODOLOGY.md. “Naive tool” is what a tool without the \
         mechanism would have read, where that can be shown."
            .into(),
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn absence_strangers_and_failures_are_said() {
        let mut record = sample::record();
        assert!(
            line(&record).contains("2 of 4 proofs passed, 1 failed"),
            "{}",
            line(&record)
        );
        assert!(!line(&record).contains("another"));
        record.run.environment.machine = "elsewhere".into();
        record.run.environment.build = "debug".into();
        assert!(
            line(&record).contains("another machine and another build than this run"),
            "{}",
            line(&record)
        );
        record.selftest = None;
        assert!(line(&record).contains("not run on this machine"));
    }
}
