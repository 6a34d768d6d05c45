//! A record sorted by scenario and server, with the statistics every table and chart asks for.

use std::collections::BTreeMap;

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{LoopModel, Publisher};
use pushbench_model::record::{Outcome, Record, RecordedTrial, ServerLabel};
use pushbench_model::scenario::{Scenario, Workload};

use crate::metric::{Metric, Rank, Series, Side, Space, lost_of};
use pushbench_stats::{Estimate, Percentile, estimate, merge, paired_ratio, percentile};

/// The stack whose servers do the least a server can do.
pub(crate) const FLOOR: &str = "floor";

/// Everything a report shows, sorted.
#[derive(Debug)]
pub struct Results<'a> {
    /// Where it comes from.
    pub record: &'a Record,
    /// One per scenario and loop model: open-loop and closed-loop figures never share a table.
    pub groups: Vec<Group<'a>>,
}

/// The trials of one scenario under one loop model.
#[derive(Debug)]
pub struct Group<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Whether load waited for results.
    pub loop_model: LoopModel,
    /// Whether times on this machine are indicative only.
    pub indicative: bool,
    /// Which instructions the trials of the whole record have in common.
    pub space: Space,
    /// One per server, in the order of the run.
    pub arms: Vec<Arm<'a>>,
}

/// The trials of one server in a group.
#[derive(Debug)]
pub struct Arm<'a> {
    /// The server.
    pub server: &'a ServerLabel,
    /// Trials whose figures are used, by repetition.
    pub valid: Vec<&'a RecordedTrial>,
    /// Trials that ended otherwise.
    pub unused: Vec<&'a RecordedTrial>,
    merged: BTreeMap<&'static str, (Histogram, u64)>,
}

impl<'a> Results<'a> {
    /// Sorts `record`.
    #[must_use]
    pub fn new(record: &'a Record) -> Self {
        let groups = record
            .run
            .scenarios
            .iter()
            // Trials of a search have a rate each: they are no repetitions of one another.
            .filter(|_| record.search.is_none())
            .flat_map(|scenario| groups(record, scenario))
            .collect();
        Self { record, groups }
    }

    /// Trials that are valid, invalid and failed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Outcome) -> bool| {
            let trials = self.record.trials.iter();
            trials.filter(|t| wanted(&t.trial.outcome)).count()
        };
        (
            count(Outcome::is_valid),
            count(|o| matches!(o, Outcome::Invalid { .. })),
            count(|o| matches!(o, Outcome::Failed { .. })),
        )
    }
}

/// Why times on the machine of `record` are indicative only, if they are.
#[must_use]
pub fn indicative_because(record: &Record) -> Option<String> {
    let environment = &record.run.environment;
    let cores = environment.cores.len();
    let few = (cores <= 2).then(|| match cores {
        0 => "the number of processors is not known".to_owned(),
        1 => "server and load share the one processor of this machine".to_owned(),
        n => format!("the machine has only {n} processors for server, load and kernel"),
    });
    let guest = environment.hypervisor.as_deref().map(|name| {
        let name = match name {
            "" | "unknown" => String::new(),
            name => format!(" ({name})"),
        };
        format!("it is a virtual machine{name}, whose host may take time away")
    });
    match (few, guest) {
        (None, None) => None,
        (few, guest) => Some(
            [few, guest]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("; "),
        ),
    }
}

fn groups<'a>(record: &'a Record, scenario: &'a Scenario) -> Vec<Group<'a>> {
    let trials: Vec<&RecordedTrial> = record
        .trials
        .iter()
        .filter(|t| t.trial.scenario == scenario.name)
        .collect();
    let by_design = match scenario.workload {
        Workload::FanOut(_) => LoopModel::Open,
        Workload::Connect(_) => LoopModel::Closed,
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
    let mut servers: Vec<&ServerLabel> = record.run.servers.iter().collect();
    for trial in &trials {
        if !servers.contains(&&trial.trial.server) {
            servers.push(&trial.trial.server);
        }
    }
    let indicative = indicative_because(record).is_some();
    let space = Space::of(record);
    let arm = |server: &'a ServerLabel, model| {
        let mine = trials
            .iter()
            .filter(|t| t.trial.server == *server && model_of(t) == model);
        Arm::new(server, mine.copied())
    };
    models
        .into_iter()
        .map(|loop_model| Group {
            scenario,
            loop_model,
            indicative,
            space,
            arms: servers.iter().map(|&s| arm(s, loop_model)).collect(),
        })
        .collect()
}

impl<'a> Group<'a> {
    /// The floor, if it takes part.
    #[must_use]
    pub fn floor(&self) -> Option<&Arm<'a>> {
        self.arms.iter().find(|arm| arm.is_floor())
    }

    /// The unit of work: `delivery` or `connection`.
    #[must_use]
    pub fn work(&self) -> &'static str {
        match self.scenario.workload {
            Workload::FanOut(_) => "delivery",
            Workload::Connect(_) => "connection",
        }
    }

    /// The histogram that answers "how long did it take" here.
    #[must_use]
    pub fn main_series(&self) -> Series {
        match self.scenario.workload {
            Workload::FanOut(_) => Series::Response,
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
}

impl<'a> Arm<'a> {
    fn new(server: &'a ServerLabel, trials: impl Iterator<Item = &'a RecordedTrial>) -> Self {
        let (mut valid, unused): (Vec<_>, Vec<_>) =
            trials.partition(|t| t.trial.outcome.is_valid() && t.trial.measurement.is_some());
        valid.sort_by_key(|t| t.trial.repetition);
        let mut merged = BTreeMap::new();
        for series in Series::ALL {
            let parts: Vec<_> = valid
                .iter()
                .filter_map(|t| t.histograms.get(series.key()))
                .collect();
            if !parts.is_empty() {
                let measured = valid.iter().filter_map(|t| t.trial.measurement.as_ref());
                let lost = measured.map(|m| lost_of(series, m)).sum();
                merged.insert(series.key(), (merge(parts), lost));
            }
        }
        Self {
            server,
            valid,
            unused,
            merged,
        }
    }

    /// Whether this is the floor.
    #[must_use]
    pub fn is_floor(&self) -> bool {
        self.server.stack == FLOOR
    }

    /// `transport/stack`.
    #[must_use]
    pub fn label(&self) -> String {
        self.server.to_string()
    }

    /// `metric` of every valid trial that has it, by repetition.
    #[must_use]
    pub fn by_repetition(&self, metric: Metric) -> Vec<(u32, f64)> {
        self.valid
            .iter()
            .filter_map(|t| Some((t.trial.repetition, metric.of(t)?)))
            .collect()
    }

    /// Mean of `metric` over valid trials with its interval.
    #[must_use]
    pub fn estimate(&self, metric: Metric) -> Option<Estimate> {
        let values: Vec<f64> = self
            .by_repetition(metric)
            .into_iter()
            .map(|(_, v)| v)
            .collect();
        estimate(&values, metric.averaging())
    }

    /// `metric` as a multiple of `other`'s, paired by repetition.
    #[must_use]
    pub fn ratio_to(&self, other: &Self, metric: Metric) -> Option<Estimate> {
        let theirs: BTreeMap<u32, f64> = other.by_repetition(metric).into_iter().collect();
        let pairs: Vec<(f64, f64)> = self
            .by_repetition(metric)
            .into_iter()
            .filter_map(|(repetition, mine)| Some((mine, *theirs.get(&repetition)?)))
            .collect();
        paired_ratio(&pairs)
    }

    /// All samples of `series` over the valid trials.
    #[must_use]
    pub fn merged(&self, series: Series) -> Option<&Histogram> {
        self.merged
            .get(series.key())
            .map(|(histogram, _)| histogram)
    }

    /// All samples of `series` and how many more were lost.
    pub(crate) fn samples(&self, series: Series) -> Option<(&Histogram, u64)> {
        let (histogram, lost) = self.merged.get(series.key())?;
        Some((histogram, *lost))
    }

    /// A percentile of all samples of `series` together.
    #[must_use]
    pub fn percentile(&self, series: Series, rank: Rank) -> Percentile {
        match self.merged.get(series.key()) {
            Some((histogram, lost)) => percentile(histogram, *lost, rank.q),
            None => Percentile::TooFew { n: 0 },
        }
    }

    /// The figure that a table shows for `metric`: percentiles come from the merged histogram, everything else is the
    /// mean over trials; the interval is over trials either way.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<Estimate> {
        let over_trials = self.estimate(metric);
        let Metric::Percentile(series, rank) = metric else {
            return over_trials;
        };
        let value = self.percentile(series, rank).value()?;
        Some(Estimate {
            value,
            interval: over_trials.and_then(|e| e.interval),
            n: over_trials.map_or(0, |e| e.n),
        })
    }

    /// Who published: the server by itself, or the load process through it. `None` when no trial measured.
    #[must_use]
    pub fn publisher(&self) -> Option<Publisher> {
        let mut trials = self.valid.iter().chain(&self.unused);
        trials.find_map(|t| Some(t.trial.measurement.as_ref()?.publisher))
    }

    /// Trials that are invalid and that failed.
    #[must_use]
    pub fn left_out(&self) -> (usize, usize) {
        let failed = |t: &&&RecordedTrial| matches!(t.trial.outcome, Outcome::Failed { .. });
        let failed = self.unused.iter().filter(failed).count();
        (self.unused.len() - failed, failed)
    }

    /// Messages lost, over every trial that measured, the invalid ones too.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sum(|m| m.sequence.lost)
    }

    /// Connections that could not be made, over every trial that measured.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.sum(|m| m.connections.failed)
    }

    fn sum(&self, of: fn(&pushbench_model::measurement::Measurement) -> u64) -> u64 {
        let trials = self.valid.iter().chain(&self.unused);
        trials
            .filter_map(|t| t.trial.measurement.as_ref())
            .map(of)
            .sum()
    }
}
