//! A search for the highest sustained rate: what was found, and latency over load.

use super::{escape, figure, table};
use crate::chart::{self, Palette};
use crate::saturation::Saturation;
use crate::texts;

pub(super) fn section(saturation: &Saturation<'_>, palette: &Palette) -> String {
    let search = saturation.search;
    let mut out = format!(
        "<section id=\"answer\">\n<h2>The answer</h2>\n<article class=\"answer\">\n<h3>{}</h3>\n",
        escape(&search.scenario)
    );
    for (index, sentence) in saturation.sentences().iter().enumerate() {
        let class = if index < saturation.arms.len() {
            "verdict"
        } else {
            "further"
        };
        out += &format!("<p class=\"{class}\">{}</p>\n", escape(sentence));
    }
    out += &table::plain(&saturation.results());
    out += &format!(
        "<p class=\"note\">{}</p>\n",
        escape(&texts::searched(search))
    );
    out += "</article>\n</section>\n<section id=\"load\">\n<h2>Latency over load</h2>\n";
    match chart::saturation(saturation, palette) {
        Some(one) => {
            out += "<div class=\"charts\">\n";
            out += &figure::figure(&one);
            out += "</div>\n";
        }
        None => {
            out += "<p>No probe measured a response time: there is nothing to draw.</p>\n";
            out += &table::plain(&saturation.probe_table());
        }
    }
    out + "</section>\n"
}
