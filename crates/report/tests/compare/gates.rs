//! Thresholds, held against known changes.

use pushbench_model::record::{Blame, Outcome, Reason, Record};
use pushbench_report::compare::{CheckOutcome, Ending, Gate};

use crate::change::{again, baseline, changed, cost, of, slow};
use crate::held;
use crate::support::Noise;

/// How many checks of `threshold` passed, regressed, are undecided and missing, and what it comes to.
fn outcome(base: &Record, change: &Record, threshold: &str) -> ([usize; 4], Ending) {
    let compared = held(base, change, &[threshold]).unwrap();
    let gate = &compared.gates[0];
    (count(gate), gate.ending())
}

fn count(gate: &Gate) -> [usize; 4] {
    ["pass", "regression", "undecided", "missing"].map(|label| gate.count(label))
}

#[test]
fn beyond_within_and_across() {
    let base = baseline();
    let change = changed(&base);
    let of = |threshold| outcome(&base, &change, threshold);
    // One server is 30 % slower in both scenarios.
    assert_eq!(of("p50 > +10%"), ([18, 2, 0, 0], Ending::Regression));
    assert_eq!(of("p50 > +50%"), ([20, 0, 0, 0], Ending::Pass));
    assert_eq!(of("p50 > +30%"), ([18, 0, 2, 0], Ending::Undecided));
    // 30 % of a median near 200 µs: 60 µs.
    assert_eq!(of("p50 > +20us").1, Ending::Regression);
    assert_eq!(of("p50 > +1ms"), ([20, 0, 0, 0], Ending::Pass));
    // One is 20 % cheaper.
    assert_eq!(of("cpu < -10%"), ([18, 2, 0, 0], Ending::Regression));
    assert_eq!(of("cpu > +10%"), ([20, 0, 0, 0], Ending::Pass));
    assert_eq!(of("rate < -5%"), ([20, 0, 0, 0], Ending::Pass));
    // One sends one byte more per message; counted figures are decided on the spot, and the limit itself is allowed.
    assert_eq!(of("bytes > +0B"), ([18, 2, 0, 0], Ending::Regression));
    assert_eq!(of("bytes > 0%"), ([18, 2, 0, 0], Ending::Regression));
    assert_eq!(of("bytes > +1B"), ([20, 0, 0, 0], Ending::Pass));
    assert_eq!(of("segments > 0%"), ([20, 0, 0, 0], Ending::Pass));
}

#[test]
fn what_is_not_there_is_missing() {
    let base = baseline();
    let change = changed(&base);
    // No counters, on this machine.
    assert_eq!(
        outcome(&base, &change, "instructions > 1%"),
        ([0; 4], Ending::Unusable)
    );
    // 400 connections support no p99 in a trial: only the other scenario has it.
    assert_eq!(
        outcome(&base, &change, "p99 > +90%"),
        ([10, 0, 0, 0], Ending::Pass)
    );
    // Connections are not held in the other scenario: ten checks are all there are.
    assert_eq!(
        outcome(&base, &change, "memory > 5%")
            .0
            .iter()
            .sum::<usize>(),
        10
    );
    let mut none_valid = change.clone();
    for recorded in of(&mut none_valid, "tcp/floor") {
        recorded.trial.outcome = Outcome::Failed {
            reason: "it burnt".into(),
        };
        recorded.trial.measurement = None;
    }
    let compared = held(&base, &none_valid, &["p50 > +50%"]).unwrap();
    assert_eq!(count(&compared.gates[0]), [18, 0, 0, 2]);
    assert_eq!(compared.ending(), Ending::Unusable);
}

#[test]
fn five_pairs_leave_it_undecided() {
    let base = baseline();
    let mut change = changed(&base);
    change.trials.retain(|t| t.trial.repetition != 2);
    let compared = held(&base, &change, &["bytes > +0B"]).unwrap();
    assert_eq!(count(&compared.gates[0]), [0, 0, 20, 0]);
    let why = CheckOutcome::Undecided {
        why: Some("only 5 of 6 pairs".into()),
    };
    assert!(
        compared.gates[0]
            .checks
            .iter()
            .all(|check| check.outcome == why)
    );
    assert_eq!(compared.ending(), Ending::Unusable, "trials are missing");
}

#[test]
fn losses_count_where_trials_do_not() {
    let base = baseline();
    let mut change = again(&base, 5);
    assert_eq!(
        outcome(&base, &change, "lost > +0"),
        ([20, 0, 0, 0], Ending::Pass)
    );
    let lossy = of(&mut change, "sse/reference").next().unwrap();
    lossy.trial.outcome = Outcome::Invalid {
        reasons: vec![Reason {
            side: Blame::Server,
            text: "3 messages were lost".into(),
        }],
    };
    lossy.trial.measurement.as_mut().unwrap().sequence.lost = 3;
    assert_eq!(
        outcome(&base, &change, "lost > +0"),
        ([19, 1, 0, 0], Ending::Regression)
    );
    // Half a message per trial.
    assert_eq!(
        outcome(&base, &change, "lost > +0.5"),
        ([20, 0, 0, 0], Ending::Pass)
    );
}

#[test]
fn the_worst_ending_wins() {
    assert!(Ending::Regression > Ending::Unusable);
    assert!(Ending::Unusable > Ending::Undecided && Ending::Undecided > Ending::Pass);
    let base = baseline();
    let change = changed(&base);
    let all = [
        "p50 > +50%",
        "p50 > +30%",
        "instructions > 1%",
        "p50 > +10%",
    ];
    let ending = |from, to| held(&base, &change, &all[from..to]).unwrap().ending();
    assert_eq!(ending(0, 1), Ending::Pass);
    assert_eq!(ending(0, 2), Ending::Undecided);
    assert_eq!(ending(0, 3), Ending::Unusable);
    assert_eq!(ending(0, 4), Ending::Regression);
    // An invalid trial of what was compared, with no threshold at all.
    let spoilt = crate::support::record();
    let compared = held(&spoilt, &change, &[]).unwrap();
    assert_eq!(compared.ending(), Ending::Unusable);
}

/// Fourteen servers and scenarios at the very edge of a threshold: without a correction a third of all sessions would cry
/// wolf, with it one in forty.
#[test]
fn false_regressions_are_rare() {
    let mut base = baseline();
    for recorded in &mut base.trials {
        recorded.histograms.clear();
    }
    let mut noise = Noise::new(99);
    let rounds = 200;
    let mut alarms = 0;
    for _ in 0..rounds {
        let mut change = base.clone();
        change.run.started = "2026-01-02T12:00:00Z".into();
        for recorded in &mut change.trials {
            cost(recorded, (0.05 * noise.normal()).exp());
        }
        let compared = held(&base, &change, &["cpu > 0%"]).unwrap();
        alarms += usize::from(compared.ending() == Ending::Regression);
    }
    assert!(alarms <= 14, "{alarms} of {rounds}");
}

#[test]
fn a_relative_limit_is_of_the_ratio() {
    let base = baseline();
    let mut half = again(&base, 5);
    of(&mut half, "sse/reference").for_each(|t| slow(t, 0.5));
    assert_eq!(
        outcome(&base, &half, "p50 < -40%"),
        ([18, 2, 0, 0], Ending::Regression)
    );
    assert_eq!(
        outcome(&base, &half, "p50 < -60%"),
        ([20, 0, 0, 0], Ending::Pass)
    );
}
