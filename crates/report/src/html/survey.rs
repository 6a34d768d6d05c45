//! What clients, browsers, proxies and faulty samples did.

use std::iter::repeat;

use pushbench_model::record::Record;
use pushbench_model::survey::Survey;

use super::{escape, figure, prose, table};
use crate::chart::{self, Palette};
use crate::survey::{made_with, sections as parts};

/// The sections of all surveys; empty where there are none.
pub(super) fn sections(record: &Record) -> String {
    record.surveys.iter().map(section).collect()
}

/// A link to each.
pub(super) fn links(record: &Record) -> String {
    let link = |survey: &Survey| {
        let (name, title) = (escape(&survey.name), escape(&survey.title));
        format!("<a href=\"#survey-{name}\">{title}</a>\n")
    };
    record.surveys.iter().map(link).collect()
}

fn section(survey: &Survey) -> String {
    let (name, title) = (escape(&survey.name), escape(&survey.title));
    let mut out = format!("<section id=\"survey-{name}\" class=\"survey\">\n<h2>{title}</h2>\n");
    // Behind the parts come sections that belong to none.
    let found = survey.parts.iter().map(Some).chain(repeat(None));
    for (part, found) in parts(survey).iter().zip(found) {
        out += &format!("<h3>{}</h3>\n", escape(&part.title));
        for sentence in &part.about {
            out += &format!("<p>{}</p>\n", prose(sentence));
        }
        out += &table::plain(&part.table);
        if let Some(one) = found.and_then(|part| chart::buffers(part, &Palette::known())) {
            out += &format!("<div class=\"charts\">\n{}</div>\n", figure::figure(&one));
        }
    }
    out += &format!("<p class=\"note\">{}</p>\n", escape(&made_with(survey)));
    out + "</section>\n"
}
