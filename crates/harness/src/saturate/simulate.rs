//! A queue whose true limit is known, to prove a search.
//!
//! One server with exponential service times of rate μ and Poisson arrivals of rate λ (M/M/1) answers in a time that
//! is exponential with rate μ - λ (Kleinrock, Queueing Systems I, 1975, section 5.9). Its q-quantile keeps a limit X
//! up to λ* = μ + ln(1 - q) / X; for p99 that is μ - ln(100) / X. Beyond μ its backlog grows without end.

use std::collections::BTreeMap;

use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST, Histogram};
use pushbench_model::measurement::{
    ConnectionCount, LoopModel, Measurement, Publisher, Window, WireCount, histogram_name,
};
use pushbench_model::record::{Blame, Outcome, Reason};
use pushbench_model::scenario::Workload;
use pushbench_model::search::{Objective, Purpose, SearchRange};
use pushbench_model::sequence::SequenceCounts;
use pushbench_stats::noise::Noise;

use super::judge::{Judge, judge};
use super::search::{Bisection, Found, Strategy};
use crate::plan::PlannedTrial;
use crate::trial::{FinishedTrial, TrialResult, TrialRunner};

/// Length of a window, seconds.
const WINDOW_S: f64 = 0.25;
/// Load before measuring where no scenario says it, seconds.
const WARM_UP_S: f64 = 1.0;

/// An M/M/1 server with a load generator that may be at fault, on a machine that may be noisy.
#[derive(Clone, Debug)]
pub struct Queue {
    /// μ, messages per second.
    pub service_rate: f64,
    /// Share of the trials in which the client is at fault, 0 to 1.
    pub void_share: f64,
    /// Rate above which the client is always at fault.
    pub generator_limit: f64,
    /// Standard deviation of the logarithm of a factor on all response times of a trial.
    pub noise: f64,
    random: Noise,
}

impl Queue {
    /// A queue with a flawless generator on a quiet machine; the same seed gives the same queue.
    #[must_use]
    pub fn new(service_rate: f64, seed: u64) -> Self {
        Self {
            service_rate,
            void_share: 0.0,
            generator_limit: f64::INFINITY,
            noise: 0.0,
            random: Noise::new(seed),
        }
    }

    /// λ*: the highest rate that truly keeps `objective`, messages per second; not positive where none does.
    #[must_use]
    pub fn truth(&self, objective: &Objective) -> f64 {
        self.service_rate + (1.0 - objective.quantile).ln() / (objective.limit_ns as f64 / 1e9)
    }

    /// A trial of `warm_up_s` and then `seconds` at `rate`.
    pub fn trial(&mut self, rate: f64, warm_up_s: f64, seconds: f64) -> FinishedTrial {
        let faulty = self.random.uniform() < self.void_share || rate > self.generator_limit;
        let factor = (self.noise * self.random.normal()).exp();
        let mut seen = Seen::new();
        let (mut now, mut wait) = (-warm_up_s, 0.0f64);
        loop {
            let gap = self.exponential(rate);
            now += gap;
            if now >= seconds {
                break;
            }
            // Lindley, Proc. Camb. Phil. Soc. 48, 1952: what is left of the work before this one.
            wait = (wait - gap).max(0.0);
            wait += self.exponential(self.service_rate);
            seen.record(now, wait * factor);
        }
        let outcome = if faulty {
            Outcome::Invalid {
                reasons: vec![Reason {
                    side: Blame::Client,
                    text: "the simulated client could not keep up".into(),
                }],
            }
        } else {
            Outcome::Valid
        };
        finished(outcome, seen, seconds)
    }

    fn exponential(&mut self, rate: f64) -> f64 {
        -self.random.uniform().ln() / rate
    }
}

impl TrialRunner for Queue {
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult {
        let Workload::FanOut(fan_out) = &trial.scenario.workload else {
            return TrialResult::Interrupted;
        };
        let (warm_up, measure) = (fan_out.warm_up_s, fan_out.measure_s);
        let (warm_up, measure) = (warm_up.at(trial.profile), measure.at(trial.profile));
        TrialResult::Finished(Box::new(self.trial(fan_out.rate, warm_up, measure)))
    }
}

/// What searches and what judges: the real ones, or broken ones that a proof must notice.
#[derive(Clone, Copy)]
pub struct Mechanism {
    /// Makes what chooses the rates.
    pub strategy: fn(SearchRange) -> Box<dyn Strategy>,
    /// Judges probes.
    pub judge: Judge,
}

impl Default for Mechanism {
    fn default() -> Self {
        Self {
            strategy: |range| Box::new(Bisection::new(range)),
            judge,
        }
    }
}

/// Searches the limit of `queue` with probes of `probe_s` seconds, without the curve, and returns what was found and the
/// number of probes it took.
pub fn search(
    queue: &mut Queue,
    objective: &Objective,
    range: SearchRange,
    probe_s: f64,
    mechanism: &Mechanism,
) -> (Found, u32) {
    let mut strategy = (mechanism.strategy)(range);
    let mut probes = 0;
    while let Some((rate, purpose)) = strategy.next() {
        if purpose == Purpose::Curve {
            break;
        }
        probes += 1;
        let trial = queue.trial(rate, WARM_UP_S, probe_s);
        strategy.tell((mechanism.judge)(&trial, objective).verdict);
    }
    (strategy.found(), probes)
}

/// What the simulated subscriber sees.
struct Seen {
    response: Histogram,
    window: Option<(i64, Histogram, f64)>,
    windows: Vec<Window>,
    measured: u64,
    all: u64,
}

impl Seen {
    fn new() -> Self {
        Self {
            response: histogram::new(),
            window: None,
            windows: Vec::new(),
            measured: 0,
            all: 0,
        }
    }

    fn record(&mut self, at_s: f64, response_s: f64) {
        let value = ((response_s * 1e9) as u64).clamp(1, HIGHEST);
        self.all += 1;
        if at_s < 0.0 {
            return;
        }
        self.measured += 1;
        self.response.saturating_record(value);
        let number = (at_s / WINDOW_S) as i64;
        if self
            .window
            .as_ref()
            .is_some_and(|(open, ..)| *open != number)
        {
            self.close();
        }
        let (_, histogram, sum) = self
            .window
            .get_or_insert_with(|| (number, histogram::new(), 0.0));
        histogram.saturating_record(value);
        *sum += value as f64;
    }

    fn close(&mut self) {
        if let Some((number, histogram, sum)) = self.window.take() {
            self.windows.push(Window {
                start_ns: (number as f64 * WINDOW_S * 1e9) as i64,
                n: histogram.len(),
                mean_ns: sum / histogram.len() as f64,
                p50_ns: histogram.value_at_quantile(0.5),
                max_ns: histogram.max(),
            });
        }
    }
}

fn finished(outcome: Outcome, mut seen: Seen, seconds: f64) -> FinishedTrial {
    seen.close();
    let response = EncodedHistogram::encode(&seen.response);
    let measurement = Measurement {
        workload: "fan-out".into(),
        transport: "sse".into(),
        loop_model: LoopModel::Open,
        publisher: Publisher::Server,
        concurrency: 1,
        operations: seen.measured,
        published: seen.measured,
        body_bytes: 0,
        payload_bytes: 0,
        elapsed_ns: (seconds * 1e9) as u64,
        sequence: SequenceCounts {
            delivered: seen.all,
            ..SequenceCounts::default()
        },
        wire: WireCount::default(),
        batches: None,
        polls: None,
        held_up_ns: 0,
        connections: ConnectionCount::default(),
        server: None,
        windows: seen.windows,
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
        histograms: BTreeMap::from([(histogram_name::RESPONSE.to_owned(), response)]),
        errors: Vec::new(),
    };
    FinishedTrial {
        outcome,
        started: String::new(),
        wall_s: seconds,
        measurement: Some(measurement),
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

#[cfg(test)]
mod tests;
