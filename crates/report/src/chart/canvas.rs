//! A thin layer over the SVG backend of plotters: lengths in units of a CSS pixel, colours as roles, and a note of
//! where text stands, so that tests can see labels overlap.

use plotters::backend::{DrawingBackend as _, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont as _, RGBAColor, ShapeStyle, TextStyle};

use super::palette::{Dash, Role, Shape};
use super::svg;
use super::width::text_width;

/// plotters counts in whole pixels; ten of them are one unit, so that curves stay smooth.
const PIXELS: f64 = 10.0;
/// plotters divides the size of a font by this before it writes it.
const FONT_FACTOR: f64 = 1.24;
const MEMORY: &str = "drawing into memory cannot fail";

/// Where a text is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// Text on a drawing, with the room it is estimated to take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A finished drawing.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    pub(crate) svg: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests look for overlaps"))]
    pub(crate) labels: Vec<Label>,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests look for labels that are cut")
    )]
    pub(crate) size: (f64, f64),
}

/// What is being drawn on.
pub(crate) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    labels: Vec<Label>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) role: Role,
    pub(crate) width: f64,
    pub(crate) dash: Dash,
    pub(crate) opacity: f64,
}

impl Pen {
    pub(crate) fn new(role: Role, width: f64) -> Self {
        Self {
            role,
            width,
            dash: Dash::Solid,
            opacity: 1.0,
        }
    }

    pub(crate) fn dash(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    pub(crate) fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    fn style(self) -> ShapeStyle {
        ShapeStyle {
            color: self.role.encode(self.dash, self.opacity),
            filled: false,
            stroke_width: (self.width * PIXELS).round() as u32,
        }
    }
}

/// Draws `width` by `height` units. `class` is the CSS class, `label` the text for those who cannot see it.
pub(crate) fn draw(
    (width, height): (f64, f64),
    class: &str,
    label: &str,
    paint: impl FnOnce(&mut Canvas<'_>),
) -> Drawing {
    let (pixels_x, pixels_y) = ((width * PIXELS) as u32, (height * PIXELS) as u32);
    let mut raw = String::new();
    let labels = {
        let mut canvas = Canvas {
            backend: SVGBackend::with_string(&mut raw, (pixels_x, pixels_y)),
            labels: Vec::new(),
        };
        paint(&mut canvas);
        canvas.backend.present().expect(MEMORY);
        canvas.labels
    };
    Drawing {
        svg: svg::restyle(&raw, pixels_x, pixels_y, class, label),
        labels,
        size: (width, height),
    }
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    ((x * PIXELS).round() as i32, (y * PIXELS).round() as i32)
}

fn solid(role: Role, opacity: f64) -> RGBAColor {
    role.encode(Dash::Solid, opacity)
}

impl Canvas<'_> {
    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: Pen) {
        self.backend
            .draw_line(pixel(from), pixel(to), &pen.style())
            .expect(MEMORY);
    }

    /// A line through `points`.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], pen: Pen) {
        self.backend
            .draw_path(points.iter().copied().map(pixel), &pen.style())
            .expect(MEMORY);
    }

    /// A filled rectangle.
    pub(crate) fn rectangle(&mut self, from: (f64, f64), to: (f64, f64), role: Role, opacity: f64) {
        self.backend
            .draw_rect(pixel(from), pixel(to), &solid(role, opacity), true)
            .expect(MEMORY);
    }

    /// A marker of `radius` around `at`: filled, or only its outline.
    pub(crate) fn marker(
        &mut self,
        at: (f64, f64),
        radius: f64,
        shape: Shape,
        role: Role,
        filled: bool,
    ) {
        let inside = solid(if filled { role } else { Role::Paper }, 1.0);
        let (x, y) = at;
        let corners: Vec<(f64, f64)> = match shape {
            Shape::Circle => {
                let pixels = (radius * PIXELS).round() as u32;
                self.backend
                    .draw_circle(pixel(at), pixels, &inside, true)
                    .expect(MEMORY);
                if !filled {
                    let outline = Pen::new(role, 1.6).style();
                    self.backend
                        .draw_circle(pixel(at), pixels, &outline, false)
                        .expect(MEMORY);
                }
                return;
            }
            Shape::Cross => {
                let r = radius * 0.9;
                let pen = Pen::new(role, if filled { 2.2 } else { 1.4 });
                self.line((x - r, y - r), (x + r, y + r), pen);
                self.line((x - r, y + r), (x + r, y - r), pen);
                return;
            }
            Shape::Square => {
                let r = radius * 0.9;
                vec![
                    (x - r, y - r),
                    (x + r, y - r),
                    (x + r, y + r),
                    (x - r, y + r),
                ]
            }
            Shape::Triangle => {
                let r = radius * 1.25;
                vec![(x, y - r), (x + r, y + r * 0.75), (x - r, y + r * 0.75)]
            }
            Shape::Wedge => {
                let r = radius * 1.25;
                vec![(x, y + r), (x + r, y - r * 0.75), (x - r, y - r * 0.75)]
            }
            Shape::Diamond => {
                let r = radius * 1.3;
                vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
            }
        };
        let polygon = corners.iter().copied().map(pixel);
        self.backend.fill_polygon(polygon, &inside).expect(MEMORY);
        if !filled {
            let closed: Vec<_> = corners.iter().chain(&corners[..1]).copied().collect();
            self.path(&closed, Pen::new(role, 1.6));
        }
    }

    /// Text of `size` units around `at`, centred vertically.
    pub(crate) fn text(
        &mut self,
        at: (f64, f64),
        text: &str,
        size: f64,
        anchor: Anchor,
        role: Role,
    ) {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = ("sans-serif", size * PIXELS * FONT_FACTOR).into_font();
        let colour = solid(role, 1.0);
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.backend
            .draw_text(text, &style, pixel(at))
            .expect(MEMORY);

        let width = text_width(text, size);
        let left = match anchor {
            Anchor::Start => at.0,
            Anchor::Middle => at.0 - width / 2.0,
            Anchor::End => at.0 - width,
        };
        self.labels.push(Label {
            text: text.to_owned(),
            left,
            right: left + width,
            top: at.1 - size * 0.5,
            bottom: at.1 + size * 0.5,
        });
    }
}
