//! The report in short, for a terminal.

use pushbench_model::record::Record;

use crate::answer::{answer_table, same_stack, sentences};
use crate::notices;
use crate::results::Results;
use crate::saturation::Saturation;
use crate::table::Table;

/// What a person sees at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One per scenario (and loop model).
    pub scenarios: Vec<ScenarioSummary>,
    /// What a reader must know about the run as a whole, each a sentence: interruption, unused trials, absent servers,
    /// limits of the machine.
    pub notices: Vec<String>,
}

/// One scenario in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioSummary {
    /// Name of the scenario.
    pub name: String,
    /// The answer, in one sentence.
    pub answer: String,
    /// Further sentences: processor time, bytes, what was left aside.
    pub further: Vec<String>,
    /// One row per server.
    pub table: Table,
    /// Ratios of transports on the same stack; absent where no stack speaks two.
    pub same_stack: Option<Table>,
}

/// Summarises `record`.
#[must_use]
pub fn summary(record: &Record) -> Summary {
    let results = Results::new(record);
    let no_counters = record.run.environment.no_counters.as_deref();
    let scenarios = results.groups.iter().map(|group| {
        let mut sentences = sentences(group).into_iter();
        ScenarioSummary {
            name: group.scenario.name.clone(),
            answer: sentences.next().unwrap_or_default(),
            further: sentences.collect(),
            table: answer_table(group, no_counters),
            same_stack: same_stack(group),
        }
    });
    let search = Saturation::of(record).map(|saturation| {
        let mut sentences = saturation.sentences().into_iter();
        ScenarioSummary {
            name: saturation.search.scenario.clone(),
            answer: sentences.next().unwrap_or_default(),
            further: sentences.collect(),
            table: saturation.results(),
            same_stack: None,
        }
    });
    Summary {
        scenarios: search.into_iter().chain(scenarios).collect(),
        notices: notices::all(&results),
    }
}
