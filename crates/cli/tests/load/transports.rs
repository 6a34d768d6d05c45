//! Every transport against a server of our own, and requests as they arrive.

use pushbench_model::drive::{Ended, StampClock, histogram};

use crate::common::Stage;
use crate::driven;
use crate::endpoint::{Endpoint, Served, Then, events};

/// Word of the command line, name in reports, path.
const ALL: [(&str, &str, &str); 4] = [
    ("sse", "sse", "/sse"),
    ("ws", "websocket", "/ws"),
    ("poll", "long-poll", "/poll"),
    ("tcp", "tcp", ""),
];

/// A publisher of our own: response times on one clock, and every message arrives.
#[test]
fn each_transport_from_end_to_end() {
    let stage = Stage::new();
    for (word, name, path) in ALL {
        for stack in ["reference", "bare"] {
            let served = Served::start(&stage, name, &["--stack", stack]);
            let url = format!("{}{path}", served.data);
            let publish = format!("{}/publish", served.control);
            let mut arguments = vec![word, &url, "-c", "4", "-n", "400"];
            arguments.extend(["--publish", &publish, "--rate", "500"]);
            if word == "poll" {
                arguments.extend(["--poll-style", "contract"]);
            }
            let report = driven(&stage, &arguments, 0);
            assert_eq!(
                (report.transport.as_str(), report.ended),
                (name, Ended::Messages)
            );
            let c = &report.connections;
            assert_eq!(
                (c.asked, c.subscribed, c.failed, c.most),
                (4, 4, 0, 4),
                "{name}/{stack}"
            );
            let m = &report.messages;
            assert!(m.received >= 400, "{name}/{stack}: {m:?}");
            assert_eq!(
                (m.lost, m.duplicated, m.unreadable),
                (0, 0, 0),
                "{name}/{stack}"
            );
            assert_eq!(m.numbered, m.received);
            assert_eq!(report.clock, Some(StampClock::Monotonic));
            for wanted in [histogram::RESPONSE, histogram::SERVICE] {
                let samples = report.histograms[wanted].decode().unwrap();
                assert_eq!(samples.len(), m.received, "{name}/{stack}: {wanted}");
            }
            let published = report.published.unwrap();
            assert_eq!(
                (published.failed, published.missing),
                (0, 0),
                "{name}/{stack}"
            );
        }
    }
}

/// What an endpoint sends is counted to the message; a latency is not made up.
#[test]
fn an_endpoint_that_promises_nothing() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25), Then::Closes);
    let report = driven(
        &stage,
        &["sse", &endpoint.url, "-c", "8", "--reconnect", "never"],
        0,
    );
    assert_eq!(report.ended, Ended::Connections);
    assert_eq!(
        (report.messages.received, report.messages.numbered),
        (200, 0)
    );
    assert_eq!((report.clock, report.published), (None, None));
    let has = |name| report.histograms.contains_key(name);
    assert!(!has(histogram::RESPONSE) && !has(histogram::SERVICE));
    assert!(has(histogram::FIRST_BYTE) && has(histogram::FIRST_MESSAGE));
    let c = &report.connections;
    assert_eq!((c.subscribed, c.ended_by_server, c.reconnects), (8, 8, 0));
}

/// A JSON pointer finds the sequence.
#[test]
fn a_sequence_of_others() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(25).replace("\"id\":7,", "\"id\":70,"), Then::Closes);
    let arguments = [
        "sse",
        &endpoint.url,
        "-c",
        "1",
        "--reconnect",
        "never",
        "--sequence",
        "/id",
    ];
    let report = driven(&stage, &arguments, 3);
    assert_eq!(
        (report.messages.received, report.messages.numbered),
        (25, 25)
    );
    assert!(report.messages.lost > 0, "{:?}", report.messages);
}

/// The request of an LLM's stream: a POST with a JSON body, asked once by each connection.
#[test]
fn a_post_stream() {
    let stage = Stage::new();
    let endpoint = Endpoint::start(events(3), Then::Closes);
    let url = format!("{}/chat?model=x", endpoint.url);
    let body = "{\"stream\":true}";
    let arguments = [
        "sse",
        &url,
        "-c",
        "2",
        "--json",
        body,
        "-H",
        "X-Test: 7",
        "-H",
        "Accept: text/event-stream, */*",
    ];
    let report = driven(&stage, &arguments, 0);
    assert_eq!(
        (report.messages.received, report.ended),
        (6, Ended::Connections)
    );
    for _ in 0..2 {
        let request = endpoint.requests.recv().unwrap();
        let head = request.head.to_ascii_lowercase();
        assert!(
            request.head.starts_with("POST /chat?model=x HTTP/1.1\r\n"),
            "{head}"
        );
        for field in [
            "x-test: 7\r\n",
            "content-type: application/json\r\n",
            "accept: text/event-stream, */*\r\n",
        ] {
            assert_eq!(head.matches(field).count(), 1, "{field}: {head}");
        }
        assert_eq!(head.matches("\r\naccept:").count(), 1, "{head}");
        assert_eq!(request.body, body);
    }
    assert!(endpoint.requests.try_recv().is_err(), "nobody asked again");
}

/// `-d @FILE`, `-X`, `--last-event-id`.
#[test]
fn further_parts_of_a_request() {
    let stage = Stage::new();
    stage.write("body.txt", "from a file");
    let endpoint = Endpoint::start(events(1), Then::Closes);
    let arguments = [
        "sse",
        &endpoint.url,
        "-c",
        "1",
        "-d",
        "@body.txt",
        "-X",
        "PUT",
        "--last-event-id",
        "41",
    ];
    driven(&stage, &arguments, 0);
    let request = endpoint.requests.recv().unwrap();
    let head = request.head.to_ascii_lowercase();
    assert!(request.head.starts_with("PUT / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("last-event-id: 41\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{head}"
    );
    assert_eq!(request.body, "from a file");
}

/// A browser's rules: again after the end, with the id of the last event.
#[test]
fn an_event_source_comes_back() {
    let stage = Stage::new();
    let stream = events(2).replace("id: 1", "retry: 1\nid: 1");
    let endpoint = Endpoint::start(stream, Then::Closes);
    let report = driven(&stage, &["sse", &endpoint.url, "-c", "1", "-n", "6"], 0);
    assert_eq!(report.ended, Ended::Messages);
    assert!(
        report.connections.reconnects >= 2,
        "{:?}",
        report.connections
    );
    let first = endpoint.requests.recv().unwrap().head.to_ascii_lowercase();
    let second = endpoint.requests.recv().unwrap().head.to_ascii_lowercase();
    assert!(!first.contains("last-event-id"), "{first}");
    assert!(second.contains("last-event-id: 2\r\n"), "{second}");
}
