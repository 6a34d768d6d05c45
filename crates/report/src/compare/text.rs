//! A comparison in short, for a terminal.

use super::{Compared, tables, words};
use crate::table::Table;

/// What a person sees in a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Who against whom, and what came out.
    pub headline: Vec<String>,
    /// Tables under their headings.
    pub sections: Vec<Section>,
    /// What a reader must know before believing it, each a sentence.
    pub notices: Vec<String>,
}

/// A heading with what stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Table, unless it would be empty.
    pub table: Option<Table>,
}

/// `compared` for a terminal.
#[must_use]
pub fn text(compared: &Compared<'_>) -> Text {
    let mut headline = vec![format!("{}.", words::title(compared))];
    headline.push(words::headline(compared));
    let mut sections = Vec::new();
    let mut section = |title: String, table: Table| {
        let table = Some(table).filter(|table| !table.rows.is_empty());
        sections.push(Section { title, table });
    };
    for gate in &compared.gates {
        section(words::gate(gate), tables::checks(compared, gate, false));
    }
    for (name, table) in tables::by_scenario_in_halves(compared) {
        section(name, table);
    }
    if let Some(floor) = tables::floor(compared) {
        section("How much the floor moved".into(), floor);
    }
    if let Some(facts) = tables::facts(compared) {
        section("Machines and builds differ".into(), facts);
    }
    for (name, table) in tables::unused(compared) {
        section(format!("Trials of {name} that enter no figure"), table);
    }
    let mut notices = words::notices(compared);
    notices.push(tables::LEGEND.into());
    Text {
        headline,
        sections,
        notices,
    }
}
