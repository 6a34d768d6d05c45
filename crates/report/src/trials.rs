//! Trials that a reader should know one by one: those that enter no figure, and those that carry a flag.

use std::collections::BTreeSet;

use pushbench_model::record::{Blame, Flag, Outcome, Record, Steadiness, Trial};

use crate::number::{THIN, counted, significant};
use crate::saturation;
use crate::table::{Cell, Column, Table};

/// The trials whose figures are not used, with whose fault it was and why.
pub(crate) fn unused(record: &Record) -> Table {
    let columns = ["trial", "repetition"].map(|name| Column::numbers(name, ""));
    let words = ["scenario", "outcome", "side", "reason"].map(Column::words);
    let mut table = Table::new("server", columns.into_iter().chain(words).collect());
    for recorded in &record.trials {
        let trial = &recorded.trial;
        // An invalid trial of a search may be its finding: the rate was not sustained.
        if saturation::says_something(record, trial.trial) {
            continue;
        }
        let place = (trial.trial, trial.repetition, trial.scenario.as_str());
        add_unused(&mut table, trial.server.to_string(), place, &trial.outcome);
    }
    for trial in &record.slices {
        let place = (trial.trial, trial.repetition, trial.scenario.as_str());
        add_unused(&mut table, "in slices".into(), place, &trial.outcome);
    }
    table
}

fn add_unused(
    table: &mut Table,
    name: String,
    (trial, repetition, scenario): (u32, u32, &str),
    outcome: &Outcome,
) {
    let (how, reason) = match outcome {
        Outcome::Valid => return,
        Outcome::Invalid { reasons } => match reasons.as_slice() {
            [only] => ("invalid", only.text.clone()),
            _ => ("invalid", outcome.in_words()),
        },
        Outcome::Failed { reason } => ("failed", reason.clone()),
    };
    table.row(
        name,
        vec![
            Cell::plain(trial.to_string()),
            Cell::plain(repetition.to_string()),
            Cell::plain(scenario),
            Cell::plain(how),
            match sides(outcome).as_str() {
                "" => Cell::plain("not known"),
                sides => Cell::plain(sides),
            },
            Cell::plain(reason),
        ],
    );
}

/// Which sides of an invalid trial are at fault, each once: `publisher, server`.
pub(crate) fn sides(outcome: &Outcome) -> String {
    let Outcome::Invalid { reasons } = outcome else {
        return String::new();
    };
    let sides: BTreeSet<_> = reasons.iter().map(|reason| reason.side).collect();
    let names: Vec<&str> = sides.into_iter().map(Blame::label).collect();
    names.join(", ")
}

/// The valid trials that carry a flag.
pub(crate) fn flagged(record: &Record) -> Table {
    let columns = ["trial", "repetition"].map(|name| Column::numbers(name, ""));
    let words = ["scenario", "flags", "steady"].map(Column::words);
    let mut table = Table::new("server", columns.into_iter().chain(words).collect());
    for recorded in &record.trials {
        let trial = &recorded.trial;
        if !trial.outcome.is_valid() || trial.flags.is_empty() {
            continue;
        }
        let measured = trial.measurement.as_ref();
        let opens = measured.is_some_and(|m| m.arrivals.is_some());
        let words = trial.flags.iter().map(|flag| in_words(flag, opens));
        let flags: Vec<String> = words.collect();
        table.row(
            trial.server.to_string(),
            vec![
                Cell::plain(trial.trial.to_string()),
                Cell::plain(trial.repetition.to_string()),
                Cell::plain(&trial.scenario),
                Cell::plain(flags.join("; ")),
                Cell::plain(steady(trial)),
            ],
        );
    }
    table
}

/// The kind of a flag, as the record spells it.
pub(crate) fn kind(flag: &Flag) -> &'static str {
    match flag {
        Flag::Steal { .. } => "steal",
        Flag::OthersCpu { .. } => "others-cpu",
        Flag::Pressure { .. } => "pressure",
        Flag::WarmUpTooShort { .. } => "warm-up-too-short",
        Flag::NeverSteady => "never-steady",
        Flag::LatePublisher { .. } => "late-publisher",
        Flag::LaggingClient { .. } => "lagging-client",
        Flag::SlowLink { .. } => "slow-link",
    }
}

/// `opens`: in a trial whose load process opens connections by a schedule.
fn in_words(flag: &Flag, opens: bool) -> String {
    let (who, what) = if opens {
        ("load process", "first message")
    } else {
        ("publisher", "response")
    };
    let percent = |share: &f64| format!("{}{THIN}%", significant(share * 100.0, 2));
    match flag {
        Flag::Steal { share } => format!("{} stolen by the hypervisor", percent(share)),
        Flag::OthersCpu { share } => format!("{} used by other programs", percent(share)),
        Flag::Pressure { share } => {
            format!(
                "tasks waited for a processor {} of the time",
                percent(share)
            )
        }
        Flag::WarmUpTooShort { seconds } => {
            format!(
                "settled only {}{THIN}s after measuring began",
                significant(*seconds, 2)
            )
        }
        Flag::NeverSteady => "never steady".into(),
        Flag::LatePublisher { share } => {
            format!("{who} late by {} of the {what} p99", percent(share))
        }
        Flag::LaggingClient { share } => format!(
            "load process behind by {} of the {what} p99",
            percent(share)
        ),
        Flag::SlowLink { missed, late_ns } => {
            let packets = counted(usize::try_from(*missed).unwrap_or(usize::MAX), "packet");
            let late = late_ns.map_or_else(String::new, |late_ns| {
                let ms = significant(late_ns as f64 / 1e6, 2);
                format!(" and let go of 1 in 100 more than {ms}{THIN}ms late")
            });
            format!("the link missed {packets}{late}")
        }
    }
}

fn steady(trial: &Trial) -> String {
    match trial.steadiness {
        Some(Steadiness::From { seconds }) if seconds <= 0.0 => "before measuring began".into(),
        Some(Steadiness::From { seconds }) => format!("after {}{THIN}s", significant(seconds, 2)),
        Some(Steadiness::Never) => "never".into(),
        Some(Steadiness::Unknown) => "too few windows to tell".into(),
        None => "not looked at".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use pushbench_model::record::Reason;

    #[test]
    fn sides_are_named_once() {
        let because = |side| Reason {
            side,
            text: "so".into(),
        };
        let outcome = Outcome::Invalid {
            reasons: vec![
                because(Blame::Server),
                because(Blame::Publisher),
                because(Blame::Server),
            ],
        };
        assert_eq!(sides(&outcome), "publisher, server");
        assert_eq!(sides(&Outcome::Valid), "");
    }

    #[test]
    fn flags_of_unused_trials_are_not_listed_twice() {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            recorded.trial.flags = vec![Flag::NeverSteady, Flag::Steal { share: 0.031 }];
        }
        let valid = record.trials.iter().filter(|t| t.trial.outcome.is_valid());
        let table = flagged(&record);
        assert_eq!(table.rows.len(), valid.count());
        assert_eq!(
            table.rows[0].cells[3].text,
            "never steady; 3.1\u{202f}% stolen by the hypervisor"
        );
    }
}
