//! Where the time went: the part of it that is the transport's own, beside the whole.

use super::common::{better, line_entry, percentile_table, samples_of, stack_entries};
use super::curves::{Curve, Plot, points};
use super::palette::{Dash, Role};
use super::{Figure, Palette, Panel, Room, Version};
use crate::metric::{Metric, P50, Series};
use crate::results::{Arm, Group};

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let whole = group.main_series();
    let (part, title, meaning) = match whole {
        Series::FirstMessage if group.arriving().is_some() => (
            Series::TcpConnect,
            "Time to the first message and its TCP handshake, by transport",
            "The dashed curve runs from the start of connect() until TCP is connected, the solid one from when the connection was due until \
             its first message: between them lie the request, its answer, the server's work, and what the load process was late.",
        ),
        Series::FirstMessage => (
            Series::TcpConnect,
            "Time to the first message and its TCP handshake, by transport",
            "The dashed curve is over when TCP is connected; what lies above it is the request, its answer and the \
             server's work.",
        ),
        _ => (
            Series::Service,
            "Response time and service time, by transport",
            "The dashed curve starts only when a message is really published; where it lies below the solid one, \
             messages had to wait to be published.",
        ),
    };
    let all: Vec<Curve> = group
        .arms
        .iter()
        .flat_map(|arm| both(arm, palette, whole, part))
        .collect();
    if !all.iter().any(|curve| curve.dash == Dash::Dashed) {
        return None;
    }
    // One set of axes, so that panels compare.
    let frame = Plot::new(all);
    let panels = transports(group).into_iter().filter_map(|transport| {
        let arms = group
            .arms
            .iter()
            .filter(|arm| arm.server.transport == transport);
        let curves: Vec<Curve> = arms
            .flat_map(|arm| both(arm, palette, whole, part))
            .collect();
        if curves.is_empty() {
            return None;
        }
        let plot = Plot {
            curves,
            range: frame.range,
            deepest: frame.deepest,
            marks: Vec::new(),
        };
        let label = format!("{title}: {transport}");
        Some(Panel {
            title: Some(transport.to_owned()),
            versions: vec![plot.draw((300.0, 240.0), Version::Any.class(), &label, false)],
        })
    });
    let panels = panels.collect();
    let mut legend = vec![
        line_entry(whole.label(), Role::Text, Dash::Solid, None),
        line_entry(part.label(), Role::Text, Dash::Dashed, None),
    ];
    legend.extend(stack_entries(group, palette));
    let [trials, samples] = samples_of(group, whole);
    Some(Figure {
        title: title.into(),
        meta: vec![
            "time, logarithmic, one scale for all".into(),
            better(Metric::Percentile(whole, P50)),
            trials,
            samples,
        ],
        caption: meaning.into(),
        findings: Vec::new(),
        room: Room::Full,
        panels,
        legend,
        legend_on_phones_only: false,
        data: percentile_table(group, &[whole, part]),
    })
}

fn both(arm: &Arm<'_>, palette: &Palette, whole: Series, part: Series) -> Vec<Curve> {
    [(whole, Dash::Solid), (part, Dash::Dashed)]
        .map(|(series, dash)| Curve {
            label: arm.label(),
            role: palette.role(arm.server),
            shape: palette.shape(arm.server),
            dash,
            points: points(arm, series),
        })
        .into_iter()
        .filter(|curve| curve.points.len() > 1)
        .collect()
}

/// Transports in the order of the run.
fn transports<'a>(group: &Group<'a>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for arm in &group.arms {
        if !seen.contains(&arm.server.transport.as_str()) {
            seen.push(&arm.server.transport);
        }
    }
    seen
}
