//! A server that stands still makes late every message that was due meanwhile, by what was left of the pause: response
//! times say so, and times from the actual publication do not.

use std::time::Duration;

use pushbench_model::histogram::{HIGHEST, Histogram};
use pushbench_model::measurement::histogram_name::{LATENESS, RESPONSE, SERVICE};
use pushbench_stats::ks_uniform_histogram;

use crate::disturb::{Pause, Side};
use crate::trial::{Setup, TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

const RATE: f64 = 500.0;
const PAUSE: Duration = Duration::from_millis(200);
/// Later than this is late; a delivery takes a small part of it.
const LATE_NS: u64 = 5_000_000;
/// Counting of whole messages at both ends of the pause.
const ENDS: f64 = 2.0;
/// Samples that a noisy machine may make late by itself: it takes the core away for 20 ms in the second that is measured.
const NOISE: f64 = 10.0;
/// Probability below which late samples are not spread evenly.
const LEAST_P: f64 = 1e-3;

pub(super) struct IntendedTime {
    observe: fn(&Context<'_>) -> Result<Stall, Trouble>,
    /// What a delay of a delivery is.
    delays: fn(&Stall) -> &Histogram,
}

pub(super) static REAL: IntendedTime = IntendedTime {
    observe,
    delays: |stall| &stall.response,
};

/// A trial in which the server stood still once.
struct Stall {
    /// How long.
    pause_ns: u64,
    due: u64,
    published: u64,
    delivered: u64,
    response: Histogram,
    service: Histogram,
    lateness: Histogram,
}

fn observe(context: &Context<'_>) -> Result<Stall, Trouble> {
    let setup = Setup::new("sse", RATE, context.either(0.8, 2.0));
    let mut pause = Pause {
        side: Side::Server,
        after: Duration::from_millis(300),
        lasting: PAUSE,
        lasted_ns: 0,
    };
    let seen = setup.run(context, &mut pause)?;
    Ok(Stall {
        pause_ns: pause.lasted_ns,
        due: setup.due(),
        published: seen.measurement.published,
        delivered: seen.measurement.operations,
        response: seen.histogram(RESPONSE)?,
        service: seen.histogram(SERVICE)?,
        lateness: seen.histogram(LATENESS)?,
    })
}

fn late(delays: &Histogram) -> u64 {
    delays.count_between(LATE_NS + 1, HIGHEST)
}

/// Probability that the late ones are spread as evenly as the pause has them.
fn spread(delays: &Histogram, pause_ns: u64) -> f64 {
    let longest = pause_ns.max(LATE_NS + 1);
    ks_uniform_histogram(delays, LATE_NS, longest).map_or(0.0, |fit| fit.p)
}

impl IntendedTime {
    fn judge(&self, stall: &Stall) -> (String, Option<String>, bool) {
        let delays = (self.delays)(stall);
        let rate = RATE / 1e9;
        let predicted = rate * stall.pause_ns.saturating_sub(LATE_NS) as f64;
        let samples = late(delays);
        let (p, pacing) = (
            spread(delays, stall.pause_ns),
            spread(&stall.lateness, stall.pause_ns),
        );
        let Stall {
            due,
            published,
            delivered,
            ..
        } = *stall;
        let counted = (predicted - ENDS..=predicted + ENDS + NOISE).contains(&(samples as f64));
        let complete = published == due && delivered == due;
        (
            format!(
                "{samples} samples later than 5 ms where a pause of {:.1} ms predicts {predicted:.1}; spread KS p {p:.2}, of \
                 the publisher's lateness {pacing:.2}; {published} of {due} published, {delivered} delivered",
                stall.pause_ns as f64 / 1e6
            ),
            Some(format!(
                "{} samples later than 5 ms, counted from the actual publication",
                late(&stall.service)
            )),
            counted && complete && p > LEAST_P && pacing > LEAST_P,
        )
    }
}

impl Proof for IntendedTime {
    fn about(&self) -> About {
        About {
            id: "intended-time",
            rules: &[1, 40],
            rule: "Response times are counted from the intended time; what is overdue follows at once and nothing is skipped.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            TRIES,
            "the server stands still for 200 ms at 500 messages per second (SIGSTOP)",
            "as many late samples as the pause predicts (-2, +2 and 10 for a noisy machine), spread evenly over it (KS p > \
             0.001); all that was due is published",
            || Ok(self.judge(&(self.observe)(context)?)),
        )
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::histogram;

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    const PAUSE_NS: u64 = 200_000_000;
    const GAP_NS: u64 = 2_000_000;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = histogram::new();
        for value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    /// 400 messages, 100 of them due in the pause; `late` says how late each of those is published.
    fn stall(late: impl Fn(u64) -> u64) -> Stall {
        let lateness = || (0..300).map(|_| 5_000).chain((0..100).map(&late));
        Stall {
            pause_ns: PAUSE_NS,
            due: 400,
            published: 400,
            delivered: 400,
            response: of(lateness().map(|late| late + 90_000)),
            service: of([90_000; 400]),
            lateness: of(lateness()),
        }
    }

    fn caught_up(message: u64) -> u64 {
        PAUSE_NS - GAP_NS / 2 - message * GAP_NS
    }

    fn with(observe: fn(&Context<'_>) -> Result<Stall, Trouble>) -> IntendedTime {
        IntendedTime { observe, ..REAL }
    }

    #[test]
    fn passes() {
        assert_passes(&with(|_| Ok(stall(caught_up))));
    }

    #[test]
    fn times_from_the_actual_publication_fail() {
        assert_fails(&IntendedTime {
            observe: |_| Ok(stall(caught_up)),
            delays: |stall| &stall.service,
        });
    }

    #[test]
    fn a_schedule_that_is_moved_fails() {
        assert_fails(&with(|_| Ok(stall(|_| PAUSE_NS - GAP_NS))));
    }

    #[test]
    fn messages_that_are_skipped_fail() {
        assert_fails(&with(|_| {
            let mut skipped = stall(caught_up);
            skipped.published -= 1;
            skipped.delivered -= 1;
            Ok(skipped)
        }));
    }

    #[test]
    fn a_pause_that_is_not_seen_fails() {
        assert_fails(&with(|_| Ok(stall(|_| 5_000))));
        assert_fails(&with(|_| Err(Trouble::Failed("the server ended".into()))));
    }
}
