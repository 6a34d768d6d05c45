//! What is written where.

use std::fs;
use std::process::Stdio;

use pushbench_model::drive::DriveReport;
use pushbench_model::record::parse_hlog;

use crate::common::{Stage, finish};
use crate::endpoint::{Endpoint, STREAM, Then, events};
use crate::{driven, load};

#[test]
fn all_formats_at_once() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25), Then::Closes);
    // What a file held before is replaced, however long it was.
    stage.write("load.json", &"x".repeat(1 << 20));
    let mut command = stage.pushbench(["load", "sse", &endpoint.url, "-c", "4", "--quiet"]);
    command.args(["--reconnect", "never", "--hdr", "load.hlog"]);
    for output in ["text", "json=load.json", "csv=load.csv", "html=load.html"] {
        command.args(["--output", output]);
    }
    let ended = finish(&mut command).with(0);
    assert_eq!(ended.stderr, "");
    for wanted in [
        "sse http://127.0.0.1:",
        "100 received",
        "There is no latency",
        "--publish URL",
        "p99.9",
    ] {
        assert!(ended.stdout.contains(wanted), "{wanted}: {}", ended.stdout);
    }
    let read = |name: &str| fs::read_to_string(stage.path(name)).unwrap();
    let report: DriveReport = serde_json::from_str(&read("load.json")).unwrap();
    assert_eq!(report.messages.received, 100);
    assert_eq!(report.pushbench_version, env!("CARGO_PKG_VERSION"));
    assert!(report.started.starts_with("20") && report.command[1] == "load");
    let csv = read("load.csv");
    assert!(
        csv.starts_with("second,messages,bytes,open,faults\n"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), report.seconds.len() + 1);
    let page = read("load.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    let log = parse_hlog(&read("load.hlog")).unwrap();
    assert_eq!(log.len(), report.histograms.len());
    for (name, samples) in &log {
        assert_eq!(*samples, report.histograms[name.as_str()].decode().unwrap());
    }
}

#[test]
fn places_are_checked_before_anything_is_driven() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(STREAM, Then::Holds);
    for (more, code, wanted) in [
        (
            ["--output", "html=no/such/page.html"],
            1,
            "cannot write no/such/page.html",
        ),
        (["--hdr", "no/such.hlog"], 1, "cannot write no/such.hlog"),
        (["--output", "text"], 2, "two formats"),
    ] {
        let arguments = [&["sse", endpoint.url.as_str()][..], &more].concat();
        finish(&mut load(&stage, &arguments))
            .with(code)
            .in_one_line(&[wanted]);
    }
    assert!(endpoint.requests.try_recv().is_err(), "nothing was driven");
}

/// Without a terminal there are lines, and nothing that moves a cursor.
#[test]
fn lines_where_there_is_no_terminal() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(STREAM, Then::Holds);
    let mut command = stage.pushbench(["load", "sse", &endpoint.url, "-c", "2", "-z", "7s"]);
    let ended = finish(command.env("TERM", "xterm").stdin(Stdio::null())).with(0);
    assert!(
        !ended.stderr.contains('\x1b') && !ended.stdout.contains('\x1b'),
        "{ended:#?}"
    );
    assert!(ended.stderr.starts_with("5."), "{ended:#?}");
    assert!(
        ended.stderr.contains("s: 2 of 2 open, 0 messages, 0/s\n"),
        "{ended:#?}"
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}

/// The document keeps its published schema.
#[test]
fn the_json_is_as_its_schema_says() {
    let path = crate::common::root().join("docs/schema/load.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25), Then::Closes);
    let good = driven(&stage, &["sse", &endpoint.url, "--reconnect", "never"], 0);
    let refusing = Endpoint::start("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Then::Closes);
    let bad = driven(&stage, &["sse", &refusing.url], 1);
    for report in [good, bad] {
        let value = serde_json::to_value(&report).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}
