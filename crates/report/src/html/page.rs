//! The page as a whole, in the order a reader needs it.

use pushbench_model::anatomy::Anatomy;
use pushbench_model::record::Record;

use super::{
    anatomy, answer, cuts, escape, evidence, peers, prose, run, saturation, survey, theory, twins,
};
use crate::anatomy::{WORDS, alone};
use crate::chart::Palette;
use crate::notices;
use crate::results::Results;
use crate::saturation::Saturation;
use crate::survey::only_surveys;
use crate::texts;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");

/// `record` as one HTML page.
#[must_use]
pub fn html(record: &Record) -> String {
    let results = Results::new(record);
    let palette = Palette::new(&record.run);
    let title = escape(&texts::heading(record));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"pushbench\">\n\
         <title>{title} · Pushbench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    out += &header(&results, &title);
    out += "<main>\n";
    out += &match alone(record) {
        Some(anatomy) => only_anatomy(record, anatomy, &palette),
        None if only_surveys(record) => survey::sections(record) + &run::how_it_was_run(record),
        None => everything(&results, &palette),
    };
    out += "</main>\n";
    out += &footer(record);
    out += &format!("<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

fn everything(results: &Results<'_>, palette: &Palette) -> String {
    let record = results.record;
    let mut out = match Saturation::of(record) {
        Some(saturation) => saturation::section(&saturation, palette),
        None => answer::section(results, palette),
    };
    out += &evidence::sections(results, palette);
    out += &twins::all(results);
    out += &cuts::section(results);
    out += &theory::section(results, palette);
    if let Some(anatomy) = &record.anatomy {
        out += &anatomy::section(anatomy, palette, false);
    }
    out += &peers::section(record);
    out += &survey::sections(record);
    out += &run::not_measured(results);
    out += &run::self_test(record);
    out += &run::what_was_run(results);
    let mut words = texts::GLOSSARY.to_vec();
    if results
        .questions()
        .flatten()
        .any(|group| group.arriving().is_some())
    {
        words.extend(texts::ARRIVALS);
    }
    out + &run::glossary(&words)
}

fn only_anatomy(record: &Record, anatomy: &Anatomy, palette: &Palette) -> String {
    let mut out = anatomy::section(anatomy, palette, true);
    out += &anatomy::reading(anatomy);
    out += &run::how_it_was_run(record);
    out + &run::glossary(&WORDS)
}

fn header(results: &Results<'_>, title: &str) -> String {
    let record = results.record;
    let mut out = format!(
        "<header>\n<p class=\"eyebrow\">Pushbench report · {}</p>\n<h1>{title}</h1>\n<p class=\"asked\">{}.</p>\n",
        escape(&record.run.started),
        escape(&texts::asked(record)),
    );
    let notices = notices::all(results);
    if !notices.is_empty() {
        out += "<ul class=\"notices\">\n";
        for notice in notices {
            out += &format!("<li>{}</li>\n", prose(&notice));
        }
        out += "</ul>\n";
    }
    out += "<nav aria-label=\"Sections\">\n";
    if alone(record).is_some() {
        return out
            + "<a href=\"#anatomy\">Anatomy</a>\n<a href=\"#reading\">How to read it</a>\n\
               <a href=\"#run\">What was run</a>\n<a href=\"#glossary\">Words</a>\n</nav>\n</header>\n";
    }
    if only_surveys(record) {
        out += &survey::links(record);
        return out + "<a href=\"#run\">What was run</a>\n</nav>\n</header>\n";
    }
    out += "<a href=\"#answer\">Answer</a>\n";
    if results.record.search.is_some() {
        out += "<a href=\"#load\">Latency over load</a>\n";
    }
    for group in results.questions().filter_map(<[_]>::first) {
        let id = evidence::id(group);
        out += &format!("<a href=\"#{id}\">{}</a>\n", escape(&group.scenario.name));
    }
    for (subject, _) in crate::twins::sections(results) {
        out += &format!("<a href=\"#{}\">{}</a>\n", subject.id, subject.title);
    }
    if !crate::cuts::tables(results).is_empty() {
        out += &format!("<a href=\"#cuts\">{}</a>\n", crate::cuts::TITLE);
    }
    if !crate::theory::questions(results).is_empty() {
        out += &format!("<a href=\"#theory\">{}</a>\n", crate::theory::TITLE);
    }
    if results.record.peers.is_some() {
        out += &format!("<a href=\"#peers\">{}</a>\n", crate::peers::TITLE);
    }
    if record.anatomy.is_some() {
        out += "<a href=\"#anatomy\">Anatomy of a delivery</a>\n";
    }
    out += &survey::links(record);
    out += "<a href=\"#not-measured\">Not measured</a>\n<a href=\"#self-test\">Self-test</a>\n<a href=\"#run\">What was run</a>\n\
            <a href=\"#glossary\">Words</a>\n</nav>\n</header>\n";
    out
}

fn footer(record: &Record) -> String {
    let environment = &record.run.environment;
    let commit = environment
        .commit
        .as_deref()
        .map_or_else(String::new, |c| format!(" ({c})"));
    format!(
        "<footer>\n<p>Made by pushbench {}{} from a record: the same record gives the same page.</p>\n</footer>\n",
        escape(&environment.pushbench_version),
        escape(&commit),
    )
}
