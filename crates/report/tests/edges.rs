//! Records that are empty, cut short, all failed or hostile: no panic, and honest words.

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::measurement::LoopModel;
use pushbench_model::record::{Outcome, Record, ServerLabel};
use pushbench_model::tuning::Tuning;
use pushbench_report::{csv, html, markdown, summary};

/// Renders everything and returns the words of the page.
fn words(record: &Record) -> String {
    let page = html(record);
    page::check(&page).expect("well-formed");
    let drawn = page.split("<script>").next().unwrap_or_default();
    assert!(
        !drawn.contains("NaN") && !drawn.contains("\"inf"),
        "a figure that is none"
    );
    assert_eq!(csv(record).lines().count(), record.trials.len() + 1);
    assert!(!markdown(record).is_empty());
    page::skeleton(&page)
}

#[test]
fn no_trial_at_all() {
    let mut record = support::record();
    record.trials.clear();
    record.slices.clear();
    let said = words(&record);
    assert!(said.contains("Stopped after 0 of 126 trials"));
    assert!(said.contains("no verdict, because no valid trial has this figure"));
    assert!(said.contains("nothing to draw"));
    assert!(said.contains("No trial was made."));
}

#[test]
fn one_trial() {
    let mut record = support::record();
    record.trials.truncate(1);
    record.slices.clear();
    let said = words(&record);
    assert!(said.contains("No verdict: defaults was not measured for sse/reference"));
    assert!(said.contains("Stopped after 1 of 126 trials"));
    let table = &summary(&record).scenarios[0].table;
    let first = &table.rows[0].cells[0];
    assert!(
        first.small.is_empty(),
        "one trial has no interval: {first:?}"
    );
    assert_eq!(table.rows[1].cells[0].text, "n/a");
}

/// A server that comes in one tuning only is no reason to refuse: nothing is missing beside it.
#[test]
fn one_tuning_is_all_there_is() {
    let mut record = support::record();
    let is_defaults = |server: &ServerLabel| {
        server.name() == "sse/reference" && server.tuning == Tuning::Defaults
    };
    record
        .trials
        .retain(|recorded| !is_defaults(&recorded.trial.server));
    let refusal = "No verdict: defaults was not measured for sse/reference";
    assert!(words(&record).contains(refusal));
    let alone = record
        .run
        .servers
        .iter()
        .find(|server| server.name() == "sse/reference" && server.tuning == Tuning::Equalised);
    record.run.one_tuning = alone.cloned().into_iter().collect();
    record.run.servers.retain(|server| !is_defaults(server));
    assert_eq!(record.run.one_tuning.len(), 1);
    assert!(!words(&record).contains(refusal));
}

#[test]
fn only_failed_trials() {
    let mut record = support::record();
    for recorded in &mut record.trials {
        recorded.trial.outcome = Outcome::Failed {
            reason: "It did not start.".into(),
        };
        recorded.trial.measurement = None;
        recorded.histograms.clear();
    }
    let said = words(&record);
    assert!(said.contains("6 valid trials entered the figures; 0 invalid and 120 failed did not"));
    assert!(said.contains("No trial of this scenario is valid"));
    assert_eq!(said.matches("It did not start.").count(), 120);
}

#[test]
fn interrupted_in_the_third_repetition() {
    let mut record = support::record();
    record.trials.truncate(50);
    record.slices.clear();
    let said = words(&record);
    assert!(said.contains("Stopped after 50 of 126 trials"));
    let answer = &summary(&record).scenarios[0].answer;
    assert!(
        answer.contains("no verdict on websocket against sse: 3 of 6 pairs"),
        "{answer}"
    );
}

#[test]
fn figures_at_the_ends_of_what_can_be_recorded() {
    words(&support::extreme(support::with_counters(support::record())));
}

#[test]
fn nothing_was_planned() {
    let mut record = support::record();
    record.trials.clear();
    record.slices.clear();
    record.run.scenarios.clear();
    record.run.servers.clear();
    record.run.absent.clear();
    record.run.planned = 0;
    record.run.environment = pushbench_model::environment::Environment::default();
    let said = words(&record);
    assert!(said.contains("there is nothing to answer"));
}

#[test]
fn without_a_floor() {
    let mut record = support::record();
    record.trials.retain(|t| t.trial.server.stack != "floor");
    record.run.servers.retain(|s| s.stack != "floor");
    let said = words(&record);
    assert!(said.contains("No floor took part"));
    assert!(!said.contains("× floor"));
}

#[test]
fn what_a_record_says_cannot_leave_its_place() {
    let mut record = support::record();
    let hostile = "</script><script>alert('x')</script>\"|\n<b>&";
    record.run.started = hostile.into();
    record.run.command = vec![hostile.into()];
    record.run.environment.machine = hostile.into();
    record
        .run
        .environment
        .settings
        .insert(hostile.into(), hostile.into());
    record.run.absent[0].reason = hostile.into();
    record.run.absent[0].install = hostile.into();
    record.run.scenarios[0].models = hostile.into();
    record.run.scenarios[0].expected = hostile.into();
    let first = record.run.servers[0].clone();
    record.run.servers[0].stack = hostile.into();
    for recorded in &mut record.trials {
        if recorded.trial.server == first {
            recorded.trial.server.stack = hostile.into();
        }
    }
    let page = html(&record);
    page::check(&page).unwrap();
    assert!(!page.contains("alert('x')"));
    assert_eq!(page.matches("<script>").count(), 1);
    // In Markdown only code may hold it as it is.
    let markdown = markdown(&record);
    let outside = markdown
        .lines()
        .filter(|line| line.contains("<script>") && !line.starts_with("    "));
    assert!(
        outside.into_iter().all(|line| line.contains("Install: `<")),
        "{markdown}"
    );
}

/// Trials of another loop model never enter the same table (method rule 6).
#[test]
fn loop_models_do_not_mix() {
    let mut record = support::record();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        if trial.scenario == "fan-out-small"
            && trial.server.stack == "express"
            && let Some(measurement) = &mut trial.measurement
        {
            measurement.loop_model = LoopModel::Closed;
        }
    }
    let scenarios = summary(&record).scenarios;
    let figures = |at: usize, server: &str| {
        let table = &scenarios[at].table;
        let row = table.rows.iter().find(|row| row.name == server);
        row.map(|row| row.cells[0].text.clone())
    };
    // The first scenario in both tunings under both models, the second in both tunings.
    assert_eq!(scenarios.len(), 6);
    assert_eq!(figures(0, "sse/express"), Some("n/a".into()));
    assert_eq!(figures(2, "sse/reference"), Some("n/a".into()));
    assert_ne!(figures(2, "sse/express"), Some("n/a".into()));
    words(&record);
}

/// Invalid trials never move a figure.
#[test]
fn invalid_trials_enter_no_figure() {
    let record = support::record();
    let mut worse = support::record();
    for recorded in &mut worse.trials {
        if !recorded.trial.outcome.is_valid() {
            for histogram in recorded.histograms.values_mut() {
                histogram.record_n(60_000_000_000, 100_000).unwrap();
            }
            if let Some(usage) = &mut recorded.trial.server_usage {
                usage.cost.cpu_ns *= 100;
            }
        }
    }
    assert_eq!(summary(&record).scenarios, summary(&worse).scenarios);
}
