//! A chart with its title, caption, legend and data.

use super::{escape, table};
use crate::chart::{Figure, Room};

pub(super) fn figure(figure: &Figure) -> String {
    let room = match figure.room {
        Room::Full => " full",
        Room::Half => "",
    };
    let mut out = format!(
        "<figure class=\"chart{room}\">\n<figcaption>\n<h4>{}</h4>\n<p class=\"meta\">{}</p>\n",
        escape(&figure.title),
        escape(&figure.meta.join(" · ")),
    );
    for (good, finding) in &figure.findings {
        let class = match good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "neutral",
        };
        out += &format!("<p class=\"finding {class}\">{}</p>\n", escape(finding));
    }
    out += "</figcaption>\n";
    out += &legend(figure);
    out += &match figure.panels.len() {
        0 | 1 => "<div class=\"panels\">\n".to_owned(),
        n => format!(
            "<div class=\"panels several\" style=\"--panels:{}\">\n",
            n.min(4)
        ),
    };
    for panel in &figure.panels {
        out += "<div class=\"panel\">";
        if let Some(title) = &panel.title {
            out += &format!("<h5>{}</h5>", escape(title));
        }
        for version in &panel.versions {
            out += &version.svg;
        }
        out += "</div>\n";
    }
    out += "</div>\n";
    out += &format!("<p class=\"caption\">{}</p>\n", escape(&figure.caption));
    out += "<details><summary>The data as a table</summary>\n";
    out += &table::plain(&figure.data);
    out += "</details>\n</figure>\n";
    out
}

fn legend(figure: &Figure) -> String {
    if figure.legend.is_empty() {
        return String::new();
    }
    let class = if figure.legend_on_phones_only {
        "legend small-only"
    } else {
        "legend"
    };
    let mut out = format!("<ul class=\"{class}\">");
    for entry in &figure.legend {
        out += &format!("<li>{}{}</li>", entry.mark.svg, escape(&entry.label));
    }
    out + "</ul>\n"
}
