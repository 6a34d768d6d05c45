//! The evidence: the charts of each scenario.

use pushbench_model::measurement::LoopModel;

use super::escape::slug;
use super::{escape, figure};
use crate::chart::{self, Palette};
use crate::results::{Group, Results};

/// Where the section of `group` is.
pub(super) fn id(group: &Group<'_>) -> String {
    let model = match group.loop_model {
        LoopModel::Open => "open",
        LoopModel::Closed => "closed",
    };
    format!("scenario-{}-{model}", slug(&group.scenario.name))
}

pub(super) fn sections(results: &Results<'_>, palette: &Palette) -> String {
    results
        .groups
        .iter()
        .map(|group| section(group, palette))
        .collect()
}

fn section(group: &Group<'_>, palette: &Palette) -> String {
    let mut out = format!(
        "<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"models\">{}</p>\n",
        id(group),
        escape(&group.scenario.name),
        escape(&group.scenario.models),
    );
    let figures = chart::figures(group, palette);
    if figures.is_empty() {
        out += "<p>No trial of this scenario is valid: there is nothing to draw.</p>\n";
    } else {
        out += "<div class=\"charts\">\n";
        for one in &figures {
            out += &figure::figure(one);
        }
        out += "</div>\n";
    }
    out + "</section>\n"
}
