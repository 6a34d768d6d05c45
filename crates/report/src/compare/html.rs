//! HTML: one page that needs nothing else, in the style of the report.

use super::{Compared, tables, words};
use crate::html::{escape, plain_table, prose};
use crate::table::Table;

const STYLE: &str = include_str!("../html/style.css");

/// `compared` as one HTML page.
#[must_use]
pub fn html(compared: &Compared<'_>) -> String {
    let title = escape(&words::title(compared));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"pushbench\">\n\
         <title>{title} · Pushbench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"eyebrow\">Pushbench comparison</p>\n<h1>{title}</h1>\n\
         <p class=\"verdict\">{}</p>\n",
        escape(&words::headline(compared))
    );
    out += &list("notices", &words::notices(compared));
    out += "</header>\n<main>\n";
    if !compared.gates.is_empty() {
        out += "<section id=\"thresholds\">\n<h2>Thresholds</h2>\n";
        for gate in &compared.gates {
            out += &format!("<h3>{}</h3>\n", escape(&words::gate(gate)));
            out += &some(&tables::checks(compared, gate, true), "");
        }
        out += "</section>\n";
    }
    out += "<section id=\"changed\">\n<h2>What changed</h2>\n";
    out += &some(
        &tables::changed(compared),
        "Nothing that the margins and the repetitions allow to call a difference.",
    );
    out += "</section>\n<section id=\"all\">\n<h2>All figures</h2>\n";
    out += &format!("<p class=\"note\">{}</p>\n", escape(tables::LEGEND));
    for (name, table) in tables::by_scenario(compared) {
        out += &format!("<h3>{}</h3>\n{}", escape(&name), plain_table(&table));
    }
    out += "</section>\n<section id=\"trust\">\n<h2>What to hold against it</h2>\n<h3>How much the floor moved</h3>\n";
    let floor = tables::floor(compared).unwrap_or_default();
    out += &some(&floor, "No record has a floor: this check cannot be made.");
    out += "<h3>Machines and builds that differ</h3>\n";
    let facts = tables::facts(compared).unwrap_or_default();
    out += &some(&facts, "None: all that was recorded is the same.");
    for (name, table) in tables::unused(compared) {
        let name = escape(&name);
        out += &format!(
            "<h3>Trials of {name} that enter no figure</h3>\n{}",
            plain_table(&table)
        );
    }
    out += "</section>\n<section id=\"records\">\n<h2>Records and method</h2>\n";
    out += &plain_table(&tables::records(compared));
    out += &list("notices", &words::METHOD.map(str::to_owned));
    out += "</section>\n</main>\n<footer>\n<p>Made from records: the same records give the same page.</p>\n</footer>\n\
            </body>\n</html>\n";
    out
}

fn list(class: &str, lines: &[String]) -> String {
    let items: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>\n", prose(line)))
        .collect();
    format!("<ul class=\"{class}\">\n{items}</ul>\n")
}

/// The table, or what to say when it is empty.
fn some(table: &Table, otherwise: &str) -> String {
    if !table.rows.is_empty() {
        return plain_table(table);
    }
    if otherwise.is_empty() {
        return String::new();
    }
    format!("<p>{}</p>\n", escape(otherwise))
}
