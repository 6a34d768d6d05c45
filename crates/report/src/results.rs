//! A record sorted by scenario, tuning and server, with the statistics every table and chart asks for.

mod arm;
mod group;
mod slices;

pub use arm::Arm;
pub use group::{Basis, Group, Ratio};
pub use slices::SliceRatios;

use pushbench_model::link::Congestion;
use pushbench_model::record::{Outcome, Record};
use pushbench_model::scenario::Scenario;

/// The stack whose servers do the least a server can do.
pub(crate) const FLOOR: &str = "floor";

/// Everything a report shows, sorted.
#[derive(Debug)]
pub struct Results<'a> {
    /// Where it comes from.
    pub record: &'a Record,
    /// One per scenario, loop model and tuning: figures of different ones never share a table. Those of one scenario
    /// and loop model are neighbours.
    pub groups: Vec<Group<'a>>,
}

impl<'a> Results<'a> {
    /// Sorts `record`.
    #[must_use]
    pub fn new(record: &'a Record) -> Self {
        let scenarios = record.run.scenarios.iter();
        // Trials of a search have a rate each: they are no repetitions of one another.
        let scenarios = scenarios.filter(|_| record.search.is_none());
        let groups = scenarios.flat_map(|scenario| group::groups(record, scenario));
        Self {
            record,
            groups: groups.collect(),
        }
    }

    /// The groups of one scenario and loop model together: one per tuning.
    pub fn questions(&self) -> impl Iterator<Item = &[Group<'a>]> {
        self.groups
            .chunk_by(|a, b| a.scenario.name == b.scenario.name && a.loop_model == b.loop_model)
    }

    /// Whether senders space segments out in a scenario: by the congestion control of its link, or the machine's (bbr).
    #[must_use]
    pub fn is_paced(&self, scenario: &Scenario) -> bool {
        let congestion = scenario.link.and_then(|link| link.congestion);
        congestion.map_or_else(|| self.machine_paces(), Congestion::paces)
    }

    /// Whether they do where no link says what they use.
    fn machine_paces(&self) -> bool {
        let settings = &self.record.run.environment.settings;
        let control = settings.get("net.ipv4.tcp_congestion_control");
        let control = control.and_then(|control| control.trim().parse().ok());
        control.is_some_and(Congestion::paces)
    }

    /// Whether they do anywhere in the record.
    #[must_use]
    pub fn any_paced(&self) -> bool {
        match &self.record.run.scenarios[..] {
            [] => self.machine_paces(),
            scenarios => scenarios.iter().any(|scenario| self.is_paced(scenario)),
        }
    }

    /// Trials that are valid, invalid and failed; those in slices too.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count =
            |wanted: fn(&Outcome) -> bool| outcomes(self.record).filter(|o| wanted(o)).count();
        (
            count(Outcome::is_valid),
            count(|o| matches!(o, Outcome::Invalid { .. })),
            count(|o| matches!(o, Outcome::Failed { .. })),
        )
    }
}

/// How every trial ended, those in slices too.
pub(crate) fn outcomes(record: &Record) -> impl Iterator<Item = &Outcome> {
    let whole = record.trials.iter().map(|t| &t.trial.outcome);
    whole.chain(record.slices.iter().map(|t| &t.outcome))
}
