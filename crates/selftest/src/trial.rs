//! Trials as a run does them, against a server of this suite that may be asked to do wrong.

use std::sync::Arc;
use std::time::Duration;

use pushbench_harness::servers::Paths;
use pushbench_harness::{
    Deadlines, FinishedTrial, Meddler, PlannedTrial, ProcessRunner, Server, TrialResult,
};
use pushbench_model::histogram::Histogram;
use pushbench_model::margin::Margins;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::payload::{Payload, PayloadKind};
use pushbench_model::profile::{PerProfile, Profile};
use pushbench_model::record::ServerLabel;
use pushbench_model::scenario::{FanOut, Scenario, Setting, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::tuning::Tuning;

use crate::{Context, Finding, Unproven};

/// The profile of all trials here: what it would choose is in [`Setup`].
pub(crate) const PROFILE: Profile = Profile::Quick;

/// A fan-out by the server's own publisher, one message every `1/rate` seconds, without warm-up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) transport: &'static str,
    pub(crate) subscribers: u32,
    /// Messages per second.
    pub(crate) rate: f64,
    pub(crate) seconds: f64,
    /// What the server is asked to do wrong, as `serve --inject` takes it.
    pub(crate) inject: Vec<String>,
}

impl Setup {
    /// One subscriber over `transport`.
    pub(crate) fn new(transport: &'static str, rate: f64, seconds: f64) -> Self {
        Self {
            transport,
            subscribers: 1,
            rate,
            seconds,
            inject: Vec::new(),
        }
    }

    /// Messages that are due.
    pub(crate) fn due(&self) -> u64 {
        self.fan_out().messages(self.seconds)
    }

    fn fan_out(&self) -> FanOut {
        FanOut {
            subscribers: self.subscribers,
            rate: self.rate,
            arrivals: Arrivals::Constant,
            warm_up_s: always(0.0),
            measure_s: always(self.seconds),
            cuts: None,
            slow: None,
            dead: None,
            large: None,
            two_way: false,
            late_ms: None,
        }
    }

    pub(crate) fn scenario(&self) -> Scenario {
        Scenario {
            name: "self-test".into(),
            models: String::new(),
            expected: String::new(),
            profiles: vec![PROFILE],
            transports: Vec::new(),
            margins: Margins::default(),
            payload: Payload {
                bytes: 128,
                kind: PayloadKind::Text,
            },
            workload: Workload::FanOut(self.fan_out()),
            objective: None,
            server: Setting::default(),
            link: None,
        }
    }

    fn server(&self) -> Server {
        let words = "{pushbench} serve --transport {transport} --cores {cores}";
        let mut command: Vec<String> = words.split(' ').map(str::to_owned).collect();
        for word in &self.inject {
            command.extend(["--inject".to_owned(), word.clone()]);
        }
        Server {
            label: ServerLabel {
                transport: self.transport.into(),
                stack: "self-test".into(),
                tuning: Tuning::Fixed,
            },
            command,
            directory: None,
            publisher: Publisher::Server,
            paths: Paths::default(),
            resumes: true,
            answers: false,
            says: false,
            tls: false,
            compresses: Vec::new(),
            multiplexes: false,
            profile: Profile::Quick,
            one_tuning: false,
            max_connections: None,
            scenarios: Vec::new(),
            about: String::new(),
            program: None,
            minimum: None,
            needs: Vec::new(),
            install: String::new(),
        }
    }

    /// Runs it to its end, with somebody who may disturb it. No process is left behind, whatever happens.
    pub(crate) fn run(
        &self,
        context: &Context<'_>,
        meddler: &mut dyn Meddler,
    ) -> Result<Seen, Trouble> {
        context.check()?;
        let trial = PlannedTrial {
            number: 1,
            repetition: 1,
            scenario: Arc::new(self.scenario()),
            server: Arc::new(self.server()),
            profile: PROFILE,
            seed: context.seed,
            estimate: Duration::ZERO,
            rate: None,
        };
        let runner = ProcessRunner {
            pushbench: context.pushbench.clone(),
            cores: context.cores.clone(),
            deadlines: Deadlines::default(),
            counters: false,
            links: None,
            stop: context.stop,
        };
        let mut trial = match runner.run_with(&trial, meddler) {
            TrialResult::Interrupted => return Err(Unproven::Interrupted.into()),
            TrialResult::Finished(trial) => *trial,
        };
        match trial.measurement.take() {
            Some(measurement) => Ok(Seen { trial, measurement }),
            None => Err(Trouble::Failed(trial.outcome.in_words())),
        }
    }
}

fn always(value: f64) -> PerProfile<f64> {
    PerProfile {
        quick: value,
        standard: value,
        thorough: value,
    }
}

/// A trial that has come to its end.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Without its measurement.
    pub(crate) trial: FinishedTrial,
    pub(crate) measurement: Measurement,
}

impl Seen {
    /// The histogram of this name.
    pub(crate) fn histogram(&self, name: &str) -> Result<Histogram, Trouble> {
        let failed = |what| Trouble::Failed(format!("the trial has no histogram {name}{what}"));
        let encoded = self.measurement.histograms.get(name);
        let encoded = encoded.ok_or_else(|| failed(String::new()))?;
        encoded
            .decode()
            .map_err(|error| failed(format!(": {error}")))
    }
}

/// Why a trial shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is no fault of Pushbench.
    Unproven(Unproven),
    /// A process did not do what it should.
    Failed(String),
}

impl From<Unproven> for Trouble {
    fn from(unproven: Unproven) -> Self {
        Self::Unproven(unproven)
    }
}

/// Tries until it holds, at most `most` times. A machine with neighbours can spoil one try, and they come and go; a
/// mechanism that is broken is broken every time. What a failed trial said is what was read.
pub(crate) fn attempts(
    most: u32,
    injected: &str,
    expected: &str,
    mut attempt: impl FnMut() -> Result<(String, Option<String>, bool), Trouble>,
) -> Result<Finding, Unproven> {
    let mut tried = 1;
    loop {
        let (read, naive, holds) = match attempt() {
            Ok(seen) => seen,
            Err(Trouble::Unproven(unproven)) => return Err(unproven),
            Err(Trouble::Failed(reason)) => (reason, None, false),
        };
        if !holds && tried < most {
            tried += 1;
            continue;
        }
        let again = match tried {
            1 => String::new(),
            _ => format!(" (try {tried} of {most})"),
        };
        return Ok(Finding {
            injected: injected.into(),
            expected: expected.into(),
            read: read + &again,
            naive,
            holds,
        });
    }
}

/// Tries of a proof that hears the machine's noise.
pub(crate) const TRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn try_at(holds: u32) -> (Finding, u32) {
        let mut tries = 0;
        let finding = attempts(TRIES, "a", "b", || {
            tries += 1;
            if tries == 2 {
                return Err(Trouble::Failed("it broke".into()));
            }
            Ok(("c".into(), None, tries >= holds))
        });
        (finding.unwrap(), tries)
    }

    #[test]
    fn the_first_try_that_holds_is_the_last() {
        assert_eq!(try_at(1).1, 1);
        let (finding, tries) = try_at(3);
        assert!(finding.holds && tries == 3, "{finding:?}");
        assert_eq!(finding.read, "c (try 3 of 3)");
        let (finding, tries) = try_at(4);
        assert!(!finding.holds && tries == 3, "{finding:?}");
    }

    #[test]
    fn an_interruption_is_no_try() {
        let found = attempts(TRIES, "", "", || Err(Unproven::Interrupted.into()));
        assert_eq!(found, Err(Unproven::Interrupted));
    }
}
