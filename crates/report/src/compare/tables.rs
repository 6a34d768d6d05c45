//! The tables of a comparison, before they have a format.

use pushbench_stats::Verdict;

use super::threshold::Asked;
use super::{Compared, Figure, Gate, Kind, Pairing, words};
use crate::Unit;
use crate::table::{Cell, Column, Table};

/// What changed, for the worse first: one row per figure with a verdict that says so.
pub(super) fn changed(compared: &Compared<'_>) -> Table {
    let columns = [
        Column::words("scenario"),
        Column::words("figure"),
        Column::numbers("baseline", ""),
        Column::numbers("candidate", ""),
        Column::numbers("change", ""),
        Column::words("verdict"),
    ];
    let mut table = Table::new("server", columns.into());
    let all = || {
        let pairings = compared.pairings.iter();
        pairings.flat_map(|pairing| pairing.figures.iter().map(move |figure| (pairing, figure)))
    };
    let changed = || all().filter(|(_, figure)| words::has_changed(&figure.judgement));
    let worse = changed().filter(|(_, figure)| words::is_worse(figure));
    let better = changed().filter(|(_, figure)| !words::is_worse(figure));
    for (pairing, figure) in worse.chain(better) {
        let mut cells = vec![
            Cell::plain(&pairing.scenario),
            Cell::plain(figure.metric.label(pairing.work)),
        ];
        cells.extend(sides(figure));
        cells.push(change(figure));
        let verdict = Cell::plain(words::verdict(compared, figure));
        cells.push(if words::is_worse(figure) {
            verdict.bad()
        } else {
            verdict
        });
        table.row(row_name(compared, pairing), cells);
    }
    table
}

/// The figure in both, in one unit.
fn sides(figure: &Figure) -> [Cell; 2] {
    let values = [figure.baseline, figure.candidate];
    let scale = figure
        .metric
        .unit()
        .scale(values.iter().flatten().map(|estimate| estimate.value));
    values.map(|estimate| {
        estimate.map_or_else(
            || Cell::absent(""),
            |estimate| Cell::plain(scale.with_unit(estimate.value)),
        )
    })
}

fn change(figure: &Figure) -> Cell {
    let Some(comparison) = figure.judgement.comparison else {
        return Cell::absent("");
    };
    let cell = Cell::plain(words::percent(comparison.ratio.value));
    match words::percent_interval(&comparison.ratio) {
        Some(interval) => cell.under(interval),
        None => cell,
    }
}

/// The server, and which candidate where there are several.
fn row_name(compared: &Compared<'_>, pairing: &Pairing) -> String {
    if compared.candidates().len() < 2 {
        return pairing.server.to_string();
    }
    let candidate = compared.subjects[pairing.candidate_at].name;
    format!("{} of {candidate}", pairing.server)
}

/// Scenarios in the order of the baseline, each with its table: a row per server (and candidate), a column per figure.
pub(super) fn by_scenario(compared: &Compared<'_>) -> Vec<(String, Table)> {
    let names = scenarios(compared).into_iter();
    names
        .map(|name| (name.to_owned(), scenario(compared, name, |_| true)))
        .collect()
}

/// The same in two halves, for where there is little room: times, and all else.
pub(super) fn by_scenario_in_halves(compared: &Compared<'_>) -> Vec<(String, Table)> {
    let is_cost = |kind| matches!(kind, Kind::Cpu | Kind::LoadCpu) || !kind.is_time();
    let halves = scenarios(compared).into_iter().flat_map(|name| {
        let times = scenario(compared, name, |kind| !is_cost(kind));
        let costs = scenario(compared, name, is_cost);
        [
            (format!("{name}: times"), times),
            (format!("{name}: costs"), costs),
        ]
    });
    halves.collect()
}

fn scenarios<'a>(compared: &'a Compared<'_>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for pairing in &compared.pairings {
        if !names.contains(&pairing.scenario.as_str()) {
            names.push(&pairing.scenario);
        }
    }
    names
}

fn scenario(compared: &Compared<'_>, name: &str, wanted: impl Fn(Kind) -> bool) -> Table {
    let mine = || compared.pairings.iter().filter(|p| p.scenario == name);
    let find = |pairing: &'_ Pairing, kind: Kind| {
        let mut figures = pairing.figures.iter();
        figures.find(|f| f.kind == kind).cloned()
    };
    let kinds = Kind::ALL.into_iter().filter(|&kind| wanted(kind));
    let kinds: Vec<Kind> = kinds
        .filter(|&kind| mine().any(|pairing| find(pairing, kind).is_some()))
        .collect();
    let mut columns = Vec::new();
    for &kind in &kinds {
        let label = mine().find_map(|p| Some(find(p, kind)?.metric.label(p.work)));
        let mut label = label.unwrap_or_default();
        if words::is_indicative(compared, kind) {
            label += " (indicative)";
        }
        columns.push(Column::numbers(label, ""));
    }
    columns.push(Column::numbers("trials", "baseline, candidate"));
    let mut table = Table::new("server", columns);
    for pairing in mine() {
        let mut cells: Vec<Cell> = kinds
            .iter()
            .map(|&kind| match find(pairing, kind) {
                Some(figure) => with_verdict(&figure),
                None => Cell::absent(""),
            })
            .collect();
        cells.push(trials(pairing));
        table.row(row_name(compared, pairing), cells);
    }
    table
}

fn with_verdict(figure: &Figure) -> Cell {
    let cell = change(figure).under(in_short(figure));
    if words::is_worse(figure) {
        cell.bad()
    } else {
        cell
    }
}

/// A verdict that fits under a figure.
fn in_short(figure: &Figure) -> String {
    let word = words::word(figure.kind, figure.judgement.verdict);
    match figure.judgement.verdict {
        Verdict::Undecided { further: Some(n) } => format!("{word}, +{n}"),
        Verdict::Undecided { further: None } => format!("{word}, at the edge"),
        Verdict::TooFew { pairs } => format!("{word}, {pairs} pairs"),
        _ => word.to_owned(),
    }
}

fn trials(pairing: &Pairing) -> Cell {
    let (baseline, candidate) = (pairing.baseline, pairing.candidate);
    let mut cell = Cell::plain(format!("{}, {}", baseline.valid, candidate.valid));
    for (name, tally) in [("baseline", baseline), ("candidate", candidate)] {
        if !tally.is_whole() {
            cell = cell
                .under(format!("{name}: {}", words::unused(&tally)))
                .bad();
        }
    }
    cell
}

/// What small marks in [`by_scenario`] mean.
pub(super) const LEGEND: &str = "A change is candidate over baseline, with its 95\u{202f}% interval under it. \
     \"undecided, +12\": 12 further repetitions would probably decide; \"at the edge\": none would; \"too few, 3 pairs\": a \
     verdict needs 6.";

/// Every check of a threshold that did not pass; all of them where `all`.
pub(super) fn checks(compared: &Compared<'_>, gate: &Gate, all: bool) -> Table {
    let columns = [
        Column::words("scenario"),
        Column::words("change"),
        Column::words("outcome"),
    ];
    let mut table = Table::new("server", columns.into());
    let kind = match gate.threshold.asked {
        Asked::Figure(kind) => Some(kind),
        Asked::Lost => None,
    };
    let unit = kind.map_or(Unit::Count, unit);
    for check in &gate.checks {
        let outcome = check.outcome.label();
        if outcome == "pass" && !all {
            continue;
        }
        let said = match check.outcome.why() {
            Some(why) => format!("{outcome} ({why})"),
            None => outcome.to_owned(),
        };
        let change = check.change.as_ref().map_or_else(
            || Cell::absent(""),
            |change| Cell::plain(words::change(kind, unit, change)),
        );
        let outcome = Cell::plain(said);
        let name = if compared.candidates().len() < 2 {
            check.server.to_string()
        } else {
            let candidate = compared.subjects[check.candidate_at].name;
            format!("{} of {candidate}", check.server)
        };
        let cells = vec![
            Cell::plain(&check.scenario),
            change,
            if check.outcome.label() == "pass" {
                outcome
            } else {
                outcome.bad()
            },
        ];
        table.row(name, cells);
    }
    table
}

fn unit(kind: Kind) -> Unit {
    match kind {
        Kind::P50 | Kind::P99 | Kind::P999 | Kind::Cpu | Kind::LoadCpu => Unit::Time,
        Kind::Bytes => Unit::Bytes,
        Kind::Memory => Unit::Memory,
        Kind::Instructions | Kind::Segments => Unit::Count,
        Kind::Rate => Unit::PerSecond,
    }
}

/// How much the floor moved; `None` where no record has one.
pub(super) fn floor(compared: &Compared<'_>) -> Option<Table> {
    let columns = [
        Column::words("figure"),
        Column::numbers("change", ""),
        Column::numbers("margin", ""),
        Column::words("moved"),
    ];
    let mut table = Table::new("scenario", columns.into());
    for floor in &compared.floor {
        let moved = floor.ratio.value.ln().abs() > floor.margin.ln_1p();
        let change = Cell::plain(words::percent(floor.ratio.value));
        let change = match words::percent_interval(&floor.ratio) {
            Some(interval) => change.under(interval),
            None => change,
        };
        let name = if compared.candidates().len() < 2 {
            floor.scenario.clone()
        } else {
            let candidate = compared.subjects[floor.candidate_at].name;
            format!("{} of {candidate}", floor.scenario)
        };
        table.row(
            name,
            vec![
                Cell::plain(floor.kind.label()),
                change,
                Cell::plain(words::percent(1.0 + floor.margin).replace('+', "±")),
                Cell::plain(if moved { "more than the margin" } else { "no" }),
            ],
        );
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Facts of machine and build that differ; `None` where none does.
pub(super) fn facts(compared: &Compared<'_>) -> Option<Table> {
    let names = compared.subjects.iter().map(|subject| subject.name);
    let columns = names.map(Column::words);
    let columns = columns.chain(std::iter::once(Column::words("bears on times")));
    let mut table = Table::new("fact", columns.collect());
    for fact in &compared.facts {
        let values = fact.values.iter().map(|value| Cell::plain(value.as_str()));
        let bears = Cell::plain(if fact.bears_on_times { "yes" } else { "no" });
        table.row(
            fact.name.as_str(),
            values.chain(std::iter::once(bears)).collect(),
        );
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Trials that enter no figure, of every record that has some.
pub(super) fn unused(compared: &Compared<'_>) -> Vec<(String, Table)> {
    compared
        .subjects
        .iter()
        .map(|subject| {
            (
                subject.name.to_owned(),
                crate::trials::unused(subject.record),
            )
        })
        .filter(|(_, table)| !table.rows.is_empty())
        .collect()
}

/// The records.
pub(super) fn records(compared: &Compared<'_>) -> Table {
    let columns = [
        Column::words("role"),
        Column::words("started"),
        Column::words("commit"),
        Column::numbers("valid trials", ""),
        Column::words("trust tier"),
    ];
    let mut table = Table::new("record", columns.into());
    for (index, subject) in compared.subjects.iter().enumerate() {
        let run = &subject.record.run;
        let commit = run.environment.commit.as_deref();
        table.row(
            subject.name,
            vec![
                Cell::plain(if index == 0 { "baseline" } else { "candidate" }),
                Cell::plain(&run.started),
                Cell::plain(commit.unwrap_or("not a checkout")),
                Cell::plain(format!(
                    "{} of {}",
                    super::tally(subject.record).valid,
                    run.planned
                )),
                Cell::plain(crate::tier::Tier::of(&subject.record.run).code()),
            ],
        );
    }
    table
}
