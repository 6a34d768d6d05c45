//! What is missed by subscribers that were cut off and cannot say where they were.

use pushbench_model::scenario::{Pattern, Workload};
use pushbench_model::theory::pushing::missed_while_away;

use super::held::{ERRORS, Tolerance};
use super::{Case, Held};
use crate::number::Unit;

pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Workload::FanOut(fan_out) = &case.group.scenario.workload else {
        return Vec::new();
    };
    let polls = ["long-poll", "short-poll"].contains(&case.arm.server.transport.as_str());
    let Some(pattern) = fan_out.cuts.filter(|cuts| !polls && !cuts.resume) else {
        return Vec::new();
    };
    // Who is away at the same time misses the same messages.
    let together = match pattern.pattern {
        Pattern::AllAtS(_) => f64::from(fan_out.subscribers),
        Pattern::EachEveryS(_) => 1.0,
    };
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
            1.0 + ERRORS * (missed * together).sqrt() / cuts,
            "1, cut in two, and chance",
        ),
    }]
}
