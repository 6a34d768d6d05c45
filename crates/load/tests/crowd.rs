//! More connections than a table of file descriptors holds: the load generator takes as many tables as it needs.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::process::Command;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{Config, Patience, run};
use pushbench_model::measurement::Publisher;
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_server::{Config as ServerConfig, Server};
use pushbench_sys::process::raise_nofile;
use pushbench_transport::transport::{ServeOptions, by_name};

const CROWD: &str = r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = 10
[fan-out]
subscribers = 600
rate = 50.0
arrivals = "constant"
warm-up-s = { quick = 0.0, standard = 0.0, thorough = 0.0 }
measure-s = { quick = 0.1, standard = 1.0, thorough = 1.0 }
"#;

const CONVERSATIONS: &str = r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[tokens]
conversations = 600
turns = { quick = 1, standard = 1, thorough = 1 }
tokens = { quick = 5, standard = 5, thorough = 5 }
first-ms = 5.0
gaps = { log-normal = { mean-ms = 1.0, sigma = 0.0 } }
opening = 10
question = 10
context = "resent"
"#;

/// Open files that the load generator may have in each table; the server of the test may have more.
const LIMIT: u64 = 256;

/// The load generator in a process of its own, because a hard limit that was lowered stays low.
#[test]
fn a_crowd_is_spread_over_file_tables() {
    let (files, _) = raise_nofile();
    assert!(files > 1000, "the server cannot hold 600 connections");
    for (transport, scenario) in [
        ("tcp", CROWD),
        ("sse", CROWD),
        ("websocket", CROWD),
        ("long-poll", CROWD),
        ("sse", CONVERSATIONS),
        ("websocket", CONVERSATIONS),
    ] {
        let any = "127.0.0.1:0".parse().unwrap();
        let server = Server::start(ServerConfig {
            transport: by_name(transport).unwrap(),
            listen: any,
            control: any,
            cores: vec![],
            shards: 1,
            options: ServeOptions::default(),
        })
        .unwrap();
        let limited = format!("ulimit -n {LIMIT} && exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &limited])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "helper", "--ignored", "--nocapture"])
            .env("SCENARIO", scenario)
            .env("TRANSPORT", transport)
            .env("TARGET", format!("http://{}", server.data_addr()))
            .env("CONTROL", format!("http://{}", server.control_addr()))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{transport}: {text}");
        assert!(text.contains("600 opened, 3000 delivered"), "{text}");
    }
}

#[test]
#[ignore = "a process of a_crowd_is_spread_over_file_tables"]
fn helper() {
    assert_eq!(raise_nofile().0, LIMIT);
    let word = |name| std::env::var(name).unwrap();
    let measurement = run(
        Config {
            scenario: Scenario::parse(&word("SCENARIO"), Path::new("test.toml")).unwrap(),
            profile: Profile::Quick,
            transport: by_name(&word("TRANSPORT")).unwrap(),
            target: Target::parse(&word("TARGET")).unwrap(),
            control: Target::parse(&word("CONTROL")).unwrap(),
            publisher: Publisher::Server,
            seed: 7,
            cores: vec![],
            spin_ns: 0,
            patience: Patience::default(),
        },
        &mut Free,
    )
    .unwrap();
    assert!(
        measurement.sequence.is_clean(),
        "{:?}",
        measurement.sequence
    );
    assert_eq!(measurement.wire.agrees(), Some(true));
    assert_eq!(measurement.connections.ended_early, 0);
    println!(
        "{} opened, {} delivered",
        measurement.connections.opened, measurement.sequence.delivered
    );
}
