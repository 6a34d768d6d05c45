//! What was achieved per second, and in an open loop what was asked.

use pushbench_model::scenario::Workload;

use super::common::{bar_entry, better, estimate_table, interval_entry, repetitions_of};
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::Metric;
use crate::number::{Unit, tick};
use crate::results::{Arm, Group};

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    if !group.has(Metric::Rate) {
        return None;
    }
    let asked = match &group.scenario.workload {
        Workload::FanOut(fan_out) => Some(fan_out.rate * f64::from(fan_out.measured_subscribers())),
        Workload::Connect(connect) => connect.arriving().map(|arriving| arriving.rate),
        // The pace is the model's.
        Workload::Tokens(_) => return None,
    };
    let (title, caption) = match asked {
        Some(_) if group.arriving().is_some() => (
            "Connections per second, achieved and asked",
            "Connections come by a schedule: the line is what was asked, and a bar that reaches it says that the server served them all as \
             they came, not how many it could serve. The window runs from the beginning to the last first message, so short runs with \
             random arrivals miss the line by a few percent.",
        ),
        Some(_) => (
            "Deliveries per second, achieved and asked",
            "A bar that reaches the line kept up with the schedule; one that falls short was overloaded. The window \
             runs from the first message due to the last receipt, so short runs with random arrivals miss the line by \
             a few percent.",
        ),
        None => (
            "Connections per second",
            "Each connection is opened, gets its first message and is closed; the next one starts only then, so this \
             is a rate at a fixed number in flight, not a maximum.",
        ),
    };
    let arms: Vec<&Arm<'_>> = group
        .arms
        .iter()
        .filter(|arm| arm.estimate(Metric::Rate).is_some())
        .collect();
    let rows = arms
        .iter()
        .map(|arm| row(arm, palette.role(arm.server), asked))
        .collect();
    let highs = arms.iter().filter_map(|arm| arm.estimate(Metric::Rate));
    let highs = highs.map(|e| e.interval.map_or(e.value, |i| i.high));
    let chart = Rows {
        rows,
        range: zero_range(highs.chain(asked)),
        log: false,
        unit: Unit::PerSecond,
        reference: asked.map(|rate| (rate, format!("asked: {}", tick(Unit::PerSecond, rate)))),
    };
    let direction = match asked {
        Some(_) => "at the line is right".to_owned(),
        None => better(Metric::Rate),
    };
    Some(Figure {
        title: title.into(),
        meta: vec![
            Metric::Rate.label(group.work()),
            direction,
            repetitions_of(group, Metric::Rate),
        ],
        caption: caption.into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(title)],
        legend: vec![
            bar_entry("mean over repetitions", Role::Text, 0.75),
            interval_entry("95\u{202f}% interval"),
        ],
        legend_on_phones_only: false,
        data: estimate_table(group, &[Metric::Rate]),
    })
}

fn row(arm: &Arm<'_>, role: Role, asked: Option<f64>) -> ServerRow {
    let mut marks = Vec::new();
    let mut value = String::new();
    if let Some(estimate) = arm.estimate(Metric::Rate) {
        marks.push(Mark::Bar {
            from: 0.0,
            to: estimate.value,
            role,
            opacity: 0.8,
        });
        marks.extend(asked.map(|at| Mark::Stroke {
            at,
            role: Role::Text,
        }));
        marks.extend(estimate.interval.map(|interval| Mark::Whisker {
            low: interval.low,
            high: interval.high,
            role: Role::Text,
        }));
        value = Unit::PerSecond
            .scale([estimate.value])
            .with_unit(estimate.value);
    }
    ServerRow {
        label: arm.label(),
        lanes: vec![Lane { marks, value }],
    }
}
