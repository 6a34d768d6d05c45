//! Latency over load: a point for every rate that was tried, the objective, and the knee.

use pushbench_model::search::{ProbeVerdict, Search};

use super::canvas::{Anchor, Canvas, Drawing, Pen, draw};
use super::common::{line_entry, marker_entry};
use super::grid::{Scale, grid};
use super::latency::FULL;
use super::palette::{Dash, Role, Shape};
use super::scale::{Axis, log_range, zero_range};
use super::{Figure, Palette, Panel, Room, Version};
use crate::number::{Unit, counted};
use crate::saturation::{Point, Saturation, Searched};

const SIZE: f64 = 12.0;
const TITLE: &str = "Response time over load";

/// `None` where no probe says anything.
pub(crate) fn figure(saturation: &Saturation<'_>, palette: &Palette) -> Option<Figure> {
    let frame = Frame::of(saturation)?;
    let several = saturation.arms.len() > 1;
    let panels = saturation.arms.iter().map(|arm| {
        let role = palette.role(&arm.found.server);
        let name = arm.found.server.to_string();
        let label = format!("{TITLE}: {name}");
        let drawing = |version: Version, size| frame.draw(arm, role, size, version.class(), &label);
        let versions = if several {
            vec![drawing(Version::Any, (300.0, 240.0))]
        } else {
            FULL.map(|(version, size)| drawing(version, size)).into()
        };
        Panel {
            title: several.then_some(name),
            versions,
        }
    });
    let percentile = saturation.search.objective.percentile();
    Some(Figure {
        title: TITLE.into(),
        meta: vec![
            "time from the moment a message was due, logarithmic".into(),
            "lower and further right is better".into(),
            counted(saturation.probes(), "probe"),
        ],
        caption: format!(
            "Each mark is a probe at one rate; the lines join all probes of a rate together. A rate counts as sustained \
             when its {percentile} is below the line of the objective, nothing is lost and no backlog grows. The knee is \
             where deliveries per second over {percentile} are most: from there on, more load is paid for with more \
             waiting than it brings. A mark at the upper edge has its {percentile} among messages that never arrived."
        ),
        findings: saturation
            .arms
            .iter()
            .map(|arm| (arm.found.sustained.map(|_| true), saturation.sentence(arm)))
            .collect(),
        room: Room::Full,
        panels: panels.collect(),
        legend: vec![
            line_entry(&percentile, Role::Text, Dash::Solid, None),
            line_entry("p50", Role::Text, Dash::Dashed, None),
            marker_entry("held", Shape::Circle, Role::Text, true),
            marker_entry("failed", Shape::Cross, Role::Bad, true),
            marker_entry("void: says nothing", Shape::Circle, Role::Muted, false),
        ],
        legend_on_phones_only: false,
        data: saturation.probe_table(),
    })
}

/// Axes that all panels share, so that they compare.
struct Frame<'a> {
    search: &'a Search,
    /// Deliveries per second.
    load: (f64, f64),
    /// Nanoseconds.
    time: (f64, f64),
}

impl<'a> Frame<'a> {
    fn of(saturation: &Saturation<'a>) -> Option<Self> {
        let search = saturation.search;
        let arms = || saturation.arms.iter();
        let points = arms().flat_map(|arm| &arm.points);
        let probes = || {
            arms()
                .flat_map(|arm| &arm.found.probes)
                .map(|p| &p.judgement)
        };
        let mut times: Vec<f64> = probes()
            .flat_map(|judgement| [judgement.p50_ns, judgement.at_quantile_ns])
            .flatten()
            .map(|ns| ns as f64)
            .collect();
        if times.is_empty() {
            return None;
        }
        times.push(search.objective.limit_ns as f64);
        let loads = points.map(|point| point.delivered);
        let loads: Vec<f64> = loads.chain(probes().map(|j| j.delivered_per_s)).collect();
        Some(Self {
            search,
            load: zero_range(loads),
            time: log_range(times, 4.0),
        })
    }

    fn draw(
        &self,
        arm: &Searched<'_>,
        role: Role,
        size: (f64, f64),
        class: &str,
        label: &str,
    ) -> Drawing {
        draw(size, class, label, |canvas| {
            let x = Axis::linear(self.load, (62.0, size.0 - 14.0));
            let y = Axis::log(self.time, (size.1 - 40.0, 10.0));
            let load = Scale::across(&x, self.load, Unit::PerSecond, size.0);
            let time = Scale::up(&y, self.time, Unit::Time, size.1);
            grid(canvas, &load, &time, size.0, "deliveries per second");
            self.objective(canvas, &x, &y);
            self.knee(canvas, arm, &x, &y);
            for (of, dash) in [
                (
                    (|p: &Point| p.at_quantile) as fn(&Point) -> Option<f64>,
                    Dash::Solid,
                ),
                (|p| p.p50, Dash::Dashed),
            ] {
                let known = arm
                    .points
                    .iter()
                    .filter_map(|p| Some((p.delivered, of(p)?)));
                let places: Vec<_> = known.map(|(load, ns)| (x.at(load), y.at(ns))).collect();
                if places.len() > 1 {
                    canvas.path(&places, Pen::new(role, 2.0).dash(dash));
                }
            }
            self.probes(canvas, arm, role, &x, &y);
        })
    }

    fn objective(&self, canvas: &mut Canvas<'_>, x: &Axis, y: &Axis) {
        let place = y.at(self.search.objective.limit_ns as f64);
        let (left, right) = (x.at(self.load.0), x.at(self.load.1));
        let pen = Pen::new(Role::Bad, 1.4).dash(Dash::Dashed);
        canvas.line((left, place), (right, place), pen);
        let text = self.search.objective.to_string();
        // Under the line where there is no room above it.
        let above = if place < 26.0 { 9.0 } else { -9.0 };
        canvas.text(
            (left + 4.0, place + above),
            &text,
            SIZE,
            Anchor::Start,
            Role::Text,
        );
    }

    /// An upright line, with its name at the end that is further from the objective.
    fn knee(&self, canvas: &mut Canvas<'_>, arm: &Searched<'_>, x: &Axis, y: &Axis) {
        let Some(knee) = arm.knee() else {
            return;
        };
        let (bottom, top) = (y.at(self.time.0), y.at(self.time.1));
        let place = x.at(knee.delivered);
        canvas.line((place, bottom), (place, top), Pen::new(Role::Neutral, 1.4));
        let limit = y.at(self.search.objective.limit_ns as f64);
        let at = if limit - top > bottom - limit {
            top + 8.0
        } else {
            bottom - 9.0
        };
        let anchor = if place > f64::midpoint(x.at(self.load.0), x.at(self.load.1)) {
            (place - 5.0, Anchor::End)
        } else {
            (place + 5.0, Anchor::Start)
        };
        canvas.text((anchor.0, at), "knee", SIZE, anchor.1, Role::Text);
    }

    fn probes(&self, canvas: &mut Canvas<'_>, arm: &Searched<'_>, role: Role, x: &Axis, y: &Axis) {
        for probe in &arm.found.probes {
            let judgement = &probe.judgement;
            let time = match (judgement.at_quantile_ns, judgement.verdict) {
                (Some(ns), _) => ns as f64,
                (None, ProbeVerdict::Failed) if judgement.delivered_per_s > 0.0 => self.time.1,
                (None, _) => continue,
            };
            let at = (x.at(judgement.delivered_per_s), y.at(time));
            let (shape, role, filled) = match judgement.verdict {
                ProbeVerdict::Held => (Shape::Circle, role, true),
                ProbeVerdict::Failed => (Shape::Cross, Role::Bad, true),
                ProbeVerdict::Void => (Shape::Circle, Role::Muted, false),
            };
            canvas.marker(at, 3.8, shape, role, filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::search::{End, Probe, ProbeJudgement, Purpose, SearchRange, ServerSearch};

    use super::*;
    use crate::sample;

    /// A search whose response time has a pole at 1000 messages/s.
    fn search(limit: &str) -> Search {
        let probe = |(trial, rate): (u32, f64)| Probe {
            rate,
            trial,
            purpose: Purpose::Curve,
            judgement: ProbeJudgement {
                verdict: if rate > 900.0 {
                    ProbeVerdict::Failed
                } else {
                    ProbeVerdict::Held
                },
                reasons: Vec::new(),
                at_quantile_ns: (rate < 1000.0).then(|| (4.6e9 / (1000.0 - rate)) as u64),
                p50_ns: (rate < 1000.0).then(|| (0.7e9 / (1000.0 - rate)) as u64),
                delivered_per_s: rate.min(1000.0),
                backlog_slope: None,
            },
        };
        let rates = [100.0, 300.0, 500.0, 700.0, 900.0, 990.0, 1200.0];
        Search {
            schema: 2,
            scenario: "x".into(),
            objective: limit.parse().unwrap(),
            range: SearchRange {
                from: 1.0,
                to: 1e6,
                resolution: 0.05,
            },
            probe_s: 30.0,
            servers: vec![ServerSearch {
                server: sample::record().run.servers[0].clone(),
                probes: (1..).zip(rates).map(probe).collect(),
                sustained: Some(900.0),
                failed_at: Some(990.0),
                end: End::Found,
                ended: String::new(),
            }],
        }
    }

    fn saturation(search: &Search) -> Saturation<'_> {
        let arm = |found| {
            let point = |probe: &Probe| Point {
                rate: probe.rate,
                delivered: probe.judgement.delivered_per_s,
                p50: probe.judgement.p50_ns.map(|ns| ns as f64),
                at_quantile: probe.judgement.at_quantile_ns.map(|ns| ns as f64),
            };
            Searched::with_points(found, search.servers[0].probes.iter().map(point).collect())
        };
        Saturation {
            search,
            arms: search.servers.iter().map(arm).collect(),
        }
    }

    /// The power of M/M/1 is greatest at half its capacity (Kleinrock, ICC 1979).
    #[test]
    fn the_knee_of_a_queue_is_at_half_its_capacity() {
        let search = search("p99<=50ms");
        let saturation = saturation(&search);
        assert_eq!(saturation.arms[0].knee().map(|p| p.rate), Some(500.0));
    }

    #[test]
    fn labels_are_whole_and_apart_wherever_the_objective_lies() {
        let run = sample::record().run;
        for limit in [
            "p99<=1us",
            "p99<=20ms",
            "p99<=50ms",
            "p99.9<=500ms",
            "p99<=600s",
        ] {
            let search = search(limit);
            let saturation = saturation(&search);
            let figure = figure(&saturation, &Palette::new(&run)).unwrap();
            assert!(figure.caption.ends_with('.') && figure.data.rows.len() == 7);
            for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
                assert!(!drawing.svg.contains("=\"#"), "a fixed colour");
                let (width, height) = drawing.size;
                for (index, one) in drawing.labels.iter().enumerate() {
                    let inside = one.left >= 0.0
                        && one.right <= width
                        && one.top >= 0.0
                        && one.bottom <= height;
                    assert!(inside, "{limit} {:?}: {one:?}", drawing.size);
                    for other in &drawing.labels[index + 1..] {
                        let apart = one.right <= other.left
                            || other.right <= one.left
                            || one.bottom <= other.top
                            || other.bottom <= one.top;
                        assert!(apart, "{limit} {:?}: {one:?} {other:?}", drawing.size);
                    }
                }
            }
        }
    }
}
