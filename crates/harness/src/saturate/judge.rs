//! What a finished trial says of its rate: a pure function.

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{Measurement, Publisher, Window, histogram_name};
use pushbench_model::record::{Blame, Outcome, Reason};
use pushbench_model::search::{Objective, ProbeJudgement, ProbeVerdict};
use pushbench_stats::{Percentile, Slope, percentile, slope};

use crate::trial::FinishedTrial;

/// A backlog counts as growing when the response time grows significantly, and over the measured phase by more than
/// this share of the objective's limit: less is noise, or too slow to matter in the time looked at.
pub const GROWTH: f64 = 0.1;
/// Windows below which growth cannot be told.
const FEWEST_WINDOWS: usize = 6;
/// The measured phase is looked at in so many equal parts: long enough that one of them hardly depends on the last.
const PARTS: usize = 15;
/// How the reason of a trial begins that failed because its server ended.
const SERVER_ENDED: &str = "the server ended by itself";

/// A kind of judge; an argument, so that a proof can put a broken one in its place.
pub type Judge = fn(&FinishedTrial, &Objective) -> ProbeJudgement;

/// Judges a trial: its rate was sustained when everything arrived, the percentile kept the limit, and no backlog grew.
/// Where the load generator or the machine was at fault, there is no telling.
#[must_use]
pub fn judge(finished: &FinishedTrial, objective: &Objective) -> ProbeJudgement {
    let mut judgement = ProbeJudgement {
        verdict: ProbeVerdict::Held,
        reasons: Vec::new(),
        at_quantile_ns: None,
        p50_ns: None,
        delivered_per_s: 0.0,
        backlog_slope: None,
    };
    let publisher = finished.measurement.as_ref().map(|m| m.publisher);
    by_outcome(&finished.outcome, publisher, &mut judgement);
    if let Some(measurement) = &finished.measurement {
        by_figures(measurement, objective, &mut judgement);
    }
    judgement
}

/// A server that publishes by itself is late when it has too much to do, and being late is in its response times: the
/// figures judge that. A late publisher outside the server voids the probe.
fn by_outcome(outcome: &Outcome, publisher: Option<Publisher>, judgement: &mut ProbeJudgement) {
    match outcome {
        Outcome::Valid => {}
        Outcome::Invalid { reasons } => {
            let own_publisher = |reason: &&Reason| {
                reason.side == Blame::Publisher && publisher == Some(Publisher::Server)
            };
            let mut against = reasons.iter().filter(|reason| !own_publisher(reason));
            judgement.verdict = if against.clone().next().is_none() {
                ProbeVerdict::Held
            } else if against.all(|reason| reason.side == Blame::Server) {
                ProbeVerdict::Failed
            } else {
                ProbeVerdict::Void
            };
            if judgement.verdict != ProbeVerdict::Held {
                judgement.reasons = reasons.iter().map(ToString::to_string).collect();
            }
        }
        Outcome::Failed { reason } => {
            judgement.verdict = if reason.starts_with(SERVER_ENDED) {
                ProbeVerdict::Failed
            } else {
                ProbeVerdict::Void
            };
            judgement.reasons.push(reason.clone());
        }
    }
}

fn by_figures(measurement: &Measurement, objective: &Objective, judgement: &mut ProbeJudgement) {
    let seconds = measurement.elapsed_ns as f64 / 1e9;
    if seconds > 0.0 {
        judgement.delivered_per_s = measurement.operations as f64 / seconds;
    }
    let response = measurement.histograms.get(histogram_name::RESPONSE);
    let response: Option<Histogram> = response.and_then(|encoded| encoded.decode().ok());
    let Some(response) = response else {
        return void(judgement, "there is no histogram of response times".into());
    };
    let lost = measurement.lost_beside(histogram_name::RESPONSE);
    let at = |q| percentile(&response, lost, q);
    judgement.p50_ns = value(at(0.5));
    judgement.at_quantile_ns = value(at(objective.quantile));
    let name = objective.percentile();
    match at(objective.quantile) {
        Percentile::Value(found) if found > objective.limit_ns => fail(
            judgement,
            format!(
                "{name} was {:.3} ms, more than {:.3} ms",
                found as f64 / 1e6,
                objective.limit_ns as f64 / 1e6
            ),
        ),
        Percentile::Value(_) => {}
        Percentile::Lost => fail(
            judgement,
            format!("{name} lies among messages that never arrived"),
        ),
        Percentile::TooFew { n } => void(
            judgement,
            format!(
                "{n} deliveries do not support {name}, which takes {}",
                objective.samples()
            ),
        ),
    }
    let Some((slope, seconds)) = growth(&measurement.windows) else {
        return;
    };
    judgement.backlog_slope = Some(slope.value);
    let (grown, limit) = (slope.value * seconds, objective.limit_ns as f64 / 1e9);
    if slope.interval.low > 0.0 && grown > GROWTH * limit {
        fail(
            judgement,
            format!(
                "the backlog grew: response times rose by {:.3} ms in {seconds:.1} s, more than {:.0} % of the limit",
                grown * 1e3,
                GROWTH * 100.0
            ),
        );
    }
}

fn value(percentile: Percentile) -> Option<u64> {
    match percentile {
        Percentile::Value(value) => Some(value),
        Percentile::TooFew { .. } | Percentile::Lost => None,
    }
}

/// A probe that says nothing stays one, whatever its figures are.
fn fail(judgement: &mut ProbeJudgement, reason: String) {
    if judgement.verdict == ProbeVerdict::Held {
        judgement.verdict = ProbeVerdict::Failed;
    }
    judgement.reasons.push(reason);
}

fn void(judgement: &mut ProbeJudgement, reason: String) {
    // What failed for another reason has failed.
    if judgement.verdict == ProbeVerdict::Held {
        judgement.verdict = ProbeVerdict::Void;
    }
    judgement.reasons.push(reason);
}

/// The slope of the median response time over the measured phase, both in seconds, and the length of that phase; `None`
/// where there are too few windows to tell.
fn growth(windows: &[Window]) -> Option<(Slope, f64)> {
    let measured: Vec<&Window> = windows
        .iter()
        .filter(|window| window.start_ns >= 0 && window.n > 0)
        .collect();
    if measured.len() < FEWEST_WINDOWS {
        return None;
    }
    let size = measured.len().div_ceil(PARTS);
    let parts: Vec<(f64, f64)> = measured.chunks(size).map(part).collect();
    let length = (measured.last()?.start_ns - measured.first()?.start_ns) as f64 / 1e9;
    Some((slope(&parts)?, length))
}

/// When it was and the mean of its medians, by their weight, both in seconds. Medians: one stall is no backlog.
fn part(windows: &[&Window]) -> (f64, f64) {
    let mean = |of: fn(&Window) -> f64| {
        let weight: f64 = windows.iter().map(|w| w.n as f64).sum();
        let sum: f64 = windows.iter().map(|w| of(w) * w.n as f64).sum();
        sum / weight / 1e9
    };
    (mean(|w| w.start_ns as f64), mean(|w| w.p50_ns as f64))
}

#[cfg(test)]
mod tests {
    use pushbench_model::histogram::{self, EncodedHistogram};
    use pushbench_model::record::Reason;

    use super::*;
    use crate::verify::tests::flawless;

    /// 2000 deliveries in 4 ms each.
    fn finished(outcome: Outcome, change: impl FnOnce(&mut Measurement)) -> FinishedTrial {
        let mut measurement = flawless();
        change(&mut measurement);
        FinishedTrial {
            measurement: Some(measurement),
            outcome,
            started: String::new(),
            wall_s: 1.0,
            server_usage: None,
            load_usage: None,
            steal: None,
            others_cpu: None,
            cpu_pressure: None,
            steadiness: None,
            flags: Vec::new(),
            link: None,
        }
    }

    fn judged(
        limit_ms: u64,
        outcome: Outcome,
        change: impl FnOnce(&mut Measurement),
    ) -> ProbeJudgement {
        let objective = Objective {
            quantile: 0.99,
            limit_ns: limit_ms * 1_000_000,
        };
        judge(&finished(outcome, change), &objective)
    }

    fn blamed(sides: &[Blame]) -> Outcome {
        let reason = |&side| Reason {
            side,
            text: "something".into(),
        };
        Outcome::Invalid {
            reasons: sides.iter().map(reason).collect(),
        }
    }

    #[test]
    fn the_percentile_decides() {
        let held = judged(5, Outcome::Valid, |_| {});
        assert_eq!((held.verdict, held.reasons.len()), (ProbeVerdict::Held, 0));
        assert!(
            held.at_quantile_ns
                .is_some_and(|ns| ns.abs_diff(4_000_000) < 5_000)
        );
        assert!((held.delivered_per_s - 1000.0).abs() < 1e-9 && held.backlog_slope.is_none());
        let failed = judged(3, Outcome::Valid, |_| {});
        assert_eq!(failed.verdict, ProbeVerdict::Failed);
        assert!(failed.reasons[0].contains("p99 was 4.0"), "{failed:?}");
    }

    #[test]
    fn losses_fail_even_where_they_are_few() {
        let few = judged(5, blamed(&[Blame::Server]), |m| {
            m.sequence.lost = 1;
            m.operations -= 1;
        });
        assert_eq!(few.verdict, ProbeVerdict::Failed);
        let many = judged(5, blamed(&[Blame::Server]), |m| {
            m.sequence.lost = 100;
            m.operations -= 100;
        });
        assert_eq!(
            (many.verdict, many.at_quantile_ns),
            (ProbeVerdict::Failed, None)
        );
        assert!(many.reasons[1].contains("never arrived"), "{many:?}");
    }

    #[test]
    fn who_is_at_fault_decides_whether_it_says_anything() {
        for (sides, verdict) in [
            (&[Blame::Server][..], ProbeVerdict::Failed),
            (&[Blame::Client], ProbeVerdict::Void),
            (&[Blame::Setting], ProbeVerdict::Void),
            (&[Blame::Server, Blame::Client], ProbeVerdict::Void),
        ] {
            // Beyond the limit: a void probe does not become a failed one by it.
            assert_eq!(
                judged(3, blamed(sides), |_| {}).verdict,
                verdict,
                "{sides:?}"
            );
        }
        // A server that publishes by itself answers for its publisher with its response times; a load process does not.
        let late = |limit_ms, by| {
            let judged = judged(limit_ms, blamed(&[Blame::Publisher]), |m| m.publisher = by);
            judged.verdict
        };
        assert_eq!(late(3, Publisher::Server), ProbeVerdict::Failed);
        assert_eq!(late(5, Publisher::Server), ProbeVerdict::Held);
        assert_eq!(late(3, Publisher::Load), ProbeVerdict::Void);
        for (reason, verdict) in [
            (
                "the server ended by itself (signal 9) before the end",
                ProbeVerdict::Failed,
            ),
            (
                "the load process ended by itself (exit code 1)",
                ProbeVerdict::Void,
            ),
        ] {
            let outcome = Outcome::Failed {
                reason: reason.into(),
            };
            let mut trial = finished(outcome, |_| {});
            trial.measurement = None;
            let objective = "p99<=1s".parse().unwrap();
            let judgement = judge(&trial, &objective);
            assert_eq!(
                (judgement.verdict, judgement.reasons),
                (verdict, vec![reason.to_owned()])
            );
        }
    }

    #[test]
    fn too_few_deliveries_say_nothing() {
        let judgement = judged(5, Outcome::Valid, |m| {
            let mut few = histogram::new();
            few.record_n(1_000_000, 999).unwrap();
            let few = EncodedHistogram::encode(&few);
            m.histograms.insert(histogram_name::RESPONSE.into(), few);
        });
        assert_eq!(judgement.verdict, ProbeVerdict::Void);
        assert!(judgement.reasons[0].contains("999 deliveries") && judgement.p50_ns.is_some());
    }

    fn windows(p50_ms: impl Fn(i64) -> f64) -> Vec<Window> {
        let window = |i: i64| Window {
            start_ns: i * 100_000_000,
            n: 10,
            mean_ns: 0.0,
            p50_ns: (p50_ms(i) * 1e6) as u64,
            max_ns: 0,
        };
        (-10..60).map(window).collect()
    }

    #[test]
    fn a_growing_backlog_fails_within_the_limit() {
        // 0.1 ms in 100 ms: 5.9 ms in the phase, 12 % of 50 ms.
        let growing = judged(50, Outcome::Valid, |m| {
            m.windows = windows(|i| 5.0 + 0.1 * i as f64);
        });
        assert_eq!(growing.verdict, ProbeVerdict::Failed);
        assert!(growing.reasons[0].contains("backlog grew"), "{growing:?}");
        assert!((growing.backlog_slope.unwrap() - 1e-3).abs() < 5e-5);

        let limit_is_far = judged(70, Outcome::Valid, |m| {
            m.windows = windows(|i| 5.0 + 0.1 * i as f64);
        });
        assert_eq!(limit_is_far.verdict, ProbeVerdict::Held);
    }

    #[test]
    fn a_warm_up_noise_and_a_stall_are_no_backlog() {
        let shapes: [fn(i64) -> f64; 4] = [
            |i| if i < 0 { 0.5 } else { 4.0 },
            |i| 4.0 - 0.05 * i as f64,
            |i| 4.0 + (i * 7919 % 13) as f64 / 2.0,
            |i| if i == 55 { 40.0 } else { 4.0 },
        ];
        for (number, shape) in shapes.into_iter().enumerate() {
            let judgement = judged(50, Outcome::Valid, |m| m.windows = windows(shape));
            assert_eq!(
                judgement.verdict,
                ProbeVerdict::Held,
                "{number}: {judgement:?}"
            );
            assert!(judgement.backlog_slope.is_some());
        }
        let few = judged(5, Outcome::Valid, |m| {
            m.windows = windows(|i| i as f64)[..15].to_vec();
        });
        assert_eq!((few.verdict, few.backlog_slope), (ProbeVerdict::Held, None));
    }
}
