//! A server that is asked to do something wrong, and what a measurement over real sockets makes of it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::time::Duration;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{Config, Patience, run};
use pushbench_model::histogram::{Histogram, Summary};
use pushbench_model::injection::Injection;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_model::sequence::SequenceCounts;
use pushbench_server::{Config as ServerConfig, ServeError, Server};
use pushbench_transport::transport::{ServeOptions, by_name};

const SUBSCRIBERS: u64 = 4;
/// Of the warm-up, and of the measured phase.
const MESSAGES: (u64, u64) = (5, 50);

/// Slow enough that a delay of 5 ms is over before the next message is due.
const SCENARIO: &str = r#"
name = "test"
models = "a test"
expected = "faults are counted"
profiles = ["quick"]
[payload]
bytes = 40
[fan-out]
subscribers = 4
rate = 100.0
arrivals = "constant"
warm-up-s = { quick = 0.05, standard = 1.0, thorough = 1.0 }
measure-s = { quick = 0.5, standard = 1.0, thorough = 1.0 }
"#;

fn server(transport: &str, words: &[&str]) -> Result<Server, ServeError> {
    let mut injection = Injection::default();
    for word in words {
        injection.add(word).unwrap();
    }
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start(ServerConfig {
        transport: by_name(transport).unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options: ServeOptions {
            injection,
            ..ServeOptions::default()
        },
    })
}

fn measure(transport: &str, words: &[&str]) -> Measurement {
    let server = server(transport, words).unwrap();
    let url = |address| Target::parse(&format!("http://{address}")).unwrap();
    let config = Config {
        scenario: Scenario::parse(SCENARIO, Path::new("test.toml")).unwrap(),
        profile: Profile::Quick,
        transport: by_name(transport).unwrap(),
        target: url(server.data_addr()),
        control: url(server.control_addr()),
        publisher: Publisher::Server,
        seed: 7,
        cores: vec![],
        spin_ns: 0,
        patience: Patience {
            // For messages that will never come.
            drain: Duration::from_millis(500),
            ..Patience::default()
        },
    };
    run(config, &mut Free).unwrap()
}

fn histogram(measurement: &Measurement, name: &str) -> Histogram {
    measurement.histograms[name].decode().unwrap()
}

/// One of each fault, every subscriber: counted once, under its own name, whatever else happens.
#[test]
fn each_fault_is_counted_exactly_once() {
    let all = (MESSAGES.0 + MESSAGES.1) * SUBSCRIBERS;
    let (n, clean) = (
        SUBSCRIBERS,
        SequenceCounts {
            delivered: all,
            ..SequenceCounts::default()
        },
    );
    for transport in ["sse", "websocket", "tcp"] {
        for (words, expected) in [
            (
                &["lose=20"][..],
                SequenceCounts {
                    delivered: all - n,
                    lost: n,
                    ..clean
                },
            ),
            (
                &["duplicate=20"],
                SequenceCounts {
                    duplicated: n,
                    ..clean
                },
            ),
            (
                &["reorder=20"],
                SequenceCounts {
                    reordered: n,
                    ..clean
                },
            ),
            (
                &["corrupt=20"],
                SequenceCounts {
                    delivered: all - n,
                    corrupted: n,
                    ..clean
                },
            ),
            (
                &["lose=10", "duplicate=20", "reorder=30", "corrupt=40"],
                SequenceCounts {
                    delivered: all - 2 * n,
                    lost: n,
                    duplicated: n,
                    reordered: n,
                    corrupted: n,
                },
            ),
        ] {
            let measurement = measure(transport, words);
            assert_eq!(measurement.sequence, expected, "{transport} {words:?}");
            assert_eq!(measurement.connections.ended_early, 0);
            assert!(measurement.server.unwrap().injected);
        }
    }
}

/// 2 % of losses: the 99th percentile is later than the end of the run, and says so.
#[test]
fn losses_move_percentiles_beyond_the_end() {
    let measurement = measure("sse", &["lose-every=25"]);
    assert_eq!(measurement.sequence.lost, 2 * SUBSCRIBERS);
    let lost = measurement.lost_beside("response");
    assert_eq!(lost, 2 * SUBSCRIBERS);
    let response = Summary::of(&histogram(&measurement, "response"), lost);
    assert_eq!(response.n + lost, MESSAGES.1 * SUBSCRIBERS);
    assert!(response.p50.is_some() && response.p90.is_some());
    let (late, doubled) = (histogram(&measurement, "response"), 1000 - response.n);
    assert_eq!(
        Summary::of(&late, doubled).beyond_end,
        ["p50", "p90", "p99"],
        "of a thousand"
    );
}

/// The least of a stage tells what was injected from what a busy machine adds.
#[test]
fn each_delay_moves_only_its_stage() {
    const DELAY_NS: u64 = 5_000_000;
    for transport in ["sse", "long-poll"] {
        for (word, stage, others) in [
            ("schedule=5ms", "lateness", ["publish", "service"]),
            ("publish=5ms", "publish", ["lateness", "lateness"]),
        ] {
            let measurement = measure(transport, &[word]);
            assert!(measurement.sequence.is_clean(), "{transport} {word}");
            let least = |name| histogram(&measurement, name).min();
            // Three digits are kept.
            assert!(least(stage) >= DELAY_NS - DELAY_NS / 500, "{word}");
            assert!(least("response") >= DELAY_NS - DELAY_NS / 500, "{word}");
            for other in others {
                assert!(least(other) < DELAY_NS / 2, "{transport} {word} {other}");
            }
            assert_eq!(histogram(&measurement, stage).len(), MESSAGES.1);
        }
    }
}

#[test]
fn without_faults_nothing_is_different() {
    let measurement = measure("tcp", &[]);
    assert!(measurement.sequence.is_clean());
    assert_eq!(measurement.undelivered(), 0);
    assert!(!measurement.server.unwrap().injected);
    // Work alone disturbs nothing that arrives, and is confessed.
    let measurement = measure("tcp", &["work=50"]);
    assert!(measurement.sequence.is_clean());
    assert_eq!(measurement.wire.agrees(), Some(true));
    assert!(measurement.server.unwrap().injected);
}

#[test]
fn a_long_poll_cannot_lose_exactly_one() {
    let error = server("long-poll", &["lose=3"]).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("use sse, websocket, tcp or ndjson")
    );
    assert!(server("long-poll", &["corrupt=3", "publish=1ms"]).is_ok());
}
