//! The trials in slices of a synthetic record.

use pushbench_model::record::{Outcome, SCHEMA};
use pushbench_model::slices::{Slice, SliceArm, SliceTrial};

use super::{MODELS, Noise};

const ROUNDS: usize = 40;

/// One trial per repetition of the servers of our own, in which the speed of the machine wanders from round to round.
pub(super) fn slices(after: u32, noise: &mut Noise) -> Vec<SliceTrial> {
    (1..=6)
        .map(|repetition| {
            let speeds: Vec<f64> = (0..ROUNDS).map(|_| (0.25 * noise.normal()).exp()).collect();
            let own = ["reference", "floor"];
            let models = MODELS.iter().filter(|model| own.contains(&model.stack));
            let arms = models.map(|model| SliceArm {
                server: model.label(),
                slices: speeds
                    .iter()
                    .map(|speed| {
                        let cpu = model.cpu * speed * (0.02 * noise.normal()).exp();
                        Slice {
                            place: 1,
                            deliveries: 1000,
                            wall_ns: (cpu * 3e3) as u64,
                            server_cpu_ns: (cpu * 1e3) as u64,
                            load_cpu_ns: (cpu * 0.5e3 + 1e6 * speed) as u64,
                            server_counters: None,
                            load_counters: None,
                        }
                    })
                    .collect(),
            });
            SliceTrial {
                schema: SCHEMA,
                trial: after + repetition,
                repetition,
                scenario: "fan-out-small".into(),
                outcome: Outcome::Valid,
                started: format!("2026-01-01T13:{repetition:02}:00Z"),
                wall_s: 4.0,
                seed: u64::from(after + repetition),
                subscribers: 100,
                messages: 10,
                arms: arms.collect(),
                steal: Some(0.001),
            }
        })
        .collect()
}
