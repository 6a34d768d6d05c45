//! The answer of a scenario: one table and a few sentences.

mod pairs;
mod statement;
mod table;
mod transports;

pub(crate) use pairs::same_stack;
pub use statement::{Finding, Statement};
pub(crate) use table::{answer_table, headline, times_floor};

use crate::metric::{Metric, Side};
use crate::results::Group;

/// The answer in sentences: what the transport alone costs, then lowest against highest of all servers for each figure,
/// then what was left aside.
#[must_use]
pub fn sentences(group: &Group<'_>) -> Vec<String> {
    let transport = [headline(group), Metric::Cpu(Side::Server)]
        .into_iter()
        .filter(|&metric| group.has(metric))
        .filter_map(|metric| transports::on_the_same_stack(group, metric));
    let statements = statements(group);
    let aside = statements.first().and_then(Statement::left_aside);
    transport
        .chain(statements.iter().map(Statement::sentence))
        .chain(aside)
        .collect()
}

/// The statements of a scenario, the main one first.
#[must_use]
pub fn statements(group: &Group<'_>) -> Vec<Statement> {
    let asked = [headline(group), Metric::Cpu(Side::Server), Metric::Bytes];
    let mut statements = vec![Statement::of(group, asked[0])];
    // The further figures are only worth a sentence when there is something to compare.
    statements.extend(
        asked[1..]
            .iter()
            .filter(|&&metric| group.has(metric))
            .map(|&metric| Statement::of(group, metric))
            .filter(|statement| statement.finding.is_comparison()),
    );
    statements
}
