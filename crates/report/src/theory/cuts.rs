//! What is missed by subscribers that were cut off and cannot say where they were.

use pushbench_model::scenario::Workload;
use pushbench_model::theory::pushing::missed_while_away;

use super::held::Tolerance;
use super::{Case, Held};
use crate::number::Unit;

/// Standard errors that chance is allowed.
const ERRORS: f64 = 3.0;

pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Workload::FanOut(fan_out) = &case.group.scenario.workload else {
        return Vec::new();
    };
    let polls = ["long-poll", "short-poll"].contains(&case.arm.server.transport.as_str());
    if polls || fan_out.cuts.is_none_or(|cuts| cuts.resume) {
        return Vec::new();
    }
    let measured = case.arm.valid.iter();
    let (mut cuts, mut away, mut lost) = (0.0, 0.0, 0.0);
    for one in measured.filter_map(|t| t.trial.measurement.as_ref()) {
        let Some(count) = one.cuts else {
            return Vec::new();
        };
        cuts += count.cuts as f64;
        away += count.away_s;
        lost += one.sequence.lost as f64;
    }
    if cuts == 0.0 {
        return Vec::new();
    }
    let missed = missed_while_away(fan_out.rate, away);
    vec![Held {
        server: case.arm.server.to_string(),
        quantity: "messages missed per cut",
        formula: "rate × time away".into(),
        source: "nobody repeats what was published meanwhile",
        unit: Unit::Count,
        predicted: missed / cuts,
        measured: lost / cuts,
        tolerance: Tolerance::of(
            1.0 + ERRORS * missed.sqrt() / cuts,
            "1, cut in two, and chance",
        ),
    }]
}
