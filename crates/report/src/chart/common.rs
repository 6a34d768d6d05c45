//! What several charts say or show alike.

use pushbench_model::histogram::Histogram;
use pushbench_model::record::ServerLabel;

use super::canvas::{Drawing, Pen, draw};
use super::palette::{Dash, Role, Shape};
use super::{LegendEntry, Palette};
use crate::metric::{Better, Metric, P50, P90, P99, P999, P9999, Series};
use crate::number::{Unit, counted, whole};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};

/// "6 repetitions", "5 to 6 repetitions".
pub(super) fn repetitions(group: &Group<'_>, has: impl Fn(&Arm<'_>) -> usize) -> String {
    let counts: Vec<usize> = group.arms.iter().map(has).filter(|&n| n > 0).collect();
    let low = counts.iter().copied().min().unwrap_or(0);
    let high = counts.iter().copied().max().unwrap_or(0);
    if low == high {
        format!("{} per server", counted(high, "repetition"))
    } else {
        format!("{low} to {} per server", counted(high, "repetition"))
    }
}

/// Repetitions that have `metric`.
pub(super) fn repetitions_of(group: &Group<'_>, metric: Metric) -> String {
    repetitions(group, |arm| arm.by_repetition(metric).len())
}

/// Repetitions and samples of `series`.
pub(super) fn samples_of(group: &Group<'_>, series: Series) -> [String; 2] {
    let key = series.key();
    let trials = repetitions(group, |arm| {
        arm.valid
            .iter()
            .filter(|t| t.histograms.contains_key(key))
            .count()
    });
    let counts = group.arms.iter().filter_map(|arm| arm.merged(series));
    let counts: Vec<u64> = counts.map(Histogram::len).filter(|&n| n > 0).collect();
    let low = counts.iter().copied().min().unwrap_or(0);
    let high = counts.iter().copied().max().unwrap_or(0);
    let samples = if low == high {
        format!("{} samples per server", whole(low))
    } else {
        format!("{} to {} samples per server", whole(low), whole(high))
    };
    [trials, samples]
}

/// "lower is better".
pub(super) fn better(metric: Metric) -> String {
    match metric.better() {
        Better::Lower => "lower is better".into(),
        Better::Higher => "higher is better".into(),
    }
}

/// The percentiles of several series over all valid repetitions, a row per server.
pub(super) fn percentile_table(group: &Group<'_>, series: &[Series]) -> Table {
    let mut columns = Vec::new();
    let mut cells: Vec<Vec<Cell>> = vec![Vec::new(); group.arms.len()];
    let values = group.arms.iter().flat_map(|arm| {
        let of = |&s: &Series| arm.percentile(s, P50).value();
        series.iter().filter_map(of)
    });
    let scale = Unit::Time.scale(values);
    for &series in series {
        let deepest = |arm: &Arm<'_>| arm.percentile(series, P9999).value().is_some();
        let some = group.arms.iter().any(deepest);
        for rank in [P50, P90, P99, P999]
            .into_iter()
            .chain(some.then_some(P9999))
        {
            columns.push(Column::numbers(
                format!("{} {}", series.label(), rank.label),
                scale.symbol,
            ));
            for (arm, row) in group.arms.iter().zip(&mut cells) {
                row.push(Cell::percentile(arm.percentile(series, rank), &scale));
            }
        }
        columns.push(Column::numbers(
            format!("{} max", series.label()),
            scale.symbol,
        ));
        columns.push(Column::numbers("samples", ""));
        for (arm, row) in group.arms.iter().zip(&mut cells) {
            let histogram = arm.merged(series).filter(|h| !h.is_empty());
            row.push(histogram.map_or_else(
                || Cell::absent(""),
                |h| Cell::plain(scale.number(h.max() as f64)),
            ));
            row.push(Cell::plain(whole(histogram.map_or(0, Histogram::len))));
        }
    }
    let mut table = Table::new("server", columns);
    for (arm, row) in group.arms.iter().zip(cells) {
        table.row(arm.label(), row);
    }
    table
}

/// A table of one figure per column, with intervals.
pub(super) fn estimate_table(group: &Group<'_>, metrics: &[Metric]) -> Table {
    let scales = metrics.iter().map(|&metric| {
        let values = group.arms.iter().filter_map(|arm| arm.figure(metric));
        metric.unit().scale(values.map(|e| e.value))
    });
    let scales: Vec<_> = scales.collect();
    let columns = metrics.iter().zip(&scales);
    let columns = columns.map(|(m, scale)| Column::numbers(m.label(group.work()), scale.symbol));
    let mut table = Table::new("server", columns.collect());
    for arm in &group.arms {
        let cells = metrics.iter().zip(&scales);
        let cells = cells.map(|(&metric, scale)| Cell::estimate(arm.figure(metric), scale));
        table.row(arm.label(), cells.collect());
    }
    table
}

/// Pixels between two dots that stand side by side, at most.
const APART: f64 = 9.0;
/// Part of the room between two places that dots take.
const CROWD: f64 = 0.7;

/// Pixels between `count` dots that stand side by side at each of `places`, which ascend.
pub(super) fn apart(places: &[f64], count: usize) -> f64 {
    let nearest = places.windows(2).map(|pair| pair[1] - pair[0]);
    let nearest = nearest.fold(f64::MAX, f64::min);
    APART.min(nearest * CROWD / count.max(1) as f64)
}

const SWATCH: (f64, f64) = (28.0, 13.0);

/// A legend entry with a line, and a marker on it if there is one.
pub(super) fn line_entry(label: &str, role: Role, dash: Dash, shape: Option<Shape>) -> LegendEntry {
    entry(label, |canvas| {
        canvas.line((1.0, 6.5), (27.0, 6.5), Pen::new(role, 2.0).dash(dash));
        if let Some(shape) = shape {
            canvas.marker((14.0, 6.5), 4.0, shape, role, true);
        }
    })
}

/// A legend entry with a marker.
pub(super) fn marker_entry(label: &str, shape: Shape, role: Role, filled: bool) -> LegendEntry {
    entry(label, |canvas| {
        canvas.marker((14.0, 6.5), 4.0, shape, role, filled);
    })
}

/// The legend of servers: the marker of each.
pub(super) fn server_entries(servers: Vec<&ServerLabel>, palette: &Palette) -> Vec<LegendEntry> {
    let entry = |server: &ServerLabel| {
        let (shape, role) = (palette.shape(server), palette.role(server));
        marker_entry(&server.to_string(), shape, role, true)
    };
    servers.into_iter().map(entry).collect()
}

/// `all`, each once, in the order in which they come.
pub(super) fn distinct<'a>(all: impl IntoIterator<Item = &'a ServerLabel>) -> Vec<&'a ServerLabel> {
    let mut seen: Vec<&ServerLabel> = Vec::new();
    for server in all {
        if !seen.contains(&server) {
            seen.push(server);
        }
    }
    seen
}

/// A legend entry with a piece of a bar.
pub(super) fn bar_entry(label: &str, role: Role, opacity: f64) -> LegendEntry {
    entry(label, |canvas| {
        canvas.rectangle((3.0, 1.5), (25.0, 11.5), role, opacity);
    })
}

/// A legend entry with an upright stroke.
pub(super) fn stroke_entry(label: &str, role: Role) -> LegendEntry {
    entry(label, |canvas| {
        canvas.line((14.0, 0.5), (14.0, 12.5), Pen::new(role, 1.8));
    })
}

/// A legend entry with an interval.
pub(super) fn interval_entry(label: &str) -> LegendEntry {
    entry(label, |canvas| {
        let pen = Pen::new(Role::Text, 1.4);
        canvas.line((4.0, 6.5), (24.0, 6.5), pen);
        canvas.line((4.0, 3.0), (4.0, 10.0), pen);
        canvas.line((24.0, 3.0), (24.0, 10.0), pen);
    })
}

fn entry(label: &str, paint: impl FnOnce(&mut super::canvas::Canvas<'_>)) -> LegendEntry {
    LegendEntry {
        mark: swatch(label, paint),
        label: label.to_owned(),
    }
}

fn swatch(label: &str, paint: impl FnOnce(&mut super::canvas::Canvas<'_>)) -> Drawing {
    draw(SWATCH, "swatch", label, paint)
}

/// The legend of stacks: one marker each, in no transport's colour.
pub(super) fn stack_entries(group: &Group<'_>, palette: &Palette) -> Vec<LegendEntry> {
    let mut seen: Vec<&str> = Vec::new();
    let mut entries = Vec::new();
    for arm in group.arms.iter().filter(|arm| !arm.valid.is_empty()) {
        if !seen.contains(&arm.server.stack.as_str()) {
            seen.push(&arm.server.stack);
            let shape = palette.shape(arm.server);
            entries.push(line_entry(
                &arm.server.stack,
                Role::Text,
                Dash::Solid,
                Some(shape),
            ));
        }
    }
    entries
}
