//! Requests, answers and ages of transports that poll, for messages that come as a Poisson process.

use pushbench_model::link::MTU;
use pushbench_model::scenario::Workload;
use pushbench_model::schedule::Arrivals;
use pushbench_model::theory::polling::{long_poll, long_poll_chance, short_poll, spread_by_bbr};

use super::held::Tolerance;
use super::path::{TURN_S, round_trip_s};
use super::{Case, Held};
use crate::chart::{Age, Dot};
use crate::metric::Series;
use crate::number::{THIN, Unit, short};

/// Where the formulas are from.
const SOURCE: &str = "Poisson arrivals";
/// Payload of a segment: a packet without the heads of IP and TCP, time stamps among them.
const SEGMENT: f64 = (MTU - 52) as f64;
/// Segments that Linux sends at once where it paces, at any rate of 1.2 Mbit/s or more (`tcp_tso_autosize`).
const AT_ONCE: f64 = 2.0;

/// What all trials of a server that polls came to, together.
struct Polled {
    /// Messages per second, as they were published.
    rate: f64,
    /// Seconds over all subscribers.
    client_s: f64,
    /// Messages published.
    published: f64,
    /// Deliveries.
    deliveries: f64,
    /// Polls that were answered, and those of them that brought something.
    answered: f64,
    batches: f64,
    /// Bytes of an answer that brought something, its head included.
    answer_bytes: f64,
    /// From one poll to the next, seconds, where that is by the clock.
    period: Option<f64>,
    /// Mean response time, seconds; absent where something is missing.
    age: Option<f64>,
}

impl Polled {
    /// `None` for a transport that does not poll, and where arrivals are not random, connections are cut, or messages have a
    /// way to the server before they have one to the subscribers.
    fn of(case: &Case<'_>) -> Option<Self> {
        let Workload::FanOut(fan_out) = &case.group.scenario.workload else {
            return None;
        };
        if fan_out.arrivals != Arrivals::Poisson || fan_out.cuts.is_some() || fan_out.two_way {
            return None;
        }
        let measured = case.arm.valid.iter();
        let measured: Vec<_> = measured
            .filter_map(|t| t.trial.measurement.as_ref())
            .collect();
        let period_ns = measured.first()?.polls?.period_ns;
        let mut sum = Self {
            rate: 0.0,
            client_s: 0.0,
            published: 0.0,
            deliveries: 0.0,
            answered: 0.0,
            batches: 0.0,
            answer_bytes: 0.0,
            period: period_ns.map(|ns| ns as f64 / 1e9),
            age: None,
        };
        let mut seconds = 0.0;
        for one in measured {
            let polls = one.polls.filter(|polls| polls.period_ns == period_ns)?;
            let elapsed = one.elapsed_ns as f64 / 1e9;
            seconds += elapsed;
            sum.client_s += elapsed * one.measured_subscribers() as f64;
            sum.published += one.published as f64;
            sum.deliveries += one.operations as f64;
            sum.answered += polls.answered as f64;
            sum.batches += one.batches? as f64;
            sum.answer_bytes += one.wire.bytes_down as f64;
        }
        // Nearly all, where answers are long enough for it to matter.
        sum.answer_bytes /= sum.batches;
        sum.rate = sum.published / seconds;
        let (responses, lost) = case.arm.samples(Series::Response)?;
        sum.age = (lost == 0 && !responses.is_empty()).then(|| responses.mean() / 1e9);
        let counted = sum.batches > 0.0 && sum.answered > 0.0 && seconds > 0.0;
        counted.then_some(sum)
    }
}

pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Some(polled) = Polled::of(case) else {
        return Vec::new();
    };
    // A link of which no formula can be held against anything is no way of no time either.
    let round_trip = match case.link() {
        None => 0.0,
        some => match round_trip_s(some) {
            Some(round_trip) => round_trip,
            None => return Vec::new(),
        },
    };
    let is_spread = case.paced && polled.answer_bytes > AT_ONCE * SEGMENT;
    let path = Path {
        round_trip,
        spread: if is_spread {
            spread_by_bbr(round_trip)
        } else {
            0.0
        },
    };
    let rows = match polled.period {
        Some(period) if round_trip < period => by_clock(&polled, period, path),
        // Without a path the gap of a long-poll is what both ends take, and that nobody knows.
        None if round_trip > 0.0 => held_open(&polled, path, turns(case)),
        Some(_) | None => Vec::new(),
    };
    rows.into_iter()
        .map(|row| Held {
            server: case.arm.server.to_string(),
            quantity: row.quantity,
            formula: row.formula.into(),
            source: SOURCE,
            unit: row.unit,
            tolerance: row.tolerance(),
            predicted: row.predicted,
            measured: row.measured,
        })
        .collect()
}

/// Where the server stands on the curves of messages per answer, if the gap between its polls is known.
pub(super) fn dot(case: &Case<'_>) -> Option<Dot> {
    let polled = Polled::of(case)?;
    let round_trip = match case.link() {
        None => 0.0,
        some => round_trip_s(some)?,
    };
    let gap = match polled.period {
        // Over a longer path, a client has its answer too late to ask at its time.
        Some(period) => (round_trip < period).then_some(period)?,
        None => round_trip,
    };
    if gap == 0.0 {
        return None;
    }
    Some(Dot {
        server: case.arm.server.clone(),
        scenario: case.group.scenario.name.clone(),
        waiting: polled.rate * gap,
        batch: polled.deliveries / polled.batches,
        by_clock: polled.period.is_some(),
        age: polled.age.map(|age| Age {
            mean_ns: age * 1e9,
            way_ns: round_trip / 2.0 * 1e9,
            gap_ns: gap * 1e9,
        }),
    })
}

/// What the loops over all subscribers take, seconds, at most.
fn turns(case: &Case<'_>) -> f64 {
    f64::from(case.group.scenario.workload.connections()) * TURN_S
}

/// The way between server and clients, seconds.
#[derive(Clone, Copy)]
struct Path {
    round_trip: f64,
    /// From the first to the last segment of an answer, where congestion control spaces them out.
    spread: f64,
}

struct Row {
    quantity: &'static str,
    formula: &'static str,
    unit: Unit,
    predicted: f64,
    measured: f64,
    /// Standard error of the figure by chance, as a share of it.
    error: f64,
    /// What the figure moves by if answers are spread, in its unit.
    spread: f64,
}

impl Row {
    fn tolerance(&self) -> Tolerance {
        let tolerance = Tolerance::or_chance(self.predicted, self.error);
        if self.spread == 0.0 {
            return tolerance;
        }
        let allowed = tolerance.allowed + self.spread.abs();
        let percent = short(allowed / self.predicted * 100.0);
        Tolerance::of(allowed, format!("{percent}{THIN}%: bbr spreads answers"))
    }
}

/// Polling every `period` seconds.
fn by_clock(polled: &Polled, period: f64, path: Path) -> Vec<Row> {
    let Path { round_trip, spread } = path;
    let theory = short_poll(polled.rate, period, round_trip);
    let mut rows = vec![
        Row {
            quantity: "polls per second and client",
            formula: "1/T",
            unit: Unit::PerSecond,
            predicted: 1.0 / period,
            measured: polled.answered / polled.client_s,
            error: 0.0,
            spread: 0.0,
        },
        Row {
            quantity: "polls per message",
            formula: "1/(λT)",
            unit: Unit::Count,
            predicted: theory.polls_per_message,
            measured: polled.answered / polled.deliveries,
            error: 0.0,
            spread: 0.0,
        },
        Row {
            quantity: "share of polls that bring something",
            formula: "1 − e^(−λT)",
            unit: Unit::Count,
            predicted: 1.0 - theory.empty,
            measured: polled.batches / polled.answered,
            error: occupied(polled, period, theory.empty),
            spread: 0.0,
        },
    ];
    rows.extend(polled.age.map(|age| Row {
        quantity: "mean age of a message",
        formula: "T/2 + ½ RTT",
        unit: Unit::Time,
        predicted: theory.mean_age * 1e9,
        measured: age * 1e9,
        // Evenly spread over a period, and any two of them without regard to one another.
        error: period / 12f64.sqrt() / theory.mean_age / polled.deliveries.sqrt(),
        // A message is somewhere in its answer.
        spread: spread / 2.0 * 1e9,
    }));
    rows
}

/// Standard error of the share of periods in which any of the messages falls, as a share of it: the messages are thrown
/// into the periods at random (the classical problem of occupancy).
fn occupied(polled: &Polled, period: f64, empty: f64) -> f64 {
    let mean = polled.rate * period;
    let periods = polled.published / mean;
    let variance = periods * empty * (1.0 - (1.0 + mean) * empty);
    variance.max(0.0).sqrt() / (periods * (1.0 - empty))
}

/// Long-polling, where a client is deaf for a round trip after an answer, and for what the loops take.
fn held_open(polled: &Polled, path: Path, turns: f64) -> Vec<Row> {
    let Path { round_trip, spread } = path;
    // What the loops take is part of the gap, and must be a small part of what matters.
    let known = turns * polled.rate <= 0.2 || turns <= 0.05 * round_trip;
    if !known {
        return Vec::new();
    }
    let theory = long_poll(polled.rate, round_trip);
    // The next poll follows the last segment.
    let longer = long_poll(polled.rate, round_trip + spread);
    let chance = long_poll_chance(polled.rate, round_trip, polled.published);
    let error = chance.batch / theory.batch;
    let mut rows = vec![
        Row {
            quantity: "messages per answer",
            formula: "λG + e^(−λG), G = RTT",
            unit: Unit::Count,
            predicted: theory.batch,
            measured: polled.deliveries / polled.batches,
            error,
            spread: longer.batch - theory.batch,
        },
        Row {
            quantity: "polls per second and client",
            formula: "λ/B",
            unit: Unit::PerSecond,
            predicted: theory.polls,
            measured: polled.answered / polled.client_s,
            error,
            spread: longer.polls - theory.polls,
        },
    ];
    rows.extend(polled.age.map(|age| {
        let mean = round_trip / 2.0 + theory.mean_wait;
        Row {
            quantity: "mean age of a message",
            formula: "½ RTT + (λG²/2)/B",
            unit: Unit::Time,
            predicted: mean * 1e9,
            measured: age * 1e9,
            error: chance.mean_wait / mean,
            spread: (longer.mean_wait - theory.mean_wait + spread / 2.0) * 1e9,
        }
    }));
    rows
}

#[cfg(test)]
mod tests;
