//! Signs of life on idle streams.

use super::held::Tolerance;
use super::{Case, Held};
use crate::number::Unit;

pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let every = f64::from(case.group.scenario.server.heartbeat_s);
    // Its own keep-alive is sent after so long a silence, and every message begins that anew.
    if case.arm.server.transport == "sse" && case.arm.server.stack.starts_with("axum") {
        return Vec::new();
    }
    let measured = case.arm.valid.iter();
    let measured = measured.filter_map(|t| t.trial.measurement.as_ref());
    let (mut counted, mut seconds, mut streams) = (0.0, 0.0, 0.0);
    let mut trials = 0.0;
    for one in measured {
        let Some(heartbeats) = one.heartbeats else {
            return Vec::new();
        };
        counted += heartbeats as f64 / one.measured_subscribers().max(1) as f64;
        seconds += one.elapsed_ns as f64 / 1e9;
        streams += one.measured_subscribers() as f64;
        trials += 1.0;
    }
    if every == 0.0 || streams == 0.0 {
        return Vec::new();
    }
    vec![Held {
        server: case.arm.server.to_string(),
        quantity: "heartbeats per stream and trial",
        formula: "time measured / heartbeat-s".into(),
        source: "the clock of the server",
        unit: Unit::Count,
        predicted: seconds / every / trials,
        measured: counted / trials,
        tolerance: Tolerance::of(1.0, "1: the phase begins and ends between two"),
    }]
}
