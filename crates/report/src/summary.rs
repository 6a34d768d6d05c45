//! The report in short, for a terminal.

use pushbench_model::record::Record;

use pushbench_model::tuning::Tuning;

use crate::answer::{Verdicts, answer_table, defaults_cost, objective, same_stack, sentences};
use crate::notices;
use crate::results::Results;
use crate::saturation::Saturation;
use crate::table::Table;
use crate::texts;

/// What a person sees at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One per scenario and tuning (and loop model).
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
    /// How the libraries are set; `Fixed` where no server has a choice.
    pub tuning: Tuning,
    /// The answer, in one sentence.
    pub answer: String,
    /// Further sentences: processor time, bytes, what was left aside.
    pub further: Vec<String>,
    /// Who keeps the objective, and what the scenario takes of a machine; absent where there is none.
    pub objective: Option<Table>,
    /// One row per server.
    pub table: Table,
    /// Ratios of transports on the same stack; absent where no stack speaks two.
    pub same_stack: Option<Table>,
    /// What the verdicts rest on, in a few sentences: trust tier, families, margins.
    pub rests_on: String,
    /// What the defaults cost, behind the last tuning of a scenario that was measured in both.
    pub defaults_cost: Option<Table>,
}

/// Summarises `record`.
#[must_use]
pub fn summary(record: &Record) -> Summary {
    let results = Results::new(record);
    let no_counters = record.run.environment.no_counters.as_deref();
    let mut scenarios = Vec::new();
    for question in results.questions() {
        scenarios.extend(question.iter().map(|group| {
            let verdicts = Verdicts::of(group);
            let mut sentences = sentences(group, &verdicts).into_iter();
            ScenarioSummary {
                name: group.scenario.name.clone(),
                tuning: group.tuning,
                answer: sentences.next().unwrap_or_default(),
                further: sentences.collect(),
                objective: objective::table(group),
                table: answer_table(group, no_counters),
                same_stack: same_stack(group, &verdicts),
                rests_on: texts::rests_on(group, &verdicts),
                defaults_cost: None,
            }
        }));
        if let Some(last) = scenarios.last_mut() {
            last.defaults_cost = defaults_cost(question);
        }
    }
    let search = Saturation::of(record).map(|saturation| {
        let mut sentences = saturation.sentences().into_iter();
        ScenarioSummary {
            name: saturation.search.scenario.clone(),
            tuning: Tuning::Fixed,
            answer: sentences.next().unwrap_or_default(),
            further: sentences.collect(),
            objective: None,
            table: saturation.results(),
            same_stack: None,
            rests_on: String::new(),
            defaults_cost: None,
        }
    });
    Summary {
        scenarios: search.into_iter().chain(scenarios).collect(),
        notices: notices::all(&results),
    }
}
