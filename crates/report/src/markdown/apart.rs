//! Sections about one thing each: what it does to a scenario, and what came of it.

use super::{escape, table};
use crate::results::Results;
use crate::{cuts, twins};

/// Scenarios beside the same ones but for one thing.
pub(super) fn one_thing(results: &Results<'_>) -> String {
    let mut out = String::new();
    for (subject, comparisons) in twins::sections(results) {
        out += &format!("\n## {}\n\n{}\n", subject.title, subject.introduction);
        for comparison in &comparisons {
            out += &format!("\n### {}\n\n", escape(&comparison.title()));
            out += &table(&comparison.table());
            if let (Some(tally), Some(goals)) = (comparison.tally(), comparison.goals()) {
                out += &format!("\n#### {}\n\n{}.\n\n", twins::GOALS, escape(&tally));
                out += &table(&goals);
            }
        }
    }
    out
}

/// What came of connections that were cut.
pub(super) fn cut(results: &Results<'_>) -> String {
    let tables = cuts::tables(results);
    if tables.is_empty() {
        return String::new();
    }
    let mut out = format!("\n## {}\n\n{}\n", cuts::TITLE, cuts::INTRODUCTION);
    for (scenario, counts) in &tables {
        out += &format!("\n### {}, over all cuts\n\n", escape(scenario));
        out += &table(counts);
    }
    out
}
