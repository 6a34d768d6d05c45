//! Surveys in a report.

#![allow(clippy::unwrap_used)]

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::record::Record;
use pushbench_report::{html, markdown};
use support::{anatomy_alone, record as sample, survey};

fn alone() -> Record {
    let mut record = anatomy_alone();
    record.anatomy = None;
    record.surveys = vec![survey()];
    record
}

#[test]
fn every_kind_of_cell_is_drawn() {
    let page = html(&alone());
    page::check(&page).unwrap();
    for expected in [
        "<h1>Behind a proxy</h1>",
        "<section id=\"survey-proxies\" class=\"survey\">",
        "<td class=\"words good\">works<small>all on time</small></td>",
        "<td class=\"words doubtful\">works late<small>all at the end</small></td>",
        "<td class=\"words bad\">does not work<small>426</small></td>",
        "<td class=\"words absent\">n/a<small>no gzip here</small></td>",
        "<pre>data: a\n\n</pre>",
        "<span class=\"unit\">ms</span>",
        "<small>12 turns</small>",
        "<p class=\"note\">A remark.</p>",
        "apt-get install -y haproxy",
    ] {
        assert!(page.contains(expected), "no {expected:?} in {page}");
    }
    let text = markdown(&alone());
    for expected in [
        "## Behind a proxy",
        "| direct | works<br><sub>all on time</sub> |",
        "**does not work**",
        "`data: a⏎⏎`",
        r"`` a\|`b` ``",
    ] {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
}

#[test]
fn beside_trials_it_adds_a_section_and_changes_no_other() {
    let without = sample();
    let mut with = sample();
    with.surveys = vec![survey()];
    let (before, after) = (html(&without), html(&with));
    let start = after.find("<section id=\"survey-proxies\"").unwrap();
    let end = start + after[start..].find("</section>\n").unwrap() + "</section>\n".len();
    let link = "<a href=\"#survey-proxies\">Behind a proxy</a>\n";
    let rest = (after[..start].to_owned() + &after[end..]).replace(link, "");
    assert_eq!(rest, before);
}

#[test]
fn what_a_survey_says_cannot_leave_its_place() {
    let mut record = alone();
    let evil = "<script>x</script>";
    let survey = &mut record.surveys[0];
    survey.title = evil.into();
    survey.parts[0].rows[0].name = evil.into();
    survey.parts[0].rows[0].cells[3] = pushbench_model::survey::Cell::code(evil);
    survey.absent[0].reason = evil.into();
    let page = html(&record);
    page::check(&page).unwrap();
    assert!(!page.contains(evil));
    assert!(
        !markdown(&record)
            .replace("`<script>x</script>`", "")
            .contains(evil)
    );
}
