//! Every message is accounted for: what is lost, doubled, overtaken or damaged is counted once, and a loss makes
//! percentiles worse, not better.

use std::time::Duration;

use pushbench_model::histogram::{self, Histogram, Quantile};
use pushbench_model::measurement::histogram_name::RESPONSE;
use pushbench_model::sequence::SequenceCounts;

use crate::disturb::Impatient;
use crate::trial::{Setup, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

const TRANSPORTS: [&str; 3] = ["sse", "websocket", "tcp"];
/// Of a trial with one fault of each kind.
const MESSAGES: u64 = 200;
/// Numbers of the messages that suffer.
const FAULTS: [&str; 4] = ["lose=20", "duplicate=60", "reorder=100", "corrupt=140"];
/// One in so many is lost in the trial about percentiles.
const EVERY: u64 = 50;
/// Of that trial.
const MANY: u64 = 1000;
const RATE: f64 = 2000.0;
/// What is to come has come by then, or is counted as lost.
const DRAIN: Duration = Duration::from_millis(400);

pub(super) struct Sequence {
    faults: fn(&Context<'_>, &'static str) -> Result<SequenceCounts, Trouble>,
    losses: fn(&Context<'_>) -> Result<Losses, Trouble>,
    quantile: fn(&Histogram, u64, f64) -> Quantile,
}

pub(super) static REAL: Sequence = Sequence {
    faults,
    losses,
    quantile: histogram::quantile,
};

/// What was seen of a trial that lost some.
struct Losses {
    counts: SequenceCounts,
    /// Messages that count as never delivered beside the response times.
    undelivered: u64,
    response: Histogram,
}

fn faults(context: &Context<'_>, transport: &'static str) -> Result<SequenceCounts, Trouble> {
    let mut setup = Setup::new(transport, RATE, MESSAGES as f64 / RATE);
    setup.inject = FAULTS.map(str::to_owned).into();
    let seen = setup.run(context, &mut Impatient::new(DRAIN))?;
    Ok(seen.measurement.sequence)
}

fn losses(context: &Context<'_>) -> Result<Losses, Trouble> {
    let mut setup = Setup::new("sse", RATE, MANY as f64 / RATE);
    setup.inject = vec![format!("lose-every={EVERY}")];
    let seen = setup.run(context, &mut Impatient::new(DRAIN))?;
    Ok(Losses {
        counts: seen.measurement.sequence,
        undelivered: seen.measurement.lost_beside(RESPONSE),
        response: seen.histogram(RESPONSE)?,
    })
}

const ONE_OF_EACH: SequenceCounts = SequenceCounts {
    delivered: MESSAGES - 2,
    lost: 1,
    duplicated: 1,
    reordered: 1,
    corrupted: 1,
};

fn in_words(quantile: Quantile) -> String {
    match quantile {
        Quantile::Value(ns) => format!("{:.2} ms", ns as f64 / 1e6),
        Quantile::TooFew => "n/a".into(),
        Quantile::BeyondEnd => "beyond the end of the run".into(),
    }
}

impl Sequence {
    fn observe(&self, context: &Context<'_>) -> Result<(String, Option<String>, bool), Trouble> {
        let (mut each, mut holds) = (Vec::new(), true);
        for transport in TRANSPORTS {
            let counts = (self.faults)(context, transport)?;
            let SequenceCounts {
                lost,
                duplicated,
                reordered,
                corrupted,
                ..
            } = counts;
            each.push(format!(
                "{transport} {lost}/{duplicated}/{reordered}/{corrupted}"
            ));
            holds &= counts == ONE_OF_EACH;
        }
        let losses = (self.losses)(context)?;
        let expected = SequenceCounts {
            delivered: MANY - MANY / EVERY,
            lost: MANY / EVERY,
            ..SequenceCounts::default()
        };
        let p99 = (self.quantile)(&losses.response, losses.undelivered, 0.99);
        let p90 = (self.quantile)(&losses.response, losses.undelivered, 0.9);
        holds &= losses.counts == expected
            && p99 == Quantile::BeyondEnd
            && matches!(p90, Quantile::Value(_));
        let arrivals = Quantile::Value(losses.response.value_at_quantile(0.99));
        Ok((
            format!(
                "lost/duplicated/reordered/corrupted: {}; of {MANY} {} lost, p90 {}, p99 {}",
                each.join(", "),
                losses.counts.lost,
                in_words(p90),
                in_words(p99)
            ),
            Some(format!("p99 of what arrived: {}", in_words(arrivals))),
            holds,
        ))
    }
}

impl Proof for Sequence {
    fn about(&self) -> About {
        About {
            id: "sequence",
            rules: &[7, 8],
            rule: "Every message arrives once, in order and intact, or is counted; one that is lost is later than all others.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            1,
            "one message each lost, duplicated, reordered and corrupted, over sse, websocket and tcp; then 2 % lost",
            "1/1/1/1 on each; p90 a time, p99 beyond the end of the run",
            || self.observe(context),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    fn some_lost() -> Losses {
        let mut response = histogram::new();
        response.record_n(100_000, MANY - MANY / EVERY).unwrap();
        Losses {
            counts: SequenceCounts {
                delivered: MANY - MANY / EVERY,
                lost: MANY / EVERY,
                ..SequenceCounts::default()
            },
            undelivered: MANY / EVERY,
            response,
        }
    }

    const TRUE: Sequence = Sequence {
        faults: |_, _| Ok(ONE_OF_EACH),
        losses: |_| Ok(some_lost()),
        quantile: histogram::quantile,
    };

    #[test]
    fn passes() {
        assert_passes(&TRUE);
    }

    #[test]
    fn a_check_that_counts_arrivals_only_fails() {
        // One lost and one twice: as many arrivals as messages.
        assert_fails(&Sequence {
            faults: |_, _| {
                Ok(SequenceCounts {
                    delivered: MESSAGES,
                    ..SequenceCounts::default()
                })
            },
            ..TRUE
        });
    }

    #[test]
    fn one_transport_that_counts_wrong_is_enough() {
        assert_fails(&Sequence {
            faults: |_, transport| {
                let reordered = if transport == "tcp" { 2 } else { 1 };
                Ok(SequenceCounts {
                    reordered,
                    ..ONE_OF_EACH
                })
            },
            ..TRUE
        });
    }

    #[test]
    fn percentiles_of_what_arrived_fail() {
        assert_fails(&Sequence {
            quantile: |response, _, q| histogram::quantile(response, 0, q),
            ..TRUE
        });
    }
}
