//! Who keeps what a scenario asks for, and what that takes of a machine at the scenario's own numbers.

use pushbench_model::scenario::{FanOut, Workload};
use pushbench_stats::{Estimate, Interval, Percentile};

use crate::metric::{Metric, P99, Side};
use crate::number::{THIN, Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table, Tone};

/// Under the table.
const NOTE: &str = "An objective is kept where the whole interval of the 99th percentile lies within it, missed where it \
     lies beyond, and undecided where it holds both or a single trial gives none; a lost message misses it. Room is the objective over the percentile. \
     Processors, memory and bytes are what was measured per delivery and per subscriber, times the deliveries per second \
     and the subscribers of this scenario; memory is the server's, above what it uses without connections.";

/// Whether a server keeps an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
    /// Its interval holds both, or there is none.
    Perhaps,
    /// There is no such percentile.
    Unknown,
}

impl Kept {
    fn of(arm: &Arm<'_>, group: &Group<'_>, objective_ns: f64) -> Self {
        let series = group.main_series();
        if arm.valid.is_empty() {
            return Self::Unknown;
        }
        if may_not_lose(group) && arm.lost() > 0 {
            return Self::No;
        }
        let value = match arm.percentile(series, P99) {
            Percentile::Value(value) => value as f64,
            Percentile::Lost => return Self::No,
            Percentile::TooFew { .. } => return Self::Unknown,
        };
        let over_trials = arm.figure(Metric::Percentile(series, P99));
        let interval = over_trials.and_then(|figure| figure.interval);
        let Some(Interval { low, high }) = interval else {
            return Self::Perhaps;
        };
        let (low, high) = (low.min(value), high.max(value));
        if high <= objective_ns {
            Self::Yes
        } else if low > objective_ns {
            Self::No
        } else {
            Self::Perhaps
        }
    }
}

/// Where connections are cut and nobody resumes, losses are what the scenario shows.
fn may_not_lose(group: &Group<'_>) -> bool {
    match &group.scenario.workload {
        Workload::FanOut(fan_out) => fan_out.cuts.is_none_or(|cuts| cuts.resume),
        Workload::Connect(_) | Workload::Tokens(_) => true,
    }
}

/// Who keeps the objective of the scenario, if it has one, in a sentence.
pub(crate) fn sentence(group: &Group<'_>) -> Option<String> {
    let objective = group.scenario.objective?;
    let objective_ns = objective.p99_ms * 1e6;
    let kept: Vec<_> = group
        .arms
        .iter()
        .map(|arm| (arm.label(), Kept::of(arm, group, objective_ns)))
        .collect();
    let names = |which: Kept| {
        let names: Vec<&str> = kept
            .iter()
            .filter(|(_, kept)| *kept == which)
            .map(|(name, _)| name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let parts = [
        (Kept::Yes, "kept by"),
        (Kept::No, "missed by"),
        (Kept::Perhaps, "undecided for"),
        (Kept::Unknown, "without figures for"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter_map(|(which, how)| Some(format!("{how} {}", names(which)?)))
        .collect();
    let limit = Unit::Time.in_words(objective_ns);
    (!said.is_empty()).then(|| {
        format!(
            "Objective, {} p99 of at most {limit} and nothing lost: {}.",
            group.main_series().label(),
            said.join("; ")
        )
    })
}

/// A row per server: whether it keeps the objective, with how much room, and what the scenario takes of a machine.
pub(crate) fn table(group: &Group<'_>) -> Option<Table> {
    let objective_ns = group.scenario.objective?.p99_ms * 1e6;
    let Workload::FanOut(fan_out) = &group.scenario.workload else {
        return None;
    };
    let mut table = Table::new(
        "server",
        vec![
            Column::words("objective"),
            Column::numbers("room", "×"),
            Column::numbers("server processors", "cores"),
            Column::numbers("server memory", "MB"),
            Column::numbers("bytes above TCP", "GB per hour"),
        ],
    );
    for arm in &group.arms {
        table.row(arm.label(), cells(arm, group, fan_out, objective_ns));
    }
    table.notes.push(NOTE.into());
    Some(table)
}

fn cells(arm: &Arm<'_>, group: &Group<'_>, fan_out: &FanOut, objective_ns: f64) -> Vec<Cell> {
    let (word, tone) = match Kept::of(arm, group, objective_ns) {
        Kept::Yes => ("kept", Tone::Good),
        Kept::No => ("missed", Tone::Bad),
        Kept::Perhaps => ("undecided", Tone::Doubtful),
        Kept::Unknown => ("n/a", Tone::Absent),
    };
    let kept = Cell {
        text: word.into(),
        tone,
        ..Cell::default()
    };
    let connections = f64::from(fan_out.subscribers);
    let deliveries = fan_out.rate * f64::from(fan_out.measured_subscribers());
    let scaled = |metric: Metric, factor: f64| scaled(arm.figure(metric), factor);
    vec![
        kept,
        room(arm, group, objective_ns),
        scaled(Metric::Cpu(Side::Server), deliveries / 1e9),
        scaled(Metric::Memory(Side::Server), connections / 1e6),
        scaled(Metric::Bytes, deliveries * 3600.0 / 1e9),
    ]
}

/// The objective over the percentile: how often it fits.
fn room(arm: &Arm<'_>, group: &Group<'_>, objective_ns: f64) -> Cell {
    let metric = Metric::Percentile(group.main_series(), P99);
    let Some(figure) = arm.figure(metric).filter(|figure| figure.value > 0.0) else {
        return Cell::absent("");
    };
    let number = |value: f64| significant(objective_ns / value, 3);
    let cell = Cell::plain(number(figure.value));
    match figure.interval.filter(|interval| interval.low > 0.0) {
        // What is slower has less room.
        Some(Interval { low, high }) => cell.under(format!("{}–{}", number(high), number(low))),
        None => cell,
    }
}

fn scaled(figure: Option<Estimate>, factor: f64) -> Cell {
    let Some(figure) = figure else {
        return Cell::absent("");
    };
    let number = |value: f64| significant(value * factor, 3);
    let cell = Cell::plain(number(figure.value));
    match figure.interval {
        Some(Interval { low, high }) => cell.under(format!("{}–{}", number(low), number(high))),
        None => cell,
    }
}

/// What stands above the table.
pub(crate) fn heading(group: &Group<'_>) -> Option<String> {
    let objective = group.scenario.objective?;
    Some(format!(
        "Within the objective (p99 ≤ {}{THIN}ms), and what it takes",
        significant(objective.p99_ms, 3)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Results;
    use crate::sample;
    use pushbench_model::scenario::Objective;

    /// The sentence and the table of the first group, with an objective of `factor` times the largest p99.
    fn with(factor: f64) -> (String, Table) {
        let mut record = sample::record();
        let largest = {
            let results = Results::new(&record);
            let group = &results.groups[0];
            let metric = Metric::Percentile(group.main_series(), P99);
            let all = group.arms.iter().filter_map(|arm| arm.figure(metric));
            all.map(|figure| figure.interval.map_or(figure.value, |i| i.high))
                .fold(0.0, f64::max)
        };
        assert!(largest > 0.0);
        for scenario in &mut record.run.scenarios {
            scenario.objective = Some(Objective {
                p99_ms: largest * factor / 1e6,
            });
        }
        let results = Results::new(&record);
        let group = &results.groups[0];
        (sentence(group).unwrap(), table(group).unwrap())
    }

    fn words(table: &Table) -> Vec<&str> {
        table
            .rows
            .iter()
            .map(|row| row.cells[0].text.as_str())
            .collect()
    }

    #[test]
    fn a_generous_objective_is_kept_with_room() {
        let (sentence, table) = with(10.0);
        // One server of the sample has lost messages, which no time makes good.
        assert!(sentence.ends_with("; missed by sse/express."), "{sentence}");
        let others = |row: &&crate::table::Row| row.name != "sse/express";
        for row in table.rows.iter().filter(others) {
            assert_eq!(row.cells[0].text, "kept", "{row:?}");
            let room: f64 = row.cells[1].text.replace('\u{202f}', "").parse().unwrap();
            assert!(room >= 10.0, "{row:?}");
        }
    }

    #[test]
    fn an_impossible_one_is_missed_by_all() {
        let (sentence, table) = with(1e-6);
        assert!(
            sentence.contains("missed by ") && !sentence.contains("kept"),
            "{sentence}"
        );
        assert!(
            words(&table).iter().all(|word| *word == "missed"),
            "{table:?}"
        );
    }

    #[test]
    fn one_within_an_interval_is_undecided() {
        let (sentence, table) = with(0.999_999);
        assert!(sentence.contains("undecided for "), "{sentence}");
        assert!(words(&table).contains(&"undecided"), "{table:?}");
    }

    #[test]
    fn without_an_objective_there_is_nothing_to_say() {
        let record = sample::record();
        let results = Results::new(&record);
        assert_eq!(sentence(&results.groups[0]), None);
        assert_eq!(table(&results.groups[0]), None);
    }
}
