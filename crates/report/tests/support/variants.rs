//! Variants of the synthetic record.

use pushbench_model::histogram;
use pushbench_model::record::{CounterValues, Record};

use super::Tuning::{Defaults, Fixed};
use super::{Model, Noise, model, put, record, trial};

/// What stands below and above the reference.
#[rustfmt::skip]
const LAYERS: [Model; 5] = [
    model("sse", "bare", Fixed, 120e3, 0.004, 2.4e3, 31e3, 1.5e3),
    model("websocket", "bare", Fixed, 118e3, 0.004, 2.3e3, 37e3, 1.2e3),
    model("long-poll", "bare", Fixed, 160e3, 0.009, 6.1e3, 30e3, 2.0e3),
    model("sse", "axum", Defaults, 341e3, 0.005, 7.9e3, 96e3, 48.5e3),
    model("websocket", "axum", Defaults, 325e3, 0.004, 8.5e3, 109e3, 50.1e3),
];

/// The synthetic record with the bare stack and a framework.
pub fn with_layers() -> Record {
    let mut record = record();
    record.run.servers.extend(LAYERS.iter().map(Model::label));
    let framework = record.run.servers.iter().filter(|s| s.stack == "axum");
    let framework: Vec<_> = framework.cloned().collect();
    record.run.one_tuning.extend(framework);
    let mut noise = Noise::new(20_260_102);
    let scenarios = record.run.scenarios.clone();
    for repetition in 1..=6 {
        for scenario in &scenarios {
            for model in &LAYERS {
                record.run.planned += 1;
                let number = record.run.planned;
                let made = trial(number, repetition, scenario, model, 1.0, &mut noise);
                record.trials.push(made);
            }
        }
    }
    record
}

/// Adds hardware counts to every trial, as a machine with counters would.
pub fn with_counters(mut record: Record) -> Record {
    record.run.environment.no_counters = None;
    for recorded in &mut record.trials {
        let usages = [
            &mut recorded.trial.server_usage,
            &mut recorded.trial.load_usage,
        ];
        for usage in usages.into_iter().flatten() {
            let user = usage.cost.cpu_ns;
            usage.cost.counters = Some(CounterValues {
                user_instructions: user,
                kernel_instructions: Some(user * 2),
                user_cycles: user,
                kernel_cycles: Some(user),
            });
        }
    }
    let arms = record.slices.iter_mut().flat_map(|t| &mut t.arms);
    for slice in arms.flat_map(|arm| &mut arm.slices) {
        let counted = |cpu: u64| CounterValues {
            user_instructions: cpu / 1000 * 1000,
            kernel_instructions: Some(cpu / 1000 * 2000),
            user_cycles: cpu,
            kernel_cycles: Some(cpu),
        };
        slice.server_counters = Some(counted(slice.server_cpu_ns));
        slice.load_counters = Some(counted(slice.load_cpu_ns));
    }
    record
}

/// Figures at the ends of what can be recorded: the quickest and the slowest, memory given back, a long name.
pub fn extreme(mut record: Record) -> Record {
    let long = "a-stack-with-a-very-long-name";
    let last = record.run.servers.len() - 1;
    let renamed = record.run.servers[last].clone();
    record.run.servers[last].stack = long.into();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        if trial.server == renamed {
            trial.server.stack = long.into();
            for histogram in recorded.histograms.values_mut() {
                put(histogram, histogram::HIGHEST as f64);
                histogram
                    .record_n(histogram::HIGHEST, histogram.len())
                    .expect("in range");
            }
        }
        if trial.server.stack == "floor" {
            for histogram in recorded.histograms.values_mut() {
                histogram
                    .record_n(1, histogram.len() * 2)
                    .expect("in range");
            }
        }
        let usages = [&mut trial.server_usage, &mut trial.load_usage];
        for usage in usages.into_iter().flatten() {
            usage.cost.cpu_ns = usage
                .cost
                .cpu_ns
                .saturating_mul(u64::from(trial.trial % 7).pow(6));
            if let Some(memory) = &mut usage.memory {
                memory.anonymous_before = memory
                    .anonymous_connected
                    .map(|bytes| bytes * u64::from(1 + trial.trial % 3) / 2);
            }
        }
    }
    record
}
