//! A delay of known length, put in one stage of a delivery, is read in that stage and in the response time, and nowhere
//! else.

use std::time::Duration;

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::histogram_name::{LATENESS, PUBLISH, RESPONSE, SERVICE};

use crate::disturb::Detour;
use crate::trial::{Setup, TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

/// What may be wrong with a delay as it is read, and how far other stages may move: a part of it, or so much, whichever
/// is more.
const SHARE: f64 = 0.02;
const LEAST_NS: f64 = 50_000.0;
const OTHERS_LEAST_NS: f64 = 100_000.0;

/// What every trial has in every stage. A processor that has just waited is quicker to take the next step than one that
/// slept: a delay beside none would be read shorter than it is.
const ALWAYS: Duration = Duration::from_micros(200);

/// Readings that may be repeated, of twelve: a small machine interrupts a trial of a third of a second now and then.
const MOST_AGAIN: u32 = 4;

/// A delay, and a trial in which messages are more than twice as far apart.
struct Delay {
    lasting: Duration,
    rate: f64,
    /// Seconds, quick and full.
    seconds: (f64, f64),
}

const DELAYS: [Delay; 4] = [
    Delay {
        lasting: Duration::from_micros(200),
        rate: 500.0,
        seconds: (0.2, 1.0),
    },
    Delay {
        lasting: Duration::from_millis(1),
        rate: 250.0,
        seconds: (0.3, 1.0),
    },
    Delay {
        lasting: Duration::from_millis(5),
        rate: 80.0,
        seconds: (0.4, 2.0),
    },
    Delay {
        lasting: Duration::from_millis(50),
        rate: 9.0,
        seconds: (1.0, 5.0),
    },
];

/// Where a delay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Schedule,
    Publish,
    Transit,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Schedule, Self::Publish, Self::Transit];

    fn label(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Publish => "publish",
            Self::Transit => "transit",
        }
    }
}

pub(super) struct Calibration {
    /// A trial with a delay in a stage, or with none.
    observe: fn(&Context<'_>, &Delay, Option<Stage>) -> Result<Delays, Trouble>,
    read: fn(&Delays) -> Reading,
}

pub(super) static REAL: Calibration = Calibration { observe, read };

/// What a trial has recorded.
struct Delays {
    lateness: Histogram,
    publish: Histogram,
    service: Histogram,
    response: Histogram,
}

/// Medians, nanoseconds: of the three stages in the order of [`Stage::ALL`], and of all.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    stages: [f64; 3],
    response: f64,
}

fn read(delays: &Delays) -> Reading {
    let median = |histogram: &Histogram| histogram.value_at_quantile(0.5) as f64;
    let publish = median(&delays.publish);
    Reading {
        stages: [
            median(&delays.lateness),
            publish,
            median(&delays.service) - publish,
        ],
        response: median(&delays.response),
    }
}

/// The proxy is always there, so that a delay is all that differs.
fn observe(context: &Context<'_>, delay: &Delay, stage: Option<Stage>) -> Result<Delays, Trouble> {
    let seconds = context.either(delay.seconds.0, delay.seconds.1);
    let mut setup = Setup::new("sse", delay.rate, seconds);
    let lasting = |of: Stage| match stage {
        Some(stage) if stage == of => ALWAYS + delay.lasting,
        _ => ALWAYS,
    };
    for stage in [Stage::Schedule, Stage::Publish] {
        let ns = lasting(stage).as_nanos();
        setup.inject.push(format!("{}={ns}ns", stage.label()));
    }
    let way = lasting(Stage::Transit);
    let seen = setup.run(context, &mut Detour::new(way, &context.cores.load))?;
    let counted = seen.measurement.operations;
    if counted != setup.due() {
        let due = setup.due();
        let reason = format!("{counted} of {due} messages were delivered");
        return Err(Trouble::Failed(reason));
    }
    Ok(Delays {
        lateness: seen.histogram(LATENESS)?,
        publish: seen.histogram(PUBLISH)?,
        service: seen.histogram(SERVICE)?,
        response: seen.histogram(RESPONSE)?,
    })
}

/// How a delay was read.
#[derive(Clone, Debug)]
struct Error {
    /// Worst of what is allowed that was used up, 1 at the bound.
    used: f64,
    words: String,
}

fn error(delay: Duration, stage: Stage, without: &Reading, with: &Reading) -> Error {
    let truth = delay.as_nanos() as f64;
    let bound = (SHARE * truth).max(LEAST_NS);
    let others = (SHARE * truth).max(OTHERS_LEAST_NS);
    let moved = |of: fn(&Reading) -> f64| of(with) - of(without);
    let response = moved(|reading| reading.response);
    let mut used = (response - truth).abs() / bound;
    let mut words = format!("response {:+.3} ms", response / 1e6);
    for (index, one) in Stage::ALL.into_iter().enumerate() {
        let by = with.stages[index] - without.stages[index];
        let part = if one == stage {
            (by - truth).abs() / bound
        } else {
            by.abs() / others
        };
        used = used.max(part);
        words += &format!(", {} {:+.3} ms", one.label(), by / 1e6);
    }
    let ms = truth / 1e6;
    let words = format!("{ms} ms in {}: {words}", stage.label());
    Error { used, words }
}

impl Calibration {
    /// The worst-read delay of one length, of all stages, and how often one had to be read again.
    fn worst(&self, context: &Context<'_>, delay: &Delay) -> Result<(Error, u32), Trouble> {
        let mut again = 0;
        let read = |stage| Ok::<_, Trouble>((self.read)(&(self.observe)(context, delay, stage)?));
        let mut without = read(None)?;
        let mut worst: Option<Error> = None;
        for stage in Stage::ALL {
            let mut seen = error(delay.lasting, stage, &without, &read(Some(stage))?);
            // What was read between two looks at a machine that changes meanwhile is read again, beside a new zero.
            for _ in 1..TRIES {
                if seen.used <= 1.0 {
                    break;
                }
                again += 1;
                without = read(None)?;
                seen = error(delay.lasting, stage, &without, &read(Some(stage))?);
            }
            if worst.as_ref().is_none_or(|worst| seen.used > worst.used) {
                worst = Some(seen);
            }
        }
        let worst = worst.ok_or_else(|| Trouble::Failed("no stage was tried".into()))?;
        Ok((worst, again))
    }
}

impl Proof for Calibration {
    fn about(&self) -> About {
        About {
            id: "calibration",
            rules: &[2, 20, 25],
            rule: "A known delay is read as what it is, in the stage it is in.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            1,
            "0.2, 1, 5 and 50 ms in the schedule, in publishing and in transit (a proxy), one at a time, on top of 0.2 ms in \
             each",
            "in the median the stage and the response move by as much (within 2 % or 50 us), other stages by less than 2 % \
             or 100 us",
            || {
                let mut worst: Option<Error> = None;
                let mut again = 0;
                for delay in &DELAYS {
                    let (seen, times) = self.worst(context, delay)?;
                    again += times;
                    if worst.as_ref().is_none_or(|worst| seen.used > worst.used) {
                        worst = Some(seen);
                    }
                }
                let Some(Error { used, words }) = worst else {
                    return Err(Trouble::Failed("no delay was tried".into()));
                };
                let read = format!(
                    "furthest off ({:.0} % of the bound): {words}; {again} of 12 read again, at most {MOST_AGAIN} may be",
                    100.0 * used
                );
                Ok((read, None, used <= 1.0 && again <= MOST_AGAIN))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::histogram;

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    fn truth(_: &Context<'_>, delay: &Delay, stage: Option<Stage>) -> Result<Delays, Trouble> {
        let extra = |of| {
            let here = stage == Some(of);
            if here {
                delay.lasting.as_nanos() as u64
            } else {
                0
            }
        };
        let of = |base: u64| {
            let mut histogram = histogram::new();
            for i in 0..21 {
                histogram.record(base + 100 * i).unwrap();
            }
            histogram
        };
        let lateness = 3_000 + extra(Stage::Schedule);
        let publish = 8_000 + extra(Stage::Publish);
        let service = publish + 120_000 + extra(Stage::Transit);
        Ok(Delays {
            lateness: of(lateness),
            publish: of(publish),
            service: of(service),
            response: of(lateness + service),
        })
    }

    fn with(read: fn(&Delays) -> Reading) -> Calibration {
        Calibration {
            observe: truth,
            read,
        }
    }

    #[test]
    fn passes() {
        assert_passes(&with(read));
    }

    #[test]
    fn a_clock_of_whole_milliseconds_fails() {
        assert_fails(&with(|delays| {
            let round = |ns: f64| (ns / 1e6).round() * 1e6;
            let exact = read(delays);
            Reading {
                stages: exact.stages.map(round),
                response: round(exact.response),
            }
        }));
    }

    #[test]
    fn stages_under_each_others_names_fail() {
        assert_fails(&with(|delays| {
            let mut swapped = read(delays);
            swapped.stages.swap(0, 1);
            swapped
        }));
    }

    #[test]
    fn a_transit_that_is_the_whole_response_fails() {
        assert_fails(&with(|delays| {
            let mut whole = read(delays);
            whole.stages[2] = whole.response;
            whole
        }));
    }

    #[test]
    fn a_delay_that_is_not_there_fails() {
        assert_fails(&Calibration {
            observe: |context, delay, _| truth(context, delay, None),
            read,
        });
    }

    #[test]
    fn messages_stand_clear_of_each_other() {
        for delay in &DELAYS {
            assert!(1.0 / delay.rate > 2.0 * delay.lasting.as_secs_f64());
        }
    }
}
