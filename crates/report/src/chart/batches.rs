//! Messages per answer of transports that poll: the formulas as curves, and a dot for every server and scenario.

use pushbench_model::record::ServerLabel;
use pushbench_model::theory::polling::{long_poll, short_poll};

use super::canvas::{Drawing, Pen, draw};
use super::common::{distinct, line_entry, server_entries};
use super::grid::{Scale, grid};
use super::latency::FULL;
use super::palette::{Dash, Role};
use super::scale::{Axis, along, log_range};
use super::{Figure, Palette, Panel, Room};
use crate::number::{Unit, counted, significant};
use crate::table::{Cell, Column, Table};

/// What the lower axis counts.
pub(super) const WAITING: &str = "messages per gap or period";
const TITLE: &str = "Messages per answer, measured and by formula";
/// Places of a curve.
const STEPS: u32 = 64;

/// A server in a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Dot {
    /// Which server.
    pub(crate) server: ServerLabel,
    /// In which scenario.
    pub(crate) scenario: String,
    /// Messages that come within the gap of a long-poll, or within the period of a clock.
    pub(crate) waiting: f64,
    /// Messages of an answer that brings some.
    pub(crate) batch: f64,
    /// Whether it asks by the clock.
    pub(crate) by_clock: bool,
    /// How old its messages are; absent where some are lost.
    pub(crate) age: Option<Age>,
}

/// How old messages are when they are received, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// On average.
    pub(crate) mean_ns: f64,
    /// The part of it that the way takes.
    pub(crate) way_ns: f64,
    /// Gap or period.
    pub(crate) gap_ns: f64,
}

impl Dot {
    /// What its answers should bring.
    fn expected(&self) -> f64 {
        if self.by_clock {
            by_clock(self.waiting)
        } else {
            held(self.waiting)
        }
    }
}

fn held(waiting: f64) -> f64 {
    long_poll(waiting, 1.0).batch
}

fn by_clock(waiting: f64) -> f64 {
    waiting / (1.0 - short_poll(waiting, 1.0, 0.0).empty)
}

/// `None` without dots.
pub(crate) fn figure(dots: &[Dot], palette: &Palette) -> Option<Figure> {
    if dots.is_empty() {
        return None;
    }
    let waiting = dots.iter().map(|dot| dot.waiting);
    let x = log_range(waiting.chain([0.1, 10.0]), 2.0);
    let heights = dots.iter().map(|dot| dot.batch);
    let y = log_range(heights.chain([1.0, by_clock(x.1)]), 2.0);
    let places = dots.iter().map(|dot| (dot.waiting, dot.batch, &dot.server));
    let curves = Curves {
        title: TITLE,
        across: x,
        up: y,
        log: true,
        held,
        by_clock,
        dots: places.collect(),
    };
    let versions = FULL.map(|(version, size)| curves.draw(palette, size, version.class()));
    let mut legend = vec![
        line_entry("held: λG + e^(−λG)", Role::Text, Dash::Solid, None),
        line_entry(
            "by the clock: λT / (1 − e^(−λT))",
            Role::Text,
            Dash::Dashed,
            None,
        ),
    ];
    let servers = distinct(dots.iter().map(|dot| &dot.server));
    legend.extend(server_entries(servers, palette));
    Some(Figure {
        title: TITLE.into(),
        meta: vec![
            "both axes logarithmic".into(),
            "on its curve is right".into(),
            counted(dots.len(), "dot"),
        ],
        caption: "What comes while nobody asks shares the next answer. A dot is a server in a scenario, over all its valid \
                  trials; the curves are formulas for messages that come at random. A long-poll has its dots where a link \
                  gives the gap a known length, a round trip."
            .into(),
        findings: Vec::new(),
        room: Room::Full,
        panels: Panel::alone(versions),
        legend,
        legend_on_phones_only: false,
        data: data(dots),
    })
}

/// Two curves over what comes per gap or period, and dots beside them.
pub(super) struct Curves<'a> {
    pub(super) title: &'a str,
    /// Values of the lower axis, which is logarithmic.
    pub(super) across: (f64, f64),
    /// Values of the upright axis, and whether it is logarithmic.
    pub(super) up: (f64, f64),
    pub(super) log: bool,
    /// Of those who are held, and of those who ask by the clock.
    pub(super) held: fn(f64) -> f64,
    pub(super) by_clock: fn(f64) -> f64,
    pub(super) dots: Vec<(f64, f64, &'a ServerLabel)>,
}

impl Curves<'_> {
    pub(super) fn draw(&self, palette: &Palette, size: (f64, f64), class: &str) -> Drawing {
        draw(size, class, self.title, |canvas| {
            let places = (size.1 - 40.0, 10.0);
            let x = Axis::log(self.across, (52.0, size.0 - 14.0));
            let y = if self.log {
                Axis::log(self.up, places)
            } else {
                Axis::linear(self.up, places)
            };
            let right = Scale::across(&x, self.across, Unit::Count, size.0);
            let above = Scale::up(&y, self.up, Unit::Count, size.1);
            grid(canvas, &right, &above, size.0, WAITING);
            for (curve, dash) in [(self.held, Dash::Solid), (self.by_clock, Dash::Dashed)] {
                let places: Vec<_> = along(self.across, STEPS)
                    .map(|waiting| (x.at(waiting), y.at(curve(waiting))))
                    .collect();
                canvas.path(&places, Pen::new(Role::Text, 1.6).dash(dash));
            }
            for &(waiting, value, server) in &self.dots {
                let (shape, role) = (palette.shape(server), palette.role(server));
                canvas.marker((x.at(waiting), y.at(value)), 4.5, shape, role, true);
            }
        })
    }
}

fn data(dots: &[Dot]) -> Table {
    let numbers = [WAITING, "by formula", "measured"];
    let numbers = numbers.map(|name| Column::numbers(name, ""));
    let columns = [Column::words("scenario")].into_iter().chain(numbers);
    let mut table = Table::new("server", columns.collect());
    for dot in dots {
        let figures = [dot.waiting, dot.expected(), dot.batch];
        let figures = figures.map(|value| Cell::plain(significant(value, 3)));
        let cells = [Cell::plain(&dot.scenario)].into_iter().chain(figures);
        table.row(dot.server.to_string(), cells.collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::tidy::assert_tidy;
    use crate::sample;

    #[test]
    fn curves_are_those_of_the_formulas_and_dots_lie_where_they_belong() {
        assert!((held(1.0) - 1.367_879).abs() < 1e-6);
        assert!((by_clock(1.0) - 1.581_977).abs() < 1e-6);
        let record = sample::record();
        let server = &record.run.servers[2];
        let dots: Vec<_> = [(0.01, 1.0), (1.0, 1.4), (900.0, 900.0)]
            .map(|(waiting, batch)| Dot {
                server: server.clone(),
                scenario: "polling".into(),
                waiting,
                batch,
                by_clock: false,
                age: None,
            })
            .into();
        let palette = Palette::new(&record.run);
        let figure = figure(&dots, &palette).unwrap();
        assert_eq!(figure.data.rows.len(), 3);
        assert_eq!(figure.data.rows[1].cells[2].text, "1.37");
        for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
            assert_tidy(TITLE, drawing);
        }
        assert!(super::figure(&[], &palette).is_none());
    }
}
