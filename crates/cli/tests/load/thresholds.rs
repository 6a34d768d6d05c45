//! `--fail-if`: kept, exceeded, cannot be told, makes no sense.

use crate::common::{Stage, finish};
use crate::endpoint::{Endpoint, Then, events};
use crate::load;

#[track_caller]
fn judged(more: &[&str], code: i32) {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25), Then::Closes);
    let arguments = [
        &["sse", &endpoint.url, "-c", "4", "--reconnect", "never"],
        more,
    ]
    .concat();
    finish(&mut load(&stage, &arguments)).with(code);
}

#[test]
fn exit_codes_say_what_became_of_them() {
    judged(
        &[
            "--fail-if",
            "messages<100",
            "--fail-if",
            "connections.failed>0",
        ],
        0,
    );
    judged(&["--fail-if", "messages>99"], 4);
    judged(
        &[
            "--fail-if",
            "messages<100",
            "--fail-if",
            "connections.ended > 3",
        ],
        4,
    );
    // Four first messages carry no p99.
    judged(&["--fail-if", "first-message.p99<1ns"], 5);
    judged(
        &[
            "--fail-if",
            "first-message.p99<1ns",
            "--fail-if",
            "messages>99",
        ],
        4,
    );
    judged(&["--sequence", "/id", "--fail-if", "lost>0"], 0);
}

#[test]
fn a_threshold_on_what_is_not_measured_says_how_to_measure_it() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(1), Then::Closes);
    for (threshold, wanted) in [
        ("response.p99>5ms", "--publish URL"),
        ("latency.p50>5ms", "--time POINTER"),
        ("lost>0", "--sequence POINTER"),
    ] {
        let ended = finish(&mut load(
            &stage,
            &["sse", &endpoint.url, "--fail-if", threshold],
        ));
        ended.with(2).in_one_line(&[threshold, wanted]);
    }
    assert!(endpoint.requests.try_recv().is_err(), "nothing was driven");
}

/// They stand in the page and in the report.
#[test]
fn the_page_says_what_became_of_them() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25), Then::Closes);
    let mut command = stage.pushbench(["load", "sse", &endpoint.url, "-c", "4", "--quiet"]);
    command.args([
        "--reconnect",
        "never",
        "--fail-if",
        "messages > 99",
        "-o",
        "text",
        "-o",
        "html=page.html",
    ]);
    let ended = finish(&mut command).with(4);
    assert!(
        ended.stdout.contains("exceeded  messages > 99  it is 100"),
        "{}",
        ended.stdout
    );
    let page = std::fs::read_to_string(stage.path("page.html")).unwrap();
    assert!(page.contains("messages &gt; 99") && page.contains("it is 100"));
}
