//! The order of trials: blocks that contain every scenario and server once, and every fan-out in slices, each block
//! shuffled by itself.
//!
//! Whatever drifts over a run (temperature, neighbours, page cache) then meets all servers alike; running one server
//! after the other would hand the drift to one of them (method rule 14).

mod length;

use std::sync::Arc;
use std::time::Duration;

use pushbench_model::measurement::Publisher;
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_model::tuning::Tuning;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use crate::servers::Server;
use crate::slices::SliceConfig;

pub(crate) use length::{budget, connecting, estimate};

/// A trial that is to be run.
#[derive(Clone, Debug)]
pub struct PlannedTrial {
    /// Number in the run, from 1.
    pub number: u32,
    /// Block, from 1.
    pub repetition: u32,
    /// What to run.
    pub scenario: Arc<Scenario>,
    /// Against which server.
    pub server: Arc<Server>,
    /// How much of it.
    pub profile: Profile,
    /// Seed of schedule and payload: the same for every server of a scenario within a block.
    pub seed: u64,
    /// How long it will take, roughly.
    pub estimate: Duration,
    /// The rate that replaced the scenario's, where a search chose it; messages per second.
    pub rate: Option<f64>,
}

/// All trials of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The trials of one server each, in order.
    pub trials: Vec<PlannedTrial>,
    /// The trials in slices, in order; their numbers say where between the others.
    pub slices: Vec<SliceConfig>,
}

/// One trial of a plan.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Of one server.
    Trial(&'a PlannedTrial),
    /// Of several servers, in slices.
    Slices(&'a SliceConfig),
}

impl PlannedTrial {
    /// Who publishes: as the server says, unless subscribers speak.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        if self.scenario.is_two_way() {
            Publisher::Load
        } else {
            self.server.publisher
        }
    }
}

impl Step<'_> {
    /// Number in the run, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        match self {
            Self::Trial(trial) => trial.number,
            Self::Slices(slices) => slices.number,
        }
    }

    /// How long it will take, roughly.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        match self {
            Self::Trial(trial) => trial.estimate,
            Self::Slices(slices) => slices.estimate(),
        }
    }
}

impl Plan {
    /// Plans `repetitions` blocks of every scenario against every server that can hold its connections. The same
    /// arguments give the same plan.
    #[must_use]
    pub fn new(
        scenarios: &[Scenario],
        servers: &[Server],
        profile: Profile,
        repetitions: u32,
        seed: u64,
    ) -> Self {
        let none = |_: &Arc<Scenario>, _: &[Arc<Server>]| Vec::new();
        Self::of_blocks(scenarios, servers, profile, repetitions, seed, none)
    }

    /// The same, with trials in slices: one for every fan-out, block and tuning of which there are at least two servers
    /// of this suite. Over a link there are none: turns of a few milliseconds do not last a round trip.
    #[must_use]
    pub fn with_slices(
        scenarios: &[Scenario],
        servers: &[Server],
        profile: Profile,
        repetitions: u32,
        seed: u64,
    ) -> Self {
        let slices = |scenario: &Arc<Scenario>, servers: &[Arc<Server>]| {
            if scenario.link.is_some() {
                return Vec::new();
            }
            let groups = sliced_together(servers).into_iter();
            groups
                .filter_map(|group| SliceConfig::new(scenario, group, profile, 0))
                .collect()
        };
        Self::of_blocks(scenarios, servers, profile, repetitions, seed, slices)
    }

    fn of_blocks(
        scenarios: &[Scenario],
        servers: &[Server],
        profile: Profile,
        repetitions: u32,
        seed: u64,
        slices: impl Fn(&Arc<Scenario>, &[Arc<Server>]) -> Vec<SliceConfig>,
    ) -> Self {
        enum Item {
            Trial(Arc<Scenario>, Arc<Server>),
            Slices(SliceConfig),
        }
        let scenarios: Vec<_> = scenarios.iter().cloned().map(Arc::new).collect();
        let servers: Vec<_> = servers.iter().cloned().map(Arc::new).collect();
        let mut order = Pcg64Mcg::seed_from_u64(seed);
        let mut plan = Self {
            trials: Vec::new(),
            slices: Vec::new(),
        };
        for repetition in 1..=repetitions {
            let mut block = Vec::new();
            for scenario in &scenarios {
                let can = |server: &&Arc<Server>| {
                    scenario.asks_about(&server.label.transport)
                        && server.left_out_by(scenario).is_none()
                };
                let servers: Vec<_> = servers.iter().filter(can).cloned().collect();
                for server in &servers {
                    block.push(Item::Trial(Arc::clone(scenario), Arc::clone(server)));
                }
                let slices = slices(scenario, &servers);
                block.extend(slices.into_iter().map(Item::Slices));
            }
            block.shuffle(&mut order);
            for item in block {
                let number = plan.len() + 1;
                match item {
                    Item::Trial(scenario, server) => plan.trials.push(PlannedTrial {
                        number,
                        repetition,
                        profile,
                        seed: trial_seed(seed, repetition, scenario.family()),
                        estimate: estimate(&scenario, profile),
                        scenario,
                        server,
                        rate: None,
                    }),
                    Item::Slices(config) => plan.slices.push(SliceConfig {
                        number,
                        repetition,
                        seed: trial_seed(seed, repetition, config.scenario.family()),
                        ..config
                    }),
                }
            }
        }
        plan
    }

    /// Trials of both kinds.
    #[must_use]
    pub fn len(&self) -> u32 {
        (self.trials.len() + self.slices.len()) as u32
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Trials of both kinds, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let trials = self.trials.iter().map(Step::Trial);
        let mut steps: Vec<_> = trials.chain(self.slices.iter().map(Step::Slices)).collect();
        steps.sort_by_key(Step::number);
        steps
    }

    /// How long the whole run will take, roughly.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        self.steps().iter().map(Step::estimate).sum()
    }
}

/// Whose messages wait for the next tick of a client's clock: a slice of them would be waiting, and what it costs would be
/// the polls meanwhile.
const BY_CLOCK: &str = "short-poll";

/// The servers that are compared in slices: those of this suite, whose threads are known, of one tuning, and not asked by
/// the clock. One alone has nobody to take turns with.
fn sliced_together(servers: &[Arc<Server>]) -> Vec<Vec<Arc<Server>>> {
    let own = |server: &Server| {
        server.publisher == Publisher::Server
            && server.label.transport != BY_CLOCK
            && server.is_this_program()
    };
    let groups = [false, true].map(|defaults| {
        let members = servers
            .iter()
            .filter(|server| own(server) && (server.label.tuning == Tuning::Defaults) == defaults);
        members.cloned().collect::<Vec<_>>()
    });
    groups.into_iter().filter(|group| group.len() > 1).collect()
}

/// Depends on the scenario's name and not on its place, so that running fewer scenarios leaves the seeds as they were;
/// over several links the same messages are sent.
pub(crate) fn trial_seed(run_seed: u64, repetition: u32, scenario: &str) -> u64 {
    // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
    let parts = [
        &run_seed.to_le_bytes()[..],
        &repetition.to_le_bytes(),
        scenario.as_bytes(),
    ];
    let hash = parts
        .iter()
        .copied()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    Pcg64Mcg::seed_from_u64(hash).next_u64()
}

#[cfg(test)]
mod tests;
