//! What each format says about a synthetic search.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::record::{Outcome, Record};
use pushbench_model::search::{
    End, Probe, ProbeJudgement, ProbeVerdict, Purpose, Search, SearchRange, ServerSearch,
};
use pushbench_report::{csv, html, markdown, summary};

/// Two servers of the sample whose fan-out trials become probes: six that hold, one that fails, one void.
fn searched() -> Record {
    let mut record = support::record();
    record.run.servers.truncate(2);
    let labels = record.run.servers.clone();
    record
        .trials
        .retain(|t| t.trial.scenario == "fan-out-small" && labels.contains(&t.trial.server));
    record.run.planned = 0;
    for (number, recorded) in (1..).zip(&mut record.trials) {
        recorded.trial.trial = number;
    }
    let servers = labels.iter().map(|label| {
        let mine = record
            .trials
            .iter_mut()
            .filter(|t| t.trial.server == *label);
        let probes = mine.enumerate().map(|(index, recorded)| {
            let rate = 10.0 * (index + 1) as f64;
            let trial = &mut recorded.trial;
            trial.rate = Some(rate);
            let measured = trial.measurement.as_mut().unwrap();
            // As if the same messages had come the more quickly.
            measured.elapsed_ns = (measured.published as f64 / rate * 1e9) as u64;
            let delivered_per_s = measured.operations as f64 / (measured.elapsed_ns as f64 / 1e9);
            let (verdict, reasons) = match index {
                4 => (ProbeVerdict::Failed, vec!["the backlog <grew>".to_owned()]),
                5 => (ProbeVerdict::Void, vec!["publisher: late".to_owned()]),
                _ => (ProbeVerdict::Held, Vec::new()),
            };
            if verdict == ProbeVerdict::Void {
                trial.outcome = Outcome::Failed {
                    reason: "the load process ended".into(),
                };
            }
            Probe {
                rate,
                trial: trial.trial,
                purpose: Purpose::Curve,
                judgement: ProbeJudgement {
                    verdict,
                    reasons,
                    at_quantile_ns: trial.summaries["response"].p99,
                    p50_ns: trial.summaries["response"].p50,
                    delivered_per_s,
                    backlog_slope: (index > 0).then_some(1e-5),
                },
            }
        });
        ServerSearch {
            server: label.clone(),
            probes: probes.collect(),
            sustained: Some(40.0),
            failed_at: Some(50.0),
            end: End::Found,
            ended: "The limit was found.".into(),
        }
    });
    let servers = servers.collect();
    record.search = Some(Search {
        schema: record.run.schema,
        scenario: "fan-out-small".into(),
        objective: "p99<=2ms".parse().unwrap(),
        range: SearchRange {
            from: 10.0,
            to: 1e6,
            resolution: 0.05,
        },
        probe_s: 3.0,
        servers,
    });
    record
}

fn flat(text: &str) -> String {
    text.replace('\u{202f}', " ")
}

#[test]
fn every_format_says_what_was_found() {
    let record = searched();
    let summary = summary(&record);
    let [scenario] = &summary.scenarios[..] else {
        panic!("{summary:#?}")
    };
    let answer = flat(&scenario.answer);
    assert!(answer.starts_with("sse/reference sustains 40 messages/s (4 000 deliveries/s) with p99 <= 2 ms; 50 messages/s failed."), "{answer}");
    assert_eq!(scenario.table.rows.len(), 2);
    let texts: Vec<_> = scenario.table.rows[0]
        .cells
        .iter()
        .map(|c| flat(&c.text))
        .collect();
    assert_eq!(
        (texts[0].as_str(), texts[1].as_str(), texts[3].as_str()),
        ("40", "4 000", "50")
    );
    assert!(
        scenario
            .further
            .iter()
            .any(|s| flat(s).contains("Probes of 3 s are shorter than the 30 s"))
    );
    assert!(
        scenario
            .further
            .iter()
            .any(|s| s.contains("In 2 probes that held there is no telling"))
    );

    for text in [markdown(&record), html(&record)] {
        let text = flat(&text).replace("&lt;", "<");
        for wanted in [
            "sustains 40 messages/s",
            "The highest rate with p99 <= 2 ms",
            "limit found",
            "publisher: late",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(
            text.contains("the load process ended"),
            "the void trial is listed"
        );
    }
    let csv = csv(&record);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + record.trials.len());
    assert!(lines[0].ends_with(",asked_rate,purpose,probe,probe_reason,backlog_slope"));
    assert!(lines[1].ends_with(",10,curve,held,,"), "{}", lines[1]);
    assert!(csv.contains(",50,curve,failed,the backlog <grew>,1e-5"));
}

/// Probes at different rates are no repetitions: no figure may merge them.
#[test]
fn rates_are_not_mixed() {
    let page = html(&searched());
    assert!(
        !page.contains("id=\"scenario-"),
        "no evidence over all trials"
    );
    assert!(!markdown(&searched()).contains("repetitions of each"));
}

#[test]
fn the_page_is_well_formed_and_repeats() {
    let (one, other) = (html(&searched()), html(&searched()));
    assert!(one == other);
    page::check(&one).unwrap();
    assert!(one.contains("&lt;grew&gt;") && !one.contains("<grew>"));
    // Two panels with the objective, the knee, and each kind of mark.
    let drawn = one.split("<section id=\"load\">").nth(1).unwrap();
    assert_eq!(drawn.matches(">p99 &lt;= 2 ms</text>").count(), 2);
    assert_eq!(drawn.matches(">knee</text>").count(), 2);
    for mark in ["held", "failed", "void: says nothing"] {
        assert!(drawn.contains(mark), "{mark}");
    }
}

#[test]
fn a_search_that_has_only_begun_has_a_report() {
    let mut record = searched();
    record.trials.clear();
    for server in &mut record.search.as_mut().unwrap().servers {
        server.probes.clear();
        (server.sustained, server.failed_at, server.end) = (None, None, End::Unfinished);
        server.ended = "It was stopped before its end.".into();
    }
    let page = html(&record);
    page::check(&page).unwrap();
    assert!(page.contains("there is nothing to draw") && page.contains("no rate is confirmed"));
    assert!(markdown(&record).contains("It was stopped before its end"));
}
