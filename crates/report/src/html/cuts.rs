//! What came of connections that were cut.

use super::{escape, table};
use crate::cuts::{INTRODUCTION, TITLE, tables};
use crate::results::Results;

pub(super) fn section(results: &Results<'_>) -> String {
    let tables = tables(results);
    if tables.is_empty() {
        return String::new();
    }
    let mut out =
        format!("<section id=\"cuts\">\n<h2>{TITLE}</h2>\n<p class=\"note\">{INTRODUCTION}</p>\n");
    for (scenario, counts) in &tables {
        out += &format!("<h3>{}</h3>\n", escape(scenario));
        out += &table::plain(counts);
    }
    out + "</section>\n"
}
