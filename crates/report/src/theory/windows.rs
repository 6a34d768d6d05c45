//! What a flush window adds to the age of a message.

use pushbench_model::scenario::Workload;
use pushbench_model::schedule::Arrivals;
use pushbench_model::theory::flush::flush;

use super::held::Tolerance;
use super::path::TURN_S;
use super::{Case, Held};
use crate::metric::Series;
use crate::number::{THIN, Unit};

/// What the mean may be off by, beside a turn of the loop over all subscribers.
const SHARE: f64 = 0.05;

/// On loopback, where the way itself is short, and where messages are pushed: a poll is answered with what is there.
pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Workload::FanOut(fan_out) = &case.group.scenario.workload else {
        return Vec::new();
    };
    let window = f64::from(case.group.scenario.server.flush_window_ms) / 1e3;
    let polls = ["long-poll", "short-poll"].contains(&case.arm.server.transport.as_str());
    let turn = f64::from(fan_out.subscribers) * TURN_S;
    let random = fan_out.arrivals == Arrivals::Poisson;
    if window == 0.0
        || polls
        || !random
        || !fan_out.is_even()
        || case.link().is_some()
        || turn > window / 4.0
    {
        return Vec::new();
    }
    // A publisher that is late is no part of the window.
    let ages = case.arm.samples(Series::Service);
    let Some((ages, 0)) = ages.filter(|(all, _)| !all.is_empty()) else {
        return Vec::new();
    };
    let predicted = flush(fan_out.rate, window).mean_wait;
    vec![Held {
        server: case.arm.server.to_string(),
        quantity: "mean age of a message since it was published",
        formula: "W (1 + λW/2) / (1 + λW)".into(),
        source: "Poisson arrivals, the first waits W and the others W/2",
        unit: Unit::Time,
        predicted: predicted * 1e9,
        measured: ages.mean(),
        tolerance: Tolerance::of(
            (SHARE * predicted + turn) * 1e9,
            format!("{}{THIN}% and a turn of the loop", SHARE * 100.0),
        ),
    }]
}
