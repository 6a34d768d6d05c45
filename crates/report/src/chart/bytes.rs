//! Bytes per unit of work, counted by the kernel, against the formulas.

use super::common::{bar_entry, better, marker_entry, repetitions_of};
use super::palette::{Role, Shape};
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::Metric;
use crate::number::{Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};
use crate::wire::{Agreement, PerOperation};

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let arms: Vec<(&Arm<'_>, PerOperation)> = group
        .arms
        .iter()
        .filter_map(|arm| Some((arm, PerOperation::of(&arm.valid)?)))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let ends = arms
        .iter()
        .flat_map(|(_, p)| [Some(p.down + p.up), p.expected]);
    let chart = Rows {
        range: zero_range(ends.flatten()),
        rows: arms
            .iter()
            .map(|(arm, p)| row(arm, p, palette.role(arm.server)))
            .collect(),
        log: false,
        unit: Unit::Bytes,
        reference: None,
    };
    let of = match group.work() {
        "delivery" => "message",
        work => work,
    };
    let title = format!("Bytes per {of}, counted and by formula");
    Some(Figure {
        meta: vec![
            "TCP payload, both directions".into(),
            better(Metric::Bytes),
            repetitions_of(group, Metric::Bytes),
        ],
        caption: "What a bar adds to the payload is envelope, framing and requests. The diamond is what is expected: \
                  framing and bodies by formula, response heads as they were received, requests as they were sent; it \
                  must sit at the end of its bar."
            .into(),
        findings: findings(&arms),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: vec![
            bar_entry("payload (grey)", Role::Neutral, 1.0),
            bar_entry("envelope and framing, server to client", Role::Text, 0.85),
            bar_entry("client to server (pale)", Role::Text, 0.4),
            marker_entry("by formula", Shape::Diamond, Role::Text, false),
        ],
        legend_on_phones_only: false,
        data: data(&arms),
        title,
    })
}

fn row(arm: &Arm<'_>, p: &PerOperation, role: Role) -> ServerRow {
    let payload = p.payload.min(p.down);
    let mut marks = vec![
        Mark::Bar {
            from: 0.0,
            to: payload,
            role: Role::Neutral,
            opacity: 1.0,
        },
        Mark::Bar {
            from: payload,
            to: p.down,
            role,
            opacity: 0.85,
        },
    ];
    if p.up > 0.0 {
        marks.push(Mark::Bar {
            from: p.down,
            to: p.down + p.up,
            role,
            opacity: 0.4,
        });
    }
    let mismatch = matches!(Agreement::of(&arm.valid), Agreement::Mismatch);
    marks.extend(p.expected.map(|at| Mark::Dot {
        at,
        shape: Shape::Diamond,
        role: if mismatch { Role::Bad } else { Role::Text },
        filled: false,
    }));
    let total = p.down + p.up;
    ServerRow {
        label: arm.label(),
        lanes: vec![Lane {
            marks,
            value: Unit::Bytes.scale([total]).with_unit(total),
        }],
    }
}

fn findings(arms: &[(&Arm<'_>, PerOperation)]) -> Vec<(Option<bool>, String)> {
    let with = |wanted: fn(Agreement) -> bool| -> Vec<String> {
        let chosen = arms
            .iter()
            .filter(|(arm, _)| wanted(Agreement::of(&arm.valid)));
        chosen.map(|(arm, _)| arm.label()).collect()
    };
    let sorted = [
        (
            Some(false),
            "Mismatch, counted is not what the formula says",
            with(|a| matches!(a, Agreement::Mismatch)),
        ),
        (
            Some(true),
            "Counted equals formula, to the byte",
            with(|a| a == Agreement::Match),
        ),
        (
            None,
            "No formula applies",
            with(|a| a == Agreement::NoFormula),
        ),
    ];
    let sorted = sorted.into_iter().filter(|(.., names)| !names.is_empty());
    sorted
        .map(|(good, text, names)| (good, format!("{text}: {}.", names.join(", "))))
        .collect()
}

fn data(arms: &[(&Arm<'_>, PerOperation)]) -> Table {
    let scale = Unit::Bytes.scale(arms.iter().map(|(_, p)| p.down + p.up));
    let names = [
        "payload",
        "server to client",
        "client to server",
        "total",
        "by formula",
    ];
    let mut columns: Vec<Column> = names
        .iter()
        .map(|&name| Column::numbers(name, scale.symbol))
        .collect();
    columns.push(Column::words("agreement"));
    let batched = arms.iter().any(|(_, p)| p.per_batch.is_some());
    if batched {
        columns.push(Column::numbers("messages per answer", ""));
    }
    let mut table = Table::new("server", columns);
    for (arm, p) in arms {
        let mut cells: Vec<Cell> = [p.payload, p.down, p.up, p.down + p.up]
            .map(|value| Cell::plain(scale.number(value)))
            .into();
        let expected = p.expected.map(|value| Cell::plain(scale.number(value)));
        cells.push(expected.unwrap_or_else(|| Cell::absent("no formula")));
        cells.push(match Agreement::of(&arm.valid) {
            Agreement::NoFormula => Cell::plain("no formula"),
            Agreement::Match => Cell::plain("to the byte"),
            Agreement::Mismatch => Cell::plain(difference(p)).bad(),
        });
        if batched {
            cells.push(p.per_batch.map_or_else(
                || Cell::plain("–"),
                |messages| Cell::plain(significant(messages, 3)),
            ));
        }
        table.row(arm.label(), cells);
    }
    table
}

/// How far the counted bytes are from the formula, per unit of work.
fn difference(p: &PerOperation) -> String {
    let Some(expected) = p.expected else {
        return "differs in some trials".into();
    };
    let more = p.down + p.up - expected;
    let size = Unit::Bytes.scale([more.abs()]).with_unit(more.abs());
    format!("{size} {} each", if more < 0.0 { "fewer" } else { "more" })
}
