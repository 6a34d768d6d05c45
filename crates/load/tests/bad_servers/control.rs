//! Control endpoints that refuse, lie or keep silent, beside a data port that works.

use std::net::SocketAddr;
use std::time::Duration;

use pushbench_load::Patience;
use pushbench_model::measurement::Publisher;
use pushbench_server::{Config, Server};
use pushbench_transport::transport::{ServeOptions, by_name};

use crate::fake::{FAN_OUT, IMPATIENT, PATIENT, Talk, Trial, fake, json, nobody};

/// What a server does with a connection, and what is said of it.
type Case = (fn(&mut Talk), &'static str);

fn server() -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start(Config {
        transport: by_name("tcp").unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options: ServeOptions::default(),
    })
    .unwrap()
}

const IMPATIENT_WITH_CONTROL: Patience = Patience {
    drain: IMPATIENT,
    control: IMPATIENT,
    ..PATIENT
};

fn trial(target: SocketAddr, control: SocketAddr, publisher: Publisher) -> Trial {
    Trial {
        scenario: FAN_OUT,
        transport: "tcp",
        target,
        control,
        publisher,
        patience: IMPATIENT_WITH_CONTROL,
    }
}

fn error(control: SocketAddr, publisher: Publisher) -> String {
    let server = server();
    trial(server.data_addr(), control, publisher).error()
}

#[test]
fn nobody_listens() {
    for publisher in [Publisher::Server, Publisher::Load] {
        let control = nobody();
        let error = error(control, publisher);
        assert!(
            error.starts_with(&format!("cannot connect to {control}: ")),
            "{error}"
        );
        assert!(
            error.ends_with("is the server running and the port right?"),
            "{error}"
        );
    }
}

/// Answers to `POST /schedule` that are none, each said in words.
#[test]
fn an_order_that_is_not_accepted_is_an_error() {
    let scripts: [Case; 9] = [
        (
            |talk| {
                talk.send("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops");
            },
            "status 500, expected 202 oops",
        ),
        (
            |talk| {
                talk.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            },
            "status 404, expected 202 ",
        ),
        (
            |talk| {
                talk.send("SSH-2.0\r\n");
            },
            "http: the response starts with \"S\", expected \"HTTP/1.\"",
        ),
        (|talk| talk.end(), "the connection ended before the answer"),
        (
            |talk| {
                talk.send("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nok");
            },
            "http body: the connection ended 3 bytes before the end of the body",
        ),
        (
            |talk| {
                talk.send("HTTP/1.1 202 Accepted\r\n");
                while talk.send("X-Filler: something that goes on and on\r\n") {}
            },
            "http: the response head is longer than 65536 bytes",
        ),
        (
            |talk| {
                talk.send("HTTP/1.1 202 Accepted\r\n\r\n");
                while talk.send([b'x'; 1 << 16]) {}
            },
            "an answer of more than 16777216 bytes",
        ),
        (|talk| talk.hold(), "no answer within 300ms"),
        (
            |talk| {
                // Slower than anyone waits, yet never silent for long.
                while talk.send("H") {
                    std::thread::sleep(Duration::from_millis(20));
                    talk.send("TTP/1.1 202 Accepted\r\n\r\n");
                    while talk.send("x") {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            },
            "no answer within 300ms",
        ),
    ];
    for (script, expected) in scripts {
        let control = fake(move |mut talk| {
            talk.request();
            script(&mut talk);
            talk.end();
        });
        let patience = if expected.contains("300ms") {
            IMPATIENT_WITH_CONTROL
        } else {
            PATIENT
        };
        let server = server();
        let trial = Trial {
            patience,
            ..trial(server.data_addr(), control, Publisher::Server)
        };
        let expected = format!("POST /schedule at {control} failed: {expected}");
        assert_eq!(trial.error(), expected);
    }
}

/// An endpoint that accepts the order and answers this to the question what became of it.
fn reporting(answer: impl Into<String>) -> SocketAddr {
    let answer = answer.into();
    fake(move |mut talk| {
        if talk.request().starts_with("POST ") {
            talk.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        } else {
            talk.send(&answer);
        }
    })
}

#[test]
fn a_report_that_is_none_is_an_error() {
    for (answer, expected) in [
        (json("{}"), "missing field `running` at line 1 column 2"),
        (json("soon"), "expected value at line 1 column 1"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
            "status 404, expected 200",
        ),
        (
            json(r#"{"running":true,"published":1,"started":1}"#),
            "still publishing after ",
        ),
    ] {
        let control = reporting(answer);
        let error = error(control, Publisher::Server);
        let expected = format!("GET /schedule at {control} failed: {expected}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

/// An interim answer may come in one segment with the final one.
#[test]
fn interim_answers_are_passed_over() {
    let report = json(r#"{"running":false,"published":10,"started":1}"#);
    let control = reporting(format!(
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{report}"
    ));
    let server = server();
    let measurement = trial(server.data_addr(), control, Publisher::Server)
        .run()
        .unwrap();
    assert_eq!(measurement.sequence.lost, 30, "nobody published anything");
}

/// A relay that does not take what is published to it.
#[test]
fn a_relay_that_refuses_is_an_error() {
    let scripts: [Case; 6] = [
        (
            |talk| {
                while !talk.request().is_empty() {
                    talk.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
                }
            },
            "status 500, expected 2xx",
        ),
        (
            // Only the last one is refused.
            |talk| {
                for n in 1..=10 {
                    let status = if n < 10 { "204 Yes" } else { "503 No" };
                    talk.request();
                    talk.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
                }
            },
            "status 503, expected 2xx",
        ),
        (
            // The first and the last are accepted.
            |talk| {
                for answer in ["204 Yes", "503 No", "204 Yes"] {
                    talk.request();
                    talk.send(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n"));
                }
            },
            "status 503, expected 2xx",
        ),
        (
            |talk| {
                for _ in 0..10 {
                    talk.request();
                }
                talk.send("SSH-2.0\r\n");
            },
            "http: the response starts with \"S\", expected \"HTTP/1.\"",
        ),
        (
            |talk| {
                for _ in 0..10 {
                    talk.request();
                }
                talk.send("HTTP/1.1 204 Yes\r\n\r\n");
                talk.end();
            },
            "the server closed the publishing connection",
        ),
        (
            |talk| talk.hold(),
            "0 of 10 messages were answered within 300ms",
        ),
    ];
    for (script, expected) in scripts {
        let control = fake(move |mut talk| {
            script(&mut talk);
            talk.hold();
        });
        let error = error(control, Publisher::Load);
        assert_eq!(
            error,
            format!("POST /publish at {control} failed: {expected}")
        );
    }
}

/// A relay that reads nothing blocks the publisher; the measurement ends all the same.
#[test]
fn a_relay_that_does_not_read_is_an_error() {
    const LARGE: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 8000000
[fan-out]
subscribers = 1
rate = 1000.0
arrivals = "constant"
warm-up-s = { quick = 0.0, standard = 0.0, thorough = 0.0 }
measure-s = { quick = 0.01, standard = 1.0, thorough = 1.0 }
"#;
    let (keep, kept) = std::sync::mpsc::channel();
    let control = fake(move |talk| keep.send(talk).unwrap());
    let server = server();
    let trial = Trial {
        scenario: LARGE,
        ..trial(server.data_addr(), control, Publisher::Load)
    };
    let error = trial.error();
    assert!(
        error.starts_with(&format!(
            "POST /publish at {control} failed: not done after "
        )),
        "{error}"
    );
    drop(kept);
}

/// One that closes in good order after the last answer has refused nothing.
#[test]
fn a_relay_may_close_when_it_has_answered() {
    let control = fake(|mut talk| {
        for _ in 0..10 {
            talk.request();
            talk.send("HTTP/1.1 204 Yes\r\n\r\n");
        }
        talk.end();
    });
    let server = server();
    let measurement = trial(server.data_addr(), control, Publisher::Load)
        .run()
        .unwrap();
    assert_eq!((measurement.published, measurement.sequence.lost), (10, 30));
}
