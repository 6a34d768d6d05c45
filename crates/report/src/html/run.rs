//! What was not measured, what was run, and the words used.

use pushbench_model::record::Record;

use super::{escape, prose, table};
use crate::notices;
use crate::number::{capitalised, counted};
use crate::results::{Results, outcomes};
use crate::{selftest, texts, trials};

pub(super) fn not_measured(results: &Results<'_>) -> String {
    let record = results.record;
    let run = &record.run;
    let mut out = String::from("<section id=\"not-measured\">\n<h2>Not measured, not used</h2>\n");
    if let Some(notice) = notices::interrupted(results) {
        out += &format!("<p class=\"finding bad\">{}</p>\n", prose(&notice));
    }
    out += "<h3>Servers that could not take part</h3>\n";
    if run.absent.is_empty() {
        out += "<p>None: every server that was asked for took part.</p>\n";
    } else {
        out += "<ul class=\"absent-servers\">\n";
        for absent in &run.absent {
            out += &format!(
                "<li><b>{}</b>: {}. To install it: <code>{}</code></li>\n",
                escape(&absent.server.to_string()),
                prose(absent.reason.trim_end_matches('.')),
                escape(&absent.install),
            );
        }
        out += "</ul>\n";
    }
    if !run.left_out.is_empty() {
        out += "<h3>Servers that were left out</h3>\n<ul class=\"left-out-servers\">\n";
        for left_out in &run.left_out {
            out += &format!("<li>{}</li>\n", prose(&left_out.to_string()));
        }
        out += "</ul>\n";
    }
    out += "<h3>Trials that enter no figure</h3>\n";
    let unused = trials::unused(record);
    if unused.rows.is_empty() && outcomes(record).next().is_none() {
        out += "<p>No trial was made.</p>\n";
    } else if unused.rows.is_empty() {
        out += &format!(
            "<p>None: all {} are valid.</p>\n",
            counted(outcomes(record).count(), "trial")
        );
    } else {
        out += &table::plain(&unused);
    }
    let flagged = trials::flagged(record);
    if !flagged.rows.is_empty() {
        out += "<h3>Trials that are used and flagged</h3>\n";
        out += &table::plain(&flagged);
    }
    out + "</section>\n"
}

pub(super) fn self_test(record: &Record) -> String {
    let mut out = format!(
        "<section id=\"self-test\">\n<h2>Self-test of the method</h2>\n<p>{}</p>\n",
        prose(&selftest::line(record))
    );
    if let Some(test) = &record.selftest {
        out += &table::plain(&selftest::proofs(test));
        out += &format!(
            "<p class=\"note\">{}</p>\n",
            prose(&selftest::made_with(test))
        );
    }
    out + "</section>\n"
}

pub(super) fn what_was_run(results: &Results<'_>) -> String {
    let record = results.record;
    let run = &record.run;
    let mut out =
        String::from("<section id=\"run\">\n<h2>What was run</h2>\n<h3>Scenarios</h3>\n<dl>\n");
    for scenario in &run.scenarios {
        out += &format!(
            "<dt>{}</dt>\n<dd><p>{}.</p><p><b>Models:</b> {}</p><p><b>Expected before the run:</b> {}</p>\
             <p><b>Digest of its values:</b> <code>{}</code></p></dd>\n",
            escape(&scenario.name),
            escape(&texts::parameters(scenario, run)),
            escape(&scenario.models),
            escape(&scenario.expected),
            texts::digest(scenario),
        );
    }
    out += "</dl>\n<h3>How the figures are made</h3>\n<dl>\n";
    for (name, text) in texts::METHOD {
        out += &format!("<dt>{}</dt>\n<dd>{}</dd>\n", escape(name), escape(text));
    }
    out += &format!(
        "</dl>\n<h3>What the {} profile leaves out</h3>\n<ul class=\"missing\">\n",
        run.profile,
    );
    for sentence in run.missing() {
        out += &format!("<li>{}.</li>\n", escape(&capitalised(&sentence)));
    }
    out += "</ul>\n";
    out += &command_and_machine(record);
    out + "</section>\n"
}

/// What was run, for a record that holds nothing but an anatomy.
pub(super) fn how_it_was_run(record: &Record) -> String {
    format!(
        "<section id=\"run\">\n<h2>What was run</h2>\n{}</section>\n",
        command_and_machine(record)
    )
}

fn command_and_machine(record: &Record) -> String {
    let run = &record.run;
    let mut out = String::from("<h3>The command</h3>\n");
    out += &format!(
        "<pre><code>{}</code></pre>\n<p>Started {}, seed {}.</p>\n",
        escape(&texts::command(&run.command)),
        escape(&run.started),
        run.seed,
    );
    out += "<h3>Machine and build</h3>\n";
    out + &table::plain(&texts::environment(record))
}

pub(super) fn glossary(words: &[(&str, &str)]) -> String {
    let mut out = String::from("<section id=\"glossary\">\n<h2>Words</h2>\n<dl class=\"words\">\n");
    for (word, meaning) in words {
        out += &format!("<dt>{}</dt><dd>{}</dd>\n", escape(word), escape(meaning));
    }
    out + "</dl>\n</section>\n"
}
