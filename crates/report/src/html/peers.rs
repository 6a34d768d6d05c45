//! Programs of others beside our own.

use pushbench_model::record::Record;

use super::{escape, prose, table};
use crate::peers::{GOALS, TITLE, made_with, sections};

/// Empty where the record holds no such comparison.
pub(super) fn section(record: &Record) -> String {
    let Some(peers) = &record.peers else {
        return String::new();
    };
    let mut out = format!("<section id=\"peers\">\n<h2>{TITLE}</h2>\n");
    for section in sections(peers) {
        out += &format!("<h3>{}</h3>\n", escape(&section.title));
        for sentence in &section.about {
            out += &format!("<p>{}</p>\n", prose(sentence));
        }
        out += &table::plain(&section.table);
        if let Some(goals) = &section.goals {
            out += &format!("<h4>{GOALS}</h4>\n<p>{}.</p>\n", escape(&goals.tally));
            out += &table::plain(&goals.table);
        }
    }
    out += &format!("<p class=\"note\">{}</p>\n", escape(&made_with(peers)));
    out + "</section>\n"
}
