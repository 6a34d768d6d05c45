//! Percentile curves, on the axis that HdrHistogram plots made usual: each further nine takes the same room.

use super::canvas::{Anchor, Canvas, Drawing, Pen, draw};
use super::grid::{Scale, grid};
use super::palette::{Dash, Role, Shape};
use super::scale::{Axis, log_range};
use super::width::text_width;
use crate::metric::Series;
use crate::number::Unit;
use crate::results::Arm;
use pushbench_model::histogram::Histogram;
use pushbench_stats::percentile;

/// A curve, its points as (depth, nanoseconds). The depth of a quantile q is `-log10(1 - q)`: 1 for p90, 2 for p99.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) role: Role,
    pub(super) shape: Shape,
    pub(super) dash: Dash,
    pub(super) points: Vec<(f64, f64)>,
}

/// Curves that share their axes.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) curves: Vec<Curve>,
    /// Nanoseconds.
    pub(super) range: (f64, f64),
    pub(super) deepest: f64,
    /// Times that a formula says, nanoseconds: dashed lines across.
    pub(super) marks: Vec<f64>,
}

const SIZE: f64 = 12.0;
const LINE_HEIGHT: f64 = 15.0;
const STEPS_PER_DECADE: u32 = 24;
/// Depths with a tick.
const TICKS: [(f64, &str); 7] = [
    (0.0, "0"),
    (std::f64::consts::LOG10_2, "50"),
    (1.0, "90"),
    (2.0, "99"),
    (3.0, "99.9"),
    (4.0, "99.99"),
    (5.0, "99.999"),
];

/// The points of `series` over all valid trials of `arm`, as deep as its samples carry.
pub(super) fn points(arm: &Arm<'_>, series: Series) -> Vec<(f64, f64)> {
    arm.samples(series)
        .map_or_else(Vec::new, |(histogram, lost)| depths(histogram, lost))
}

/// The points of `histogram`, beside whose samples `lost` messages never came, as deep as they carry.
pub(super) fn depths(histogram: &Histogram, lost: u64) -> Vec<(f64, f64)> {
    let n = (histogram.len() + lost) as f64;
    let last = ((n / 10.0).log10() * f64::from(STEPS_PER_DECADE))
        .floor()
        .max(-1.0) as i64;
    (0..=last)
        .filter_map(|step| {
            let depth = step as f64 / f64::from(STEPS_PER_DECADE);
            let q = 1.0 - 10f64.powf(-depth);
            Some((depth, percentile(histogram, lost, q).value()?))
        })
        .collect()
}

impl Plot {
    /// A plot that fits `curves`.
    pub(super) fn new(curves: Vec<Curve>) -> Self {
        let values = curves.iter().flat_map(|c| c.points.iter().map(|p| p.1));
        let depths = curves.iter().flat_map(|c| c.points.iter().map(|p| p.0));
        Self {
            range: log_range(values, 4.0),
            deepest: depths.fold(1.0, f64::max),
            curves,
            marks: Vec::new(),
        }
    }

    /// The same with a line across at each of `marks`, nanoseconds.
    pub(super) fn marked(self, marks: Vec<f64>) -> Self {
        let values = [self.range.0 * 1.06, self.range.1 / 1.06];
        Self {
            range: log_range(values.into_iter().chain(marks.iter().copied()), 4.0),
            marks,
            ..self
        }
    }

    /// Draws it; `names` writes the name of each curve at its end.
    pub(super) fn draw(&self, size: (f64, f64), class: &str, label: &str, names: bool) -> Drawing {
        draw(size, class, label, |canvas| {
            let room = if names {
                self.widest_name() + 34.0
            } else {
                10.0
            };
            let x = Axis::linear((0.0, self.deepest), (56.0, size.0 - room));
            let y = Axis::log(self.range, (size.1 - 40.0, 10.0));
            let depths = TICKS.into_iter().filter(|(d, _)| *d <= self.deepest + 1e-9);
            let depths = depths.map(|(depth, text)| (depth, text.to_owned()));
            let depths = Scale::with(&x, (0.0, self.deepest), depths);
            let times = Scale::up(&y, self.range, Unit::Time, size.1);
            grid(canvas, &depths, &times, size.0, "percentile");
            for &mark in &self.marks {
                let (from, to) = (x.at(0.0), x.at(self.deepest));
                let pen = Pen::new(Role::Text, 1.2).dash(Dash::Dashed);
                canvas.line((from, y.at(mark)), (to, y.at(mark)), pen);
            }
            for curve in &self.curves {
                one(canvas, curve, &x, &y);
            }
            if names {
                self.names(canvas, &x, &y, size);
            }
        })
    }

    fn widest_name(&self) -> f64 {
        let widths = self.curves.iter().map(|c| text_width(&c.label, SIZE));
        widths.fold(0.0, f64::max)
    }

    /// Names at the ends of the curves, moved apart where they would touch.
    fn names(&self, canvas: &mut Canvas<'_>, x: &Axis, y: &Axis, (_, height): (f64, f64)) {
        let mut ends: Vec<(&Curve, f64, f64)> = self
            .curves
            .iter()
            .filter_map(|curve| curve.points.last().map(|&(d, v)| (curve, x.at(d), y.at(v))))
            .collect();
        ends.sort_by(|a, b| a.2.total_cmp(&b.2));
        let wanted: Vec<f64> = ends.iter().map(|end| end.2).collect();
        let places = spread(&wanted, LINE_HEIGHT, (10.0, height - 44.0));
        let left = x.at(self.deepest) + 28.0;
        for ((curve, end_x, end_y), place) in ends.into_iter().zip(places) {
            let pen = Pen::new(curve.role, 1.0).opacity(0.6);
            canvas.path(
                &[
                    (end_x + 3.0, end_y),
                    (left - 10.0, place),
                    (left - 4.0, place),
                ],
                pen,
            );
            canvas.text((left, place), &curve.label, SIZE, Anchor::Start, Role::Text);
        }
    }
}

fn one(canvas: &mut Canvas<'_>, curve: &Curve, x: &Axis, y: &Axis) {
    let places: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|&(d, v)| (x.at(d), y.at(v)))
        .collect();
    if places.len() < 2 {
        return;
    }
    canvas.path(
        &thinned(&places),
        Pen::new(curve.role, 2.0).dash(curve.dash),
    );
    if curve.dash != Dash::Solid {
        return;
    }
    for (depth, _) in TICKS.into_iter().skip(1) {
        let at = curve.points.iter().position(|(d, _)| *d >= depth - 0.021);
        if let Some(&place) = at.and_then(|at| places.get(at)) {
            canvas.marker(place, 3.8, curve.shape, curve.role, true);
        }
    }
}

/// Leaves out points that lie on the line between their neighbours.
pub(super) fn thinned(places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(places.len());
    for (index, &point) in places.iter().enumerate() {
        let bend = match (kept.last(), places.get(index + 1)) {
            (Some(&before), Some(&after)) => {
                let share = (point.0 - before.0) / (after.0 - before.0);
                (before.1 + share * (after.1 - before.1) - point.1).abs()
            }
            _ => f64::MAX,
        };
        if bend > 0.15 {
            kept.push(point);
        }
    }
    kept
}

/// Moves ascending `wanted` places at least `gap` apart, as little as that takes, inside `room` while it lasts.
fn spread(wanted: &[f64], gap: f64, room: (f64, f64)) -> Vec<f64> {
    // Neighbours that touch form a cluster around the middle of what its members want.
    let mut clusters: Vec<(f64, usize)> = Vec::new();
    let top = |&(middle, count): &(f64, usize)| middle - gap * (count as f64 - 1.0) / 2.0;
    let inside = |middle: f64, count: usize| {
        let half = gap * (count as f64 - 1.0) / 2.0;
        middle.min(room.1 - half).max(room.0 + half)
    };
    for &place in wanted {
        clusters.push((inside(place, 1), 1));
        while let [.., above, below] = clusters.as_slice() {
            let bottom_of_above = top(above) + gap * above.1 as f64;
            if top(below) >= bottom_of_above {
                break;
            }
            let count = above.1 + below.1;
            let middle = (above.0 * above.1 as f64 + below.0 * below.1 as f64) / count as f64;
            clusters.truncate(clusters.len() - 2);
            clusters.push((inside(middle, count), count));
        }
    }
    clusters
        .iter()
        .flat_map(|cluster| (0..cluster.1).map(move |i| top(cluster) + gap * i as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn straight_parts_need_no_points() {
        let line = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 9.0)];
        assert_eq!(thinned(&line), [(0.0, 0.0), (2.0, 2.0), (3.0, 9.0)]);
    }

    proptest! {
        #[test]
        fn names_never_touch(mut wanted in proptest::collection::vec(0.0f64..300.0, 1..12)) {
            wanted.sort_by(f64::total_cmp);
            let places = spread(&wanted, 15.0, (10.0, 290.0));
            prop_assert_eq!(places.len(), wanted.len());
            for pair in places.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 15.0 - 1e-6, "{:?}", places);
            }
            prop_assert!(places[0] >= 10.0 - 1e-6 && places[places.len() - 1] <= 290.0 + 1e-6);
        }
    }
}
