//! What a delivery costs by slices, beside what whole trials say.

use super::common::{interval_entry, marker_entry};
use super::palette::{Role, Shape};
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::log_range;
use super::{Figure, Palette, Room};
use crate::metric::{Metric, Side};
use crate::number::{THIN, Unit, counted, significant, whole};
use crate::results::{Arm, Group, SliceRatios};
use crate::table::{Cell, Column, Table};
use pushbench_stats::{Comparison, Estimate, paired_ratio};

const METRIC: Metric = Metric::Cpu(Side::Server);

/// Two servers that took turns.
struct Pair<'g, 'a> {
    first: &'g Arm<'a>,
    second: &'g Arm<'a>,
    name: String,
    ratios: SliceRatios,
}

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let pairs = pairs(group);
    let estimates: Vec<(&Pair<'_, '_>, Estimate)> = pairs
        .iter()
        .filter_map(|pair| Some((pair, paired_ratio(&pair.ratios.pairs())?)))
        .collect();
    if estimates.is_empty() {
        return None;
    }
    let whole_trials = |pair: &Pair<'_, '_>| paired_ratio(&pair.first.pairs(pair.second, METRIC));
    let ends = estimates
        .iter()
        .flat_map(|(pair, by_slices)| [Some(*by_slices), whole_trials(pair)])
        .flatten()
        .flat_map(|e| e.interval.map_or([e.value; 2], |i| [i.low, i.high]))
        .chain([1.0]);
    let chart = Rows {
        range: log_range(ends, 2.0),
        rows: estimates
            .iter()
            .map(|(pair, by_slices)| {
                let role = palette.role(pair.first.server);
                let mut lanes = vec![lane(role, *by_slices, true)];
                lanes.extend(whole_trials(pair).map(|ratio| lane(role, ratio, false)));
                ServerRow {
                    label: pair.name.clone(),
                    lanes,
                }
            })
            .collect(),
        log: true,
        unit: Unit::Times,
        reference: Some((1.0, "equal".into())),
    };
    let title = format!("Server CPU per {}, by slices", group.work());
    let trials = pairs.iter().map(|pair| pair.ratios.by_trial.len()).max();
    Some(Figure {
        meta: vec![
            "ratio, logarithmic".into(),
            "left of the line, the one named first needs less: lower is better".into(),
            format!("{} in slices", counted(trials.unwrap_or(0), "repetition")),
            if has_instructions(group, &pairs) {
                "instructions in the table".into()
            } else {
                "no counters: by processor time".into()
            },
        ],
        caption: "Servers take turns for a few milliseconds each, and neighbours are compared: what moves the whole \
                  machine moves both. The hollow dots are the same ratios from whole trials."
            .into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: vec![
            marker_entry("by slices", Shape::Circle, Role::Text, true),
            marker_entry("by whole trials", Shape::Circle, Role::Text, false),
            interval_entry("95\u{202f}% interval"),
        ],
        legend_on_phones_only: false,
        data: data(group, &pairs),
        title,
    })
}

fn pairs<'g, 'a>(group: &'g Group<'a>) -> Vec<Pair<'g, 'a>> {
    let mut pairs = Vec::new();
    for (at, second) in group.arms.iter().enumerate() {
        for first in &group.arms[at + 1..] {
            // The floor is what others are held against.
            let (first, second) = if first.is_floor() {
                (second, first)
            } else {
                (first, second)
            };
            let ratios = group.slice_ratios(first, second, METRIC);
            if !ratios.by_trial.is_empty() {
                pairs.push(Pair {
                    name: format!("{} to {}", first.label(), second.label()),
                    first,
                    second,
                    ratios,
                });
            }
        }
    }
    pairs
}

fn has_instructions(group: &Group<'_>, pairs: &[Pair<'_, '_>]) -> bool {
    let metric = group.instructions(Side::Server);
    pairs.iter().any(|p| {
        !group
            .slice_ratios(p.first, p.second, metric)
            .by_trial
            .is_empty()
    })
}

fn lane(role: Role, ratio: Estimate, filled: bool) -> Lane {
    let mut marks = Vec::new();
    marks.extend(ratio.interval.map(|interval| Mark::Whisker {
        low: interval.low,
        high: interval.high,
        role,
    }));
    marks.push(Mark::Dot {
        at: ratio.value,
        shape: Shape::Circle,
        role,
        filled,
    });
    Lane {
        marks,
        value: format!("{}×", significant(ratio.value, 3)),
    }
}

fn data(group: &Group<'_>, pairs: &[Pair<'_, '_>]) -> Table {
    let work = group.work();
    let mut further = vec![Metric::Cpu(Side::Load)];
    if has_instructions(group, pairs) {
        further.extend([Side::Server, Side::Load].map(|side| group.instructions(side)));
    }
    let mut columns = vec![
        Column::numbers(format!("{} by slices", METRIC.label(work)), "ratio"),
        Column::numbers("spread of the trials", "%"),
        Column::numbers("the same by whole trials", "ratio"),
        Column::numbers("spread of the trials", "%"),
    ];
    columns.extend(
        further
            .iter()
            .map(|m| Column::numbers(format!("{} by slices", m.label(work)), "ratio")),
    );
    columns.push(Column::numbers("trials in slices", ""));
    columns.push(Column::numbers("rounds", ""));
    let mut table = Table::new("pair", columns);
    for pair in pairs {
        let by_slices = pair.ratios.pairs();
        let by_trials = pair.first.pairs(pair.second, METRIC);
        let mut cells = vec![
            ratio(&by_slices),
            spread(&by_slices),
            ratio(&by_trials),
            spread(&by_trials),
        ];
        cells.extend(
            further
                .iter()
                .map(|&metric| ratio(&group.slice_ratios(pair.first, pair.second, metric).pairs())),
        );
        cells.push(Cell::plain(by_slices.len().to_string()));
        cells.push(Cell::plain(whole(pair.ratios.rounds as u64)));
        table.row(pair.name.clone(), cells);
    }
    table.notes.push(format!(
        "Spread is the standard deviation of the ratio from trial to trial: 1{THIN}% means that one trial is usually \
         within 1{THIN}% of the mean."
    ));
    table
}

/// Four digits: slices tell that much.
fn ratio(pairs: &[(f64, f64)]) -> Cell {
    let number = |value| significant(value, 4);
    let Some(ratio) = paired_ratio(pairs) else {
        return Cell::absent("");
    };
    let cell = Cell::plain(number(ratio.value));
    match ratio.interval {
        Some(i) => cell.under(format!("{}–{}", number(i.low), number(i.high))),
        None => cell,
    }
}

fn spread(pairs: &[(f64, f64)]) -> Cell {
    Comparison::of(pairs, 0.0).map_or_else(
        || Cell::absent(""),
        |c| Cell::plain(significant(c.deviation * 100.0, 2)),
    )
}
