//! Memory that a connection takes on both sides.

use super::common::{bar_entry, better, estimate_table, interval_entry, repetitions_of};
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::{Metric, Side};
use crate::number::{Unit, capitalised};
use crate::results::{Arm, Group};

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let sides = [Side::Server, Side::Load];
    let metrics = sides.map(|side| group.memory(side));
    if !group.has(metrics[0]) {
        return None;
    }
    let rows: Vec<ServerRow> = group
        .arms
        .iter()
        .filter(|arm| arm.estimate(metrics[0]).is_some())
        .map(|arm| ServerRow {
            label: arm.label(),
            lanes: sides
                .iter()
                .filter_map(|&s| lane(arm, s, palette.role(arm.server)))
                .collect(),
        })
        .collect();
    let estimates = group
        .arms
        .iter()
        .flat_map(|arm| metrics.map(|m| arm.estimate(m)));
    let ends = estimates.flatten().flat_map(|e| {
        e.interval
            .map_or([e.value; 2], |interval| [interval.low, interval.high])
    });
    let (counted_as, holds) = counted_as(group);
    let whose = match group.scenario.server.streams {
        0 => "connection",
        _ => "subscriber",
    };
    let title = format!("{} per {whose}", capitalised(counted_as));
    let mut data = estimate_table(group, &metrics);
    for column in &mut data.columns {
        column.name = column.name.replace("memory", counted_as);
    }
    let chart = Rows {
        range: zero_range(ends),
        rows,
        log: false,
        unit: Unit::Memory,
        reference: None,
    };
    Some(Figure {
        meta: vec![
            "with all connections open and idle, minus before".into(),
            better(metrics[0]),
            repetitions_of(group, metrics[0]),
        ],
        caption: format!("{holds} Kernel socket buffers are not in it."),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: vec![
            bar_entry("server", Role::Text, 0.85),
            bar_entry("load, the clients (pale)", Role::Text, 0.4),
            interval_entry("95\u{202f}% interval"),
        ],
        legend_on_phones_only: false,
        data,
        title,
    })
}

fn lane(arm: &Arm<'_>, side: Side, role: Role) -> Option<Lane> {
    let estimate = arm.estimate(Metric::Memory(side))?;
    let mut marks = vec![Mark::Bar {
        from: estimate.value.min(0.0),
        to: estimate.value.max(0.0),
        role,
        opacity: if side == Side::Server { 0.85 } else { 0.4 },
    }];
    marks.extend(estimate.interval.map(|interval| Mark::Whisker {
        low: interval.low,
        high: interval.high,
        role: Role::Text,
    }));
    Some(Lane {
        marks,
        value: Unit::Memory
            .scale([estimate.value.abs()])
            .with_unit(estimate.value),
    })
}

/// Which reading the figures come from: the name of it, and what it holds.
fn counted_as(group: &Group<'_>) -> (&'static str, &'static str) {
    let usages = group.arms.iter().flat_map(|arm| &arm.valid);
    let usages = usages.flat_map(|t| [&t.trial.server_usage, &t.trial.load_usage]);
    let memories = usages.flatten().filter_map(|usage| usage.memory);
    let anonymous: Vec<bool> = memories
        .map(|m| m.anonymous_before.is_some() && m.anonymous_connected.is_some())
        .collect();
    match (anonymous.contains(&true), anonymous.contains(&false)) {
        (true, false) => ("anonymous memory", "Anonymous memory is heap and stacks."),
        (true, true) => (
            "anonymous or resident memory",
            "Anonymous memory is heap and stacks; resident memory, where that was not readable, also pages of files.",
        ),
        _ => (
            "resident memory",
            "Resident memory is heap, stacks and pages of files, the program's own too.",
        ),
    }
}
