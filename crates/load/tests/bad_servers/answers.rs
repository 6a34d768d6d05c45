//! Answers of a language model that come in odd pieces, break off, or belong to a client that is gone.

use std::net::SocketAddr;

use pushbench_model::measurement::Publisher;
use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::tokens::{Ask, Done};

use crate::fake::{PATIENT, Signal, Talk, Trial, fake, nobody};

/// Three conversations of one answer each, which begin half a second after each other.
const THREE: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[tokens]
conversations = 3
turns = { quick = 1, standard = 1, thorough = 1 }
tokens = { quick = 5, standard = 5, thorough = 5 }
first-ms = 0.0
gaps = { log-normal = { mean-ms = 1.0, sigma = 0.0 } }
spread-ms = 1500.0
opening = 10
question = 10
context = "resent"
"#;

/// As long as a client needs to read what has come, on a busy machine.
const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(30);

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const END: &str = "0\r\n\r\n";

fn trial(target: SocketAddr) -> Trial {
    Trial {
        scenario: THREE,
        transport: "sse",
        target,
        control: nobody(),
        publisher: Publisher::Server,
        patience: PATIENT,
    }
}

fn chunk(body: &[u8]) -> Vec<u8> {
    let event = [b"data: ", body, b"\n\n"].concat();
    [format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat()
}

/// The first `count` tokens of the answer, without the head before and what ends it.
fn tokens(ask: &Ask, count: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for (seq, token) in (1..=count.into()).zip(ask.pace.tokens()) {
        let intended = ask.pace.asked + token.offset;
        let stamp = Stamp {
            seq,
            intended,
            published: intended,
        };
        let mut body = Vec::new();
        encode_text(stamp, token.text, &mut body);
        out.extend(chunk(&body));
    }
    out
}

fn done(ask: &Ask) -> Vec<u8> {
    let text: usize = (0..ask.tokens)
        .zip(ask.pace.tokens())
        .map(|(_, token)| token.text.len())
        .sum();
    let mut body = Vec::new();
    Done {
        tokens: ask.tokens,
        context: (ask.prompt.len() + text) as u64,
    }
    .write(&mut body);
    chunk(&body)
}

fn answer(ask: &Ask) -> Vec<u8> {
    let parts = [
        HEAD.as_bytes(),
        &tokens(ask, ask.tokens),
        &done(ask),
        END.as_bytes(),
    ];
    parts.concat()
}

/// What the client asks for next; `None` when it is gone.
fn asked(talk: &mut Talk) -> Option<Ask> {
    Ask::parse(&talk.request_with_body().1).ok()
}

#[test]
fn the_last_chunk_may_come_later() {
    let target = fake(|mut talk| {
        while let Some(ask) = asked(&mut talk) {
            let whole = answer(&ask);
            let (before, end) = whole.split_at(whole.len() - END.len());
            talk.send(before);
            std::thread::sleep(A_MOMENT);
            talk.send(end);
        }
    });
    let measurement = trial(target).run().unwrap();
    assert_eq!(measurement.errors, Vec::<String>::new());
    assert_eq!((measurement.operations, measurement.published), (15, 15));
    assert_eq!(measurement.answers.unwrap().whole, 3);
}

#[test]
fn an_answer_that_does_not_say_that_it_ends_is_an_error() {
    let target = fake(|mut talk| {
        while let Some(ask) = asked(&mut talk) {
            talk.send([HEAD.as_bytes(), &tokens(&ask, 5), END.as_bytes()].concat());
        }
    });
    let error = trial(target).error();
    assert!(
        error.contains("an answer ended without saying so"),
        "{error}"
    );
}

/// Who breaks off before it has asked is not asked to, and is counted once.
#[test]
fn a_conversation_may_break_off_before_its_start() {
    let begun = Signal::default();
    let target = fake(move |mut talk| {
        // The answer that is not measured.
        if let Some(ask) = asked(&mut talk) {
            talk.send(answer(&ask));
        }
        if talk.index == 1 {
            begun.wait();
            return;
        }
        while let Some(ask) = asked(&mut talk) {
            begun.set();
            talk.send(answer(&ask));
        }
    });
    // Seconds for the end to be noticed, on a machine as busy as it may be.
    let scenario = THREE.replace("spread-ms = 1500.0", "spread-ms = 9000.0");
    let late = Trial {
        scenario: scenario.leak(),
        ..trial(target)
    };
    let measurement = late.run().unwrap();
    let answers = measurement.answers.unwrap();
    assert_eq!((answers.asked, answers.whole), (2, 2));
    assert_eq!(measurement.connections.ended_early, 1);
    assert_eq!(measurement.errors, ["the server ended the connection"]);
}

/// The end comes with the last bytes, in one segment.
#[test]
fn an_end_that_comes_with_tokens_is_noticed() {
    let target = fake(|mut talk| {
        if let Some(ask) = asked(&mut talk) {
            let half = [HEAD.as_bytes(), &tokens(&ask, 2)].concat();
            talk.end_with(half);
        }
    });
    let error = trial(target).error();
    assert!(error.contains("the server ended the connection"), "{error}");
}

/// A server need not keep a connection over which nothing more is to come.
#[test]
fn a_connection_may_end_when_its_conversation_has() {
    let target = fake(|mut talk| {
        for _ in 0..2 {
            if let Some(ask) = asked(&mut talk) {
                talk.send(answer(&ask));
            }
        }
        // What is last is taken before the end comes, and two more conversations have theirs to go.
        std::thread::sleep(A_MOMENT);
    });
    let measurement = trial(target).run().unwrap();
    assert_eq!(measurement.errors, Vec::<String>::new());
    assert_eq!(measurement.answers.unwrap().whole, 3);
    assert_eq!(measurement.connections.ended_early, 0);
}
