//! TCP segments per unit of work: what the network stack has to handle, acknowledgements too. In a fan-out those with
//! payload are held against one per message.

use std::cmp::Ordering;

use super::common::{bar_entry, better, repetitions_of, stroke_entry};
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::Metric;
use crate::number::{THIN, Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};
use crate::wire::PerOperation;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    // How many segments a message should take depends on its size, and there is more than one.
    if group.scenario.large().is_some() {
        return None;
    }
    let arms: Vec<(&Arm<'_>, PerOperation)> = group
        .arms
        .iter()
        .filter_map(|arm| Some((arm, PerOperation::of(&arm.valid)?)))
        .filter(|(_, p)| p.segments > 0.0)
        .collect();
    if arms.is_empty() {
        return None;
    }
    // What a new connection sends besides its message is for the transport to say.
    let fan_out = group.work() == "delivery";
    let rows = arms
        .iter()
        .map(|(arm, p)| row(arm, p, palette.role(arm.server), fan_out));
    let chart = Rows {
        rows: rows.collect(),
        range: zero_range(
            arms.iter()
                .map(|(_, p)| p.segments.max(p.expected_data_down)),
        ),
        log: false,
        unit: Unit::Count,
        reference: None,
    };
    let (of, caption) = if fan_out {
        (
            "message",
            "The stroke is what is expected with payload from the server: one segment per message (per answer for \
             polling; one for each 65\u{202f}483 bytes of a large one). Fewer: messages shared a write. More: a \
             message was written in pieces. Segments without payload are acknowledgements.",
        )
    } else {
        (
            group.work(),
            "Segments without payload are acknowledgements and the connection's set-up and end.",
        )
    };
    let mut legend = vec![
        bar_entry("payload, server to client", Role::Text, 0.85),
        bar_entry("payload, client to server (pale)", Role::Text, 0.4),
        bar_entry("no payload (grey)", Role::Neutral, 1.0),
    ];
    if fan_out {
        legend.push(stroke_entry(
            "expected, payload, server to client",
            Role::Text,
        ));
    }
    let title = format!("TCP segments per {of}");
    Some(Figure {
        meta: vec![
            "segments, both directions".into(),
            better(Metric::Segments),
            repetitions_of(group, Metric::Segments),
        ],
        caption: caption.into(),
        findings: if fan_out { findings(&arms) } else { Vec::new() },
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend,
        legend_on_phones_only: false,
        data: data(&arms, fan_out),
        title,
    })
}

fn row(arm: &Arm<'_>, p: &PerOperation, role: Role, fan_out: bool) -> ServerRow {
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
    let bars = parts.into_iter().filter(|(from, to, ..)| to > from);
    let mut marks: Vec<Mark> = bars.map(bar).collect();
    if fan_out {
        marks.push(Mark::Stroke {
            at: p.expected_data_down,
            role: Role::Text,
        });
    }
    ServerRow {
        label: arm.label(),
        lanes: vec![Lane {
            marks,
            value: significant(p.segments, 3),
        }],
    }
}

/// Which servers sent as many segments with payload as expected, and which did not.
fn findings(arms: &[(&Arm<'_>, PerOperation)]) -> Vec<(Option<bool>, String)> {
    let with = |wanted: Ordering| -> Vec<String> {
        let chosen = arms.iter().filter(|(_, p)| against(p) == wanted);
        chosen.map(|(arm, _)| arm.label()).collect()
    };
    let sorted = [
        (
            Some(false),
            "More segments with payload than expected",
            with(Ordering::Greater),
        ),
        (
            Some(true),
            "One segment with payload per write, as expected",
            with(Ordering::Equal),
        ),
        (
            Some(true),
            "Fewer than expected, because messages shared a write",
            with(Ordering::Less),
        ),
    ];
    let sorted = sorted.into_iter().filter(|(.., names)| !names.is_empty());
    sorted
        .map(|(good, text, names)| (good, format!("{text}: {}.", names.join(", "))))
        .collect()
}

/// Segments with payload from the server against what is expected; all are counts over the same number of messages.
fn against(p: &PerOperation) -> Ordering {
    if p.data_down > p.most_data_down {
        Ordering::Greater
    } else if p.data_down < p.expected_data_down {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

fn data(arms: &[(&Arm<'_>, PerOperation)], fan_out: bool) -> Table {
    let mut names = vec!["payload, server to client"];
    if fan_out {
        names.push("expected of these");
    }
    names.extend([
        "payload, client to server",
        "no payload",
        "total",
        "messages per answer",
    ]);
    let mut columns: Vec<Column> = names
        .into_iter()
        .map(|name| Column::numbers(name, ""))
        .collect();
    if fan_out {
        columns.push(Column::words("against expected"));
    }
    let mut table = Table::new("server", columns);
    for (arm, p) in arms {
        let rest = p.segments - p.data_down - p.data_up;
        let number = |value| Cell::plain(significant(value, 3));
        let mut cells = vec![number(p.data_down)];
        if fan_out {
            cells.push(number(p.expected_data_down));
        }
        cells.extend([p.data_up, rest, p.segments].map(number));
        cells.push(p.per_batch.map_or_else(|| Cell::plain("–"), number));
        if fan_out {
            let share = 100.0 * (p.data_down / p.expected_data_down - 1.0);
            let size = format!("{}{THIN}%", significant(share.abs(), 2));
            cells.push(match against(p) {
                Ordering::Greater => Cell::plain(format!("{size} more")).bad(),
                Ordering::Equal => Cell::plain("as expected"),
                Ordering::Less => Cell::plain(format!("{size} fewer")),
            });
        }
        table.row(arm.label(), cells);
    }
    table
}
