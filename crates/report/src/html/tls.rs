//! Scenarios with TLS beside the same ones without.

use super::{escape, table};
use crate::results::Results;
use crate::tls::{INTRODUCTION, TITLE, comparisons};

pub(super) fn section(results: &Results<'_>) -> String {
    let comparisons = comparisons(results);
    if comparisons.is_empty() {
        return String::new();
    }
    let mut out =
        format!("<section id=\"tls\">\n<h2>{TITLE}</h2>\n<p class=\"note\">{INTRODUCTION}</p>\n");
    for comparison in &comparisons {
        out += &format!("<h3>{}</h3>\n", escape(&comparison.title()));
        out += &table::plain(&comparison.table());
    }
    out + "</section>\n"
}
