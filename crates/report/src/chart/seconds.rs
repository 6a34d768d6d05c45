//! What happened second by second: a line over time, and marks where something went wrong.

use super::canvas::{Anchor, Canvas, Drawing, Pen, draw};
use super::palette::{Role, Shape};
use super::scale::{Axis, zero_range};
use super::width::text_width;
use super::{Panel, Version};
use crate::number::{Unit, tick};

const SIZE: f64 = 12.0;
/// More columns than this are no lines any more; neighbours are averaged.
const MOST: usize = 600;

/// A line over the seconds of a drive.
pub(super) struct Seconds {
    /// One value per second.
    pub(super) values: Vec<f64>,
    /// Seconds, from 0, in which something went wrong.
    pub(super) marks: Vec<usize>,
    pub(super) unit: Unit,
    pub(super) role: Role,
    /// Whether it is a level that holds until the next second rather than a rate within one.
    pub(super) steps: bool,
}

impl Seconds {
    pub(super) fn panel(&self, title: &str, sizes: &[(Version, (f64, f64))]) -> Panel {
        let version =
            |&(version, size): &(Version, (f64, f64))| self.draw(size, version.class(), title);
        Panel {
            title: None,
            versions: sizes.iter().map(version).collect(),
        }
    }

    fn draw(&self, size: (f64, f64), class: &str, label: &str) -> Drawing {
        let values = zero_range(self.values.iter().copied());
        let seconds = (0.0, self.values.len() as f64);
        draw(size, class, label, |canvas| {
            let y = Axis::linear(values, (size.1 - 40.0, 10.0));
            let ticks = y.ticks((size.1 / 45.0) as usize);
            let texts: Vec<String> = ticks.iter().map(|&v| tick(self.unit, v)).collect();
            let widest = texts.iter().map(|t| text_width(t, SIZE));
            let left = widest.fold(30.0, f64::max) + 12.0;
            let x = Axis::linear(seconds, (left, size.0 - 14.0));
            for (&value, text) in ticks.iter().zip(&texts) {
                let place = y.at(value);
                let fine = Pen::new(Role::Grid, 1.0);
                canvas.line((left, place), (size.0 - 14.0, place), fine);
                canvas.text((left - 8.0, place), text, SIZE, Anchor::End, Role::Muted);
            }
            time_axis(canvas, &x, seconds, (left, y.at(values.0)), size);
            canvas.path(&self.line(&x, &y), Pen::new(self.role, 2.0));
            for &second in &self.marks {
                let value = self.values.get(second).copied().unwrap_or(0.0);
                let at = (x.at(second as f64 + 0.5), y.at(value));
                canvas.marker(at, 3.8, Shape::Cross, Role::Bad, true);
            }
        })
    }

    fn line(&self, x: &Axis, y: &Axis) -> Vec<(f64, f64)> {
        let together = self.values.len().div_ceil(MOST).max(1);
        let parts = self.values.chunks(together).enumerate();
        let means = parts.map(|(at, part)| {
            let from = (at * together) as f64;
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            (from, from + part.len() as f64, mean)
        });
        if self.steps {
            return means
                .flat_map(|(from, to, mean)| [(x.at(from), y.at(mean)), (x.at(to), y.at(mean))])
                .collect();
        }
        means
            .map(|(from, to, mean)| (x.at(f64::midpoint(from, to)), y.at(mean)))
            .collect()
    }
}

fn time_axis(
    canvas: &mut Canvas<'_>,
    x: &Axis,
    (first, last): (f64, f64),
    (left, bottom): (f64, f64),
    (width, _): (f64, f64),
) {
    let mut free = 0.0;
    for value in x.ticks((width / 70.0) as usize) {
        // Seconds are whole.
        if value.fract() != 0.0 {
            continue;
        }
        let place = x.at(value);
        let text = tick(Unit::Count, value);
        let half = text_width(&text, SIZE) / 2.0;
        canvas.line(
            (place, bottom),
            (place, bottom + 4.0),
            Pen::new(Role::Axis, 1.0),
        );
        if place - half >= free && place + half <= width {
            let at = (place, bottom + 14.0);
            canvas.text(at, &text, SIZE, Anchor::Middle, Role::Muted);
            free = place + half + 6.0;
        }
    }
    canvas.line(
        (left, bottom),
        (x.at(last), bottom),
        Pen::new(Role::Axis, 1.0),
    );
    let middle = f64::midpoint(x.at(first), x.at(last));
    canvas.text(
        (middle, bottom + 30.0),
        "seconds",
        SIZE,
        Anchor::Middle,
        Role::Muted,
    );
}
