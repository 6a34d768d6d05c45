//! The answer: sentences and tables per scenario, one tuning under the other.

use super::{escape, evidence, prose, table};
use crate::answer::{Verdicts, answer_table, defaults_cost, objective, same_stack, sentences};
use crate::chart::Palette;
use crate::results::{Group, Results};
use crate::texts;

pub(super) fn section(results: &Results<'_>, palette: &Palette) -> String {
    let mut out = String::from("<section id=\"answer\">\n<h2>The answer</h2>\n");
    if results.groups.is_empty() {
        out += "<p>The run has no scenario: there is nothing to answer.</p>\n";
    }
    for question in results.questions() {
        out += &one(results, question, palette);
    }
    out + "</section>\n"
}

fn one(results: &Results<'_>, question: &[Group<'_>], palette: &Palette) -> String {
    let Some(first) = question.first() else {
        return String::new();
    };
    let run = &results.record.run;
    let mut out = format!(
        "<article class=\"answer\">\n<h3><a href=\"#{}\">{}</a></h3>\n<p class=\"models\">{}</p>\n\
         <p class=\"note\">{}; {}.</p>\n",
        evidence::id(first),
        escape(&first.scenario.name),
        escape(&first.scenario.models),
        escape(&texts::parameters(first.scenario, run)),
        texts::loop_model(first),
    );
    let no_counters = run.environment.no_counters.as_deref();
    let mut notes: Vec<String> = Vec::new();
    for group in question {
        out += &tuning(group, no_counters, palette, &mut notes);
    }
    for note in notes {
        out += &format!("<p class=\"note\">{}</p>\n", prose(&note));
    }
    if let Some(cost) = defaults_cost(question) {
        out += &format!(
            "<h4>What the libraries' defaults cost</h4>\n<p class=\"note\">{}</p>\n",
            texts::DEFAULTS_COST
        );
        out += &table::servers(&cost, first, palette);
    }
    out + "</article>\n"
}

/// What a sentence is about, up to its first colon, and what it says of that: a reader who looks for one thing looks at the first. A
/// sentence without is the first alone.
fn run_in(sentence: &str) -> (&str, &str) {
    let colon = sentence.find(": ").map(|at| at + 1);
    sentence.split_at(colon.unwrap_or(sentence.len()))
}

/// The answer under one tuning. What is to be said under the tables goes to `notes`, each once.
fn tuning(
    group: &Group<'_>,
    no_counters: Option<&str>,
    palette: &Palette,
    notes: &mut Vec<String>,
) -> String {
    let mut out = texts::tuning(group).map_or_else(String::new, |tuning| {
        format!("<h4 class=\"tuning\">{}</h4>\n", escape(&tuning))
    });
    let verdicts = Verdicts::of(group);
    for (index, sentence) in sentences(group, &verdicts).iter().enumerate() {
        let class = if index == 0 { "verdict" } else { "further" };
        let (head, rest) = run_in(sentence);
        let (head, rest) = (escape(head), escape(rest));
        out += &format!("<p class=\"{class}\"><strong>{head}</strong>{rest}</p>\n");
    }
    if let (Some(heading), Some(objective)) = (objective::heading(group), objective::table(group)) {
        out += &format!("<h5>{}</h5>\n", escape(&heading));
        out += &table::servers(&objective, group, palette);
        notes.extend(
            objective
                .notes
                .into_iter()
                .filter(|note| !notes.contains(note))
                .collect::<Vec<_>>(),
        );
    }
    let mut answers = answer_table(group, no_counters);
    for note in std::mem::take(&mut answers.notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    out += &table::servers(&answers, group, palette);
    if let Some(pairs) = same_stack(group, &verdicts) {
        out += &format!(
            "<h5>Same stack, other transport</h5>\n<p class=\"note\">{}</p>\n",
            texts::SAME_STACK
        );
        out += &table::plain(&pairs);
    }
    out += &format!(
        "<p class=\"note\">{}</p>\n",
        escape(&texts::rests_on(group, &verdicts))
    );
    out
}
