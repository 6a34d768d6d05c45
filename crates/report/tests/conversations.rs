//! What a report says of answers that were made for one client each.

mod support;

use pushbench_model::measurement::{AnswerCount, histogram_name};
use pushbench_model::profile::PerProfile;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Context, Tokens, Workload};
use pushbench_model::tokens::Gaps;
use pushbench_report::{markdown, summary};

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
    ] {
        assert!(text.contains(said), "{said}");
    }
}

/// Nothing of it shows where there are no conversations.
#[test]
fn other_workloads_have_no_such_columns() {
    assert!(!markdown(&support::record()).contains("added first token"));
}
