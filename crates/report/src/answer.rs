//! The answer of a scenario under one tuning: verdicts, in a few sentences and tables.

mod defaults;
mod family;
mod layers;
pub(crate) mod objective;
mod same_stack;
mod statement;
mod table;
mod transports;
mod upstream;
mod words;

pub(crate) use defaults::defaults_cost;
pub use family::{Compared, Verdicts};
pub(crate) use same_stack::same_stack;
pub use statement::{Extremes, Finding, Statement};
pub(crate) use table::{answer_table, headline, times_floor};
pub(crate) use words::ratio_in_short;

use pushbench_model::record::{Blame, Outcome};

use crate::results::Group;

/// The answer in sentences: who keeps the objective, if there is one, what the transport alone costs and what software adds to it, then lowest against highest of all servers for each figure, what it takes to say a message where subscribers speak,
/// then what was left aside.
#[must_use]
pub fn sentences(group: &Group<'_>, verdicts: &Verdicts) -> Vec<String> {
    let refused = group
        .refusal
        .as_ref()
        .map(|why| format!("No verdict: {why}. The figures stand, side by side."));
    let statements = statements(group, verdicts);
    let aside = statements.first().and_then(Statement::left_aside);
    objective::sentence(group)
        .into_iter()
        .chain(refused)
        .chain(layers::sentences(group, verdicts))
        .chain(statements.iter().map(Statement::sentence))
        .chain(aside)
        .chain(upstream::sentence(group))
        .chain(left_out(group))
        .collect()
}

/// Whose figures are those of its better trials.
fn left_out(group: &Group<'_>) -> Option<String> {
    let servers_fault = |outcome: &Outcome| match outcome {
        Outcome::Valid => false,
        Outcome::Invalid { reasons } => reasons.iter().any(|reason| reason.side == Blame::Server),
        Outcome::Failed { .. } => true,
    };
    let mut named = group.arms.iter().filter_map(|arm| {
        let faults = arm
            .unused
            .iter()
            .filter(|t| servers_fault(&t.trial.outcome));
        let (faults, all) = (faults.count(), arm.unused.len() + arm.valid.len());
        (faults > 0).then(|| format!("{} ({faults} of {all})", arm.label()))
    });
    let first = named.next()?;
    let names = std::iter::once(first)
        .chain(named)
        .collect::<Vec<_>>()
        .join(", ");
    Some(format!(
        "Trials in which the server lost messages, refused connections or failed enter no figure: {names}. What is said \
         of it rests on its better trials."
    ))
}

/// The statements about all servers of a scenario, the main one first.
#[must_use]
pub fn statements(group: &Group<'_>, verdicts: &Verdicts) -> Vec<Statement> {
    let [main, further @ ..] = family::main_figures(group);
    let mut statements = vec![Statement::of(group, verdicts, main)];
    // The further figures are only worth a sentence when there is something to compare.
    statements.extend(
        further
            .into_iter()
            .filter(|&metric| group.has(metric))
            .map(|metric| Statement::of(group, verdicts, metric))
            .filter(|statement| statement.finding.is_comparison()),
    );
    statements
}
