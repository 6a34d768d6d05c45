//! Figures held against theory, scenario by scenario.

use super::{escape, figure, table};
use crate::chart::{self, Palette};
use crate::results::Results;
use crate::theory::{INTRODUCTION, TITLE, dots, overheads, questions, trips};

pub(super) fn section(results: &Results<'_>, palette: &Palette) -> String {
    let questions = questions(results);
    if questions.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<section id=\"theory\">\n<h2>{TITLE}</h2>\n<p class=\"note\">{INTRODUCTION}</p>\n"
    );
    let figures = chart::trips(&trips(results), palette).into_iter();
    let figures = figures.chain(chart::overhead(&overheads(results), palette));
    let dots = dots(results);
    let figures = figures.chain(chart::batches(&dots, palette));
    let figures = figures.chain(chart::waits(&dots, palette));
    let charts: String = figures.map(|one| figure::figure(&one)).collect();
    if !charts.is_empty() {
        out += &format!("<div class=\"charts\">\n{charts}</div>\n");
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
