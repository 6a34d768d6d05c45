//! Figures held against theory, scenario by scenario.

use super::{escape, figure, table};
use crate::chart::{self, Palette};
use crate::results::Results;
use crate::theory::{INTRODUCTION, TITLE, dots, questions};

pub(super) fn section(results: &Results<'_>, palette: &Palette) -> String {
    let questions = questions(results);
    if questions.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<section id=\"theory\">\n<h2>{TITLE}</h2>\n<p class=\"note\">{INTRODUCTION}</p>\n"
    );
    if let Some(one) = chart::batches(&dots(results), palette) {
        out += &format!("<div class=\"charts\">\n{}</div>\n", figure::figure(&one));
    }
    for question in &questions {
        let (good, finding) = question.finding();
        let class = if good { "good" } else { "bad" };
        out += &format!(
            "<h3>{}</h3>\n<p class=\"finding {class}\">{}</p>\n",
            escape(question.scenario),
            escape(&finding)
        );
        // What agrees is for those who ask.
        let open = if good { "" } else { " open" };
        out += &format!("<details{open}><summary>Every figure with its formula</summary>\n");
        out += &table::plain(&question.table());
        out += "</details>\n";
    }
    out + "</section>\n"
}
