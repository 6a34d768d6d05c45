//! A workload in a person's own words, planned and run.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use common::{Stage, finish};
use pushbench_model::record::Record;
use pushbench_model::scenario::Workload;

#[test]
fn a_plan_says_what_a_run_would_do_and_does_nothing() {
    let stage = Stage::new();
    let words = "2000 clients, 5 msg/s, 300 bytes, rtt 40ms, loss 1%";
    let ended = finish(&mut stage.pushbench([
        "plan",
        "--for",
        words,
        "--server",
        "sse/bare",
        "--server",
        "tcp",
        "--repetitions",
        "3",
    ]))
    .with(0);
    for said in [
        "profile quick, 3 trials of each",
        "yours: 6 trials through a link (rtt=40ms,loss=1%)",
        "sse/bare, tcp/floor",
        "6 trials, about ",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    assert!(!stage.path("reports").exists(), "nothing was recorded");
}

#[test]
fn a_run_for_a_person_s_numbers_says_who_keeps_the_objective() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench([
        "run",
        "--for",
        "4 clients, 50 msg/s, p99 600 s",
        "--server",
        "sse/bare",
        "--server",
        "tcp",
        "--repetitions",
        "1",
        "--no-slices",
    ]));
    // On a busy machine a publisher may be late.
    assert!(
        [0, 3].map(Some).contains(&ended.status.code()),
        "{}",
        ended.stderr
    );
    let record = Record::read(&stage.record()).unwrap();
    let [scenario] = &record.run.scenarios[..] else {
        panic!("{:?}", record.run.scenarios)
    };
    let Workload::FanOut(fan_out) = scenario.workload else {
        panic!("{scenario:?}")
    };
    assert_eq!(
        (scenario.name.as_str(), fan_out.subscribers, fan_out.rate),
        ("yours", 4, 50.0)
    );
    let page = std::fs::read_to_string(stage.record().join("report.html")).unwrap();
    assert!(
        page.contains("Objective, response p99 of at most 600"),
        "the answer opens with it"
    );
    assert!(page.contains("server processors"));
}

#[test]
fn words_that_are_no_workload_are_explained() {
    let stage = Stage::new();
    for (words, why) in [
        ("many clients", "no number with a unit"),
        ("5 clients", "how many messages per second"),
        ("5 clients, 1/s, rtt soon", "rtt"),
    ] {
        let ended = finish(&mut stage.pushbench(["run", "--for", words])).with(2);
        assert!(ended.stderr.contains(why), "{words}: {}", ended.stderr);
    }
    finish(&mut stage.pushbench(["run", "--for", "5 clients, 1/s, rtt 1ms", "--link", "lan"]))
        .with(2)
        .in_one_line(&["--link", "--for", "once"]);
}
