//! Synthetic records against each other, one of them changed in a known way.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "compare/change.rs"]
mod change;
#[path = "compare/formats.rs"]
mod formats;
#[path = "compare/gates.rs"]
mod gates;
#[path = "support/html.rs"]
mod page;
#[path = "compare/refusals.rs"]
mod refusals;
mod support;
#[path = "compare/verdicts.rs"]
mod verdicts;

use pushbench_model::record::Record;
use pushbench_report::compare::{Choice, Compared, Refusal, Subject, compare};

/// `candidate` against `baseline`, with these thresholds.
fn held<'a>(
    baseline: &'a Record,
    candidate: &'a Record,
    thresholds: &[&str],
) -> Result<Compared<'a>, Refusal> {
    compare(
        &[
            Subject {
                name: "base",
                record: baseline,
            },
            Subject {
                name: "change",
                record: candidate,
            },
        ],
        &Choice::default(),
        &thresholds
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<_>>(),
    )
}
