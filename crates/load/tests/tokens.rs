//! Conversations over real sockets, server and load generator in one process: text, counts, bytes and states.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod stage;

use pushbench_load::barrier::Free;
use pushbench_load::{LoadError, run};
use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{AnswerCount, Measurement, Publisher};
use pushbench_model::tuning::Tuning;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, by_name};

use stage::{config, server};

const TRANSPORTS: [&str; 4] = ["sse", "websocket", "ndjson", "long-poll"];

fn try_measure(
    name: &str,
    options: ServeOptions,
    scenario: &str,
) -> Result<Measurement, LoadError> {
    let transport = by_name(name).unwrap();
    let server = server(transport, options);
    let config = config(transport, &server, scenario, Publisher::Server);
    run(config, &mut Free)
}

fn measure(name: &str, options: ServeOptions, scenario: &str) -> Measurement {
    try_measure(name, options, scenario).unwrap()
}

fn scenario(conversations: u32, turns: u32, tokens: u32, more: &str) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[tokens]
conversations = {conversations}
turns = {{ quick = {turns}, standard = 1, thorough = 1 }}
tokens = {{ quick = {tokens}, standard = 2, thorough = 2 }}
first-ms = 5.0
gaps = {{ log-normal = {{ mean-ms = 0.5, sigma = 0.6 }} }}
opening = 300
question = 40
{more}
"#
    )
}

const RESENT: &str = "context = \"resent\"";
const KEPT: &str = "context = \"kept\"";

fn options(stack: Stack, tuning: Tuning) -> ServeOptions {
    ServeOptions {
        stack,
        tuning,
        ..ServeOptions::default()
    }
}

/// Every way to serve answers.
fn ways() -> Vec<ServeOptions> {
    vec![
        options(Stack::Reference, Tuning::Equalised),
        options(Stack::Reference, Tuning::Defaults),
        options(Stack::Bare, Tuning::Fixed),
    ]
}

fn answers(measurement: &Measurement) -> AnswerCount {
    measurement.answers.unwrap()
}

fn samples(measurement: &Measurement, name: &str) -> Histogram {
    measurement.histograms[name].decode().unwrap()
}

fn assert_clean(name: &str, measurement: &Measurement) {
    assert_eq!(measurement.errors, Vec::<String>::new(), "{name}");
    assert!(
        measurement.sequence.is_clean(),
        "{name}: {:?}",
        measurement.sequence
    );
    let connections = measurement.connections;
    assert_eq!(connections.failed + connections.ended_early, 0, "{name}");
    assert_eq!(connections.nodelay, connections.opened, "{name}");
    assert_eq!(measurement.server.as_ref().unwrap().chats, 0, "{name}");
}

/// The load generator holds every token against the text, number and intended time that the seed gives, and the end of
/// every answer against the context that both sides have seen.
#[test]
fn every_token_comes_once_in_order_and_costs_what_the_formula_says() {
    for name in TRANSPORTS {
        for options in ways() {
            let way = format!("{name} {options:?}");
            let measured = measure(name, options, &scenario(5, 3, 20, RESENT));
            assert_clean(&way, &measured);
            let counts = answers(&measured);
            assert_eq!((counts.asked, counts.whole), (15, 15), "{way}");
            assert_eq!((measured.operations, counts.tokens), (300, 300), "{way}");
            assert_eq!(measured.sequence.delivered, 300, "{way}");
            assert_eq!(
                measured.wire.agrees(),
                Some(true),
                "{way}: {:?}",
                measured.wire
            );
            assert_eq!(
                measured.connections.opened, 5,
                "{way}: connections are kept"
            );
            let first = samples(&measured, "first-token");
            assert_eq!(first.len(), 15, "{way}");
            let (gaps, ends) = (samples(&measured, "added-gap"), samples(&measured, "ended"));
            assert_eq!(
                gaps.len(),
                300 - 15,
                "{way}: between the tokens of one answer"
            );
            assert_eq!(ends.len(), 15, "{way}");
            // What a gap adds is part of what its token is late; an end is not heard before the last token.
            let response = samples(&measured, "response");
            assert!(gaps.max() <= response.max(), "{way}");
            assert!(ends.min() >= response.min(), "{way}");
        }
    }
}

/// What is sent again: question t carries the opening, t questions and t answers. What is kept is sent once.
#[test]
fn a_context_that_is_sent_again_grows_by_what_was_said() {
    for name in TRANSPORTS {
        let of = |context: &str| {
            let measured = measure(name, ServeOptions::default(), &scenario(1, 4, 20, context));
            assert_clean(name, &measured);
            assert_eq!(measured.wire.agrees(), Some(true), "{name}");
            measured
        };
        let (resent, kept) = (of(RESENT), of(KEPT));
        let (all, once) = (answers(&resent), answers(&kept));
        assert_eq!(once.prompt_bytes, 300 + 3 * 40, "{name}");
        assert_eq!(all.text_bytes, once.text_bytes, "{name}: the same answers");
        // The prompts of four turns: 300, then what was said so far and 40, three times.
        let questions = 300 + (300 + 40) + (300 + 80) + (300 + 120);
        let said = all.prompt_bytes - questions;
        assert!(said > 0 && said < 3 * all.text_bytes, "{name}: {said}");
        if name == "long-poll" {
            // How many requests fetch an answer is a matter of moments.
            continue;
        }
        let session = ",\"session\":{\"id\":         1,\"last\":false}".len() as u64;
        let grown = all.prompt_bytes - once.prompt_bytes;
        let up = resent.wire.bytes_up + 4 * session - kept.wire.bytes_up;
        // Lengths of requests are written with more digits, or in longer frame headers, as they grow.
        assert!((grown..grown + 4 * 8).contains(&up), "{name}: {up} {grown}");
    }
}

#[test]
fn answers_that_are_stopped_are_made_no_further() {
    for name in TRANSPORTS {
        for options in ways() {
            let way = format!("{name} {options:?}");
            let more = "context = \"resent\"\ncancel-every = 2\n";
            let slow = scenario(4, 4, 20, more).replace("mean-ms = 0.5", "mean-ms = 10.0");
            let measured = measure(name, options, &slow);
            assert_clean(&way, &measured);
            let counts = answers(&measured);
            // Where the machine stands still, an answer may have come whole before its client can stop it, or have been
            // made whole.
            assert_eq!(counts.whole + counts.cancelled, 16, "{way}: {counts:?}");
            assert!(
                counts.whole >= 8 && counts.stopped <= counts.cancelled,
                "{way}: {counts:?}"
            );
            assert!(counts.stopped > 0, "{way}: {counts:?}");
            assert_eq!(measured.operations, 8 * 20 + 8 * 10, "{way}");
            // Half of each was wanted; what is stopped is not whole.
            assert!(counts.wasted < 10 * counts.stopped, "{way}: {counts:?}");
            // Where a server is told to stop, the connection goes on.
            let again = match name {
                "websocket" | "long-poll" => 0,
                _ => counts.cancelled,
            };
            assert_eq!(measured.connections.opened, 4 + again, "{way}");
            let cancel = samples(&measured, "cancel");
            assert_eq!(cancel.len(), counts.stopped, "{way}");
            let gaps = samples(&measured, "added-gap");
            assert_eq!(gaps.len(), 8 * 19 + 8 * 9, "{way}");
            let ends = samples(&measured, "ended");
            assert_eq!(ends.len(), 8, "{way}: of those that nobody wanted to stop");
        }
    }
}

/// A poll that is held no longer than this is answered with nothing, and asked again.
#[test]
fn polls_in_vain_are_no_fault() {
    for way in ways() {
        let options = ServeOptions {
            poll_timeout_ms: 3,
            ..way
        };
        let slow = scenario(2, 2, 10, RESENT).replace("mean-ms = 0.5", "mean-ms = 9.0");
        let measured = measure("long-poll", options, &slow);
        assert_clean("long-poll", &measured);
        assert_eq!((measured.operations, answers(&measured).whole), (40, 4));
        assert_eq!(measured.wire.agrees(), Some(true), "{:?}", measured.wire);
    }
}

/// What is stopped over polls is counted, too: nothing was under way that nobody has seen.
#[test]
fn bytes_of_answers_that_were_stopped_agree_where_the_connection_goes_on() {
    for name in ["websocket", "long-poll"] {
        for options in ways() {
            let more = "context = \"kept\"\ncancel-every = 2\n";
            let slow = scenario(2, 4, 20, more).replace("mean-ms = 0.5", "mean-ms = 5.0");
            let measured = measure(name, options, &slow);
            assert_clean(name, &measured);
            assert_eq!(
                measured.wire.agrees(),
                Some(true),
                "{name}: {:?}",
                measured.wire
            );
        }
    }
}

#[test]
fn an_answer_may_come_at_once_when_it_is_whole() {
    for name in TRANSPORTS {
        for options in ways() {
            let more = "context = \"kept\"\nstream = false";
            let measured = measure(name, options, &scenario(3, 2, 20, more));
            assert_clean(name, &measured);
            assert_eq!(answers(&measured).whole, 6, "{name}");
            assert_eq!(measured.operations, 120, "{name}");
            assert_eq!(
                measured.wire.agrees(),
                Some(true),
                "{name}: {:?}",
                measured.wire
            );
            let first = samples(&measured, "first-token");
            assert!(
                first.min() > 4_000_000,
                "{name}: it waits for the last token"
            );
            let ends = samples(&measured, "ended");
            assert_eq!(ends.len(), 6, "{name}: with the text");
            assert!(
                ends.max() < first.max(),
                "{name}: the last token is due later"
            );
            assert!(!measured.histograms.contains_key("added-gap"), "{name}");
        }
    }
}

#[test]
fn what_only_pushes_to_all_is_refused() {
    let error = try_measure(
        "short-poll",
        ServeOptions::default(),
        &scenario(1, 1, 2, RESENT),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("cannot run over short-poll"), "{error}");
}
