//! Servers that do not accept a subscription.

use std::net::SocketAddr;

use pushbench_load::Patience;
use pushbench_model::measurement::Publisher;

use crate::fake::{FAN_OUT, IMPATIENT, PATIENT, Trial, fake, nobody, switch};

fn error(transport: &'static str, target: SocketAddr, patience: Patience) -> String {
    let trial = Trial {
        scenario: FAN_OUT,
        transport,
        target,
        control: nobody(),
        publisher: Publisher::Server,
        patience,
    };
    trial.error()
}

const NONE: &str = "only 0 of 3 subscribers were accepted";

#[test]
fn nobody_listens() {
    let target = nobody();
    for transport in ["sse", "websocket", "long-poll", "tcp"] {
        let error = error(transport, target, PATIENT);
        let expected = format!("{NONE}: cannot connect to {target}: Connection refused");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn wrong_answers_are_named() {
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let failed = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\noops\n";
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    let moved = "HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n\r\n";
    let hint = " (is the path right? docs/PROTOCOL.md names the endpoints)";
    for (transport, answer, expected) in [
        ("sse", not_found, format!("the server answered 404, expected 200{hint}")),
        ("sse", failed, "the server answered 500, expected 200".into()),
        ("sse", moved, "the server answered 301, expected 200".into()),
        (
            "sse",
            html,
            "the server answered with Content-Type \"text/html\", expected \"text/event-stream\"".into(),
        ),
        ("sse", "220 smtp ready\r\n", "http: the response starts with \"2\", expected \"HTTP/1.\"".into()),
        ("sse", "HTTP/1.1 200 OK\r\n\0: x\r\n\r\n", "http: malformed response head: invalid header name".into()),
        (
            "sse",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "http: Content-Length is \"many\", expected one decimal number below 2^64".into(),
        ),
        ("long-poll", not_found, format!("the server answered 404, expected 200 or 204{hint}")),
        ("long-poll", failed, "the server answered 500, expected 200 or 204".into()),
        ("long-poll", "\0\u{1}", "http: the response starts with \"\\0\", expected \"HTTP/1.\"".into()),
        ("websocket", not_found, "websocket handshake: status 404, expected 101".into()),
        ("websocket", html, "websocket handshake: status 200, expected 101".into()),
        (
            "websocket",
            &switch("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "websocket handshake: Sec-WebSocket-Accept is \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\", expected".into(),
        ),
        ("websocket", "\r\n\r\n", "http: the response starts with \"\\r\", expected \"HTTP/1.\"".into()),
    ] {
        let answer = answer.to_owned();
        let target = fake(move |mut talk| {
            talk.request();
            talk.send(&answer);
            talk.end();
        });
        let error = error(transport, target, PATIENT);
        assert!(error.starts_with(&format!("{NONE}: {expected}")), "{transport}: {error}");
    }
}

#[test]
fn a_head_without_end_is_cut_short() {
    let target = fake(|mut talk| {
        talk.request();
        talk.send("HTTP/1.1 200 OK\r\n");
        while talk.send("X-Filler: something that goes on and on\r\n") {}
    });
    for transport in ["sse", "websocket", "long-poll"] {
        let expected = format!("{NONE}: http: the response head is longer than 65536 bytes");
        assert_eq!(error(transport, target, PATIENT), expected, "{transport}");
    }
}

#[test]
fn a_server_that_hangs_up_is_named() {
    for (transport, place) in [
        ("sse", "before it had answered"),
        ("websocket", "before it had answered the handshake"),
        ("long-poll", "while a poll was held"),
        ("tcp", "before it had answered"),
    ] {
        let target = fake(|mut talk| talk.end());
        let expected = format!("{NONE}: the server ended the connection {place}");
        assert_eq!(error(transport, target, PATIENT), expected, "{transport}");
    }
}

#[test]
fn a_server_that_never_answers_is_not_waited_for() {
    let target = fake(|mut talk| talk.hold());
    let patience = Patience {
        connect: IMPATIENT,
        ..PATIENT
    };
    for transport in ["sse", "websocket", "long-poll", "tcp"] {
        let expected = format!("{NONE} within 300ms");
        assert_eq!(error(transport, target, patience), expected, "{transport}");
    }
    // More subscribers are waited for longer.
    let patience = Patience {
        connect_each: IMPATIENT / 3,
        ..patience
    };
    let expected = format!("{NONE} within 600ms");
    assert_eq!(error("tcp", target, patience), expected);
}

/// Those that were accepted are counted as such.
#[test]
fn a_server_that_accepts_some_is_quoted_exactly() {
    for transport in ["sse", "websocket", "long-poll", "tcp"] {
        let target = fake(move |mut talk| {
            if talk.index > 0 {
                talk.accept(transport);
                talk.hold();
            }
            talk.end();
        });
        let error = error(transport, target, PATIENT);
        let expected = "only 2 of 3 subscribers were accepted: the server ended the connection ";
        assert!(error.starts_with(expected), "{transport}: {error}");
    }
}
