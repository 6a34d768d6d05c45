//! What a report says of answers that were made for one client each.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use pushbench_model::histogram;
use pushbench_model::measurement::{AnswerCount, Measurement, histogram_name};
use pushbench_model::profile::PerProfile;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Context, Tokens, Workload};
use pushbench_model::tokens::Gaps;
use pushbench_report::table::Tone;
use pushbench_report::{csv, html, markdown, summary};

fn all<T: Copy>(value: T) -> PerProfile<T> {
    PerProfile {
        quick: value,
        standard: value,
        thorough: value,
    }
}

/// The synthetic record, its first scenario made to be conversations: ten answers a trial, four of them stopped.
fn conversations() -> Record {
    let mut record = support::record();
    let scenario = &mut record.run.scenarios[0];
    scenario.workload = Workload::Tokens(Tokens {
        conversations: 5,
        turns: all(2),
        tokens: all(40),
        first_ms: 100.0,
        gaps: Gaps::LogNormal {
            mean_ms: 20.0,
            sigma: 0.6,
        },
        opening: 1500,
        question: 120,
        context: Context::Resent,
        stream: true,
        spread_ms: 0.0,
        cancel_every: 3,
    });
    let name = scenario.name.clone();
    for trial in record
        .trials
        .iter_mut()
        .filter(|t| t.trial.scenario == name)
    {
        let Some(measured) = &mut trial.trial.measurement else {
            continue;
        };
        measured.answers = Some(AnswerCount {
            asked: 10,
            whole: 6,
            cancelled: 4,
            stopped: 4,
            wasted: 3,
            tokens: measured.operations,
            stalls: 7,
            scheduled_stalls: 5,
            prompt_bytes: 9000,
            text_bytes: 1600,
        });
        if let Some(response) = trial.histograms.get(histogram_name::RESPONSE).cloned() {
            for name in [histogram_name::FIRST_TOKEN, histogram_name::CANCEL] {
                trial.histograms.insert(name.into(), response.clone());
            }
        }
        // Half of the gaps are no longer than the model's own.
        for (name, values) in [
            (histogram_name::ADDED_GAP, [0, 0, 2_000_000, 2_000_000]),
            (histogram_name::ENDED, [3_000_000; 4]),
        ] {
            let mut histogram = histogram::new();
            for value in values {
                histogram.record_n(value, 300).unwrap();
            }
            trial.histograms.insert(name.into(), histogram);
        }
    }
    record
}

#[test]
fn the_answer_has_what_a_conversation_is_judged_by() {
    let record = conversations();
    let summary = summary(&record);
    let scenario = &summary.scenarios[0];
    let headings: Vec<&str> = scenario
        .table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    for wanted in [
        "added first token p50",
        "added first token p99",
        "added gap p50",
        "added gap p99",
        "end heard after p50",
        "end heard after p99",
        "stalls",
        "bytes down per answer",
        "bytes up per answer",
        "stopped after p50",
        "tokens in vain",
        "lost",
    ] {
        assert!(headings.contains(&wanted), "{wanted} in {headings:?}");
    }
    let text = markdown(&record);
    for said in [
        "5 conversations at once, 2 questions each, answers of 40 tokens",
        "all that was said is sent again with every question",
        "one answer in 3 is stopped half way",
        "by the model's schedule",
        "added first token p50",
        "added gap p99, ms",
        "end heard after p50, ms",
    ] {
        assert!(text.contains(said), "{said}");
    }
}

/// The figures of the column `name`, server by server.
fn column(record: &Record, name: &str) -> Vec<(Tone, String)> {
    let scenarios = summary(record).scenarios;
    let table = &scenarios[0].table;
    let place = table.columns.iter().position(|column| column.name == name);
    let rows = table.rows.iter().map(|row| {
        let cell = &row.cells[place.unwrap()];
        (cell.tone, cell.text.clone())
    });
    rows.collect()
}

#[test]
fn gaps_and_ends_have_their_figures() {
    let record = conversations();
    for (name, figure) in [
        ("added gap p50", "0"),
        ("added gap p99", "2.00"),
        ("end heard after p50", "3.00"),
        ("end heard after p99", "3.00"),
    ] {
        let column = column(&record, name);
        assert!(!column.is_empty(), "{name}");
        for (tone, text) in column {
            assert_eq!((tone, text.as_str()), (Tone::Plain, figure), "{name}");
        }
    }
    let csv = csv(&record);
    let (names, trials) = csv.split_once('\n').unwrap();
    let place = |name| names.split(',').position(|one| one == name).unwrap();
    let (gap, end) = (place("added_gap_p99_ns"), place("ended_n"));
    // No field of a trial before these holds a comma where nothing went wrong.
    let valid: Vec<Vec<&str>> = trials
        .lines()
        .filter(|line| line.contains(",valid,") && !line.contains('"'))
        .map(|line| line.split(',').collect())
        .filter(|fields: &Vec<&str>| !fields[gap].is_empty())
        .collect();
    assert!(!valid.is_empty());
    for fields in valid {
        let added: u64 = fields[gap].parse().unwrap();
        assert!((1_998_000..2_002_000).contains(&added), "{added}");
        assert_eq!(fields[end], "1200");
    }
}

/// Records from before these were measured, and answers that come at once, of which only the ends are known.
#[test]
fn what_was_not_measured_has_no_column_and_where_others_have_it_no_figure() {
    let mut record = conversations();
    for trial in &mut record.trials {
        trial.histograms.remove(histogram_name::ADDED_GAP);
    }
    assert!(!markdown(&record).contains("added gap"));
    assert!(markdown(&record).contains("end heard after p50"));
    for trial in &mut record.trials {
        trial.histograms.remove(histogram_name::ENDED);
    }
    for text in [markdown(&record), html(&record)] {
        assert!(text.contains("added first token p50"));
        assert!(!text.contains("end heard after"));
    }

    let mut record = conversations();
    let without = summary(&record).scenarios[0].table.rows[0].name.clone();
    for trial in &mut record.trials {
        if trial.trial.server.name() == without {
            trial.histograms.remove(histogram_name::ADDED_GAP);
        }
    }
    let column = column(&record, "added gap p99");
    let absent = column.iter().filter(|(tone, _)| *tone == Tone::Absent);
    assert_eq!(absent.count(), 1);
    assert!(column.len() > 1);
}

/// Method rule 7: a token that never came has ended no gap, and an answer that never ended has no end.
#[test]
fn what_never_came_is_beyond_every_gap_and_end() {
    let record = conversations();
    let measured = record.trials.iter().find_map(|t| {
        let measured = t.trial.measurement.as_ref()?;
        measured.answers.is_some().then(|| measured.clone())
    });
    let mut measured = measured.unwrap();
    let lost = |measured: &Measurement| {
        [histogram_name::ADDED_GAP, histogram_name::ENDED].map(|name| measured.lost_beside(name))
    };
    assert_eq!(lost(&measured), [0, 0]);
    measured.operations -= 7;
    measured.answers.as_mut().unwrap().whole -= 1;
    assert_eq!(lost(&measured), [7, 1]);
}

/// Nothing of it shows where there are no conversations.
#[test]
fn other_workloads_have_no_such_columns() {
    let text = markdown(&support::record());
    for name in ["added first token", "added gap", "end heard after"] {
        assert!(!text.contains(name), "{name}");
    }
}
