//! Sections about one thing each: what it does to a scenario, and what came of it.

use pushbench_model::peers::Peers;

use super::{escape, prose, table};
use crate::results::Results;
use crate::{cuts, peers, twins};

/// Scenarios beside the same ones but for one thing.
pub(super) fn one_thing(results: &Results<'_>) -> String {
    let mut out = String::new();
    for (subject, comparisons) in twins::sections(results) {
        out += &format!("\n## {}\n\n{}\n", subject.title, subject.introduction);
        for comparison in &comparisons {
            out += &format!("\n### {}\n\n", escape(&comparison.title()));
            if let Some(about) = comparison.about() {
                out += &format!("{}\n\n", escape(&about));
            }
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

/// Programs of others beside our own.
pub(super) fn peers(found: &Peers) -> String {
    let mut out = format!("\n## {}\n", peers::TITLE);
    for section in peers::sections(found) {
        out += &format!("\n### {}\n\n", escape(&section.title));
        for sentence in &section.about {
            out += &format!("{}\n\n", prose(sentence));
        }
        out += &table(&section.table);
        if let Some(goals) = &section.goals {
            out += &format!("\n#### {}\n\n{}.\n\n", peers::GOALS, escape(&goals.tally));
            out += &table(&goals.table);
        }
    }
    out += &format!("\n{}\n", escape(&peers::made_with(found)));
    out
}
