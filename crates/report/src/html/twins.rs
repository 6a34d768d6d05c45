//! Scenarios beside the same ones but for one thing.

use super::{escape, table};
use crate::results::Results;
use crate::twins::{GOALS, sections};

pub(super) fn all(results: &Results<'_>) -> String {
    let mut out = String::new();
    for (subject, comparisons) in sections(results) {
        out += &format!(
            "<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n",
            subject.id, subject.title, subject.introduction
        );
        for comparison in &comparisons {
            out += &format!("<h3>{}</h3>\n", escape(&comparison.title()));
            if let Some(about) = comparison.about() {
                out += &format!("<p>{}</p>\n", escape(&about));
            }
            out += &table::plain(&comparison.table());
            if let (Some(tally), Some(goals)) = (comparison.tally(), comparison.goals()) {
                out += &format!("<h4>{GOALS}</h4>\n<p>{}.</p>\n", escape(&tally));
                out += &table::plain(&goals);
            }
        }
        out += "</section>\n";
    }
    out
}
