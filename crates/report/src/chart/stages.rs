//! The mean response time in its stages: late at the publisher, being published, on the way.

use super::common::{bar_entry, better, samples_of};
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, Palette, Room};
use crate::metric::{Metric, P50, Series};
use crate::number::{Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};

/// Mean times, nanoseconds.
#[derive(Clone, Copy)]
struct Stages {
    lateness: f64,
    /// Absent where who publishes does not say when it was done.
    publish: Option<f64>,
    transit: f64,
    response: f64,
}

impl Stages {
    fn of(arm: &Arm<'_>) -> Option<Self> {
        let mean = |series| {
            let histogram = arm.merged(series).filter(|h| !h.is_empty())?;
            Some(histogram.mean())
        };
        let publish = mean(Series::Publish);
        Some(Self {
            lateness: mean(Series::Lateness)?,
            publish,
            // Messages may arrive while others are still being handed on.
            transit: (mean(Series::Service)? - publish.unwrap_or(0.0)).max(0.0),
            response: mean(Series::Response)?,
        })
    }

    fn sum(self) -> f64 {
        self.lateness + self.publish.unwrap_or(0.0) + self.transit
    }
}

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let arms: Vec<(&Arm<'_>, Stages)> = group
        .arms
        .iter()
        .filter_map(|arm| Some((arm, Stages::of(arm)?)))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let chart = Rows {
        range: zero_range(arms.iter().map(|(_, stages)| stages.sum())),
        rows: arms
            .iter()
            .map(|(arm, stages)| row(arm, *stages, palette.role(arm.server)))
            .collect(),
        log: false,
        unit: Unit::Time,
        reference: None,
    };
    let title = "Mean response time by stage";
    let mut legend = vec![bar_entry("schedule lateness (grey)", Role::Neutral, 1.0)];
    if arms.iter().any(|(_, stages)| stages.publish.is_some()) {
        legend.push(bar_entry("publish (pale)", Role::Text, 0.4));
    }
    legend.push(bar_entry("transit", Role::Text, 0.85));
    Some(Figure {
        title: title.into(),
        meta: std::iter::once("means, which add up".to_owned())
            .chain([better(Metric::Percentile(Series::Response, P50))])
            .chain(samples_of(group, Series::Response))
            .collect(),
        caption: "From when a message was due until it was stamped, from there until it was handed on, and from there \
                  to the subscriber. Where a server does not say when it handed a message on, publish is part of \
                  transit."
            .into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(title)],
        legend,
        legend_on_phones_only: false,
        data: data(&arms),
    })
}

fn row(arm: &Arm<'_>, stages: Stages, role: Role) -> ServerRow {
    let mut marks = Vec::new();
    let mut from = 0.0;
    let parts = [
        (Some(stages.lateness), Role::Neutral, 1.0),
        (stages.publish, role, 0.4),
        (Some(stages.transit), role, 0.85),
    ];
    for (length, role, opacity) in parts {
        let Some(length) = length else { continue };
        let to = from + length;
        marks.push(Mark::Bar {
            from,
            to,
            role,
            opacity,
        });
        from = to;
    }
    ServerRow {
        label: arm.label(),
        lanes: vec![Lane {
            marks,
            value: Unit::Time.scale([from]).with_unit(from),
        }],
    }
}

fn data(arms: &[(&Arm<'_>, Stages)]) -> Table {
    let scale = Unit::Time.scale(arms.iter().map(|(_, stages)| stages.response));
    let mut columns = ["schedule lateness", "publish", "transit", "response"]
        .map(|name| Column::numbers(name, scale.symbol))
        .to_vec();
    columns.push(Column::numbers("sum of the stages", "% of response"));
    let mut table = Table::new("server", columns);
    for (arm, stages) in arms {
        let time = |value| Cell::plain(scale.number(value));
        let share = stages.sum() / stages.response * 100.0;
        table.row(
            arm.label(),
            vec![
                time(stages.lateness),
                stages.publish.map_or_else(|| Cell::absent(""), time),
                time(stages.transit),
                time(stages.response),
                Cell::plain(significant(share, 3)),
            ],
        );
    }
    table.notes.push(
        "Lateness and publish are means over messages, transit and response over deliveries."
            .into(),
    );
    table
}
