//! A generator that cannot keep up makes a trial invalid, and the trial says which side it was.

use std::collections::BTreeSet;
use std::time::Duration;

use pushbench_harness::{Meddler, Nobody, verify};
use pushbench_model::measurement::Measurement;
use pushbench_model::measurement::histogram_name::RESPONSE;
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome};
use pushbench_model::scenario::Scenario;

use crate::disturb::{Side, Throttle};
use crate::trial::{PROFILE, Setup, TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

const RATE: f64 = 200.0;
/// How long a throttled process stands still, and how long it then runs.
const HALF: Duration = Duration::from_millis(30);

pub(super) struct SaturatedGenerator {
    observe: fn(&Context<'_>, Option<Side>) -> Result<Measurement, Trouble>,
    verify: fn(&Measurement, &Scenario, Profile) -> Outcome,
}

pub(super) static REAL: SaturatedGenerator = SaturatedGenerator {
    observe,
    verify: verify::verify,
};

fn setup(context: &Context<'_>) -> Setup {
    Setup::new("sse", RATE, context.either(1.2, 3.0))
}

fn observe(context: &Context<'_>, throttled: Option<Side>) -> Result<Measurement, Trouble> {
    let setup = setup(context);
    let mut throttle;
    let mut nobody = Nobody;
    let meddler: &mut dyn Meddler = match throttled {
        None => &mut nobody,
        Some(side) => {
            throttle = Throttle {
                side,
                half: HALF,
                lasting: Duration::from_secs_f64(setup.seconds),
                stop: context.stop,
            };
            &mut throttle
        }
    };
    Ok(setup.run(context, meddler)?.measurement)
}

/// Who is blamed, in the order of the list.
fn blamed(outcome: &Outcome) -> BTreeSet<Blame> {
    match outcome {
        Outcome::Invalid { reasons } => reasons.iter().map(|reason| reason.side).collect(),
        Outcome::Valid | Outcome::Failed { .. } => BTreeSet::new(),
    }
}

fn in_words(outcome: &Outcome) -> String {
    if outcome.is_valid() {
        return "valid".into();
    }
    let sides: Vec<_> = blamed(outcome).into_iter().map(Blame::label).collect();
    format!("invalid ({})", sides.join(", "))
}

fn p99(measurement: &Measurement) -> String {
    let response = measurement.histograms.get(RESPONSE);
    let response = response.and_then(|encoded| encoded.decode().ok());
    response.map_or_else(
        || "n/a".into(),
        |response| format!("{:.1} ms", response.value_at_quantile(0.99) as f64 / 1e6),
    )
}

impl SaturatedGenerator {
    /// What a trial with this side throttled is found to be, repeated where the machine disturbed it by itself.
    fn case(
        &self,
        context: &Context<'_>,
        throttled: Option<Side>,
        expected: &[Blame],
    ) -> Result<(String, Measurement, bool), Trouble> {
        let scenario = setup(context).scenario();
        let expected: BTreeSet<Blame> = expected.iter().copied().collect();
        let mut tried = 1;
        loop {
            let measurement = (self.observe)(context, throttled)?;
            let outcome = (self.verify)(&measurement, &scenario, PROFILE);
            let holds = blamed(&outcome) == expected && outcome.is_valid() == expected.is_empty();
            if holds || tried == TRIES {
                return Ok((in_words(&outcome), measurement, holds));
            }
            tried += 1;
        }
    }
}

impl Proof for SaturatedGenerator {
    fn about(&self) -> About {
        About {
            id: "saturated-generator",
            rules: &[4, 22],
            rule: "A trial whose publisher or load process could not keep up is invalid and says which side it was.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            1,
            "nothing; the server, which publishes, stopped half of the time; the load process stopped half of the time",
            "valid; invalid (publisher); invalid (client)",
            || {
                let (free, _, valid) = self.case(context, None, &[])?;
                let (server, late, publisher) =
                    self.case(context, Some(Side::Server), &[Blame::Publisher])?;
                let (load, slow, client) =
                    self.case(context, Some(Side::Load), &[Blame::Client])?;
                let naive = format!(
                    "p99 of {} and {}, taken for the server's",
                    p99(&late),
                    p99(&slow)
                );
                Ok((
                    format!("{free}; {server}; {load}"),
                    Some(naive),
                    valid && publisher && client,
                ))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pushbench_model::histogram::{self, EncodedHistogram};
    use pushbench_model::measurement::histogram_name::{LATENESS, LOOP_LAG};
    use pushbench_model::measurement::{ConnectionCount, LoopModel, Publisher, WireCount};
    use pushbench_model::sequence::SequenceCounts;

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    /// As a quick trial of [`setup`] would be.
    fn measured(_: &Context<'_>, throttled: Option<Side>) -> Result<Measurement, Trouble> {
        let half_late = |usual: u64, late: bool| {
            let mut histogram = histogram::new();
            for i in 0..240_u64 {
                let stall = if late && i % 2 == 0 { i * 125_000 } else { 0 };
                histogram.record(usual + stall).unwrap();
            }
            EncodedHistogram::encode(&histogram)
        };
        let (server, load) = (
            throttled == Some(Side::Server),
            throttled == Some(Side::Load),
        );
        let histograms = BTreeMap::from([
            (LATENESS.to_owned(), half_late(4_000, server)),
            (RESPONSE.to_owned(), half_late(150_000, server || load)),
            (LOOP_LAG.to_owned(), half_late(900_000, load)),
        ]);
        Ok(Measurement {
            workload: "fan-out".into(),
            transport: "sse".into(),
            loop_model: LoopModel::Open,
            publisher: Publisher::Server,
            concurrency: 1,
            operations: 240,
            published: 240,
            body_bytes: 200,
            payload_bytes: 128,
            elapsed_ns: 1_200_000_000,
            sequence: SequenceCounts {
                delivered: 240,
                ..SequenceCounts::default()
            },
            wire: WireCount::default(),
            batches: None,
            polls: None,
            held_up_ns: 0,
            connections: ConnectionCount {
                opened: 1,
                nodelay: 1,
                ..ConnectionCount::default()
            },
            server: None,
            windows: Vec::new(),
            cuts: None,
            arrivals: None,
            heartbeats: None,
            slow: None,
            dead: None,
            late: None,
            upstream: None,
            tls: None,
            answers: None,
            client: None,
            histograms,
            errors: Vec::new(),
        })
    }

    /// The real judge, deaf to one side.
    fn without(deaf: Blame, measurement: &Measurement, scenario: &Scenario) -> Outcome {
        match verify::verify(measurement, scenario, PROFILE) {
            Outcome::Invalid { mut reasons } => {
                reasons.retain(|reason| reason.side != deaf);
                if reasons.is_empty() {
                    Outcome::Valid
                } else {
                    Outcome::Invalid { reasons }
                }
            }
            other => other,
        }
    }

    fn with(verify: fn(&Measurement, &Scenario, Profile) -> Outcome) -> SaturatedGenerator {
        SaturatedGenerator {
            observe: measured,
            verify,
        }
    }

    #[test]
    fn passes() {
        assert_passes(&with(verify::verify));
    }

    #[test]
    fn a_judge_that_ignores_punctuality_fails() {
        assert_fails(&with(|m, s, _| without(Blame::Publisher, m, s)));
    }

    #[test]
    fn a_judge_that_ignores_a_slow_client_fails() {
        assert_fails(&with(|m, s, _| without(Blame::Client, m, s)));
    }

    #[test]
    fn a_judge_that_refuses_everything_fails() {
        assert_fails(&SaturatedGenerator {
            observe: |context, _| measured(context, Some(Side::Server)),
            verify: verify::verify,
        });
    }
}
