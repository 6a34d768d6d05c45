//! Round trips over a link of known round trip.

use pushbench_model::link::{Direction, Link, MTU};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::theory::round_trips::{Opening, Security, to_first_message};

use super::held::Tolerance;
use super::{Case, Held};
use crate::chart::{Trip, Until};
use crate::metric::{Metric, P50, Series};
use crate::number::{THIN, Unit};

/// Over a shorter one, the work of both ends is no small part of it.
const SHORTEST_S: f64 = 0.01;
/// Part of a round trip that a figure may be off by.
const SHARE: f64 = 0.1;
/// What a subscriber costs the loops of server and load process, at most: those before it in a fan-out delay it by as much.
pub(super) const TURN_S: f64 = 20e-6;

/// The mean round trip of `link` in seconds, if formulas of it can be held against figures: nothing is lost or overtaken,
/// and a packet is sent in a small part of it.
pub(super) fn round_trip_s(link: Option<Link>) -> Option<f64> {
    let link = link?;
    let round_trip = link.mean_round_trip_ns() as f64 / 1e9;
    let sending = |direction| {
        link.rate(direction)
            .map_or(0.0, |rate| MTU as f64 * 8.0 / rate as f64)
    };
    let slow = sending(Direction::Down) + sending(Direction::Up) > SHARE / 2.0 * round_trip;
    let in_order = link.loss_ppm == 0 && link.reorder_ppm == 0;
    (in_order && !slow && round_trip >= SHORTEST_S).then_some(round_trip)
}

/// What a connection takes round trips for.
struct Opened {
    until: Until,
    quantity: &'static str,
    formula: &'static str,
    source: &'static str,
    series: Series,
    round_trips: f64,
}

fn openings(scenario: &Scenario) -> [Opened; 2] {
    let security = security(scenario);
    let (formula, source) = match security {
        // Resumed or not: without early data it takes as many.
        Security::Tls => (
            "1 for TCP + 1 for TLS + 1 for request and answer",
            "RFC 9293 §3.5, RFC 8446 §2, RFC 9112 §9.3",
        ),
        _ => (
            "1 for TCP + 1 for request and answer",
            "RFC 9293 §3.5, RFC 9112 §9.3",
        ),
    };
    [
        Opened {
            until: Until::Connected,
            quantity: "round trips to a TCP connection",
            formula: "1",
            source: "RFC 9293 §3.5",
            series: Series::TcpConnect,
            round_trips: 1.0,
        },
        Opened {
            until: Until::FirstMessage,
            quantity: "round trips to the first message",
            formula,
            source,
            series: Series::FirstMessage,
            round_trips: to_first_message(security, Opening::Request),
        },
    ]
}

fn security(scenario: &Scenario) -> Security {
    match scenario.server.tls {
        None => Security::Clear,
        Some(_) => Security::Tls,
    }
}

/// Round trips to the first message, and what they take, nanoseconds; for connections over a link.
pub(super) fn least(scenario: &Scenario) -> Option<(f64, f64)> {
    let round_trip = round_trip_s(scenario.link)?;
    let connects = matches!(scenario.workload, Workload::Connect(_));
    let count = to_first_message(security(scenario), Opening::Request);
    connects.then_some((count, count * round_trip * 1e9))
}

/// What a server took to connect and to send its first message, where a formula says it.
pub(super) fn trips(case: &Case<'_>) -> Vec<Trip> {
    let Some(round_trip) = round_trip_s(case.link()) else {
        return Vec::new();
    };
    if !matches!(case.group.scenario.workload, Workload::Connect(_)) {
        return Vec::new();
    }
    let trips = openings(case.group.scenario)
        .into_iter()
        .filter_map(|opening| {
            Some(Trip {
                server: case.arm.server.clone(),
                scenario: case.group.scenario.name.clone(),
                until: opening.until,
                round_trip_ns: round_trip * 1e9,
                expected: opening.round_trips,
                tolerance: SHARE,
                took: case.arm.figure(Metric::Percentile(opening.series, P50))?,
            })
        });
    trips.collect()
}

/// Round trips to a connection and to its first message; half a round trip for a message that is pushed.
pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Some(round_trip) = round_trip_s(case.link()) else {
        return Vec::new();
    };
    let transport = case.arm.server.transport.as_str();
    match &case.group.scenario.workload {
        Workload::Connect(_) => {
            let rows = openings(case.group.scenario)
                .into_iter()
                .filter_map(|opening| {
                    let median = case.arm.percentile(opening.series, P50).value()?;
                    Some(Held {
                        server: case.arm.server.to_string(),
                        quantity: opening.quantity,
                        formula: opening.formula.into(),
                        source: opening.source,
                        unit: Unit::Count,
                        predicted: opening.round_trips,
                        measured: median / 1e9 / round_trip,
                        tolerance: Tolerance::of(SHARE, format!("{SHARE} of one")),
                    })
                });
            rows.collect()
        }
        Workload::FanOut(fan_out) => {
            let pushed = ["sse", "websocket", "ndjson", "tcp"].contains(&transport);
            let turns = f64::from(fan_out.subscribers) * TURN_S;
            let short = turns <= SHARE / 2.0 * round_trip;
            // On a shared connection a message to all is a burst, which congestion control may spread.
            let setting = &case.group.scenario.server;
            let spread = setting.flush_window_ms > 0 || setting.streams > 0;
            let waits = spread || fan_out.large.is_some();
            if !pushed || !short || waits || fan_out.cuts.is_some() || fan_out.slow.is_some() {
                return Vec::new();
            }
            let (formula, source, ways) = if fan_out.two_way {
                (
                    "RTT",
                    "the way of a message to the server, and back to all",
                    2.0,
                )
            } else {
                ("½ RTT", "the way of a message that is pushed", 1.0)
            };
            let Some(median) = case.arm.percentile(Series::Response, P50).value() else {
                return Vec::new();
            };
            vec![Held {
                server: case.arm.server.to_string(),
                quantity: "median response time",
                formula: formula.into(),
                source,
                unit: Unit::Time,
                predicted: ways * round_trip / 2.0 * 1e9,
                measured: median,
                tolerance: Tolerance::of(
                    SHARE * round_trip * 1e9,
                    format!("{}{THIN}% of a round trip", SHARE * 100.0),
                ),
            }]
        }
        // An answer begins when its model does.
        Workload::Tokens(_) => Vec::new(),
    }
}
