//! What a unit of work costs both sides, as multiples of the floor where there is one.

use super::common::{better, estimate_table, interval_entry, marker_entry, repetitions_of};
use super::palette::{Role, Shape};
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::log_range;
use super::{Figure, Palette, Room};
use crate::answer::times_floor;
use crate::metric::{Metric, Side};
use crate::number::{Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Table};
use pushbench_stats::Estimate;

pub(super) fn cost(
    group: &Group<'_>,
    palette: &Palette,
    metric: &dyn Fn(Side) -> Metric,
    name: &str,
    what: &str,
) -> Option<Figure> {
    let server = metric(Side::Server);
    if !group.has(server) {
        return None;
    }
    let floor = group
        .floor()
        .filter(|floor| floor.estimate(server).is_some());
    let points: Vec<(&Arm<'_>, Side, Estimate, String)> = group
        .arms
        .iter()
        .flat_map(|arm| [Side::Server, Side::Load].map(|side| (arm, side)))
        .filter_map(|(arm, side)| {
            let (point, text) = point(group, arm, metric(side), floor)?;
            Some((arm, side, point, text))
        })
        .collect();
    let ends = points.iter().flat_map(|(_, _, e, _)| {
        e.interval
            .map_or([e.value; 2], |interval| [interval.low, interval.high])
    });
    let range = log_range(ends, 3.0);
    let mut rows: Vec<ServerRow> = Vec::new();
    for (arm, side, estimate, text) in &points {
        let lane = lane(palette.role(arm.server), *side, *estimate, text);
        match rows.last_mut().filter(|row| row.label == arm.label()) {
            Some(row) => row.lanes.push(lane),
            None => rows.push(ServerRow {
                label: arm.label(),
                lanes: vec![lane],
            }),
        }
    }
    let work = group.work();
    let title = match floor {
        Some(_) => format!("{name} per {work}, as a multiple of the floor"),
        None => format!("{name} per {work}"),
    };
    let chart = Rows {
        rows,
        range,
        log: true,
        unit: if floor.is_some() {
            Unit::Times
        } else {
            server.unit()
        },
        reference: floor.map(|_| (1.0, "floor".into())),
    };
    Some(Figure {
        meta: vec![
            what.into(),
            "logarithmic".into(),
            better(server),
            repetitions_of(group, server),
        ],
        caption: match floor {
            Some(_) => "Right of the line costs more than plain TCP with the same messages; each side is compared with \
                        the same side of the floor, and the absolute figure stands behind it."
                .into(),
            None => "No floor took part, so these are absolute figures.".into(),
        },
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: vec![
            marker_entry("server", Shape::Circle, Role::Text, true),
            marker_entry("load (the clients)", Shape::Circle, Role::Text, false),
            interval_entry("95\u{202f}% interval"),
        ],
        legend_on_phones_only: false,
        data: data(group, floor, metric),
        title,
    })
}

/// The multiple of the floor (or the figure itself without one) and what to write behind it.
fn point(
    group: &Group<'_>,
    arm: &Arm<'_>,
    metric: Metric,
    floor: Option<&Arm<'_>>,
) -> Option<(Estimate, String)> {
    let absolute = arm.estimate(metric)?;
    let text = metric
        .unit()
        .scale([absolute.value])
        .with_unit(absolute.value);
    let Some(floor) = floor else {
        return Some((absolute, text));
    };
    if arm.is_floor() {
        let one = Estimate {
            value: 1.0,
            interval: None,
            n: absolute.n,
        };
        return Some((one, text));
    }
    let ratio = group.ratio(arm, floor, metric)?.estimate;
    Some((ratio, format!("{}× = {text}", significant(ratio.value, 3))))
}

fn lane(role: Role, side: Side, estimate: Estimate, text: &str) -> Lane {
    let mut marks = Vec::new();
    marks.extend(estimate.interval.map(|interval| Mark::Whisker {
        low: interval.low,
        high: interval.high,
        role,
    }));
    marks.push(Mark::Dot {
        at: estimate.value,
        shape: Shape::Circle,
        role,
        filled: side == Side::Server,
    });
    Lane {
        marks,
        value: text.to_owned(),
    }
}

fn data(group: &Group<'_>, floor: Option<&Arm<'_>>, metric: &dyn Fn(Side) -> Metric) -> Table {
    let sides = [Side::Server, Side::Load];
    let mut table = estimate_table(group, &sides.map(metric));
    let Some(floor) = floor else {
        return table;
    };
    for (arm, row) in group.arms.iter().zip(&mut table.rows) {
        for (side, cell) in sides.into_iter().zip(&mut row.cells) {
            let ratio = (!arm.is_floor())
                .then(|| group.ratio(arm, floor, metric(side)))
                .flatten();
            if let Some(ratio) = ratio {
                *cell =
                    std::mem::replace(cell, Cell::plain("")).under(times_floor(&ratio.estimate));
            }
        }
    }
    table
}
