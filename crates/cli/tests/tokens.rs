//! Conversations with a language model, through the binary: from a scenario to a report.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;

use common::{Stage, finish, root};
use pushbench_model::record::{Outcome, Record};

const SCENARIO: &str = r#"
name = "talk"
models = "a chat"
expected = "a tie"
profiles = ["quick"]
[tokens]
conversations = 3
turns = { quick = 2, standard = 2, thorough = 2 }
tokens = { quick = 12, standard = 12, thorough = 12 }
first-ms = 20.0
gaps = { recorded-ms = [5.0, 9.0, 7.0] }
opening = 500
question = 50
context = "kept"
"#;

/// Servers that answer take part, others are left out and named.
#[test]
fn a_run_of_conversations() {
    let stage = Stage::new();
    stage.write("talk.toml", SCENARIO);
    let servers = root().join("benches/servers.toml");
    let mut command = stage.pushbench(["run", "--scenario", "talk.toml", "--repetitions", "1"]);
    command.args(["--servers", servers.to_str().unwrap()]);
    for server in [
        "sse/bare",
        "websocket/bare",
        "ndjson/bare",
        "long-poll/bare",
        "short-poll/bare",
    ] {
        command.args(["--server", server]);
    }
    for server in [
        "sse/reference@equalised",
        "websocket/reference@equalised",
        "long-poll/reference@equalised",
    ] {
        command.args(["--server", server]);
    }
    let ended = finish(&mut command).with(0);
    let left_out = "left out of talk: short-poll/bare: no answers at a pace";
    assert!(ended.stderr.contains(left_out), "{}", ended.stderr);

    let directory = stage.record();
    let record = Record::read(&directory).unwrap();
    assert_eq!(record.trials.len(), 7);
    for recorded in &record.trials {
        let trial = &recorded.trial;
        let name = trial.server.to_string();
        let measured = trial.measurement.as_ref().unwrap();
        // A machine that is busy with other tests may keep the load process waiting.
        if let Outcome::Invalid { reasons } = &trial.outcome {
            let waited = reasons
                .iter()
                .all(|why| why.text.contains("could not keep up"));
            assert!(waited, "{name}: {reasons:?}");
        }
        let answers = measured.answers.unwrap();
        assert_eq!(
            (answers.asked, answers.whole, answers.tokens),
            (6, 6, 72),
            "{name}"
        );
        assert_eq!(measured.operations, 72, "{name}");
        let samples = |histogram: &str| recorded.histograms[histogram].len();
        assert_eq!((samples("added-gap"), samples("ended")), (66, 6), "{name}");
        assert_eq!(
            measured.wire.agrees(),
            Some(true),
            "{name}: {:?}",
            measured.wire
        );
        assert!(measured.errors.is_empty(), "{name}: {:?}", measured.errors);
    }
    let report = fs::read_to_string(directory.join("report.md")).unwrap();
    for said in [
        "3 conversations at once",
        "the server keeps what was said",
        "added first token p50",
        "added gap p50",
        "end heard after p50",
        "bytes up per answer",
    ] {
        assert!(report.contains(said), "{said}");
    }
}
