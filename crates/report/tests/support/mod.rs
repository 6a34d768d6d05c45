//! A synthetic record that looks like a run: seven servers, three of them in two tunings, two scenarios, six
//! repetitions, noise from a seed, one invalid trial, one failed trial, flagged trials, one absent server, trials in
//! slices and a self-test. None of its figures was measured.
#![allow(dead_code, unreachable_pub, unused_imports)] // Each test file uses a part.

mod anatomy;
mod peers;
mod run;
mod selftest;
mod sketch;
mod slices;
mod survey;
mod variants;

use std::collections::BTreeMap;

pub use peers::peers;
use pushbench_model::histogram::{self, Histogram, Summary};
use pushbench_model::record::{
    Blame, Cost, Flag, MemoryUse, Outcome, Reason, Record, RecordedTrial, SCHEMA, ServerLabel,
    Steadiness, Trial, Usage,
};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::tuning::Tuning;
pub use pushbench_stats::noise::Noise;
pub use survey::survey;

pub use anatomy::{anatomy, anatomy_alone, not_dearer, only_floor};
use run::run;
use sketch::Sketch;
pub use variants::{extreme, with_counters, with_layers};

/// What makes a synthetic server: medians and costs before noise.
struct Model {
    transport: &'static str,
    stack: &'static str,
    tuning: Tuning,
    /// Nanoseconds.
    latency: f64,
    /// Share of deliveries in the slow tail.
    tail: f64,
    /// Nanoseconds per delivery.
    cpu: f64,
    /// Nanoseconds per connection made.
    connect_cpu: f64,
    /// Bytes per connection held.
    memory: f64,
}

impl Model {
    fn label(&self) -> ServerLabel {
        ServerLabel {
            transport: self.transport.into(),
            stack: self.stack.into(),
            tuning: self.tuning,
        }
    }
}

use Tuning::{Defaults, Equalised, Fixed};

#[rustfmt::skip]
const MODELS: [Model; 10] = [
    model("sse", "reference", Equalised, 210e3, 0.004, 4.1e3, 62e3, 20.5e3),
    model("websocket", "reference", Equalised, 204e3, 0.004, 3.9e3, 74e3, 13.2e3),
    model("long-poll", "reference", Equalised, 268e3, 0.009, 11.8e3, 60e3, 22.0e3),
    model("sse", "reference", Defaults, 236e3, 0.005, 4.9e3, 66e3, 28.5e3),
    model("websocket", "reference", Defaults, 225e3, 0.004, 5.5e3, 79e3, 30.1e3),
    model("long-poll", "reference", Defaults, 276e3, 0.009, 12.4e3, 63e3, 29.0e3),
    model("tcp", "floor", Fixed, 171e3, 0.003, 2.6e3, 21e3, 4.1e3),
    model("sse", "express", Fixed, 452e3, 0.02, 14.2e3, 182e3, 31.0e3),
    model("long-poll", "express", Fixed, 911e3, 0.03, 51.0e3, 190e3, 38.0e3),
    model("websocket", "ws", Fixed, 391e3, 0.02, 12.1e3, 214e3, 27.0e3),
];

#[allow(clippy::too_many_arguments)] // A row of a table.
const fn model(
    transport: &'static str,
    stack: &'static str,
    tuning: Tuning,
    latency: f64,
    tail: f64,
    cpu: f64,
    connect_cpu: f64,
    memory: f64,
) -> Model {
    Model {
        transport,
        stack,
        tuning,
        latency,
        tail,
        cpu,
        connect_cpu,
        memory,
    }
}

const FAN_OUT: &str = r#"
name = "fan-out-small"
models = "A dashboard: one source of small updates, watched by many."
expected = "sse and websocket within a few percent of each other; long-poll pays a request per batch in bytes and CPU."
profiles = ["quick", "standard", "thorough"]
payload = { bytes = 128 }
[fan-out]
subscribers = 100
rate = 50.0
arrivals = "poisson"
warm-up-s = { quick = 0.5, standard = 1.0, thorough = 5.0 }
measure-s = { quick = 2.0, standard = 10.0, thorough = 60.0 }
"#;

const CONNECT: &str = r#"
name = "connect"
models = "Users who open a page: a cold connection until the first message is there."
expected = "sse and long-poll need one request, websocket one request and a hash; all wait two round trips."
profiles = ["quick", "standard", "thorough"]
payload = { bytes = 128 }
[connect]
connections = { quick = 400, standard = 4000, thorough = 40000 }
warm-up = { quick = 20, standard = 20, thorough = 20 }
in-flight = 4
"#;

/// The part of a Markdown page under `heading`, as far as the next of its kind.
pub fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let found = page.split(heading).nth(1);
    let behind = found.unwrap_or_else(|| panic!("no {heading}: {page}"));
    behind.split("\n## ").next().unwrap_or_default()
}

/// The whole synthetic record.
pub fn record() -> Record {
    let scenarios = [FAN_OUT, CONNECT].map(|text| {
        Scenario::parse(text, std::path::Path::new("sample.toml")).expect("the sample is valid")
    });
    let mut noise = Noise::new(20_260_101);
    let mut trials = Vec::new();
    let mut number = 0;
    for repetition in 1..=6 {
        // What all trials of a repetition share: how busy the machine was just then.
        let mood = (0.06 * noise.normal()).exp();
        for scenario in &scenarios {
            for model in &MODELS {
                number += 1;
                trials.push(trial(number, repetition, scenario, model, mood, &mut noise));
            }
        }
    }
    spoil(&mut trials);
    flag(&mut trials);
    let slices = slices::slices(number, &mut noise);
    Record {
        run: run(scenarios.into(), trials.len() as u32 + slices.len() as u32),
        trials,
        slices,
        selftest: Some(selftest::selftest()),
        search: None,
        peers: None,
        anatomy: None,
        surveys: Vec::new(),
    }
}

fn because(side: Blame, text: &str) -> Reason {
    Reason {
        side,
        text: text.into(),
    }
}

/// One invalid and one failed trial.
fn spoil(trials: &mut [RecordedTrial]) {
    let at = |t: &RecordedTrial, repetition, server: &str, scenario: &str| {
        let t = &t.trial;
        t.repetition == repetition && t.server.to_string() == server && t.scenario == scenario
    };
    for recorded in trials {
        if at(recorded, 3, "sse/express", "fan-out-small") {
            recorded.trial.outcome = Outcome::Invalid {
                reasons: vec![
                    because(Blame::Server, "12 messages were lost"),
                    because(
                        Blame::Publisher,
                        "late: p99.9 of lateness is 31 % of the response p50",
                    ),
                ],
            };
            if let Some(measurement) = &mut recorded.trial.measurement {
                measurement.sequence.lost = 12;
                measurement.sequence.delivered -= 12;
            }
        }
        if at(recorded, 5, "websocket/ws", "connect") {
            let trial = &mut recorded.trial;
            trial.outcome = Outcome::Failed {
                reason: "The server printed no ready line within 10 s; its last words: <EADDRINUSE & gone>".into(),
            };
            trial.measurement = None;
            trial.summaries.clear();
            trial.hlog = None;
            trial.server_usage = None;
            trial.load_usage = None;
            recorded.histograms.clear();
        }
    }
}

/// Marks on some valid trials; everything else was steady before measuring began.
fn flag(trials: &mut [RecordedTrial]) {
    for recorded in trials {
        let trial = &mut recorded.trial;
        trial.steadiness = Some(Steadiness::From { seconds: -0.25 });
        match trial.trial {
            17 | 51 => trial.flags.push(Flag::Steal { share: 0.034 }),
            29 => trial.flags.push(Flag::OthersCpu { share: 0.052 }),
            40 => trial.flags.push(Flag::Pressure { share: 0.31 }),
            45 => {
                trial.steadiness = Some(Steadiness::From { seconds: 0.7 });
                trial.flags.push(Flag::WarmUpTooShort { seconds: 0.7 });
            }
            8 | 68 => {
                trial.steadiness = Some(Steadiness::Never);
                trial.flags.push(Flag::NeverSteady);
            }
            _ => {}
        }
    }
}

fn trial(
    number: u32,
    repetition: u32,
    scenario: &Scenario,
    model: &Model,
    mood: f64,
    noise: &mut Noise,
) -> RecordedTrial {
    let own = (0.05 * noise.normal()).exp() * mood;
    let sketch = Sketch {
        scenario,
        model,
        own,
    };
    let (measurement, histograms, work_cpu) = match &scenario.workload {
        Workload::FanOut(fan_out) => {
            let messages = (100.0 + 3.0 * noise.normal()).round() as u64;
            sketch.fan_out(messages, u64::from(fan_out.subscribers), noise)
        }
        Workload::Connect(connect) => sketch.connect(u64::from(connect.connections.quick), noise),
        Workload::Tokens(_) => unreachable!("tests make it of a fan-out"),
    };
    let usage = |cpu: f64, memory: Option<MemoryUse>| Usage {
        cost: Cost {
            cpu_ns: cpu as u64,
            publisher_cpu_ns: 0,
            user_ns: (cpu * 0.4) as u64,
            system_ns: (cpu * 0.6) as u64,
            context_switches: measurement.operations / 3,
            counters: None,
        },
        memory,
    };
    let memory = |per_connection: f64, noise: &mut Noise| {
        let taken = (100.0 * per_connection * (1.0 + 0.05 * noise.normal())) as u64;
        MemoryUse {
            rss_before: 5 << 20,
            rss_connected: (5 << 20) + taken + (64 << 10),
            anonymous_before: Some(1 << 20),
            anonymous_connected: Some((1 << 20) + taken),
            // No figure may come from these.
            pss_before: Some(4 << 20),
            pss_connected: Some(2 << 20),
            anonymous_after: Some((1 << 20) + taken),
            rss_after: Some((5 << 20) + taken + (64 << 10)),
            rss_peak: Some((5 << 20) + taken + (64 << 10)),
        }
    };
    let holds = matches!(scenario.workload, Workload::FanOut(_));
    let server_memory = holds.then(|| memory(model.memory, noise));
    let load_memory = holds.then(|| memory(5.0e3, noise));
    let summaries = histograms
        .iter()
        .map(|(name, histogram)| (name.clone(), Summary::of(histogram, 0)))
        .collect();
    RecordedTrial {
        trial: Trial {
            schema: SCHEMA,
            trial: number,
            repetition,
            scenario: scenario.name.clone(),
            server: model.label(),
            outcome: Outcome::Valid,
            started: format!("2026-01-01T12:{:02}:00Z", number % 60),
            wall_s: 3.0,
            seed: u64::from(number),
            server_usage: Some(usage(work_cpu, server_memory)),
            load_usage: Some(usage(work_cpu * 0.4 + 5e6, load_memory)),
            measurement: Some(measurement),
            summaries,
            hlog: Some(format!("hlog/{number:04}.hlog")),
            steal: Some(0.001),
            others_cpu: Some(0.002),
            cpu_pressure: Some(0.01),
            steadiness: None,
            flags: Vec::new(),
            rate: None,
            link: None,
        },
        histograms,
    }
}

fn put(histogram: &mut Histogram, value: f64) {
    histogram.saturating_record((value as u64).max(1));
}

fn named<const N: usize>(histograms: [(&str, Histogram); N]) -> BTreeMap<String, Histogram> {
    histograms
        .map(|(name, histogram)| (name.to_owned(), histogram))
        .into()
}
