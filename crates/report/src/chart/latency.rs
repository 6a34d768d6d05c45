//! How long it took: the whole distribution of every server.

use super::common::{better, line_entry, percentile_table, samples_of};
use super::curves::{Curve, Plot, points};
use super::palette::{Dash, Role};
use super::{Figure, Palette, Panel, Room, Version};
use crate::metric::{Metric, P50, Series};
use crate::results::Group;
use crate::theory;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let series = group.main_series();
    let theory = theory::least_round_trips(group);
    let marks = theory.iter().map(|(_, ns)| *ns).collect();
    let plot = plot(group, palette, series)?.marked(marks);
    let mut legend = legend(&plot);
    let mut caption = String::from(
        "A point (99, 2\u{202f}ms) means that 99\u{202f}% took 2\u{202f}ms or less; the further right a curve stays low, the rarer \
         its slow cases. A curve ends where fewer than ten samples lie beyond it.",
    );
    if let Some((count, _)) = theory {
        caption += &format!(
            " The dashed line is {count} round trips of the link, which the formula says."
        );
        let name = format!("{count} round trips of the link");
        legend.push(line_entry(&name, Role::Text, Dash::Dashed, None));
    }
    let (title, from) = match series {
        Series::FirstMessage if group.arriving().is_some() => (
            "Time to the first message, by percentile",
            "the moment a connection was due",
        ),
        Series::FirstMessage => (
            "Time to the first message, by percentile",
            "the start of connect()",
        ),
        _ => (
            "Response time, by percentile",
            "the moment a message was due",
        ),
    };
    let [trials, samples] = samples_of(group, series);
    Some(Figure {
        title: title.into(),
        meta: vec![
            format!("time from {from} to its receipt, logarithmic"),
            better(Metric::Percentile(series, P50)),
            trials,
            samples,
        ],
        caption,
        findings: Vec::new(),
        room: Room::Full,
        panels: vec![named(&plot, title, &FULL)],
        legend,
        legend_on_phones_only: true,
        data: percentile_table(group, &[series]),
    })
}

/// A plot of `series` with a curve per server.
pub(super) fn plot(group: &Group<'_>, palette: &Palette, series: Series) -> Option<Plot> {
    let curves: Vec<Curve> = group
        .arms
        .iter()
        .map(|arm| Curve {
            label: arm.label(),
            role: palette.role(arm.server),
            shape: palette.shape(arm.server),
            dash: Dash::Solid,
            points: points(arm, series),
        })
        .filter(|curve| curve.points.len() > 1)
        .collect();
    (!curves.is_empty()).then(|| Plot::new(curves))
}

/// Sizes of a figure over the whole width.
pub(super) const FULL: [(Version, (f64, f64)); 3] = [
    (Version::Large, (1110.0, 430.0)),
    (Version::Medium, (640.0, 380.0)),
    (Version::Small, (350.0, 300.0)),
];

/// Sizes of a figure over half of it.
pub(super) const HALF: [(Version, (f64, f64)); 2] = [
    (Version::Medium, (540.0, 320.0)),
    (Version::Small, (350.0, 300.0)),
];

/// A panel whose curves have their names at their ends, where there is room.
pub(super) fn named(plot: &Plot, title: &str, sizes: &[(Version, (f64, f64))]) -> Panel {
    let version = |&(version, size): &(Version, (f64, f64))| {
        plot.draw(size, version.class(), title, version != Version::Small)
    };
    Panel {
        title: None,
        versions: sizes.iter().map(version).collect(),
    }
}

/// A line and a marker per curve.
pub(super) fn legend(plot: &Plot) -> Vec<super::LegendEntry> {
    let entry = |c: &Curve| line_entry(&c.label, c.role, c.dash, Some(c.shape));
    plot.curves.iter().map(entry).collect()
}
