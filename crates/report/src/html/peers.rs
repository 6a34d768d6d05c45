//! Programs of others beside our own.

use pushbench_model::record::Record;

use super::{escape, prose, table};
use crate::peers::{TITLE, made_with, sections};

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
    }
    out += &format!("<p class=\"note\">{}</p>\n", escape(&made_with(peers)));
    out + "</section>\n"
}
