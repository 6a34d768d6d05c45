//! Whether the figures of a trial may be used. Benchmarks are also tests: what did not arrive exactly once, in order
//! and intact was not measured.

mod late;

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{LoopModel, Measurement, Publisher, histogram_name};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome, Reason};
use pushbench_model::scenario::{Scenario, Tls, Tokens, Workload};
use pushbench_model::tuning::Tuning;

/// Lateness is looked at far out, because a late message makes all its deliveries late, and a percentile of response
/// times hides among thousands of deliveries what is frequent among the messages. Each percentile has the number of
/// messages that it needs, and the lateness in nanoseconds that is no fault at it: a small shared machine interrupts a
/// punctual publisher now and then, for a few milliseconds in a hundred messages and for tens of them in a thousand, and
/// a throttled one for most of the time.
const LATENESS: [(f64, u64, u64); 3] = [
    (0.999, 1000, 25_000_000),
    (0.99, 100, 5_000_000),
    (0.9, 20, 5_000_000),
];
/// This part of the median response time may be the publisher's (method rule 4).
const SHARE_OF_MEDIAN: f64 = 0.1;
/// A publisher that waited longer than this for a server to take its messages was held up by the server.
const HELD_UP_NS: u64 = 1_000_000;

/// Fewer ticks of the load process's loops than this (half a second) say nothing.
const ENOUGH_TICKS: u64 = 20;
/// A tenth of the ticks may come this late. Timers are 1 ms late by themselves, and a loop that delivers to a thousand
/// subscribers takes some more; single stalls of a small machine are fewer than a tenth. A process that stands still
/// half of the time is late for half of its ticks.
const LAG_NS: u64 = 10_000_000;
/// And this part of the response time may be the load process's, at the 99th percentile.
const LAG_SHARE: f64 = 0.25;
/// A thread that is busier than this has work waiting for it most of the time, which nobody can tell from a slow server
/// (method rule 22; mutilate and Gatling warn at 80 %, but share no core with the server).
const BUSIEST: f64 = 0.9;

/// Judges what a load process measured of `scenario`.
#[must_use]
pub fn verify(measurement: &Measurement, scenario: &Scenario, profile: Profile) -> Outcome {
    let mut reasons = Vec::new();
    let cuts = match &scenario.workload {
        Workload::FanOut(fan_out) => fan_out.cuts,
        Workload::Connect(_) | Workload::Tokens(_) => None,
    };
    // Who does not say where it was misses what came meanwhile: that is what the scenario shows.
    let complete = cuts.is_none_or(|cuts| cuts.resume);
    let order = if scenario.is_two_way() {
        Order::OfTheServer
    } else {
        Order::OfThePublisher
    };
    arrivals(measurement, complete, order, &mut reasons);
    amount(measurement, scenario, profile, &mut reasons);
    if cuts.is_some() {
        recoveries(measurement, &mut reasons);
    }
    slow_ones(measurement, scenario, &mut reasons);
    dead_ones(measurement, scenario, &mut reasons);
    late::late_ones(measurement, scenario, &mut reasons);
    connections(measurement, &mut reasons);
    handshakes(measurement, scenario, &mut reasons);
    wire(measurement, &mut reasons);
    punctuality(measurement, &mut reasons);
    keeping_up(measurement, &mut reasons);
    if reasons.is_empty() {
        Outcome::Valid
    } else {
        Outcome::Invalid { reasons }
    }
}

/// What is wrong with connections, arrivals and bytes, whatever the workload.
pub(crate) fn transport_reasons(measurement: &Measurement) -> Vec<Reason> {
    let mut reasons = Vec::new();
    arrivals(measurement, true, Order::OfThePublisher, &mut reasons);
    connections(measurement, &mut reasons);
    wire(measurement, &mut reasons);
    reasons
}

fn because(side: Blame, text: String) -> Reason {
    Reason { side, text }
}

/// In which order messages are to arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// In that of their numbers: one publisher has sent them one after the other.
    OfThePublisher,
    /// In that in which the server took them: those of several subscribers may overtake each other on their way to it.
    OfTheServer,
}

fn arrivals(measurement: &Measurement, complete: bool, order: Order, reasons: &mut Vec<Reason>) {
    let counts = &measurement.sequence;
    let total = counts.delivered + counts.lost;
    let lost = if complete { counts.lost } else { 0 };
    let reordered = match order {
        Order::OfThePublisher => counts.reordered,
        Order::OfTheServer => 0,
    };
    for (count, what) in [
        (lost, "never arrived"),
        (counts.duplicated, "arrived more than once"),
        (reordered, "arrived out of order"),
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

/// Whether connections were cut, and all who were cut off came back.
fn recoveries(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let cuts = measurement.cuts.unwrap_or_default();
    if cuts.cuts == 0 {
        reasons.push(because(
            Blame::Setting,
            "no connection was cut: the measured phase is too short for it".into(),
        ));
    }
    let (lasting, failed) = (cuts.cuts.saturating_sub(cuts.recovered), cuts.failed);
    if lasting > 0 {
        reasons.push(because(
            Blame::Server,
            format!(
                "{lasting} of {} subscribers that were cut off had no further message ({failed} attempts to come back \
                 failed)",
                cuts.cuts
            ),
        ));
    }
}

/// Whether as many were slow as were to be.
fn slow_ones(measurement: &Measurement, scenario: &Scenario, reasons: &mut Vec<Reason>) {
    let wanted = match &scenario.workload {
        Workload::FanOut(fan_out) => u64::from(fan_out.slow_subscribers()),
        Workload::Connect(_) | Workload::Tokens(_) => 0,
    };
    let slow = measurement.slow.unwrap_or_default().slow;
    if slow != wanted {
        reasons.push(because(
            Blame::Setting,
            format!("{slow} subscribers were slow on purpose, {wanted} were to be"),
        ));
    }
}

/// Whether as many died as were to, and could be watched.
fn dead_ones(measurement: &Measurement, scenario: &Scenario, reasons: &mut Vec<Reason>) {
    let wanted = match &scenario.workload {
        Workload::FanOut(fan_out) => u64::from(fan_out.dead_subscribers()),
        Workload::Connect(_) | Workload::Tokens(_) => 0,
    };
    let count = measurement.dead.unwrap_or_default();
    let (dead, unseen) = (count.dead, count.unseen);
    if dead != wanted {
        reasons.push(because(
            Blame::Setting,
            format!("{dead} subscribers lost their network, {wanted} were to"),
        ));
    }
    if unseen > 0 {
        let first = measurement.errors.first();
        reasons.push(because(
            Blame::Setting,
            format!(
                "{unseen} of {dead} connections whose network went away were not among the server's sockets before{}",
                first.map_or(String::new(), |error| format!(", first: {error}"))
            ),
        ));
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
            let said = measurement.upstream.map(|upstream| upstream.messages);
            if fan_out.two_way && said != Some(published) {
                let said = said.unwrap_or(0);
                reasons.push(because(
                    Blame::Publisher,
                    format!("subscribers said {said} of {published} messages"),
                ));
            }
            let healthy = fan_out.measured_subscribers();
            let expected = published * u64::from(healthy);
            let missed = match fan_out.cuts {
                Some(cuts) if !cuts.resume => measurement.sequence.lost,
                _ => 0,
            };
            if operations + missed != expected {
                reasons.push(because(Blame::Server, format!(
                    "{operations} deliveries were measured, expected {expected}: {published} messages to each of {healthy} \
                     subscribers"
                )));
            }
        }
        Workload::Tokens(tokens) => answers(measurement, tokens, profile, reasons),
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

/// Whether all questions were asked, and every answer came as far as it was wanted.
fn answers(
    measurement: &Measurement,
    tokens: &Tokens,
    profile: Profile,
    reasons: &mut Vec<Reason>,
) {
    let answers = measurement.answers.unwrap_or_default();
    let due = u64::from(tokens.conversations) * u64::from(tokens.turns.at(profile));
    let ended = answers.whole + answers.cancelled;
    if ended != due {
        reasons.push(because(
            Blame::Server,
            format!("{ended} of {due} answers came to their end"),
        ));
    }
    let (measured, wanted) = (measurement.operations, answers.tokens);
    if measured != wanted {
        reasons.push(because(
            Blame::Server,
            format!("{measured} tokens were measured, expected {wanted}"),
        ));
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
    // With its defaults a server has what its libraries and the system give it.
    if server.tuning != Tuning::Defaults && server.nodelay != server.accepted {
        reasons.push(because(
            Blame::Setting,
            format!(
                "the server had TCP_NODELAY on {} of {} connections",
                server.nodelay, server.accepted
            ),
        ));
    }
    // Who is slow on purpose may be let go.
    let slow = measurement.slow.unwrap_or_default().slow;
    if server.lagged > slow {
        reasons.push(because(
            Blame::Server,
            format!(
                "{} subscribers fell behind and were disconnected by the server{}",
                server.lagged,
                if slow > 0 {
                    format!(", where {slow} were slow on purpose")
                } else {
                    String::new()
                }
            ),
        ));
    }
}

/// Whether every connection began as the scenario says. Who comes back after a cut makes another handshake.
fn handshakes(measurement: &Measurement, scenario: &Scenario, reasons: &mut Vec<Reason>) {
    let Some(wanted) = scenario.server.tls else {
        return;
    };
    let tls = measurement.tls.clone().unwrap_or_default();
    let (right, wrong, word) = match wanted {
        Tls::Full => (tls.full, tls.resumed, "resumed"),
        Tls::Resumed => (tls.resumed, tls.full, "full"),
    };
    let opened = measurement.connections.opened;
    if wrong > 0 || tls.retried > 0 {
        reasons.push(because(
            Blame::Server,
            format!(
                "handshakes were to be {}, but {wrong} were {word} and {} took another round trip",
                wanted.label(),
                tls.retried
            ),
        ));
    }
    if right < opened {
        reasons.push(because(
            Blame::Setting,
            format!(
                "{right} handshakes were {}, of {opened} connections",
                wanted.label()
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

/// A histogram by its name, if it was measured and is not empty.
fn histogram(measurement: &Measurement, name: &str) -> Option<Histogram> {
    let histogram = measurement.histograms.get(name)?.decode().ok()?;
    (!histogram.is_empty()).then_some(histogram)
}

/// What lateness and lag are held against: response times, or, of connections, the times to their first messages.
fn main_times(measurement: &Measurement) -> Option<(Histogram, &'static str)> {
    let times = |name, words| Some((histogram(measurement, name)?, words));
    times(histogram_name::RESPONSE, "response time")
        .or_else(|| times(histogram_name::FIRST_MESSAGE, "time to the first message"))
}

/// Lateness of the publisher is part of the response time; when it is much of it, the generator was measured. Connections that come by a
/// schedule are opened by the load process itself.
fn punctuality(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    let (Some(lateness), Some((times, time))) = (
        histogram(measurement, histogram_name::LATENESS),
        main_times(measurement),
    ) else {
        return;
    };
    let median = times.value_at_quantile(0.5) as f64;
    let late = LATENESS.into_iter().find_map(|(q, needed, bound)| {
        let late = lateness.value_at_quantile(q);
        let share = late as f64 / median;
        // Being slow is no fault: who fills the connection on which messages are posted makes the next ones late. Being
        // held up excuses no more than it can explain.
        let held_up = measurement.held_up_ns > HELD_UP_NS && measurement.held_up_ns >= late;
        (lateness.len() >= needed && late > bound && share > SHARE_OF_MEDIAN && !held_up)
            .then_some((q, late, share))
    });
    if let Some((q, late, share)) = late {
        let (side, who, what) = match measurement.arrivals {
            None => (Blame::Publisher, "publisher", "messages"),
            Some(_) => (Blame::Client, "load process", "connections"),
        };
        reasons.push(because(
            side,
            format!(
                "the {who} was late: {} % of the {what} by more than {:.1} ms, {:.0} % of the median {time}",
                ((1.0 - q) * 1000.0).round() / 10.0,
                late as f64 / 1e6,
                share * 100.0
            ),
        ));
    }
}

/// Whether the load process was there when something arrived; what waits in it looks like a slow server.
fn keeping_up(measurement: &Measurement, reasons: &mut Vec<Reason>) {
    // A closed loop is as busy as it can be: that is what it measures.
    if measurement.loop_model == LoopModel::Closed {
        return;
    }
    if let Some(client) = measurement.client.filter(|c| c.busiest > BUSIEST) {
        reasons.push(because(
            Blame::Client,
            format!(
                "the load process could not keep up: its busiest worker was busy {:.0} % of the time",
                client.busiest * 100.0
            ),
        ));
    }
    let (Some(lag), Some((times, time))) = (
        histogram(measurement, histogram_name::LOOP_LAG),
        main_times(measurement),
    ) else {
        return;
    };
    let (late, p99) = (lag.value_at_quantile(0.9), times.value_at_quantile(0.99));
    let share = late as f64 / p99 as f64;
    if lag.len() >= ENOUGH_TICKS && late > LAG_NS && share > LAG_SHARE {
        reasons.push(because(
            Blame::Client,
            format!(
                "the load process could not keep up: a tenth of the time it was late by more than {:.1} ms, {:.0} % \
                 of the 99th percentile of the {time}",
                late as f64 / 1e6,
                share * 100.0
            ),
        ));
    }
}

#[cfg(test)]
pub(crate) mod tests;
