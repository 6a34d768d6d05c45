//! The charts of one drive: how long things took, and what happened when.

use pushbench_model::drive::{Second, histogram};

use super::common::{line_entry, marker_entry};
use super::curves::{Curve, Plot, depths};
use super::latency::{FULL, HALF, named};
use super::palette::{Dash, Role, Shape};
use super::seconds::Seconds;
use super::{Figure, Palette, Room};
use crate::drive::{Driven, name, table};
use crate::number::{Unit, counted, whole};
use crate::table::{Cell, Column, Table};

/// The charts of `driven`; one without data is left out.
pub(crate) fn figures(driven: &Driven<'_>) -> Vec<Figure> {
    let role = Palette::known().transport(&driven.report.transport);
    let main = if driven.latency().is_some() {
        latency(driven, role)
    } else {
        gaps(driven, role)
    };
    let charts = [
        main,
        rate(driven, role),
        open(driven, role),
        beginnings(driven),
    ];
    charts.into_iter().flatten().collect()
}

/// A curve per histogram of `wanted` that has enough samples for one.
fn curves(driven: &Driven<'_>, wanted: &[(&'static str, Role, Dash, Shape)]) -> Vec<Curve> {
    let curve = |&(key, role, dash, shape): &(&'static str, Role, Dash, Shape)| {
        let samples = driven.samples(key)?;
        let points = depths(samples, driven.lost_beside(key));
        (points.len() > 1).then(|| Curve {
            label: name(key).to_owned(),
            role,
            shape,
            dash,
            points,
        })
    };
    wanted.iter().filter_map(curve).collect()
}

fn by_percentile(
    driven: &Driven<'_>,
    title: &str,
    caption: &str,
    room: Room,
    curves: Vec<Curve>,
) -> Option<Figure> {
    if curves.is_empty() {
        return None;
    }
    let plot = Plot::new(curves);
    let sizes: &[_] = match room {
        Room::Full => &FULL,
        Room::Half => &HALF,
    };
    let legend = plot
        .curves
        .iter()
        .map(|c| {
            line_entry(
                &c.label,
                c.role,
                c.dash,
                (c.dash == Dash::Solid).then_some(c.shape),
            )
        })
        .collect();
    Some(Figure {
        title: title.into(),
        meta: vec!["time, logarithmic".into(), "lower is better".into()],
        caption: caption.into(),
        findings: Vec::new(),
        room,
        panels: vec![named(&plot, title, sizes)],
        legend,
        legend_on_phones_only: true,
        data: table(driven),
    })
}

fn latency(driven: &Driven<'_>, role: Role) -> Option<Figure> {
    let curves = curves(
        driven,
        &[
            (histogram::RESPONSE, role, Dash::Solid, Shape::Circle),
            (
                histogram::SERVICE,
                role,
                if driven.samples(histogram::RESPONSE).is_some() {
                    Dash::Dashed
                } else {
                    Dash::Solid
                },
                Shape::Circle,
            ),
        ],
    );
    by_percentile(
        driven,
        "Latency, by percentile",
        "A point (99, 2\u{202f}ms) means that 99\u{202f}% took 2\u{202f}ms or less; the further right a curve stays low, \
         the rarer its slow cases. A curve ends where fewer than ten samples lie beyond it.",
        Room::Full,
        curves,
    )
}

fn gaps(driven: &Driven<'_>, role: Role) -> Option<Figure> {
    by_percentile(
        driven,
        "Gaps between the messages of a connection, by percentile",
        "This is no latency: it says how evenly messages came, and not how long they were under way.",
        Room::Full,
        curves(
            driven,
            &[(histogram::GAP, role, Dash::Solid, Shape::Circle)],
        ),
    )
}

fn beginnings(driven: &Driven<'_>) -> Option<Figure> {
    by_percentile(
        driven,
        "Beginnings of connections, by percentile",
        "Connecting ends with the handshake; the first byte is counted from the end of the request; the first message \
         from the beginning of the connection.",
        Room::Half,
        curves(
            driven,
            &[
                (
                    histogram::CONNECT,
                    Role::Transport(0),
                    Dash::Solid,
                    Shape::Circle,
                ),
                (
                    histogram::FIRST_BYTE,
                    Role::Transport(4),
                    Dash::Solid,
                    Shape::Square,
                ),
                (
                    histogram::FIRST_MESSAGE,
                    Role::Transport(5),
                    Dash::Solid,
                    Shape::Triangle,
                ),
            ],
        ),
    )
}

/// The seconds that were whole: the last one mostly is a part, and would look like a collapse.
fn whole_seconds<'a>(driven: &Driven<'a>) -> &'a [Second] {
    let seconds = &driven.report.seconds;
    let n = usize::try_from(driven.report.elapsed_ns / 1_000_000_000).unwrap_or(usize::MAX);
    &seconds[..n.min(seconds.len())]
}

fn over_time(
    driven: &Driven<'_>,
    title: &str,
    meta: [&str; 2],
    caption: &str,
    chart: &Seconds,
) -> Option<Figure> {
    if chart.values.len() < 2 {
        return None;
    }
    let mut legend = vec![line_entry(meta[0], chart.role, Dash::Solid, None)];
    if !chart.marks.is_empty() {
        legend.push(marker_entry(
            "something failed",
            Shape::Cross,
            Role::Bad,
            true,
        ));
    }
    Some(Figure {
        title: title.into(),
        meta: meta
            .map(str::to_owned)
            .into_iter()
            .chain([counted(chart.values.len(), "second")])
            .collect(),
        caption: caption.into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![chart.panel(title, &HALF)],
        legend,
        legend_on_phones_only: false,
        data: seconds_table(driven),
    })
}

fn rate(driven: &Driven<'_>, role: Role) -> Option<Figure> {
    let seconds = whole_seconds(driven);
    let chart = Seconds {
        values: seconds.iter().map(|s| s.messages as f64).collect(),
        marks: Vec::new(),
        unit: Unit::PerSecond,
        role,
        steps: false,
    };
    over_time(
        driven,
        "Messages per second",
        [
            "messages received in each second",
            "by all connections together",
        ],
        "Whole seconds only: the last part of one is left out, since it would look like a collapse.",
        &chart,
    )
}

fn open(driven: &Driven<'_>, role: Role) -> Option<Figure> {
    let seconds = whole_seconds(driven);
    let failed = (0..).zip(seconds).filter(|(_, s)| s.faults > 0);
    let chart = Seconds {
        values: seconds.iter().map(|s| s.open.into()).collect(),
        marks: failed.map(|(at, _)| at).collect(),
        unit: Unit::Count,
        role,
        steps: true,
    };
    over_time(
        driven,
        "Open connections",
        [
            "subscriptions at the end of each second",
            "as many as asked for is right",
        ],
        "A cross stands in each second in which an attempt or a subscription failed.",
        &chart,
    )
}

fn seconds_table(driven: &Driven<'_>) -> Table {
    let columns = ["messages", "bytes", "open", "faults"].map(|name| Column::numbers(name, ""));
    let mut table = Table::new("second", columns.into());
    for (at, second) in (1..).zip(&driven.report.seconds) {
        let cells = [
            second.messages,
            second.bytes,
            second.open.into(),
            second.faults,
        ];
        table.row(whole(at), cells.map(|n| Cell::plain(whole(n))).into());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::tidy::assert_tidy;
    use crate::drive::sample;

    #[test]
    fn labels_are_whole_and_apart() {
        let mut long = sample::with_latency();
        long.seconds = (0..4000u64)
            .map(|n| Second {
                messages: n * n,
                faults: n % 7,
                ..long.seconds[0]
            })
            .collect();
        long.elapsed_ns = 4_000_300_000_000;
        for report in [sample::with_latency(), sample::without_latency(), long] {
            let driven = Driven::new(&report).unwrap();
            let figures = figures(&driven);
            assert_eq!(figures.len(), 4);
            for figure in &figures {
                assert!(figure.caption.ends_with('.') && !figure.data.rows.is_empty());
                for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
                    assert_tidy(&figure.title, drawing);
                }
            }
        }
    }

    #[test]
    fn nothing_gives_no_chart() {
        let report = sample::nothing();
        assert!(figures(&Driven::new(&report).unwrap()).is_empty());
    }

    #[test]
    fn the_part_of_a_second_at_the_end_is_left_out() {
        let mut report = sample::with_latency();
        report.elapsed_ns = 9_400_000_000;
        let driven = Driven::new(&report).unwrap();
        assert_eq!(
            (whole_seconds(&driven).len(), report.seconds.len()),
            (9, 10)
        );
    }
}
