//! One row per server: bars, dots and intervals on a common scale.

use super::canvas::{Anchor, Canvas, Drawing, Pen, draw};
use super::palette::{Role, Shape};
use super::scale::Axis;
use super::width::text_width;
use super::{Panel, Version};
use crate::number::{Unit, tick};

/// Something drawn in a lane.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// A bar between two values.
    Bar {
        from: f64,
        to: f64,
        role: Role,
        opacity: f64,
    },
    /// A marker.
    Dot {
        at: f64,
        shape: Shape,
        role: Role,
        filled: bool,
    },
    /// An interval.
    Whisker { low: f64, high: f64, role: Role },
    /// A short upright line.
    Stroke { at: f64, role: Role },
}

/// One line of marks, with a figure written behind it.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) marks: Vec<Mark>,
    pub(super) value: String,
}

/// A server with its lanes.
#[derive(Clone, Debug)]
pub(super) struct ServerRow {
    pub(super) label: String,
    pub(super) lanes: Vec<Lane>,
}

/// Rows over one scale.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<ServerRow>,
    pub(super) range: (f64, f64),
    pub(super) log: bool,
    pub(super) unit: Unit,
    /// A value to compare with, and its name.
    pub(super) reference: Option<(f64, String)>,
}

const SIZE: f64 = 12.0;
const LANE: f64 = 17.0;
const ROW_GAP: f64 = 11.0;

impl Rows {
    /// The versions for the widths of a page.
    pub(super) fn panel(&self, label: &str) -> Panel {
        let versions = [Version::Medium, Version::Small].map(|v| self.draw(v, label));
        Panel {
            title: None,
            versions: versions.into(),
        }
    }

    fn draw(&self, version: Version, label: &str) -> Drawing {
        let width = match version {
            Version::Small => 350.0,
            _ => 540.0,
        };
        let layout = Layout::of(self, width, version == Version::Small);
        draw((width, layout.height), version.class(), label, |canvas| {
            let axis = if self.log {
                Axis::log(self.range, (layout.left, layout.right))
            } else {
                Axis::linear(self.range, (layout.left, layout.right))
            };
            self.grid(canvas, &axis, &layout, width);
            self.refer(canvas, &axis, &layout, width);
            let mut y = layout.top;
            for (index, row) in self.rows.iter().enumerate() {
                if index > 0 && (row.lanes.len() > 1 || layout.stacked) {
                    let line = y - ROW_GAP / 2.0;
                    canvas.line((0.0, line), (width, line), Pen::new(Role::Grid, 1.0));
                }
                self.row(canvas, row, &axis, &layout, y);
                y += layout.row_height(row);
            }
        })
    }

    fn grid(&self, canvas: &mut Canvas<'_>, axis: &Axis, layout: &Layout, width: f64) {
        let bottom = layout.height - 24.0;
        let most = ((layout.right - layout.left) / 52.0).max(2.0) as usize;
        let mut free = 0.0;
        for value in axis.ticks(most) {
            let x = axis.at(value);
            canvas.line(
                (x, layout.top - 4.0),
                (x, bottom),
                Pen::new(Role::Grid, 1.0),
            );
            let text = tick(self.unit, value);
            let half = text_width(&text, SIZE) / 2.0;
            let place = x.min(width - half).max(half);
            if place - half >= free {
                canvas.text(
                    (place, bottom + 13.0),
                    &text,
                    SIZE,
                    Anchor::Middle,
                    Role::Muted,
                );
                free = place + half + 6.0;
            }
        }
        let pen = Pen::new(Role::Axis, 1.0);
        if self.log {
            canvas.line((layout.left, bottom), (layout.right, bottom), pen);
        } else {
            canvas.line(
                (axis.at(0.0), layout.top - 4.0),
                (axis.at(0.0), bottom),
                pen,
            );
        }
    }

    fn row(&self, canvas: &mut Canvas<'_>, row: &ServerRow, axis: &Axis, layout: &Layout, y: f64) {
        let lanes = row.lanes.len() as f64;
        let first_lane = if layout.stacked {
            canvas.text(
                (layout.left + 6.0, y + 8.0),
                &row.label,
                SIZE,
                Anchor::Start,
                Role::Text,
            );
            y + 16.0
        } else {
            let middle = y + LANE * lanes / 2.0;
            canvas.text(
                (layout.left - 12.0, middle),
                &row.label,
                SIZE,
                Anchor::End,
                Role::Text,
            );
            y
        };
        for (index, lane) in row.lanes.iter().enumerate() {
            let middle = first_lane + LANE * (index as f64 + 0.5);
            for mark in &lane.marks {
                paint(canvas, *mark, axis, middle);
            }
            let at = (layout.right + 10.0, middle);
            canvas.text(at, &lane.value, SIZE, Anchor::Start, Role::Muted);
        }
    }

    fn refer(&self, canvas: &mut Canvas<'_>, axis: &Axis, layout: &Layout, width: f64) {
        let Some((value, name)) = &self.reference else {
            return;
        };
        let x = axis.at(*value);
        canvas.line(
            (x, layout.top - 6.0),
            (x, layout.height - 24.0),
            Pen::new(Role::Axis, 1.4),
        );
        let half = text_width(name, SIZE) / 2.0;
        let place = x.min(width - half).max(half);
        canvas.text(
            (place, layout.top - 14.0),
            name,
            SIZE,
            Anchor::Middle,
            Role::Muted,
        );
    }
}

fn paint(canvas: &mut Canvas<'_>, mark: Mark, axis: &Axis, y: f64) {
    match mark {
        Mark::Bar {
            from,
            to,
            role,
            opacity,
        } => canvas.rectangle(
            (axis.at(from), y - 5.5),
            (axis.at(to), y + 5.5),
            role,
            opacity,
        ),
        Mark::Dot {
            at,
            shape,
            role,
            filled,
        } => canvas.marker((axis.at(at), y), 4.0, shape, role, filled),
        Mark::Whisker { low, high, role } => {
            let (low, high) = (axis.at(low), axis.at(high));
            let pen = Pen::new(role, 1.4);
            canvas.line((low, y), (high, y), pen);
            canvas.line((low, y - 3.5), (low, y + 3.5), pen);
            canvas.line((high, y - 3.5), (high, y + 3.5), pen);
        }
        Mark::Stroke { at, role } => {
            let x = axis.at(at);
            canvas.line((x, y - 7.0), (x, y + 7.0), Pen::new(role, 1.8));
        }
    }
}

/// Where things stand.
struct Layout {
    left: f64,
    right: f64,
    top: f64,
    height: f64,
    /// Names stand over their lanes, not beside them.
    stacked: bool,
}

impl Layout {
    fn of(rows: &Rows, width: f64, stacked: bool) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| text_width(text, SIZE)).fold(0.0, f64::max)
        };
        let names = widest(&mut rows.rows.iter().map(|row| &row.label));
        let values = widest(
            &mut rows
                .rows
                .iter()
                .flat_map(|r| r.lanes.iter().map(|l| &l.value)),
        );
        let left = if stacked { 2.0 } else { names + 14.0 };
        let mut layout = Self {
            left,
            // However long a name is, the data keep a third of the room.
            right: (width - values - 14.0).max(left + width / 3.0),
            top: if rows.reference.is_some() { 26.0 } else { 8.0 },
            height: 0.0,
            stacked,
        };
        let body: f64 = rows.rows.iter().map(|row| layout.row_height(row)).sum();
        layout.height = layout.top + body + 24.0;
        layout
    }

    fn row_height(&self, row: &ServerRow) -> f64 {
        let lanes = LANE * row.lanes.len() as f64;
        if self.stacked {
            lanes + ROW_GAP + 16.0
        } else {
            lanes + ROW_GAP
        }
    }
}
