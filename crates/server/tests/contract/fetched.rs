//! Answers that are begun by a request and fetched by others, on the wire: long-polling on every stack that answers.

use std::time::Duration;

use pushbench_model::message;
use pushbench_model::tokens::{Ask, Chats, Done, Gaps, Pace, Whole};
use pushbench_model::tuning::Tuning;
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::common::{Client, server_with};

/// How long a poll is held, milliseconds.
const HOLD_MS: u64 = 300;

fn each(mut test: impl FnMut(&Server, &str)) {
    for (stack, tuning) in [
        (Stack::Bare, Tuning::Fixed),
        (Stack::Reference, Tuning::Equalised),
        (Stack::Reference, Tuning::Defaults),
    ] {
        let options = ServeOptions {
            stack,
            tuning,
            poll_timeout_ms: HOLD_MS,
            ..ServeOptions::default()
        };
        let way = format!("{stack} {tuning}");
        test(&server_with("long-poll", options), &way);
    }
}

fn question(stream: bool, tokens: u32, first_ms: f64, gap_ms: f64) -> Ask {
    Ask {
        stream,
        tokens,
        pace: Pace {
            answer: 9,
            asked: 1000,
            seed: 7,
            first_ms,
            gaps: Gaps::RecordedMs(vec![gap_ms]),
        },
        session: None,
        prompt: "Well?".into(),
    }
}

struct Said {
    head: String,
    body: String,
}

impl Said {
    fn status(&self) -> &str {
        &self.head["HTTP/1.1 ".len()..][..3]
    }
}

fn ask(client: &mut Client, request: &str, body: &str) -> Said {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = client.ask(&format!(
        "{request} HTTP/1.1\r\nHost: x\r\n{length}\r\n{body}"
    ));
    let length = head.split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    let body = String::from_utf8(client.read(length)).unwrap();
    Said { head, body }
}

/// Asks a question; the path of the answer.
fn begin(client: &mut Client, question: &Ask) -> String {
    let mut body = Vec::new();
    question.write(&mut body);
    let said = ask(client, "POST /chat", str::from_utf8(&body).unwrap());
    assert_eq!(
        said.head,
        "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         content-length: 25\r\ndate: DATE\r\n\r\n"
    );
    let id = said.body.strip_prefix("{\"id\":\"").unwrap();
    let id = id.strip_suffix("\"}").unwrap();
    assert!(
        id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    format!("/chat/{id}")
}

fn chats(server: &Server) -> Chats {
    let mut client = Client::connect(server.control_addr());
    client.ask("GET /chats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    serde_json::from_slice(&client.rest()).unwrap()
}

#[test]
fn an_answer_is_fetched_to_its_end_on_any_connection() {
    let question = question(true, 30, 5.0, 1.0);
    let tokens: Vec<_> = question.pace.tokens().take(30).collect();
    let text: usize = tokens.iter().map(|token| token.text.len()).sum();
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question);
        let (mut after, mut polls) = (0, 0);
        loop {
            polls += 1;
            let said = ask(&mut client, &format!("GET {path}?after={after}"), "");
            assert_eq!(said.status(), "200", "{way}");
            assert!(
                said.head
                    .contains("\r\ncontent-type: application/x-ndjson\r\n"),
                "{way}"
            );
            let lines: Vec<&str> = said.body.strip_suffix('\n').unwrap().split('\n').collect();
            let done = Done::parse(lines.last().unwrap().as_bytes());
            for line in &lines[..lines.len() - usize::from(done.is_some())] {
                let stamp = message::parse(line.as_bytes()).unwrap();
                let token = &tokens[after];
                assert_eq!(
                    (stamp.seq, stamp.intended),
                    (after as u64 + 1, 1000 + token.offset)
                );
                assert!(
                    line.ends_with(&format!("\"data\":\"{}\"}}", token.text)),
                    "{way}"
                );
                after += 1;
            }
            if let Some(done) = done {
                assert_eq!(
                    (after, done.tokens, done.context),
                    (30, 30, 5 + text as u64),
                    "{way}"
                );
                // Who did not get that asks for it again, from wherever it is.
                let again = format!("GET {path}?after=29");
                let last = ask(&mut Client::connect(server.data_addr()), &again, "");
                assert!(
                    last.body
                        .ends_with(&format!("{}\n", lines[lines.len() - 1])),
                    "{way}"
                );
                break;
            }
            if polls == 2 {
                client = Client::connect(server.data_addr());
            }
        }
        assert!((2..=30).contains(&polls), "{way}: {polls}");
        let all = chats(server);
        assert_eq!((all.running, all.stopped.len()), (0, 0), "{way}");
    });
}

#[test]
fn a_poll_is_held_until_there_is_something_and_no_longer_than_it_may() {
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question(true, 2, 1.5 * HOLD_MS as f64, 0.0));
        let no_wait = ask(&mut client, &format!("GET {path}?timeout=0"), "");
        assert_eq!(
            no_wait.head, "HTTP/1.1 204 No Content\r\ndate: DATE\r\n\r\n",
            "{way}"
        );
        let held = ask(&mut client, &format!("GET {path}?after=0"), "");
        assert_eq!(held.status(), "204", "{way}");
        let more = ask(&mut client, &format!("GET {path}?after=0"), "");
        assert_eq!(
            (more.status(), more.body.lines().count()),
            ("200", 3),
            "{way}"
        );
    });
}

#[test]
fn one_poll_brings_what_comes_at_once() {
    let question = question(false, 30, 5.0, 1.0);
    let text: String = question
        .pace
        .tokens()
        .take(30)
        .map(|token| token.text)
        .collect();
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question);
        let said = ask(&mut client, &format!("GET {path}?after=0"), "");
        assert!(
            said.head.contains("\r\ncontent-type: application/json\r\n"),
            "{way}"
        );
        let whole: Whole = serde_json::from_str(&said.body).unwrap();
        assert_eq!((&whole.text, whole.tokens), (&text, 30), "{way}");
        assert_eq!(whole.context, 5 + text.len() as u64, "{way}");
    });
}

#[test]
fn an_answer_that_is_deleted_is_made_no_further() {
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question(true, 100, 0.0, 50.0));
        ask(&mut client, &format!("GET {path}"), "");
        assert_eq!(chats(server).running, 1, "{way}");
        let said = ask(&mut client, &format!("DELETE {path}"), "");
        assert_eq!(said.status(), "200", "{way}");
        let done = Done::parse(said.body.as_bytes()).unwrap();
        assert!(
            (1..100).contains(&done.tokens) && done.context == 0,
            "{way}: {done:?}"
        );
        for request in ["GET", "DELETE"] {
            let gone = ask(&mut client, &format!("{request} {path}"), "");
            assert_eq!(gone.status(), "404", "{way}");
        }
        let all = chats(server);
        assert_eq!((all.running, all.stopped.len()), (0, 1), "{way}");
        assert_eq!(
            (all.stopped[0].answer, all.stopped[0].sent),
            (9, done.tokens),
            "{way}"
        );
    });
}

/// Pipelined, and cut anywhere.
#[test]
fn requests_may_come_together_and_in_pieces() {
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question(true, 3, 10.0, 10.0));
        let requests = format!(
            "GET {path}?after=0 HTTP/1.1\r\nHost: x\r\n\r\nDELETE {path} HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        for byte in requests.bytes() {
            client.send([byte]);
        }
        assert!(client.head().starts_with("HTTP/1.1 200 "), "{way}");
        let rest = loop {
            let rest = client.read(1);
            if rest == b"\n" {
                break client.head();
            }
        };
        assert!(rest.contains("HTTP/1.1 200 "), "{way}: {rest}");
    });
}

#[test]
fn what_cannot_be_fetched_is_refused() {
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question(true, 40, 0.0, 0.0));
        let refused = |request: &str, body: &str| {
            let said = ask(&mut Client::connect(server.data_addr()), request, body);
            said.status().to_owned()
        };
        assert_eq!(
            refused("GET /chat/0000000000000000?after=0", ""),
            "404",
            "{way}"
        );
        assert_eq!(refused("GET /chat/x?after=0", ""), "404", "{way}");
        assert_eq!(
            refused(&format!("GET /chat/{}", "0".repeat(4000)), ""),
            "404",
            "{way}"
        );
        for after in ["x", "-1", "", "1", "99999999999999999999999"] {
            let request = format!("GET {path}?after={after}");
            assert_eq!(refused(&request, ""), "400", "{way}: {after}");
        }
        assert_eq!(
            refused(&format!("GET {path}?timeout=x"), ""),
            "400",
            "{way}"
        );
        assert_eq!(refused("POST /chat", "{\"tokens\":3}"), "404", "{way}");
        assert_eq!(
            refused("POST /chat", "{\"tokens\":0,\"pace\":{}}"),
            "400",
            "{way}"
        );
        // None of it has changed the answer.
        let said = ask(&mut client, &format!("GET {path}?after=0"), "");
        assert_eq!(said.body.lines().count(), 41, "{way}");
    });
}

/// A client that has left, and one that never asks: the answer has as long as a poll may be held, and a second.
#[test]
fn an_answer_that_nobody_fetches_is_let_go() {
    each(|server, way| {
        let mut client = Client::connect(server.data_addr());
        let path = begin(&mut client, &question(true, 1000, 0.0, 50.0));
        client.send(format!("GET {path}?after=0 HTTP/1.1\r\nHost: x\r\n\r\n"));
        drop(client);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while chats(server).running > 0 {
            assert!(std::time::Instant::now() < deadline, "{way}");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(chats(server).stopped.len(), 1, "{way}");
        let gone = ask(
            &mut Client::connect(server.data_addr()),
            &format!("GET {path}?after=0"),
            "",
        );
        assert_eq!(gone.status(), "404", "{way}");
    });
}
