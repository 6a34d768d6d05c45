use clap::Parser as _;
use pushbench_load::drive::plan::{Asking, PollStyle, Reading, Reconnect, TimeAt};
use pushbench_model::drive::{DriveConnections, DriveMessages, Published};

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &str) -> Options {
    Line::try_parse_from(["load"].into_iter().chain(line.split(' ')))
        .unwrap_or_else(|error| panic!("{line}: {error}"))
        .options
}

fn plan(line: &str) -> anyhow::Result<pushbench_load::drive::Plan> {
    plan::plan(&options(line))
}

#[test]
fn what_is_not_said() {
    let plan = plan("sse http://h/events").unwrap();
    assert_eq!((plan.connections, plan.redirects), (50, 10));
    assert_eq!(plan.duration, Some(std::time::Duration::from_secs(10)));
    assert_eq!((plan.messages, plan.publish), (None, None));
    assert_eq!(
        (plan.reading, plan.reconnect),
        (Reading::Opaque, Reconnect::EventSource)
    );
    assert_eq!(plan.request, Asking::default());
}

#[test]
fn an_end_by_messages_has_no_time() {
    assert_eq!(plan("ws ws://h/ -n 5").unwrap().duration, None);
    let both = plan("ws ws://h/ -n 5 -z 1m").unwrap();
    assert_eq!(both.duration, Some(std::time::Duration::from_secs(60)));
    assert_eq!(both.reconnect, Reconnect::Never);
}

#[test]
fn a_body_makes_a_post_that_is_asked_once() {
    let json = plan("sse http://h/chat --json {\"stream\":true}").unwrap();
    assert_eq!(
        (json.request.method.as_str(), &json.request.body[..]),
        ("POST", &b"{\"stream\":true}"[..])
    );
    assert_eq!(
        json.request.headers,
        [("Content-Type".into(), "application/json".into())]
    );
    assert_eq!(json.reconnect, Reconnect::Never);
    let form = plan("sse http://h/chat -d a=b -X PUT -H content-type:text/plain").unwrap();
    assert_eq!(form.request.method, "PUT");
    assert_eq!(
        form.request.headers,
        [("content-type".into(), "text/plain".into())]
    );
}

#[test]
fn where_things_are_in_messages() {
    let time = |unit_ns, unix| Reading::Pointers {
        sequence: None,
        time: Some(TimeAt {
            pointer: "/ts".into(),
            unit_ns,
            unix,
        }),
    };
    for (line, reading) in [
        ("--time /ts", time(1_000_000, true)),
        ("--time /ts --time-unit s", time(1_000_000_000, true)),
        ("--time /ts --clock monotonic", time(1, false)),
        ("--contract", Reading::Contract),
        ("--publish http://h/pub", Reading::Contract),
        (
            "--sequence /id",
            Reading::Pointers {
                sequence: Some("/id".into()),
                time: None,
            },
        ),
    ] {
        assert_eq!(
            plan(&format!("ws ws://h/ {line}")).unwrap().reading,
            reading,
            "{line}"
        );
    }
}

#[test]
fn styles_of_polls() {
    for (line, style) in [
        ("poll http://h/", PollStyle::Conditional),
        ("poll http://h/ --contract", PollStyle::Contract),
        (
            "poll http://h/ --contract --poll-style plain",
            PollStyle::Plain,
        ),
        (
            "poll http://h/ --publish http://h/p",
            PollStyle::Conditional,
        ),
    ] {
        assert_eq!(plan(line).unwrap().request.poll, style, "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    for (line, wanted) in [
        ("ws ws://h/ -d a", "--data means nothing to websocket"),
        ("sse http://h/ --subprotocol a", "it is for websocket"),
        (
            "tcp tcp://h:1 --contract -H A:b",
            "--header means nothing to tcp",
        ),
        ("tcp tcp://h:1", "add --contract"),
        ("ws ws://h/ --reconnect eventsource", "it is for sse"),
        (
            "sse http://h/ -H hunter2",
            "--header: a header is written as",
        ),
        (
            "sse http://h/ -d @/no/such/file",
            "cannot read the body from /no/such/file",
        ),
        ("sse http://h/ -X G(T", "is no method"),
        ("sse http://h/ --publish http://h/p --rate 0", "more than 0"),
    ] {
        let error = plan(line)
            .err()
            .unwrap_or_else(|| panic!("{line} is taken"));
        assert!(
            error.is::<Wrong>() && error.to_string().contains(wanted),
            "{line}: {error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn thresholds_on_what_cannot_be_known() {
    for (line, wanted) in [
        ("--fail-if response.p99>5ms", Some("--publish URL")),
        ("--fail-if response.p99>5ms --contract", None),
        ("--fail-if missing>0 --contract", Some("--publish URL")),
        ("--fail-if latency.p99>5ms", Some("--time POINTER")),
        ("--fail-if lost>0", Some("--sequence POINTER")),
        ("--fail-if unreadable>0", Some("nothing is read")),
        ("--fail-if gap.p99>5ms --fail-if faults>0", None),
        ("--fail-if latency.p99>5ms --time /ts", None),
        ("--fail-if lost>0 --time /ts", Some("--sequence POINTER")),
        ("--fail-if response.p99>5ms --publish http://h/p", None),
    ] {
        let options = options(&format!("ws ws://h/ {line}"));
        let result = plan::check_thresholds(&options, &plan::plan(&options).unwrap());
        let said = result.err().map(|error| error.to_string());
        match (&said, wanted) {
            (None, None) => {}
            (Some(said), Some(wanted)) => assert!(said.contains(wanted), "{line}: {said}"),
            _ => panic!("{line}: {said:?}"),
        }
    }
}

fn report() -> DriveReport {
    let mut report: DriveReport = serde_json::from_value(serde_json::json!({
        "schema": SCHEMA, "pushbench_version": "", "command": [], "started": "", "transport": "sse", "url": "",
        "elapsed_ns": 1, "ended": "time", "connections": DriveConnections::default(),
        "messages": DriveMessages::default(), "wire_down": 0, "wire_up": 0, "clock": null, "histograms": {},
        "seconds": [], "faults": [], "published": null, "cpu_ns": 0
    }))
    .unwrap();
    report.connections.subscribed = 5;
    report
}

#[test]
fn exit_codes_and_their_order() {
    let judged = |judgement| Judged {
        threshold: String::new(),
        judgement,
        found: String::new(),
    };
    let mut report = report();
    assert_eq!(exit(&report, &[judged(Judgement::Kept)]), Exit::Done);
    assert_eq!(
        exit(&report, &[judged(Judgement::Undecided)]),
        Exit::Undecided
    );
    report.published = Some(Published {
        missing: 1,
        ..Published::default()
    });
    assert_eq!(
        exit(&report, &[judged(Judgement::Undecided)]),
        Exit::Unusable
    );
    assert_eq!(
        exit(
            &report,
            &[judged(Judgement::Undecided), judged(Judgement::Exceeded)]
        ),
        Exit::Regression
    );
    report.ended = Ended::Interrupted;
    assert_eq!(
        exit(&report, &[judged(Judgement::Exceeded)]),
        Exit::Interrupted
    );
}

#[test]
fn each_flaw_shows_in_the_exit_code() {
    let flaws: [fn(&mut DriveReport); 5] = [
        |r| r.connections.failed = 1,
        |r| r.messages.lost = 1,
        |r| r.messages.unreadable = 1,
        |r| {
            r.published = Some(Published {
                failed: 1,
                ..Published::default()
            });
        },
        |r| {
            r.published = Some(Published {
                missing: 1,
                ..Published::default()
            });
        },
    ];
    for flaw in flaws {
        let mut report = report();
        assert_eq!(exit(&report, &[]), Exit::Done);
        flaw(&mut report);
        assert_eq!(exit(&report, &[]), Exit::Unusable);
    }
}
