//! How long messages wait until somebody asks for them: the formulas as curves, and a dot for every server and scenario.

use pushbench_model::theory::polling::{long_poll, short_poll};

use super::batches::{Age, Curves, Dot, WAITING};
use super::common::{distinct, line_entry, server_entries};
use super::latency::FULL;
use super::palette::{Dash, Role};
use super::scale::{log_range, zero_range};
use super::{Figure, Palette, Panel, Room};
use crate::number::{Unit, counted, short, significant};
use crate::table::{Cell, Column, Table};

const TITLE: &str = "How long a message waits to be asked for, measured and by formula";

/// A dot whose age is known.
struct Waiting<'a> {
    dot: &'a Dot,
    age: Age,
}

impl Waiting<'_> {
    /// Mean wait, as a part of the gap or period.
    fn measured(&self) -> f64 {
        (self.age.mean_ns - self.age.way_ns) / self.age.gap_ns
    }

    fn expected(&self) -> f64 {
        let curve = if self.dot.by_clock { by_clock } else { held };
        curve(self.dot.waiting)
    }

    fn expected_age_ns(&self) -> f64 {
        self.age.way_ns + self.expected() * self.age.gap_ns
    }
}

fn held(waiting: f64) -> f64 {
    long_poll(waiting, 1.0).mean_wait
}

fn by_clock(waiting: f64) -> f64 {
    short_poll(waiting, 1.0, 0.0).mean_age
}

/// `None` without dots at two rates.
pub(crate) fn figure(dots: &[Dot], palette: &Palette) -> Option<Figure> {
    let known = dots.iter();
    let known = known.filter_map(|dot| dot.age.map(|age| Waiting { dot, age }));
    let known: Vec<Waiting<'_>> = known.collect();
    let first = known.first()?.dot.waiting;
    if known
        .iter()
        .all(|one| (one.dot.waiting / first - 1.0).abs() < 0.2)
    {
        return None;
    }
    let waiting = known.iter().map(|one| one.dot.waiting);
    let x = log_range(waiting.chain([0.1, 10.0]), 2.0);
    let y = zero_range(known.iter().map(Waiting::measured).chain([0.6]));
    let places = known.iter();
    let places = places.map(|one| (one.dot.waiting, one.measured(), &one.dot.server));
    let curves = Curves {
        title: TITLE,
        across: x,
        up: y,
        log: false,
        held,
        by_clock,
        dots: places.collect(),
    };
    let versions = FULL.map(|(version, size)| curves.draw(palette, size, version.class()));
    let mut legend = vec![
        line_entry(
            "held: (λG/2) / (λG + e^(−λG))",
            Role::Text,
            Dash::Solid,
            None,
        ),
        line_entry("by the clock: 1/2", Role::Text, Dash::Dashed, None),
    ];
    let servers = distinct(known.iter().map(|one| &one.dot.server));
    legend.extend(server_entries(servers, palette));
    Some(Figure {
        title: TITLE.into(),
        meta: vec![
            "mean age less the way of an answer, as a part of the gap or period".into(),
            "on its curve is right".into(),
            counted(known.len(), "dot"),
        ],
        caption: "Of rare messages a long-poll is always waiting, and they wait for nothing but the way. Of frequent ones each \
                  waits half a gap, as by the clock. A dot is a server in a scenario, over all its valid trials."
            .into(),
        findings: Vec::new(),
        room: Room::Full,
        panels: Panel::alone(versions),
        legend,
        legend_on_phones_only: false,
        data: data(&known),
    })
}

fn data(known: &[Waiting<'_>]) -> Table {
    let numbers = [
        WAITING,
        "by formula",
        "measured",
        "mean age by formula",
        "mean age",
    ];
    let numbers = numbers.map(|name| Column::numbers(name, ""));
    let columns = [Column::words("scenario")].into_iter().chain(numbers);
    let mut table = Table::new("server", columns.collect());
    for one in known {
        let cells = vec![
            Cell::plain(&one.dot.scenario),
            Cell::plain(significant(one.dot.waiting, 3)),
            Cell::plain(short(one.expected())),
            Cell::plain(short(one.measured())),
            Cell::plain(Unit::Time.in_words(one.expected_age_ns())),
            Cell::plain(Unit::Time.in_words(one.age.mean_ns)),
        ];
        table.row(one.dot.server.to_string(), cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::tidy::assert_tidy;
    use crate::sample;

    #[test]
    fn curves_are_those_of_the_formulas_and_one_rate_has_no_chart() {
        assert!((held(1.0) - 0.5 / 1.367_879).abs() < 1e-6);
        assert!(held(0.001) < 0.001 && (held(1e4) - 0.5).abs() < 1e-3);
        assert_eq!(by_clock(7.0), 0.5);
        let record = sample::record();
        let dot = |waiting: f64, mean_ns: f64| Dot {
            server: record.run.servers[2].clone(),
            scenario: "polling".into(),
            waiting,
            batch: 1.0,
            by_clock: false,
            age: Some(Age {
                mean_ns,
                way_ns: 25e6,
                gap_ns: 50e6,
            }),
        };
        let palette = Palette::new(&record.run);
        let dots = [dot(0.05, 26e6), dot(1.0, 45e6), dot(500.0, 50e6)];
        let drawn = figure(&dots, &palette).unwrap();
        assert_eq!(drawn.data.rows.len(), 3);
        let texts: Vec<_> = drawn.data.rows[1]
            .cells
            .iter()
            .map(|c| c.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "polling",
                "1.00",
                "0.366",
                "0.4",
                "43.3\u{202f}ms",
                "45.0\u{202f}ms"
            ]
        );
        for drawing in drawn.panels.iter().flat_map(|panel| &panel.versions) {
            assert_tidy(TITLE, drawing);
        }
        assert!(figure(&[dot(1.0, 45e6), dot(1.1, 45e6)], &palette).is_none());
        let unknown = Dot {
            age: None,
            ..dot(100.0, 0.0)
        };
        assert!(figure(&[dot(1.0, 45e6), unknown], &palette).is_none());
    }
}
