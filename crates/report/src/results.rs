//! A record sorted by scenario, tuning and server, with the statistics every table and chart asks for.

mod arm;
mod group;
mod slices;

pub use arm::Arm;
pub use group::{Basis, Group, Ratio};
pub use slices::SliceRatios;

use pushbench_model::record::{Outcome, Record};

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

    /// Whether the kernel's congestion control is one that spaces segments out (bbr).
    #[must_use]
    pub fn is_paced(&self) -> bool {
        let settings = &self.record.run.environment.settings;
        let control = settings.get("net.ipv4.tcp_congestion_control");
        control.is_some_and(|control| control.trim() == "bbr")
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
