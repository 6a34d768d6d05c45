//! Whether the figures of a trial may be used. Benchmarks are also tests: what did not arrive exactly once, in order
//! and intact was not measured.

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{Measurement, Publisher, histogram_name};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome, Reason};
use pushbench_model::scenario::{Scenario, Workload};

/// Fewer stamps than this say nothing about a 99th percentile.
const ENOUGH: u64 = 100;
/// A publisher less late than this is as punctual as timers are.
const PUNCTUAL_NS: u64 = 5_000_000;
/// And this part of the response time may be the publisher's.
const SHARE_OF_RESPONSE: f64 = 0.5;
/// A publisher that waited longer than this for a server to take its messages was held up by the server.
const HELD_UP_NS: u64 = 1_000_000;

/// Judges what a load process measured of `scenario`.
#[must_use]
pub fn verify(measurement: &Measurement, scenario: &Scenario, profile: Profile) -> Outcome {
    let mut reasons = Vec::new();
    arrivals(measurement, &mut reasons);
    amount(measurement, scenario, profile, &mut reasons);
    connections(measurement, &mut reasons);
    wire(measurement, &mut reasons);
    punctuality(measurement, &mut reasons);
    if reasons.is_empty() {
        Outcome::Valid
    } else {
        Outcome::Invalid { reasons }
    }
}

fn because(side: Blame, text: String) -> Reason {
    Reason { side, text }
}

fn arrivals(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let counts = &measurement.sequence;
    let total = counts.delivered + counts.lost;
    for (count, what) in [
        (counts.lost, "never arrived"),
        (counts.duplicated, "arrived more than once"),
        (counts.reordered, "arrived out of order"),
        (counts.corrupted, "arrived corrupted"),
    ] {
        if count > 0 {
            reasons.push(because(
                Blame::Server,
                format!("{count} of {total} deliveries {what}"),
            ));
        }
    }
}

/// Whether the load was the one the scenario asks for, and all of it was counted.
fn amount(
    measurement: &Measurement,
    scenario: &Scenario,
    profile: Profile,
    reasons: &mut Vec<Reason>,
) {
    let operations = measurement.operations;
    match &scenario.workload {
        Workload::FanOut(fan_out) => {
            let due = fan_out.messages(fan_out.measure_s.at(profile));
            let published = measurement.published;
            if published != due {
                reasons.push(because(
                    Blame::Publisher,
                    format!("{published} of {due} scheduled messages were published"),
                ));
            }
            let expected = published * u64::from(fan_out.subscribers);
            if operations != expected {
                reasons.push(because(Blame::Server, format!(
                    "{operations} deliveries were measured, expected {expected}: {published} messages to each of {} \
                     subscribers",
                    fan_out.subscribers
                )));
            }
        }
        Workload::Connect(connect) => {
            let expected = connect.connections.at(profile);
            if operations != u64::from(expected) {
                reasons.push(because(
                    Blame::Server,
                    format!("{operations} of {expected} connections were measured"),
                ));
            }
        }
    }
}

fn connections(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let connections = &measurement.connections;
    let first = |errors: &[String]| {
        errors
            .first()
            .map_or(String::new(), |e| format!(", first: {e}"))
    };
    for (count, what) in [
        (connections.failed, "connections failed"),
        (
            connections.ended_early,
            "connections were ended early by the server",
        ),
    ] {
        if count > 0 {
            reasons.push(because(
                Blame::Server,
                format!("{count} {what}{}", first(&measurement.errors)),
            ));
        }
    }
    if connections.nodelay != connections.opened {
        reasons.push(because(
            Blame::Setting,
            format!(
                "TCP_NODELAY was set on {} of {} connections: the others delay small messages",
                connections.nodelay, connections.opened
            ),
        ));
    }
    let Some(server) = &measurement.server else {
        return;
    };
    if server.injected {
        reasons.push(because(
            Blame::Setting,
            "the server was asked to inject faults or delays (serve --inject)".into(),
        ));
    }
    if server.nodelay != server.accepted {
        reasons.push(because(
            Blame::Setting,
            format!(
                "the server had TCP_NODELAY on {} of {} connections",
                server.nodelay, server.accepted
            ),
        ));
    }
    if server.lagged > 0 {
        reasons.push(because(
            Blame::Server,
            format!(
                "{} subscribers fell behind and were disconnected by the server",
                server.lagged
            ),
        ));
    }
}

/// Our own servers write exactly the bytes that the formulas say; others may add headers of their own.
fn wire(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let wire = &measurement.wire;
    if measurement.publisher != Publisher::Server || wire.agrees() != Some(false) {
        return;
    }
    for (direction, counted, expected) in [
        ("down", wire.bytes_down, wire.expected_down),
        ("up", wire.bytes_up, wire.expected_up),
    ] {
        if let Some(expected) = expected.filter(|&expected| expected != counted) {
            reasons.push(because(Blame::Server, format!(
                "bytes on the wire differ from the formula: counted {counted}, expected {expected} {direction}"
            )));
        }
    }
}

/// Lateness of the publisher is part of the response time; when it is much of it, the generator was measured.
fn punctuality(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let p99 = |name| -> Option<u64> {
        let histogram: Histogram = measurement.histograms.get(name)?.decode().ok()?;
        (histogram.len() >= ENOUGH).then(|| histogram.value_at_quantile(0.99))
    };
    let (Some(late), Some(response)) =
        (p99(histogram_name::LATENESS), p99(histogram_name::RESPONSE))
    else {
        return;
    };
    let share = late as f64 / response as f64;
    // Being slow is no fault: who fills the connection on which messages are posted makes the next ones late.
    if measurement.held_up_ns > HELD_UP_NS {
        return;
    }
    if late > PUNCTUAL_NS && share > SHARE_OF_RESPONSE {
        reasons.push(because(Blame::Publisher, format!(
            "the publisher was late: 1 % of the messages by more than {:.1} ms, {:.0} % of the response time at the \
             same percentile",
            late as f64 / 1e6,
            share * 100.0
        )));
    }
}

#[cfg(test)]
pub(crate) mod tests;
