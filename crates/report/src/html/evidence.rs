//! The evidence: the charts of each scenario, one tuning after the other.

use pushbench_model::measurement::LoopModel;

use super::escape::slug;
use super::{escape, figure};
use crate::chart::{self, Palette};
use crate::results::{Group, Results};
use crate::texts;

/// Where the section of the scenario of `group` is.
pub(super) fn id(group: &Group<'_>) -> String {
    let model = match group.loop_model {
        LoopModel::Open => "open",
        LoopModel::Closed => "closed",
    };
    format!("scenario-{}-{model}", slug(&group.scenario.name))
}

pub(super) fn sections(results: &Results<'_>, palette: &Palette) -> String {
    results
        .questions()
        .map(|question| section(question, palette))
        .collect()
}

fn section(question: &[Group<'_>], palette: &Palette) -> String {
    let Some(first) = question.first() else {
        return String::new();
    };
    let mut out = format!(
        "<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"models\">{}</p>\n",
        id(first),
        escape(&first.scenario.name),
        escape(&first.scenario.models),
    );
    for group in question {
        if let Some(tuning) = texts::tuning(group) {
            out += &format!("<h3>{}</h3>\n", escape(&tuning));
        }
        let figures = chart::figures(group, palette);
        if figures.is_empty() {
            out += "<p>No trial of this scenario is valid: there is nothing to draw.</p>\n";
            continue;
        }
        out += "<div class=\"charts\">\n";
        for one in &figures {
            out += &figure::figure(one);
        }
        out += "</div>\n";
    }
    out + "</section>\n"
}
