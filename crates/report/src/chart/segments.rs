//! TCP segments per unit of work: what the network stack has to handle, acknowledgements too.

use super::common::{bar_entry, better, repetitions_of};
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::Metric;
use crate::number::{Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};
use crate::wire::PerOperation;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let arms: Vec<(&Arm<'_>, PerOperation)> = group
        .arms
        .iter()
        .filter_map(|arm| Some((arm, PerOperation::of(&arm.valid)?)))
        .filter(|(_, p)| p.segments > 0.0)
        .collect();
    if arms.is_empty() {
        return None;
    }
    let rows = arms
        .iter()
        .map(|(arm, p)| row(arm, p, palette.role(arm.server)));
    let chart = Rows {
        rows: rows.collect(),
        range: zero_range(arms.iter().map(|(_, p)| p.segments)),
        log: false,
        unit: Unit::Count,
        reference: None,
    };
    let of = if group.work() == "delivery" {
        "message"
    } else {
        "connection"
    };
    let title = format!("TCP segments per {of}");
    Some(Figure {
        meta: vec![
            "segments, both directions".into(),
            better(Metric::Segments),
            repetitions_of(group, Metric::Segments),
        ],
        caption: "Below one segment with payload per message, several messages shared a segment; segments without \
                  payload are acknowledgements and, for new connections, their set-up and end."
            .into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: vec![
            bar_entry("payload, server to client", Role::Text, 0.85),
            bar_entry("payload, client to server (pale)", Role::Text, 0.4),
            bar_entry("no payload (grey)", Role::Neutral, 1.0),
        ],
        legend_on_phones_only: false,
        data: data(&arms),
        title,
    })
}

fn row(arm: &Arm<'_>, p: &PerOperation, role: Role) -> ServerRow {
    let with_payload = p.data_down + p.data_up;
    let parts = [
        (0.0, p.data_down, role, 0.85),
        (p.data_down, with_payload, role, 0.4),
        (with_payload, p.segments, Role::Neutral, 1.0),
    ];
    let bar = |(from, to, role, opacity)| Mark::Bar {
        from,
        to,
        role,
        opacity,
    };
    ServerRow {
        label: arm.label(),
        lanes: vec![Lane {
            marks: parts
                .into_iter()
                .filter(|(from, to, ..)| to > from)
                .map(bar)
                .collect(),
            value: significant(p.segments, 3),
        }],
    }
}

fn data(arms: &[(&Arm<'_>, PerOperation)]) -> Table {
    let names = [
        "payload, server to client",
        "payload, client to server",
        "no payload",
        "total",
        "messages per answer",
    ];
    let mut table = Table::new("server", names.map(|name| Column::numbers(name, "")).into());
    for (arm, p) in arms {
        let rest = p.segments - p.data_down - p.data_up;
        let mut cells: Vec<Cell> = [p.data_down, p.data_up, rest, p.segments]
            .map(|value| Cell::plain(significant(value, 3)))
            .into();
        cells.push(p.per_batch.map_or_else(
            || Cell::plain("–"),
            |messages| Cell::plain(significant(messages, 3)),
        ));
        table.row(arm.label(), cells);
    }
    table
}
