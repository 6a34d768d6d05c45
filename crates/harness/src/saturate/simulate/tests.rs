//! The proof: the search finds the true limit, and broken ones do not.

use pushbench_model::search::{End, ProbeJudgement, ProbeVerdict};

use super::*;

/// Messages per second.
const SERVICE_RATE: f64 = 2000.0;
const SEEDS: u64 = 20;
const PROBE_S: f64 = 30.0;
/// The limit is some multiples of the mean: the percentile decides.
const TIGHT: &str = "p99<=20ms";
/// It is not reached within a probe at slight overload: only the backlog shows it.
const LOOSE: &str = "p99<=5s";

const RANGE: SearchRange = SearchRange {
    from: 100.0,
    to: 1e6,
    resolution: 0.02,
};

/// Relative errors of the rate found, one per seed.
fn errors(
    objective: &str,
    seeds: u64,
    change: impl Fn(&mut Queue),
    mechanism: &Mechanism,
) -> Vec<f64> {
    let objective: Objective = objective.parse().unwrap();
    let one = |seed| {
        let mut queue = Queue::new(SERVICE_RATE, seed);
        change(&mut queue);
        let truth = queue.truth(&objective);
        let (found, probes) = search(&mut queue, &objective, RANGE, PROBE_S, mechanism);
        assert!(probes <= 80, "{probes}");
        found.sustained.map_or(-1.0, |rate| rate / truth - 1.0)
    };
    (1..=seeds).map(one).collect()
}

fn worst(errors: &[f64]) -> f64 {
    errors
        .iter()
        .fold(0.0, |worst, error| error.abs().max(worst))
}

#[test]
fn the_queue_obeys_its_formula() {
    let mut queue = Queue::new(SERVICE_RATE, 1);
    let objective: Objective = TIGHT.parse().unwrap();
    let truth = queue.truth(&objective);
    assert!((truth - 1769.74).abs() < 0.01, "{truth}");
    let at_truth = judge(&queue.trial(truth, 5.0, 2000.0), &objective);
    let p99 = at_truth.at_quantile_ns.unwrap() as f64;
    assert!((p99 / 20e6 - 1.0).abs() < 0.03, "{p99}");
    assert!((at_truth.delivered_per_s / truth - 1.0).abs() < 0.01);
}

#[test]
fn the_limit_is_found() {
    let errors = errors(TIGHT, SEEDS, |_| {}, &Mechanism::default());
    assert!(worst(&errors) <= 0.05, "{errors:.3?}");
}

#[test]
fn the_limit_is_found_by_the_backlog() {
    let errors = errors(LOOSE, SEEDS, |_| {}, &Mechanism::default());
    assert!(worst(&errors) <= 0.05, "{errors:.3?}");
}

#[test]
fn void_probes_do_no_harm() {
    let errors = errors(TIGHT, SEEDS, |q| q.void_share = 0.1, &Mechanism::default());
    assert!(worst(&errors) <= 0.05, "{errors:.3?}");
}

#[test]
fn a_noisy_machine_does_little_harm() {
    let errors = errors(TIGHT, SEEDS, |q| q.noise = 0.05, &Mechanism::default());
    assert!(worst(&errors) <= 0.05, "{errors:.3?}");
}

/// The generator's limit is not passed off as the server's.
#[test]
fn a_weak_generator_gives_a_lower_bound() {
    let objective: Objective = TIGHT.parse().unwrap();
    let mut queue = Queue::new(SERVICE_RATE, 1);
    queue.generator_limit = 1000.0;
    let mechanism = Mechanism::default();
    let (found, _) = search(&mut queue, &objective, RANGE, PROBE_S, &mechanism);
    assert_eq!(
        (found.end, found.sustained, found.failed_at),
        (End::Generator, Some(800.0), None)
    );
    assert!(
        found.ended.contains("at least 800 messages/s"),
        "{}",
        found.ended
    );
}

/// Judges as if there were no windows.
fn blind_to_backlog(finished: &FinishedTrial, objective: &Objective) -> ProbeJudgement {
    let mut finished = finished.clone();
    if let Some(measurement) = &mut finished.measurement {
        measurement.windows.clear();
    }
    judge(&finished, objective)
}

#[test]
fn a_judge_that_ignores_the_backlog_is_noticed() {
    let mechanism = Mechanism {
        judge: blind_to_backlog,
        ..Mechanism::default()
    };
    let errors = errors(LOOSE, 3, |_| {}, &mechanism);
    assert!(errors.iter().all(|error| *error > 0.05), "{errors:.3?}");
}

/// Takes what says nothing for a failure.
fn trusting(finished: &FinishedTrial, objective: &Objective) -> ProbeJudgement {
    let mut judgement = judge(finished, objective);
    if judgement.verdict == ProbeVerdict::Void {
        judgement.verdict = ProbeVerdict::Failed;
    }
    judgement
}

#[test]
fn a_judge_that_counts_void_probes_is_noticed() {
    let mechanism = Mechanism {
        judge: trusting,
        ..Mechanism::default()
    };
    let errors = errors(TIGHT, SEEDS, |q| q.void_share = 0.1, &mechanism);
    assert!(worst(&errors) > 0.05, "{errors:.3?}");
}

/// Ends with the last rate that held before one failed.
struct FirstBracket {
    rate: f64,
    held: Option<f64>,
    ended: bool,
}

impl Strategy for FirstBracket {
    fn next(&self) -> Option<(f64, Purpose)> {
        (!self.ended).then_some((self.rate, Purpose::Bracket))
    }

    fn tell(&mut self, verdict: ProbeVerdict) {
        match verdict {
            ProbeVerdict::Held => (self.held, self.rate) = (Some(self.rate), self.rate * 2.0),
            ProbeVerdict::Failed => self.ended = true,
            ProbeVerdict::Void => {}
        }
    }

    fn found(&self) -> Found {
        Found {
            sustained: self.held,
            failed_at: Some(self.rate),
            end: End::Found,
            ended: String::new(),
        }
    }
}

#[test]
fn a_search_that_takes_the_first_bracket_is_noticed() {
    let mechanism = Mechanism {
        strategy: |range| {
            Box::new(FirstBracket {
                rate: range.from,
                held: None,
                ended: false,
            })
        },
        ..Mechanism::default()
    };
    let errors = errors(TIGHT, 3, |_| {}, &mechanism);
    assert!(
        errors.iter().all(|error| error.abs() > 0.05),
        "{errors:.3?}"
    );
}
