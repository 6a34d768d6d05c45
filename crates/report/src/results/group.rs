//! The trials of one scenario under one loop model and one tuning.

use std::collections::BTreeMap;

use pushbench_model::measurement::{LoopModel, Publisher};
use pushbench_model::record::{Record, RecordedTrial, ServerLabel};
use pushbench_model::scenario::{Arriving, Pace, Scenario, Workload};
use pushbench_model::slices::SliceTrial;
use pushbench_model::tuning::Tuning;
use pushbench_stats::{Comparison, Estimate, FEWEST_PAIRS, paired_ratio};

use super::{Arm, SliceRatios};
use crate::metric::{Metric, Series, Side, Space};
use crate::tier::Tier;

/// The trials of one scenario under one loop model and one tuning. Servers without a choice of tuning stand in both.
#[derive(Debug)]
pub struct Group<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Whether load waited for results.
    pub loop_model: LoopModel,
    /// How the libraries are set; [`Tuning::Fixed`] when no server of the record has a choice.
    pub tuning: Tuning,
    /// How far the machine can be trusted.
    pub tier: Tier,
    /// Why no verdict may be given, if so.
    pub refusal: Option<String>,
    /// Which instructions the trials of the whole record have in common.
    pub space: Space,
    /// One per server, in the order of the run.
    pub arms: Vec<Arm<'a>>,
    /// Valid trials in slices of this scenario.
    pub slices: Vec<&'a SliceTrial>,
}

/// What a ratio rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Whole trials, paired by repetition.
    Repetitions,
    /// Neighbouring slices, one median per trial.
    Slices,
}

/// A ratio with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// First over second.
    pub estimate: Estimate,
    /// What it rests on.
    pub basis: Basis,
}

pub(super) fn groups<'a>(record: &'a Record, scenario: &'a Scenario) -> Vec<Group<'a>> {
    let trials: Vec<&RecordedTrial> = record
        .trials
        .iter()
        .filter(|t| t.trial.scenario == scenario.name)
        .collect();
    let by_design = match scenario.workload {
        Workload::FanOut(_) | Workload::Tokens(_) => LoopModel::Open,
        Workload::Connect(connect) => match connect.pace {
            Pace::InFlight(_) => LoopModel::Closed,
            Pace::Arriving(_) => LoopModel::Open,
        },
    };
    let model_of = |trial: &RecordedTrial| {
        let measurement = trial.trial.measurement.as_ref();
        measurement.map_or(by_design, |m| m.loop_model)
    };
    let mut models: Vec<LoopModel> = vec![by_design];
    for other in [LoopModel::Open, LoopModel::Closed] {
        if other != by_design && trials.iter().any(|t| model_of(t) == other) {
            models.push(other);
        }
    }
    // Who cannot take part in a scenario, or is not asked about, has no row in it.
    let left_out = |server: &ServerLabel| {
        let mut left_out = record.run.left_out.iter();
        left_out.any(|one| one.server == *server && one.scenario.as_ref() == Some(&scenario.name))
    };
    let takes_part =
        |server: &&ServerLabel| scenario.asks_about(&server.transport) && !left_out(server);
    let mut servers: Vec<&ServerLabel> = record.run.servers.iter().filter(takes_part).collect();
    for trial in &trials {
        if !servers.contains(&&trial.trial.server) {
            servers.push(&trial.trial.server);
        }
    }
    let tunings = tunings(&servers);
    let refusal = one_sided(&servers, &record.run.one_tuning, &trials);
    let slices: Vec<&SliceTrial> = record
        .slices
        .iter()
        .filter(|t| t.scenario == scenario.name && t.outcome.is_valid())
        .collect();
    let arm = |server: &'a ServerLabel, model| {
        let mine = trials
            .iter()
            .filter(|t| t.trial.server == *server && model_of(t) == model);
        Arm::new(server, mine.copied())
    };
    let mut groups = Vec::new();
    for loop_model in models {
        for &tuning in &tunings {
            let stands = |s: &&&ServerLabel| [tuning, Tuning::Fixed].contains(&s.tuning);
            groups.push(Group {
                scenario,
                loop_model,
                tuning,
                tier: Tier::of(&record.run),
                refusal: refusal.clone(),
                space: Space::of(record),
                arms: servers
                    .iter()
                    .filter(stands)
                    .map(|&s| arm(s, loop_model))
                    .collect(),
                slices: slices.clone(),
            });
        }
    }
    groups
}

/// The tunings that some server has, equalised first.
fn tunings(servers: &[&ServerLabel]) -> Vec<Tuning> {
    let mut tunings = Tuning::BOTH.to_vec();
    tunings.retain(|&tuning| servers.iter().any(|server| server.tuning == tuning));
    if tunings.is_empty() {
        tunings.push(Tuning::Fixed);
    }
    tunings
}

/// Why a scenario gets no verdict: a server that has two tunings was measured in only one of them.
fn one_sided(
    servers: &[&ServerLabel],
    one_tuning: &[ServerLabel],
    trials: &[&RecordedTrial],
) -> Option<String> {
    let measured = |server: &ServerLabel| {
        let usable =
            |t: &&RecordedTrial| t.trial.outcome.is_valid() && t.trial.measurement.is_some();
        trials
            .iter()
            .any(|t| t.trial.server == *server && usable(t))
    };
    let mut missing: BTreeMap<Tuning, Vec<String>> = BTreeMap::new();
    let has_choice = |s: &&&ServerLabel| s.tuning != Tuning::Fixed && !one_tuning.contains(s);
    for server in servers.iter().filter(has_choice) {
        for tuning in Tuning::BOTH {
            let twin = ServerLabel {
                tuning,
                ..(*server).clone()
            };
            if measured(server) && !measured(&twin) {
                missing.entry(tuning).or_default().push(server.name());
            }
        }
    }
    let said: Vec<String> = missing
        .iter()
        .map(|(tuning, names)| format!("{tuning} was not measured for {}", names.join(", ")))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

impl<'a> Group<'a> {
    /// The floor, if it takes part.
    #[must_use]
    pub fn floor(&self) -> Option<&Arm<'a>> {
        self.arms.iter().find(|arm| arm.is_floor())
    }

    /// Memory that subscribers take on a side, by the name of what it is divided by.
    #[must_use]
    pub fn memory(&self, side: Side) -> Metric {
        if self.scenario.server.streams > 0 {
            Metric::MemoryPerSubscriber(side)
        } else {
            Metric::Memory(side)
        }
    }

    /// The unit of work: `delivery` or `connection`.
    #[must_use]
    pub fn work(&self) -> &'static str {
        match self.scenario.workload {
            Workload::FanOut(_) => "delivery",
            Workload::Connect(_) => "connection",
            Workload::Tokens(_) => "token",
        }
    }

    /// When connections come, where they come by a schedule.
    #[must_use]
    pub fn arriving(&self) -> Option<Arriving> {
        match self.scenario.workload {
            Workload::Connect(connect) => connect.arriving(),
            Workload::FanOut(_) | Workload::Tokens(_) => None,
        }
    }

    /// The histogram that answers "how long did it take" here.
    #[must_use]
    pub fn main_series(&self) -> Series {
        match self.scenario.workload {
            Workload::FanOut(_) | Workload::Tokens(_) => Series::Response,
            Workload::Connect(_) => Series::FirstMessage,
        }
    }

    /// Instructions of `side`, as all trials of the record have them.
    #[must_use]
    pub fn instructions(&self, side: Side) -> Metric {
        Metric::Instructions(side, self.space)
    }

    /// Whether some servers publish by themselves and others through a relay. In a connect workload everything is
    /// published before the measured phase, so it makes no difference there.
    #[must_use]
    pub fn is_published_differently(&self) -> bool {
        let has = |publisher| self.arms.iter().any(|a| a.publisher() == Some(publisher));
        let fan_out = matches!(self.scenario.workload, Workload::FanOut(_));
        fan_out && has(Publisher::Server) && has(Publisher::Load)
    }

    /// Whether a verdict on `metric` is an indication only.
    #[must_use]
    pub fn is_indicative(&self, metric: Metric) -> bool {
        self.tier.is_indicative(metric.is_time())
    }

    /// Whether any valid trial has `metric`.
    #[must_use]
    pub fn has(&self, metric: Metric) -> bool {
        self.arms
            .iter()
            .any(|arm| arm.valid.iter().any(|t| metric.of(t).is_some()))
    }

    /// Valid trials over all servers.
    #[must_use]
    pub fn valid(&self) -> usize {
        self.arms.iter().map(|arm| arm.valid.len()).sum()
    }

    /// `first` over `second` by slices.
    #[must_use]
    pub fn slice_ratios(&self, first: &Arm<'_>, second: &Arm<'_>, metric: Metric) -> SliceRatios {
        SliceRatios::of(&self.slices, first.server, second.server, metric)
    }

    /// What to compare of `first` and `second`: slices where there are enough trials of them to say something, else
    /// whole trials. Which of the two does not depend on what they say.
    fn basis(&self, first: &Arm<'_>, second: &Arm<'_>, metric: Metric) -> (Basis, Vec<(f64, f64)>) {
        let by_slices = self.slice_ratios(first, second, metric).pairs();
        if by_slices.len() >= FEWEST_PAIRS {
            (Basis::Slices, by_slices)
        } else {
            (Basis::Repetitions, first.pairs(second, metric))
        }
    }

    /// `metric` of `first` as a multiple of `second`'s.
    #[must_use]
    pub fn ratio(&self, first: &Arm<'_>, second: &Arm<'_>, metric: Metric) -> Option<Ratio> {
        let (basis, pairs) = self.basis(first, second, metric);
        let estimate = paired_ratio(&pairs)?;
        Some(Ratio { estimate, basis })
    }

    /// The same, to be judged against the margin of the scenario.
    #[must_use]
    pub fn comparison(
        &self,
        first: &Arm<'_>,
        second: &Arm<'_>,
        metric: Metric,
    ) -> (Basis, Option<Comparison>) {
        let (basis, pairs) = self.basis(first, second, metric);
        let margin = metric.margin(&self.scenario.margins);
        (basis, Comparison::of(&pairs, margin))
    }
}
