//! Round trips over a link of known round trip.

use pushbench_model::link::{Direction, Link, MTU};
use pushbench_model::scenario::Workload;
use pushbench_model::theory::round_trips::{Opening, Security, to_first_message};

use super::held::Tolerance;
use super::{Case, Held};
use crate::metric::{P50, Series};
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
    // Each way takes between nothing and the whole jitter longer.
    let round_trip = (link.rtt_us + link.jitter_us) as f64 / 1e6;
    let sending = |direction| {
        link.rate(direction)
            .map_or(0.0, |rate| MTU as f64 * 8.0 / rate as f64)
    };
    let slow = sending(Direction::Down) + sending(Direction::Up) > SHARE / 2.0 * round_trip;
    let in_order = link.loss_ppm == 0 && link.reorder_ppm == 0;
    (in_order && !slow && round_trip >= SHORTEST_S).then_some(round_trip)
}

/// Round trips to a connection and to its first message; half a round trip for a message that is pushed.
pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Some(round_trip) = round_trip_s(case.link) else {
        return Vec::new();
    };
    let transport = case.arm.server.transport.as_str();
    match &case.group.scenario.workload {
        Workload::Connect(_) => {
            let (security, to_message, source) = match case.group.scenario.server.tls {
                None => (
                    Security::Clear,
                    "1 for TCP + 1 for request and answer",
                    "RFC 9293 §3.5, RFC 9112 §9.3",
                ),
                // Resumed or not: without early data it takes as many.
                Some(_) => (
                    Security::Tls,
                    "1 for TCP + 1 for TLS + 1 for request and answer",
                    "RFC 9293 §3.5, RFC 8446 §2, RFC 9112 §9.3",
                ),
            };
            let predicted = to_first_message(security, Opening::Request);
            [
                (
                    "round trips to a TCP connection",
                    "1",
                    "RFC 9293 §3.5",
                    Series::TcpConnect,
                    1.0,
                ),
                (
                    "round trips to the first message",
                    to_message,
                    source,
                    Series::FirstMessage,
                    predicted,
                ),
            ]
            .into_iter()
            .filter_map(|(quantity, formula, source, series, predicted)| {
                let median = case.arm.percentile(series, P50).value()?;
                Some(Held {
                    server: case.arm.server.to_string(),
                    quantity,
                    formula: formula.into(),
                    source,
                    unit: Unit::Count,
                    predicted,
                    measured: median / 1e9 / round_trip,
                    tolerance: Tolerance::of(SHARE, format!("{SHARE} of one")),
                })
            })
            .collect()
        }
        Workload::FanOut(fan_out) => {
            let pushed = ["sse", "websocket", "ndjson", "tcp"].contains(&transport);
            let turns = f64::from(fan_out.subscribers) * TURN_S;
            let short = turns <= SHARE / 2.0 * round_trip;
            let waits = case.group.scenario.server.flush_window_ms > 0;
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
