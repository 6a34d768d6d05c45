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
        "<pre>a|`b`</pre>",
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

#[test]
fn what_stands_between_backticks_in_sentences_is_code() {
    let mut record = alone();
    record.selftest = None;
    let survey = &mut record.surveys[0];
    survey.title = "About `proxies`".into();
    let part = &mut survey.parts[0];
    part.about = vec!["With `proxy_buffering <off>;` and one ` more.".into()];
    part.notes = vec!["See `man nginx`.".into()];
    part.rows[3].cells[3] = pushbench_model::survey::Cell::words("as `b|c` is");
    survey.absent[0].reason = "`haproxy` is not on the PATH".into();
    let page = html(&record);
    page::check(&page).unwrap();
    for expected in [
        "<title>About `proxies` · Pushbench</title>",
        "<p>With <code>proxy_buffering &lt;off&gt;;</code> and one ` more.</p>",
        "<p class=\"note\">See <code>man nginx</code>.</p>",
        "<td class=\"words\">as <code>b|c</code> is</td>",
        "<code>haproxy</code> is not on the PATH",
        "not run on this machine: <code>pushbench selftest</code>.",
        "<pre>a|`b`</pre>",
    ] {
        assert!(page.contains(expected), "no {expected:?} in {page}");
    }
    let text = markdown(&record);
    for expected in [
        r"With `proxy_buffering <off>;` and one \` more.",
        "See `man nginx`.",
        r"as `b\|c` is",
        "`haproxy` is not on the PATH",
        "not run on this machine: `pushbench selftest`.",
        r"`` a\|`b` ``",
    ] {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
}

#[test]
fn a_part_of_buffers_has_its_chart_behind_its_table() {
    use pushbench_model::survey::{BUFFERED, Cell, Part};
    let mut record = alone();
    let mut part = Part::new("Held", "setting", &BUFFERED);
    for (buffer, first) in [(4096.0, 131e6), (16_384.0, 546e6)] {
        let expected = ((buffer / 150.0_f64).ceil() - 1.0) * 5e6;
        let cells = [buffer, 150.0, 5e6, expected, first].map(Cell::number);
        part.row(format!("buffers of {buffer} bytes"), cells);
    }
    record.surveys[0].parts.push(part);
    let page = html(&record);
    page::check(&page).unwrap();
    assert_eq!(page.matches("<figure").count(), 1);
    let table = page.find("<h3>Held</h3>").unwrap();
    let figure = page.find("<figure").unwrap();
    let next = page.find("<h3>Could not take part</h3>").unwrap();
    assert!(table < figure && figure < next);
    assert!(page[figure..next].contains("All of 2 dots lie where the formula says."));
}
