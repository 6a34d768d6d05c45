//! What goes wrong is named with its count, and the exit code says so.

use std::net::TcpListener;

use pushbench_model::drive::FaultKind;

use crate::common::{Stage, finish};
use crate::endpoint::{Endpoint, STREAM, Then, events};
use crate::{load, report};

/// Nothing can be driven: exit code 1, the report all the same, and the reason on standard error.
#[track_caller]
fn nothing(url: &str, more: &[&str], kind: FaultKind, wanted: &str) {
    let stage = Stage::new();
    let mut arguments = vec!["sse", url, "-c", "3", "--reconnect", "never"];
    arguments.extend(more);
    if !more.contains(&"-z") {
        arguments.extend(["-z", "20s"]);
    }
    let ended = finish(&mut load(&stage, &arguments));
    assert!(
        ended
            .stderr
            .starts_with("pushbench: none of 3 attempts could subscribe: 3 × "),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains(wanted), "{wanted}: {ended:#?}");
    let report = report(ended, 1);
    assert_eq!(
        (report.connections.attempts, report.connections.failed),
        (3, 3)
    );
    assert_eq!(report.connections.subscribed, 0);
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    assert_eq!((report.faults[0].kind, report.faults[0].count), (kind, 3));
}

fn answer(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n")
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    nothing(
        &format!("http://{address}/"),
        &[],
        FaultKind::Connect,
        "refused",
    );
}

#[test]
fn answers_that_refuse() {
    for status in [
        "401 Unauthorized",
        "403 Forbidden",
        "429 Too Many Requests",
        "503 Service Unavailable",
    ] {
        let endpoint = Endpoint::start(answer(status, ""), Then::Closes);
        nothing(&endpoint.url, &[], FaultKind::Status, &status[..3]);
    }
}

#[test]
fn an_answer_of_another_kind() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<ok>";
    let endpoint = Endpoint::start(page, Then::Closes);
    nothing(&endpoint.url, &[], FaultKind::ContentType, "text/html");
}

#[test]
fn redirects_without_end() {
    let endpoint = Endpoint::of_itself(
        |url| answer("302 Found", &format!("Location: {url}/again\r\n")),
        Then::Closes,
    );
    nothing(&endpoint.url, &[], FaultKind::Redirect, "10");
    nothing(
        &endpoint.url,
        &["--max-redirects", "0"],
        FaultKind::Redirect,
        "--max-redirects",
    );
}

#[test]
fn heads_without_end() {
    let endpoint = Endpoint::start("HTTP/1.1 200 OK\r\n", Then::NeverEndsItsHead);
    nothing(&endpoint.url, &[], FaultKind::Protocol, "");
}

#[test]
fn a_server_that_never_answers() {
    let endpoint = Endpoint::start("", Then::Holds);
    nothing(
        &endpoint.url,
        &["--connect-timeout", "200ms"],
        FaultKind::Timeout,
        "",
    );
}

/// The end of the drive comes before the end of patience.
#[test]
fn attempts_without_an_answer_at_the_end() {
    let endpoint = Endpoint::start("", Then::Holds);
    let more = ["-z", "1500ms"];
    nothing(
        &endpoint.url,
        &more,
        FaultKind::Timeout,
        "an answer had not come at the end",
    );
}

/// The values that do not belong together differ from attempt to attempt; the fault is one.
#[test]
fn an_upgrade_that_proves_nothing() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: AAAA\r\n\r\n";
    let endpoint = Endpoint::start(switch, Then::Holds);
    let url = endpoint.url.replace("http:", "ws:");
    let report = report(
        finish(&mut load(&Stage::new(), &["ws", &url, "-c", "3"])),
        1,
    );
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    assert_eq!(
        (report.faults[0].kind, report.faults[0].count),
        (FaultKind::Protocol, 3)
    );
}

/// A rule that is broken in the middle of a stream is the server's fault; that a connection is cut there is nobody's.
#[test]
fn streams_that_break_and_streams_that_are_cut() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let event = "d\r\ndata: hello\n\n\r\n";
    for (rest, kind, code) in [
        ("zz\r\n", FaultKind::Protocol, 3),
        ("d\r\ndata: he", FaultKind::Ended, 0),
    ] {
        let endpoint = Endpoint::start(format!("{head}{event}{rest}"), Then::Closes);
        let arguments = ["sse", &endpoint.url, "-c", "2", "--reconnect", "never"];
        let report = report(finish(&mut load(&Stage::new(), &arguments)), code);
        assert_eq!(report.messages.received, 2);
        assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
        assert_eq!((report.faults[0].kind, report.faults[0].count), (kind, 2));
    }
}

#[test]
fn no_tls_where_tls_is_wanted() {
    let endpoint = Endpoint::start("HTTP/1.1 400 Bad Request\r\n\r\n", Then::Closes);
    let url = endpoint.url.replace("http:", "https:");
    let stage = Stage::new();
    let ended = finish(&mut load(
        &stage,
        &["sse", &url, "-c", "2", "--reconnect", "never"],
    ));
    let report = report(ended, 1);
    assert_eq!(
        (report.faults[0].kind, report.faults[0].count),
        (FaultKind::Tls, 2)
    );
}

/// Some connections fail: what the others saw is reported, with exit code 3.
#[test]
fn a_part_fails() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        Then::Holds,
    );
    let ended = finish(&mut load(
        &stage,
        &["sse", &endpoint.url, "-c", "2", "-z", "300ms", "--contract"],
    ));
    assert_eq!(report(ended, 0).connections.at_end, 2);
    // Messages in which nothing is where it should be.
    let endpoint = Endpoint::start(events(5), Then::Closes);
    let arguments = [
        "sse",
        &endpoint.url,
        "-c",
        "2",
        "--reconnect",
        "never",
        "--time",
        "/when",
    ];
    let report = report(finish(&mut load(&stage, &arguments)), 3);
    assert_eq!(report.messages.unreadable, 10);
    let message = report
        .faults
        .iter()
        .find(|fault| fault.kind == FaultKind::Message);
    assert_eq!(message.map(|fault| fault.count), Some(10));
}

#[test]
fn arguments_that_are_wrong() {
    let stage = Stage::new();
    for (arguments, wanted) in [
        (&["sse", "127.0.0.1:8080"][..], "127.0.0.1:8080"),
        (&["sse", "ftp://h/"], "ftp"),
        (&["sse", "http://h:99999/"], "http://h:99999/"),
        (&["http", "http://h/"], "sse, websocket, long-poll, tcp"),
        (&["sse"], "<URL>"),
        (&["sse", "http://h/", "-c", "0"], "0 is not in 1.."),
        (&["sse", "http://h/", "-z", "soon"], "1h30m"),
        (
            &["sse", "http://h/", "--reconnect", "always"],
            "exponential:100ms..30s",
        ),
        (&["sse", "http://h/", "--sequence", "id"], "/id"),
        (&["sse", "http://h/", "--rate", "5"], "--publish"),
        (
            &["sse", "http://h/", "--contract", "--time", "/t"],
            "cannot be used with",
        ),
        (&["sse", "http://h/", "--fail-if", "p99>5ms"], "no figure"),
    ] {
        let ended = finish(&mut load(&stage, arguments)).with(2);
        assert!(
            ended.stderr.contains(wanted) && ended.stdout.is_empty(),
            "{wanted}: {ended:#?}"
        );
    }
}

/// A stream is one that can be used at once: its head alone makes the subscription.
#[test]
fn a_stream_that_says_nothing_is_a_subscription() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(STREAM, Then::Holds);
    let ended = finish(&mut load(
        &stage,
        &["sse", &endpoint.url, "-c", "2", "-z", "300ms"],
    ));
    let report = report(ended, 0);
    assert_eq!(
        (report.connections.subscribed, report.messages.received),
        (2, 0)
    );
}
