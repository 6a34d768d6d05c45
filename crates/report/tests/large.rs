//! What a report says where the same was measured with large messages among the others and without.

mod support;

use pushbench_model::histogram::{self, EncodedHistogram};
use pushbench_model::measurement::histogram_name;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Large, Workload};
use pushbench_report::{csv, html, markdown};

const TITLE: &str = "Small messages behind large ones";

/// The synthetic record, with each fan-out a second time: one message in twenty large, which takes 7 ms.
fn mixed() -> Record {
    let mut record = support::record();
    let mut large = histogram::new();
    large
        .record_n(7_000_000, 100)
        .expect("it is within the bounds");
    let fan_outs: Vec<_> = record
        .run
        .scenarios
        .iter()
        .filter(|one| matches!(one.workload, Workload::FanOut(_)))
        .cloned()
        .collect();
    let trials = record.trials.clone();
    for mut scenario in fan_outs {
        let name = scenario.name.clone();
        scenario.name += "-large";
        if let Workload::FanOut(fan_out) = &mut scenario.workload {
            fan_out.large = Some(Large {
                every: 20,
                bytes: 262_144,
            });
        }
        let with = scenario.name.clone();
        record.run.scenarios.push(scenario);
        for mut trial in trials.clone() {
            if trial.trial.scenario != name {
                continue;
            }
            trial.trial.scenario.clone_from(&with);
            let key = histogram_name::LARGE.to_owned();
            if let Some(measured) = &mut trial.trial.measurement {
                let encoded = EncodedHistogram::encode(&large);
                measured.histograms.insert(key.clone(), encoded);
                trial.histograms.insert(key, large.clone());
            }
            record.trials.push(trial);
        }
    }
    record
}

#[test]
fn both_stand_side_by_side_with_the_median_of_large_ones() {
    let record = mixed();
    let page = markdown(&record);
    let section = support::section(&page, &format!("## {TITLE}"));
    assert!(section.contains("response of large ones p50"), "{section}");
    let rows = |what: &str| -> Vec<&str> {
        let rows = section.lines().filter(|line| line.contains(what));
        rows.collect()
    };
    let (small, mixed) = (
        rows("| all small |"),
        rows("| one message in 20 has 262144 bytes |"),
    );
    assert!(!small.is_empty() && small.len() == mixed.len(), "{section}");
    assert!(mixed.iter().all(|row| row.contains("7.0")), "{mixed:?}");
    assert!(mixed.iter().all(|row| row.contains("× 1.0")), "{mixed:?}");
    assert!(html(&record).contains("<a href=\"#large\">"));
    assert!(csv(&record).contains("large_p50_ns"));
}

#[test]
fn without_any_there_is_no_section() {
    assert!(!markdown(&support::record()).contains(TITLE));
}

/// How many segments or bytes a message takes depends on its size, and there is more than one.
#[test]
fn no_formula_for_one_size_is_held_against_two() {
    let record = mixed();
    let (mixed, plain) = (html(&record), html(&support::record()));
    let charts = |page: &str| page.matches("TCP segments per message").count();
    assert!(charts(&plain) > 0, "the title is another");
    assert_eq!(charts(&mixed), charts(&plain), "no chart of segments more");
}
