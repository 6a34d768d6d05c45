//! What connections take over paths of several round trips: in time, and in round trips, beside the formulas.

use pushbench_model::record::ServerLabel;
use pushbench_stats::Estimate;

use super::canvas::{Anchor, Canvas, Drawing, Pen, draw};
use super::common::{apart, distinct, interval_entry, line_entry, marker_entry, server_entries};
use super::grid::{Scale, grid, named};
use super::latency::HALF;
use super::palette::{Dash, Role, Shape};
use super::scale::{Axis, log_range, zero_range};
use super::{Figure, LegendEntry, Palette, Panel, Room};
use crate::number::{THIN, Unit, counted, short, tick};
use crate::table::{Cell, Column, Table};

/// What the lower axis counts.
const ACROSS: &str = "round trip of the link";
const TIMES: &str = "Time to the first message over the round trip";
const TRIPS: &str = "Round trips to the first message, measured and by formula";

/// What a server took over one link.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    /// Which server.
    pub(crate) server: ServerLabel,
    /// In which scenario.
    pub(crate) scenario: String,
    /// What was waited for.
    pub(crate) until: Until,
    /// Round trip of the link, nanoseconds.
    pub(crate) round_trip_ns: f64,
    /// Round trips, by formula.
    pub(crate) expected: f64,
    /// Part of a round trip that the formula may be off by.
    pub(crate) tolerance: f64,
    /// Median over all samples, nanoseconds, with its interval over trials.
    pub(crate) took: Estimate,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The TCP connection.
    Connected,
    /// The first message.
    FirstMessage,
}

impl Until {
    fn label(self) -> &'static str {
        match self {
            Self::Connected => "TCP connected",
            Self::FirstMessage => "first message",
        }
    }
}

impl Trip {
    fn trips(&self, ns: f64) -> f64 {
        ns / self.round_trip_ns
    }

    fn agrees(&self) -> bool {
        (self.trips(self.took.value) - self.expected).abs() <= self.tolerance * (1.0 + 1e-9)
    }

    /// Value and interval, as `unit` nanoseconds each.
    fn in_units(&self, unit: f64) -> (f64, Option<(f64, f64)>) {
        let interval = self.took.interval;
        (
            self.took.value / unit,
            interval.map(|i| (i.low / unit, i.high / unit)),
        )
    }
}

/// Both charts; none without two different round trips.
pub(crate) fn figures(trips: &[Trip], palette: &Palette) -> Vec<Figure> {
    let round_trips = round_trips(trips);
    if round_trips.len() < 2 {
        return Vec::new();
    }
    let meta = |what: &str| {
        vec![
            what.to_owned(),
            "on its line is right".to_owned(),
            counted(round_trips.len(), "link"),
        ]
    };
    let legend = legend(trips, palette);
    let figure = |title: &str, what: &str, caption: &str, versions: Vec<Drawing>| Figure {
        title: title.into(),
        meta: meta(what),
        caption: caption.into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![Panel {
            title: None,
            versions,
        }],
        legend: legend.clone(),
        legend_on_phones_only: false,
        data: data(trips),
    };
    let sized = |plot: fn(&[Trip], &Palette, (f64, f64), &str) -> Drawing| {
        HALF.map(|(version, size)| plot(trips, palette, size, version.class()))
            .into()
    };
    let mut both = vec![
        figure(
            TIMES,
            "median time from the start of connect()",
            "Each line is a number of round trips; a dot is the median of a server over a link, over all its valid trials. The \
             path decides, and it decides alike for all.",
            sized(times),
        ),
        figure(
            TRIPS,
            "median time divided by the round trip, with intervals over trials",
            "What is left of the same dots when the path is divided out. The bands are what a formula may be off by; servers \
             stand beside one another over each link. What both ends take is a larger part of a short round trip.",
            sized(in_trips),
        ),
    ];
    both[1].findings = vec![finding(trips)];
    both
}

/// The links' round trips, ascending, each once.
fn round_trips(trips: &[Trip]) -> Vec<f64> {
    let mut all: Vec<f64> = trips.iter().map(|trip| trip.round_trip_ns).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The formulas, in round trips, ascending, each once.
fn formulas(trips: &[Trip]) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = trips.iter().map(|t| (t.expected, t.tolerance)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.dedup();
    all
}

fn servers(trips: &[Trip]) -> Vec<&ServerLabel> {
    distinct(trips.iter().map(|trip| &trip.server))
}

fn finding(trips: &[Trip]) -> (Option<bool>, String) {
    let wrong = trips.iter().filter(|trip| !trip.agrees()).count();
    let all = counted(trips.len(), "dot");
    if wrong == 0 {
        return (Some(true), format!("All of {all} lie in their bands."));
    }
    let furthest = trips.iter().max_by(|a, b| off(a).total_cmp(&off(b)));
    let furthest = furthest.map_or_else(String::new, |trip| {
        format!(
            " The furthest is {} over {}, {}: {} round trips instead of {}.",
            trip.server,
            tick(Unit::Time, trip.round_trip_ns),
            trip.until.label(),
            short(trip.trips(trip.took.value)),
            short(trip.expected)
        )
    });
    (
        Some(false),
        format!("{wrong} of {all} lie outside their bands.{furthest}"),
    )
}

fn off(trip: &Trip) -> f64 {
    (trip.trips(trip.took.value) - trip.expected).abs() / trip.tolerance
}

fn legend(trips: &[Trip], palette: &Palette) -> Vec<LegendEntry> {
    let mut legend = vec![line_entry("by formula", Role::Text, Dash::Solid, None)];
    for (until, filled) in [(Until::Connected, false), (Until::FirstMessage, true)] {
        if trips.iter().any(|trip| trip.until == until) {
            legend.push(marker_entry(
                until.label(),
                Shape::Circle,
                Role::Text,
                filled,
            ));
        }
    }
    legend.push(interval_entry("95\u{202f}% interval"));
    legend.extend(server_entries(servers(trips), palette));
    legend
}

/// Time over round trip, both straight: lines through nothing.
fn times(trips: &[Trip], palette: &Palette, size: (f64, f64), class: &str) -> Drawing {
    let across = zero_range(trips.iter().map(|trip| trip.round_trip_ns));
    let highest = formulas(trips).last().map_or(1.0, |formula| formula.0);
    // Intervals of few trials may be very wide: what does not fit is cut at the edge.
    let tops = trips.iter().map(|trip| trip.took.value);
    let up = zero_range(tops.chain([across.1 * highest / 1.05]));
    draw(size, class, TIMES, |canvas| {
        let x = Axis::linear(across, (58.0, size.0 - 40.0));
        let y = Axis::linear(up, (size.1 - 40.0, 10.0));
        let right = Scale::with(&x, across, named(round_trips(trips)));
        let above = y.ticks((size.1 / 38.0) as usize);
        let above = Scale::with(&y, up, named(above));
        grid(canvas, &right, &above, size.0, ACROSS);
        for (count, _) in formulas(trips) {
            let end = (across.1, across.1 * count);
            let places = [(x.at(0.0), y.at(0.0)), (x.at(end.0), y.at(end.1))];
            canvas.path(&places, Pen::new(Role::Text, 1.4));
            name(canvas, count, (size.0 - 36.0, y.at(end.1)));
        }
        for trip in trips {
            dot(canvas, palette, trip, (x.at(trip.round_trip_ns), &y), 1.0);
        }
    })
}

/// Round trips over the round trip, servers beside one another.
fn in_trips(trips: &[Trip], palette: &Palette, size: (f64, f64), class: &str) -> Drawing {
    let round_trips = round_trips(trips);
    let servers = servers(trips);
    let wide = log_range(round_trips.iter().copied(), 2.0);
    // Room for the servers beside the first and the last link.
    let room = (wide.1 / wide.0).powf(0.5 / round_trips.len() as f64);
    let across = (wide.0 / room, wide.1 * room);
    let highest = formulas(trips).last().map_or(1.0, |formula| formula.0);
    let tops = trips.iter().map(|trip| trip.trips(trip.took.value) + 0.2);
    let up = zero_range(tops.chain([highest + 0.5]));
    draw(size, class, TRIPS, |canvas| {
        let x = Axis::log(across, (40.0, size.0 - 40.0));
        let y = Axis::linear(up, (size.1 - 40.0, 10.0));
        let right = Scale::with(&x, across, named(round_trips.clone()));
        let above = Scale::up(&y, up, Unit::Count, size.1);
        grid(canvas, &right, &above, size.0, ACROSS);
        let ends = (x.at(across.0), x.at(across.1));
        for (count, tolerance) in formulas(trips) {
            let (low, high) = (y.at(count - tolerance), y.at(count + tolerance));
            canvas.rectangle((ends.0, high), (ends.1, low), Role::Neutral, 0.22);
            let pen = Pen::new(Role::Text, 1.4);
            canvas.line((ends.0, y.at(count)), (ends.1, y.at(count)), pen);
            name(canvas, count, (size.0 - 36.0, y.at(count)));
        }
        let places: Vec<f64> = round_trips.iter().map(|&ns| x.at(ns)).collect();
        let apart = apart(&places, servers.len());
        for trip in trips {
            let place = servers.iter().position(|server| **server == trip.server);
            let place = place.unwrap_or(0) as f64 - (servers.len() as f64 - 1.0) / 2.0;
            let at = x.at(trip.round_trip_ns) + place * apart;
            dot(canvas, palette, trip, (at, &y), trip.round_trip_ns);
        }
    })
}

/// `2 RTT`, behind the end of a line.
fn name(canvas: &mut Canvas<'_>, count: f64, at: (f64, f64)) {
    let text = format!("{}{THIN}RTT", short(count));
    canvas.text(at, &text, 11.0, Anchor::Start, Role::Muted);
}

fn dot(canvas: &mut Canvas<'_>, palette: &Palette, trip: &Trip, (at, y): (f64, &Axis), unit: f64) {
    let (shape, role) = (palette.shape(&trip.server), palette.role(&trip.server));
    let (value, interval) = trip.in_units(unit);
    if let Some((low, high)) = interval {
        canvas.line((at, y.at(low)), (at, y.at(high)), Pen::new(role, 1.4));
    }
    let filled = trip.until == Until::FirstMessage;
    canvas.marker((at, y.at(value)), 4.0, shape, role, filled);
}

fn data(trips: &[Trip]) -> Table {
    let words = ["scenario", "until"].map(Column::words);
    let numbers = ["round trip", "by formula", "measured", "in round trips"];
    let numbers = numbers.map(|name| Column::numbers(name, ""));
    let mut table = Table::new("server", words.into_iter().chain(numbers).collect());
    for trip in trips {
        let cells = vec![
            Cell::plain(&trip.scenario),
            Cell::plain(trip.until.label()),
            Cell::plain(Unit::Time.in_words(trip.round_trip_ns)),
            Cell::plain(Unit::Time.in_words(trip.expected * trip.round_trip_ns)),
            Cell::estimate(Some(trip.took), &Unit::Time.scale([trip.took.value])),
            Cell::plain(short(trip.trips(trip.took.value))),
        ];
        table.row(trip.server.to_string(), cells);
    }
    table
}

#[cfg(test)]
mod tests;
