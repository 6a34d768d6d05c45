//! What chance is allowed in the scenarios of the suite.

use std::path::Path;

use pushbench_model::profile::Profile;
use pushbench_model::scenario::{FanOut, Scenario, Workload};
use pushbench_model::theory::polling::{long_poll, short_poll};

use super::{Path as Way, Polled, Row, by_clock, held_open};

/// The path that the windows are made for: `--link rtt=50ms`.
const GAP_S: f64 = 0.05;
const WAY: Way = Way {
    round_trip: GAP_S,
    spread: 0.0,
};
/// Of the load generator, for those who poll by the clock.
const PERIOD_S: f64 = 0.1;

/// The fan-outs that are about polls, slowest first.
fn polling() -> Vec<(String, FanOut)> {
    let directory = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../benches/scenarios"
    ));
    let files = directory.read_dir().expect("scenarios of the suite");
    let mut found = Vec::new();
    for file in files {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let scenario = Scenario::parse(&text, &path).expect("a scenario");
        if let Workload::FanOut(fan_out) = scenario.workload
            && scenario.name.starts_with("polling")
        {
            found.push((scenario.name, fan_out));
        }
    }
    found.sort_by(|(_, a), (_, b)| a.rate.total_cmp(&b.rate));
    found
}

/// What `trials` of `fan_out` come to if all is as the formulas say; by the clock or over the path.
fn polled(fan_out: &FanOut, trials: u32, period: Option<f64>) -> Polled {
    let seconds = fan_out.measure_s.at(Profile::Thorough);
    let published = fan_out.messages(seconds) as f64 * f64::from(trials);
    let client_s = seconds * f64::from(trials * fan_out.subscribers);
    let deliveries = published * f64::from(fan_out.subscribers);
    let (answered, batches, age) = match period {
        Some(period) => {
            let theory = short_poll(fan_out.rate, period, GAP_S);
            let answered = client_s / period;
            (answered, answered * (1.0 - theory.empty), theory.mean_age)
        }
        None => {
            let theory = long_poll(fan_out.rate, GAP_S);
            let answers = deliveries / theory.batch;
            (answers, answers, GAP_S / 2.0 + theory.mean_wait)
        }
    };
    Polled {
        rate: fan_out.rate,
        client_s,
        published,
        deliveries,
        answered,
        batches,
        answer_bytes: deliveries / batches * 237.0,
        period,
        age: Some(age),
    }
}

/// The tolerances, in words, of all that is held against a formula.
fn tolerances(fan_out: &FanOut, trials: u32) -> Vec<(&'static str, String)> {
    let turns = f64::from(fan_out.subscribers) * super::TURN_S;
    let open = held_open(&polled(fan_out, trials, None), WAY, turns);
    assert_eq!(open.len(), 3, "batch, polls and age: the path is known");
    let clock = by_clock(&polled(fan_out, trials, Some(PERIOD_S)), PERIOD_S, WAY);
    let said = |row: Row| {
        assert!(
            (row.measured / row.predicted - 1.0).abs() < 1e-9,
            "{}: a measurement made of the formula",
            row.quantity
        );
        (row.quantity, row.tolerance().said)
    };
    open.into_iter().chain(clock).map(said).collect()
}

/// Over three decades of rate, the profile thorough measures for so long that three standard errors of everything fall below 5 %, even
/// if two of its eight trials are of no use.
#[test]
fn chance_is_allowed_no_more_than_five_per_cent_at_any_rate() {
    let scenarios = polling();
    let rates: Vec<f64> = scenarios.iter().map(|(_, fan_out)| fan_out.rate).collect();
    assert_eq!(rates, [1.0, 10.0, 100.0, 1000.0]);
    let trials = Profile::Thorough.repetitions() - 2;
    for (name, fan_out) in &scenarios {
        for (quantity, said) in tolerances(fan_out, trials) {
            assert!(!said.contains("chance"), "{name}, {quantity}: {said}");
        }
    }
}

/// The slowest is what takes long: fewer messages than it has would not do.
#[test]
fn fewer_messages_leave_more_to_chance() {
    let (_, mut slowest) = polling().swap_remove(0);
    slowest.measure_s.thorough /= 2.0;
    let said = tolerances(&slowest, Profile::Thorough.repetitions() - 2);
    assert!(
        said.iter().any(|(_, said)| said.contains("by chance")),
        "{said:?}"
    );
}
