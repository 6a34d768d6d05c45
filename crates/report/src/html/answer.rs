//! The answer: a sentence and a table per scenario.

use super::{escape, evidence, table};
use crate::answer::{answer_table, same_stack, sentences};
use crate::chart::Palette;
use crate::results::{Group, Results};
use crate::texts;

pub(super) fn section(results: &Results<'_>, palette: &Palette) -> String {
    let mut out = String::from("<section id=\"answer\">\n<h2>The answer</h2>\n");
    if results.groups.is_empty() {
        out += "<p>The run has no scenario: there is nothing to answer.</p>\n";
    }
    for group in &results.groups {
        out += &one(results, group, palette);
    }
    out + "</section>\n"
}

fn one(results: &Results<'_>, group: &Group<'_>, palette: &Palette) -> String {
    let run = &results.record.run;
    let mut out = format!(
        "<article class=\"answer\">\n<h3><a href=\"#{}\">{}</a></h3>\n<p class=\"models\">{}</p>\n",
        evidence::id(group),
        escape(&group.scenario.name),
        escape(&group.scenario.models),
    );
    for (index, sentence) in sentences(group).iter().enumerate() {
        let class = if index == 0 { "verdict" } else { "further" };
        out += &format!("<p class=\"{class}\">{}</p>\n", escape(sentence));
    }
    let answers = answer_table(group, run.environment.no_counters.as_deref());
    out += &table::servers(&answers, group, palette);
    out += &format!(
        "<p class=\"note\">{}; {}.</p>\n",
        escape(&texts::parameters(group.scenario, run)),
        texts::loop_model(group.loop_model),
    );
    if let Some(pairs) = same_stack(group) {
        out += &format!(
            "<h4>Same stack, other transport</h4>\n<p class=\"note\">{}</p>\n",
            texts::SAME_STACK
        );
        out += &table::plain(&pairs);
    }
    out + "</article>\n"
}
