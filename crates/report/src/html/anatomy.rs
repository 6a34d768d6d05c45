//! The anatomy of a delivery: what was found, then each side, its first stage in full and the others folded.

use pushbench_model::anatomy::{Anatomy, Side, Stage};

use super::{escape, figure, table};
use crate::anatomy::{self, Finding};
use crate::chart::{self, Palette};
use crate::number::{capitalised, counted};
use crate::texts;

/// The section. `alone`: the page has nothing else, and says elsewhere how figures are made and by which command.
pub(super) fn section(anatomy: &Anatomy, palette: &Palette, alone: bool) -> String {
    let mut out = String::from("<section id=\"anatomy\">\n<h2>Anatomy of a delivery</h2>\n");
    for paragraph in anatomy::INTRODUCTION {
        out += &format!("<p>{}</p>\n", escape(paragraph));
    }
    if let Some(stopped) = anatomy::stopped(anatomy) {
        out += &format!("<p class=\"finding bad\">{}</p>\n", escape(&stopped));
    }
    out += &list(&anatomy::RUNGS);
    let findings = anatomy::findings(anatomy);
    if !findings.is_empty() {
        out += "<h3>What was found</h3>\n<div class=\"findings\">\n";
        out += &findings.iter().map(found).collect::<String>();
        out += "</div>\n";
    }
    if let Some(goals) = anatomy::goals(anatomy) {
        out += "<h3>Held against the goals</h3>\n";
        out += &table::plain(&goals);
        out += &folded("What the goals are for", &list(&anatomy::reasons(anatomy)));
    }
    for side in Side::ALL {
        out += &one_side(anatomy, side, palette);
    }
    if let Some(instrument) = anatomy::instrument(anatomy) {
        out += "<h3>What the instrument adds</h3>\n";
        out += &format!("<p>{}</p>\n", escape(anatomy::INSTRUMENT));
        out += &table::plain(&instrument);
    }
    out += &set_up(anatomy);
    if anatomy.stages.iter().all(|stage| stage.rows.is_empty()) {
        out += "<p>No stage was measured to its end: there is nothing to show.</p>\n";
    } else {
        out += &folded(
            "Who took part",
            &table::plain(&anatomy::contenders(anatomy)),
        );
    }
    if let Some(left_out) = anatomy::left_out(anatomy) {
        out += "<h3>Left out of the anatomy</h3>\n";
        out += &table::plain(&left_out);
    }
    if !alone {
        out += &folded("How to read these figures", &method());
        out += &format!(
            "<p class=\"note\">{}</p>\n<pre><code>{}</code></pre>\n",
            escape(&anatomy::made_with(anatomy)),
            escape(&texts::command(&anatomy.command)),
        );
    }
    out + "</section>\n"
}

/// How the figures are made, for a page that has nothing else.
pub(super) fn reading(anatomy: &Anatomy) -> String {
    format!(
        "<section id=\"reading\">\n<h2>How to read these figures</h2>\n{}<p class=\"note\">{}</p>\n</section>\n",
        method(),
        escape(&anatomy::made_with(anatomy)),
    )
}

fn method() -> String {
    let mut out = String::from("<dl>\n");
    for (name, text) in anatomy::METHOD {
        out += &format!("<dt>{}</dt>\n<dd>{}</dd>\n", escape(name), escape(text));
    }
    out + "</dl>\n"
}

fn list(words: &[(&str, &str)]) -> String {
    let mut out = String::from("<dl class=\"words\">\n");
    for (word, meaning) in words {
        out += &format!("<dt>{}</dt><dd>{}</dd>\n", escape(word), escape(meaning));
    }
    out + "</dl>\n"
}

fn found(finding: &Finding) -> String {
    let mut out = format!(
        "<article class=\"found\">\n<h4>{}</h4>\n<p class=\"number\">{}</p>\n",
        escape(&finding.title),
        escape(&finding.figure),
    );
    for paragraph in &finding.text {
        out += &format!("<p>{}</p>\n", escape(paragraph));
    }
    out + "</article>\n"
}

fn set_up(anatomy: &Anatomy) -> String {
    let sides = Side::ALL.map(|side| (side, anatomy::setup(anatomy, side)));
    if sides.iter().all(|(_, table)| table.is_none()) {
        return String::new();
    }
    let mut out = format!(
        "<h3>What a connection costs</h3>\n<p>{}</p>\n",
        escape(anatomy::SETUP)
    );
    for (side, one) in sides {
        if let Some(one) = one {
            out += &format!("<h4>{} side</h4>\n", capitalised(side.label()));
            out += &table::plain(&one);
        }
    }
    out
}

fn one_side(anatomy: &Anatomy, side: Side, palette: &Palette) -> String {
    let stages = anatomy::stages(anatomy, side);
    let Some((main, others)) = stages.split_first() else {
        return String::new();
    };
    let what = match side {
        Side::Server => "what one write costs",
        Side::Client => "what one read costs",
    };
    let mut out = format!("<h3>{} side: {what}</h3>\n", capitalised(side.label()));
    out += &format!(
        "<p class=\"models\">With {}.</p>\n",
        escape(&anatomy::load(main))
    );
    out += &stage(anatomy, main, palette);
    let overviews = anatomy::overviews(anatomy, side);
    if !overviews.is_empty() {
        out += &format!("<h4>All stages of the {} side</h4>\n", side.label());
    }
    for overview in &overviews {
        out += &table::plain(overview);
    }
    if !others.is_empty() {
        out += &format!(
            "<p class=\"note\">{} more in full:</p>\n",
            capitalised(&counted(others.len(), "stage"))
        );
    }
    for other in others {
        out += &folded(
            &capitalised(&anatomy::stage_name(other)),
            &stage(anatomy, other, palette),
        );
    }
    out
}

fn stage(anatomy: &Anatomy, stage: &Stage, palette: &Palette) -> String {
    let mut out = String::from("<div class=\"charts\">\n");
    for one in chart::anatomy(stage, palette) {
        out += &figure::figure(&one);
    }
    out += "</div>\n";
    out + &table::plain(&anatomy::stage_table(anatomy, stage))
}

fn folded(summary: &str, inside: &str) -> String {
    format!(
        "<details>\n<summary>{}</summary>\n{inside}</details>\n",
        escape(summary)
    )
}
