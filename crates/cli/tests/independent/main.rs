//! `pushbench load` against servers of others, and at the same time a client that shares no code with it: both see the same
//! messages and the same bytes of them. What travels goes through a relay of the test, which counts bytes by itself.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "../common/mod.rs"]
mod common;
mod others;
mod systems;
mod tap;

use std::fmt::Write as _;
use std::process::Stdio;

use common::{Stage, wait};
use others::{Client, Counted};
use pushbench_model::drive::DriveReport;
use systems::System;
use tap::Tap;

/// Messages published.
const MESSAGES: u64 = 200;
/// Connections of `pushbench load`; the other client has one.
const CONNECTIONS: u64 = 3;

/// Message `n`: of different lengths, and not all ASCII.
fn message(n: u64) -> String {
    let mut text = String::new();
    for part in 0..n % 17 {
        write!(text, "{part} grüße … ").unwrap();
    }
    format!("{{\"n\":{n},\"text\":\"{text}\"}}")
}

fn published() -> Counted {
    Counted {
        messages: MESSAGES,
        bytes: (1..=MESSAGES).map(|n| message(n).len() as u64).sum(),
    }
}

/// A conversation with an endpoint, in the words of `pushbench load`.
struct Asked<'a> {
    stack: &'a str,
    /// Transport, as in the list of servers.
    server: &'a str,
    /// Path in place of the listed one.
    path: Option<&'a str>,
    /// Transport on the command line.
    word: &'a str,
    more: &'a [&'a str],
    client: Client,
}

/// Runs both clients on `system` until `is_over` says so of what the relays of each have carried, and ends their
/// connections.
#[track_caller]
fn both(
    system: &System,
    asked: &Asked<'_>,
    is_subscribed: impl Fn(&Tap, u64) -> bool,
    publish: impl FnOnce(&System),
    is_over: impl Fn(&Tap, u64) -> bool,
) -> (DriveReport, Counted, Tap) {
    let path = asked.path.unwrap_or(&system.path);
    let (ours, theirs) = (Tap::start(&system.address), Tap::start(&system.address));
    let stage = Stage::new();
    let scheme = if asked.word == "ws" { "ws" } else { "http" };
    let url = format!("{scheme}://{}{path}", ours.address);
    let mut load = stage.pushbench(["load", asked.word, &url]);
    load.args(["-c", &CONNECTIONS.to_string(), "-z", "90s"])
        .args(["--reconnect", "never", "--output", "json", "--quiet"])
        .args(asked.more)
        .env("TERM", "dumb")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let load = load.spawn().unwrap();
    let other = asked.client.start(&format!("{}{path}", theirs.address));
    ours.wait_until("pushbench load is subscribed", |tap| {
        is_subscribed(tap, CONNECTIONS)
    });
    theirs.wait_until("the other client is subscribed", |tap| {
        is_subscribed(tap, 1)
    });
    system.settle();
    publish(system);
    ours.wait_until("pushbench load has been sent everything", |tap| {
        is_over(tap, CONNECTIONS)
    });
    theirs.wait_until("the other client has been sent everything", |tap| {
        is_over(tap, 1)
    });
    system.settle();
    ours.end();
    theirs.end();
    let ended = wait(load);
    let report =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    (report, other.counted(), ours)
}

/// What `pushbench load` says of messages and bytes is what was sent, and what the other client and the relay saw.
#[track_caller]
fn same(expected: &Counted, report: &DriveReport, other: &Counted, tap: &Tap) {
    assert_eq!(other, expected, "the other client");
    let m = &report.messages;
    let ours = Counted {
        messages: m.received,
        bytes: m.body_bytes,
    };
    let all = Counted {
        messages: expected.messages * CONNECTIONS,
        bytes: expected.bytes * CONNECTIONS,
    };
    assert_eq!(ours, all, "{report:#?}");
    assert_eq!(
        (m.lost, m.duplicated, m.reordered, m.unreadable),
        (0, 0, 0, 0)
    );
    assert_eq!(
        (report.wire_down, report.wire_up),
        tap.bytes(),
        "bytes on the wire"
    );
    let seconds: u64 = report.seconds.iter().map(|second| second.messages).sum();
    assert_eq!(seconds, m.received, "the sum of seconds");
}

/// Publishes to a relay, and compares.
#[track_caller]
fn relayed(asked: &Asked<'_>) {
    let Some(system) = System::start(asked.stack, asked.server) else {
        return;
    };
    if !asked.client.is_there(asked.stack) {
        return;
    }
    let polls = asked.word == "poll";
    let last = message(MESSAGES);
    let (report, other, tap) = both(
        &system,
        asked,
        |tap, connections| {
            // The answer to a poll comes with the first message.
            if polls {
                tap.requests() >= connections
            } else {
                tap.answers() >= connections
            }
        },
        |system| {
            for n in 1..=MESSAGES {
                system.publish(&message(n));
            }
        },
        |tap, connections| {
            // Whoever has polled again has read everything.
            tap.carried(&last) >= connections
                && (!polls || tap.requests() >= tap.answers() + connections)
        },
    );
    same(&published(), &report, &other, &tap);
    assert_eq!(report.messages.numbered, report.messages.received);
}

/// The stream of an answer to a POST, as APIs of language models have it: named events, and data of two lines.
#[track_caller]
fn streamed(stack: &str) {
    let Some(system) = System::start(stack, "sse") else {
        return;
    };
    let body = format!("{{\"stream\":true,\"tokens\":{}}}", MESSAGES - 1);
    let asked = Asked {
        stack,
        server: "sse",
        path: Some("/chat"),
        word: "sse",
        more: &["--json", &body],
        client: Client::CurlPost(body.clone()),
    };
    if !asked.client.is_there(stack) {
        return;
    }
    let (report, other, tap) = both(
        &system,
        &asked,
        |tap, connections| tap.answers() >= connections,
        |_| {},
        |tap, connections| tap.carried("event: done") >= connections,
    );
    assert_eq!(other.messages, MESSAGES, "the tokens and the end");
    same(&other, &report, &other, &tap);
}

const SEQUENCE: [&str; 2] = ["--sequence", "/n"];

fn sse(stack: &str) {
    relayed(&Asked {
        stack,
        server: "sse",
        path: None,
        word: "sse",
        more: &SEQUENCE,
        client: Client::Curl,
    });
}

fn websocket(stack: &str) {
    relayed(&Asked {
        stack,
        server: "websocket",
        path: None,
        word: "ws",
        more: &SEQUENCE,
        client: Client::NodeWs,
    });
}

fn long_poll(stack: &str) {
    relayed(&Asked {
        stack,
        server: "long-poll",
        path: None,
        word: "poll",
        more: &["--sequence", "/n", "--poll-style", "contract"],
        client: Client::CurlPoll,
    });
}

#[test]
fn events_of_express() {
    sse("express");
}

#[test]
fn events_of_koa() {
    sse("koa");
}

#[test]
fn events_of_nchan() {
    sse("nchan");
}

#[test]
fn messages_of_ws() {
    websocket("ws");
}

#[test]
fn messages_of_nchan() {
    websocket("nchan");
}

#[test]
fn polls_of_express() {
    long_poll("express");
}

#[test]
fn polls_of_koa() {
    long_poll("koa");
}

#[test]
fn polls_of_nchan() {
    relayed(&Asked {
        stack: "nchan",
        server: "sse",
        path: Some("/sub/poll"),
        word: "poll",
        more: &["--sequence", "/n", "--poll-style", "conditional"],
        client: Client::CurlConditional,
    });
}

#[test]
fn a_post_stream_of_express() {
    streamed("express");
}

#[test]
fn a_post_stream_of_koa() {
    streamed("koa");
}
