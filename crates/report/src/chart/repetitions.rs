//! Run-to-run noise: the percentiles of every repetition.

use std::collections::BTreeSet;

use super::common::{better, marker_entry, repetitions_of, stroke_entry};
use super::palette::{Role, Shape};
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::log_range;
use super::{Figure, LegendEntry, Palette, Room};
use crate::metric::{Metric, P50, P99, Rank};
use crate::number::{Unit, capitalised};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let series = group.main_series();
    let metric = |rank: Rank| Metric::Percentile(series, rank);
    let rows: Vec<ServerRow> = group
        .arms
        .iter()
        .filter(|arm| !arm.by_repetition(metric(P50)).is_empty())
        .map(|arm| ServerRow {
            label: arm.label(),
            lanes: [(P50, true), (P99, false)]
                .into_iter()
                .filter(|(rank, _)| !arm.by_repetition(metric(*rank)).is_empty())
                .map(|(rank, filled)| lane(arm, metric(rank), palette.role(arm.server), filled))
                .collect(),
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let each = |arm: &Arm<'_>| [P50, P99].map(|r| arm.by_repetition(metric(r))).concat();
    let values = group.arms.iter().flat_map(each).map(|(_, value)| value);
    let figures = figures(group.has(metric(P99)));
    let title = format!(
        "{} {figures} of every repetition",
        capitalised(series.label())
    );
    let chart = Rows {
        rows,
        range: log_range(values, 4.0),
        log: true,
        unit: Unit::Time,
        reference: None,
    };
    Some(Figure {
        meta: vec![
            "time, logarithmic".into(),
            better(metric(P50)),
            repetitions_of(group, metric(P50)),
        ],
        caption: "Dots close together mean that a repetition can be relied on; two servers whose dots mix are not told \
                  apart by this run. The figure behind each row is that of all repetitions together."
            .into(),
        findings: findings(group),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: legend(group.has(metric(P99))),
        legend_on_phones_only: false,
        data: data(group, series),
        title,
    })
}

fn is_flagged(arm: &Arm<'_>, repetition: u32) -> bool {
    let mut trials = arm.valid.iter().map(|t| &t.trial);
    trials.any(|t| t.repetition == repetition && !t.flags.is_empty())
}

/// Valid trials of `arm` that carry a flag.
fn flagged(arm: &Arm<'_>) -> usize {
    let trials = arm.valid.iter();
    trials.filter(|t| !t.trial.flags.is_empty()).count()
}

/// How many dots come from trials that carry a flag.
fn findings(group: &Group<'_>) -> Vec<(Option<bool>, String)> {
    let marked: Vec<String> = group
        .arms
        .iter()
        .filter(|arm| flagged(arm) > 0)
        .map(|arm| {
            format!(
                "{} of {} for {}",
                flagged(arm),
                arm.valid.len(),
                arm.label()
            )
        })
        .collect();
    if marked.is_empty() {
        return Vec::new();
    }
    vec![(None, format!("Flagged: {}.", marked.join(", ")))]
}

/// Which percentiles a single repetition supports.
fn figures(p99: bool) -> &'static str {
    if p99 { "p50 and p99" } else { "p50" }
}

fn legend(p99: bool) -> Vec<LegendEntry> {
    let dot = |label, filled| marker_entry(label, Shape::Circle, Role::Text, filled);
    let mut legend = vec![dot("p50 of one repetition", true)];
    if p99 {
        legend.push(dot("p99 of one repetition", false));
    }
    legend.push(stroke_entry("all repetitions together", Role::Text));
    legend
}

fn lane(arm: &Arm<'_>, metric: Metric, role: Role, filled: bool) -> Lane {
    let mut marks = Vec::new();
    let together = arm.figure(metric).map(|figure| figure.value);
    marks.extend(together.map(|at| Mark::Stroke {
        at,
        role: Role::Text,
    }));
    marks.extend(
        arm.by_repetition(metric)
            .into_iter()
            .map(|(_, at)| Mark::Dot {
                at,
                shape: Shape::Circle,
                role,
                filled,
            }),
    );
    Lane {
        marks,
        value: together.map_or_else(String::new, |v| Unit::Time.scale([v]).with_unit(v)),
    }
}

fn data(group: &Group<'_>, series: crate::metric::Series) -> Table {
    let (p50, p99) = (
        Metric::Percentile(series, P50),
        Metric::Percentile(series, P99),
    );
    let of = |metric| move |arm: &Arm<'_>| arm.by_repetition(metric);
    let repetitions: BTreeSet<u32> = group
        .arms
        .iter()
        .flat_map(of(p50))
        .map(|(repetition, _)| repetition)
        .collect();
    let scale = Unit::Time.scale(group.arms.iter().flat_map(of(p50)).map(|(_, v)| v));
    let columns = repetitions
        .iter()
        .map(|r| Column::numbers(format!("repetition {r}"), scale.symbol));
    let mut table = Table::new("server", columns.collect());
    for arm in &group.arms {
        let find = |metric, repetition| {
            let all = arm.by_repetition(metric);
            all.into_iter()
                .find(|(r, _)| *r == repetition)
                .map(|(_, v)| v)
        };
        let cell = |&repetition: &u32| {
            let Some(median) = find(p50, repetition) else {
                return Cell::absent("");
            };
            let cell = Cell::plain(scale.number(median));
            let cell = match find(p99, repetition) {
                Some(tail) => cell.under(scale.number(tail)),
                None => cell,
            };
            if is_flagged(arm, repetition) {
                cell.under("flagged")
            } else {
                cell
            }
        };
        table.row(arm.label(), repetitions.iter().map(cell).collect());
    }
    let what = if group.has(p99) {
        "p50, and under it p99"
    } else {
        "p50"
    };
    table
        .notes
        .push(format!("Each figure is the {what} of one repetition."));
    if group.arms.iter().any(|arm| flagged(arm) > 0) {
        table
            .notes
            .push("What a flag means stands in the table of flagged trials.".into());
    }
    table
}
