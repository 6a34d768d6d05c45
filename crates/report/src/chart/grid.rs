//! The field of a chart with two axes of numbers: lines, numbers beside them, and what the lower axis counts.

use super::canvas::{Anchor, Canvas, Pen};
use super::palette::Role;
use super::scale::Axis;
use super::width::text_width;
use crate::number::{Unit, tick};

/// Height of text.
const SIZE: f64 = 12.0;
/// Pixels between two numbers of the lower axis.
const BETWEEN: f64 = 4.0;

/// An axis, the first and last value on it, and the numbers that stand beside it.
pub(super) struct Scale<'a> {
    axis: &'a Axis,
    ends: (f64, f64),
    ticks: Vec<(f64, String)>,
}

impl<'a> Scale<'a> {
    /// With numbers at places of their own.
    pub(super) fn with(
        axis: &'a Axis,
        ends: (f64, f64),
        ticks: impl Iterator<Item = (f64, String)>,
    ) -> Self {
        let ticks = ticks.collect();
        Self { axis, ends, ticks }
    }

    /// With round numbers, about one every 90 pixels of a `width`.
    pub(super) fn across(axis: &'a Axis, ends: (f64, f64), unit: Unit, width: f64) -> Self {
        Self::round(axis, ends, unit, (width / 90.0) as usize)
    }

    /// With round numbers, about one every 38 pixels of a `height`.
    pub(super) fn up(axis: &'a Axis, ends: (f64, f64), unit: Unit, height: f64) -> Self {
        Self::round(axis, ends, unit, (height / 38.0) as usize)
    }

    fn round(axis: &'a Axis, ends: (f64, f64), unit: Unit, most: usize) -> Self {
        let ticks = axis.ticks(most);
        Self::with(
            axis,
            ends,
            ticks.into_iter().map(|value| (value, tick(unit, value))),
        )
    }
}

/// Times with what stands beside an axis; nothing is no time of any unit.
pub(super) fn named(times: Vec<f64>) -> impl Iterator<Item = (f64, String)> {
    let text = |ns: f64| match ns {
        0.0 => "0".to_owned(),
        ns => tick(Unit::Time, ns),
    };
    times.into_iter().map(move |ns| (ns, text(ns)))
}

/// Draws the field between `x` and `y` on a canvas of `width`; `counts` stands below.
pub(super) fn grid(
    canvas: &mut Canvas<'_>,
    x: &Scale<'_>,
    y: &Scale<'_>,
    width: f64,
    counts: &str,
) {
    let (left, right) = (x.axis.at(x.ends.0), x.axis.at(x.ends.1));
    let (bottom, top) = (y.axis.at(y.ends.0), y.axis.at(y.ends.1));
    let fine = Pen::new(Role::Grid, 1.0);
    for (value, text) in &y.ticks {
        let place = y.axis.at(*value);
        canvas.line((left, place), (right, place), fine);
        canvas.text((left - 8.0, place), text, SIZE, Anchor::End, Role::Muted);
    }
    let mut free = 0.0;
    for (value, text) in &x.ticks {
        let place = x.axis.at(*value);
        canvas.line((place, bottom), (place, top), fine);
        let half = text_width(text, SIZE) / 2.0;
        if place - half >= free && place + half <= width {
            let at = (place, bottom + 13.0);
            canvas.text(at, text, SIZE, Anchor::Middle, Role::Muted);
            free = place + half + BETWEEN;
        }
    }
    canvas.line((left, bottom), (right, bottom), Pen::new(Role::Axis, 1.0));
    let at = (f64::midpoint(left, right), bottom + 30.0);
    canvas.text(at, counts, SIZE, Anchor::Middle, Role::Muted);
}
