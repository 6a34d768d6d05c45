//! The page of one drive, in the style of the report.

use super::{escape, figure, plain_table, prose};
use crate::chart;
use crate::drive::{Driven, Judged, Judgement, facts, hint, notices, table, title};
use crate::number::{capitalised, whole};
use crate::table::{Cell, Column, Table, Tone};
use crate::texts;

const STYLE: &str = include_str!("style.css");

/// A drive, and what became of its thresholds, as one HTML page that needs nothing else.
#[must_use]
pub fn html(driven: &Driven<'_>, judged: &[Judged]) -> String {
    let title = escape(&title(driven));
    let report = driven.report;
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"pushbench\">\n\
         <title>{title} · Pushbench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"eyebrow\">Pushbench load · {}</p>\n<h1>{title}</h1>\n<ul class=\"notices\">\n",
        escape(&report.started),
    );
    for notice in notices(driven) {
        out += &format!("<li>{}</li>\n", prose(&notice));
    }
    out += "</ul>\n</header>\n<main>\n<section id=\"what\">\n<h2>What happened</h2>\n<dl class=\"words\">\n";
    for fact in facts(driven) {
        let class = if fact.bad { " class=\"bad\"" } else { "" };
        out += &format!(
            "<dt>{}</dt><dd{class}>{}</dd>\n",
            capitalised(fact.about),
            escape(&fact.text)
        );
    }
    out += "</dl>\n";
    out += &thresholds(judged);
    out += &faults(driven);
    out += "</section>\n";
    out += &times(driven);
    out += &format!(
        "<section id=\"run\">\n<h2>What was run</h2>\n<pre><code>{}</code></pre>\n\
         <p class=\"note\">Secrets are left out of it.</p>\n</section>\n</main>\n\
         <footer>\n<p>Made by pushbench {}.</p>\n</footer>\n</body>\n</html>\n",
        escape(&texts::command(&report.command)),
        escape(&report.pushbench_version),
    );
    out
}

fn thresholds(judged: &[Judged]) -> String {
    if judged.is_empty() {
        return String::new();
    }
    let columns = vec![Column::words("outcome"), Column::words("figure")];
    let mut table = Table::new("threshold", columns);
    for one in judged {
        let tone = match one.judgement {
            Judgement::Kept => Tone::Good,
            Judgement::Exceeded => Tone::Bad,
            Judgement::Undecided => Tone::Doubtful,
        };
        let outcome = Cell {
            tone,
            ..Cell::plain(one.judgement.label())
        };
        table.row(
            one.threshold.clone(),
            vec![outcome, Cell::plain(one.found.clone())],
        );
    }
    format!(
        "<h3>Thresholds</h3>\n<div class=\"survey\">{}</div>\n",
        plain_table(&table)
    )
}

fn faults(driven: &Driven<'_>) -> String {
    let faults = &driven.report.faults;
    if faults.is_empty() {
        return String::new();
    }
    let columns = vec![Column::words("what"), Column::words("what may help")];
    let mut table = Table::new("times", columns);
    for fault in faults {
        table.row(
            whole(fault.count),
            vec![
                Cell::plain(fault.text.clone()).bad(),
                Cell::plain(hint(fault.kind).unwrap_or_default()),
            ],
        );
    }
    format!(
        "<h3>What went wrong</h3>\n<div class=\"survey\">{}</div>\n",
        plain_table(&table)
    )
}

fn times(driven: &Driven<'_>) -> String {
    let table = table(driven);
    let figures = chart::drive(driven);
    if table.rows.is_empty() && figures.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section id=\"times\">\n<h2>How long it took</h2>\n");
    if !table.rows.is_empty() {
        out += &plain_table(&table);
    }
    if !figures.is_empty() {
        out += "<div class=\"charts\">\n";
        for one in &figures {
            out += &figure::figure(one);
        }
        out += "</div>\n";
    }
    out + "</section>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::{judge, sample};

    #[test]
    fn one_page_that_needs_nothing_else() {
        for report in [
            sample::with_latency(),
            sample::without_latency(),
            sample::nothing(),
        ] {
            let driven = Driven::new(&report).unwrap();
            let judged = [judge(&driven, &"messages<50000".parse().unwrap())];
            let page = html(&driven, &judged);
            for foreign in ["<script", "<link", "src=", "@import", "url("] {
                assert!(!page.contains(foreign), "{foreign}");
            }
            assert!(page.contains("messages&lt;50000") && page.contains("exceeded"));
            for fault in &report.faults {
                assert!(page.contains(&escape(&fault.text)));
            }
            assert_eq!(
                page.matches("<section").count(),
                page.matches("</section>").count()
            );
        }
    }

    /// Whatever a server sends is text.
    #[test]
    fn hostile_text_is_text() {
        let mut report = sample::without_latency();
        report.url = "http://x/<script>alert(1)</script>".into();
        report.faults[0].text = "<img src=x onerror=alert(1)>".into();
        let page = html(&Driven::new(&report).unwrap(), &[]);
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
    }
}
