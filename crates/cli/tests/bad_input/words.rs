//! Arguments and files.

use std::fs;
use std::net::TcpListener;

use crate::common::{FAN_OUT, Stage, finish};
use crate::contains;

#[test]
fn what_cannot_be_compressed() {
    let stage = Stage::new();
    for (arguments, wanted) in [
        (
            &["long-poll", "--stack", "bare"][..],
            "there is nothing here that does it",
        ),
        (
            &["websocket"],
            "websocket on the stack reference cannot be compressed",
        ),
        (&["sse", "--tuning", "defaults"], "--tuning equalised"),
        (&["sse", "--tls"], "leave out --tls or --compression"),
    ] {
        let serve = ["serve", "--compression", "message", "--transport"];
        let serve = serve.iter().chain(arguments);
        finish(&mut stage.pushbench(serve))
            .with(2)
            .in_one_line(&[wanted]);
    }
}

#[test]
fn what_is_not_served_over_http2() {
    let stage = Stage::new();
    for (arguments, wanted) in [
        (
            &["websocket"][..],
            "there are no streams in websocket; sse and ndjson can be served so",
        ),
        (
            &["sse", "--stack", "axum"],
            "sse on the stack axum cannot be served over HTTP/2",
        ),
        (&["sse", "--tls"], "leave out --tls and --compression"),
        (
            &["ndjson", "--compression", "message"],
            "leave out --tls and --compression",
        ),
    ] {
        let serve = ["serve", "--http2", "--transport"];
        let serve = serve.iter().chain(arguments);
        finish(&mut stage.pushbench(serve))
            .with(2)
            .in_one_line(&[wanted]);
    }
}

#[test]
fn queues_that_cannot_be_had() {
    let stage = Stage::new();
    for (arguments, wanted) in [
        (
            &["bare", "--overflow", "keep", "--queue", "9"][..],
            "leave one of them out",
        ),
        (
            &["reference", "--overflow", "keep"],
            "are of the stack bare",
        ),
        (
            &["bare", "--overflow", "hope"],
            "there are disconnect, drop-oldest and keep",
        ),
    ] {
        let serve = ["serve", "--transport", "sse", "--stack"];
        let serve = serve.iter().chain(arguments);
        let ended = finish(&mut stage.pushbench(serve)).with(2);
        contains(&ended.stderr, &[wanted]);
    }
}

#[test]
fn scenarios_that_cannot_be_run() {
    let stage = Stage::new();
    for (from, to, line, wanted) in [
        (
            "subscribers = 5",
            "subscribers = 0",
            11,
            "1 to 1000000 subscribers",
        ),
        (
            "subscribers = 5",
            "subscriber = 5",
            11,
            "expected one of `subscribers`",
        ),
        ("[fan-out]", "[fan-out", 10, ""),
        (
            "\"poisson\"",
            "\"fishy\"",
            13,
            "expected `constant` or `poisson`",
        ),
        (
            "name = \"tiny\"",
            "name = \"Tiny!\"",
            1,
            "lower-case letters",
        ),
    ] {
        assert!(FAN_OUT.contains(from));
        stage.write("bad.toml", &FAN_OUT.replace(from, to));
        let place = format!("bad.toml:{line}: ");
        let ended = finish(&mut stage.pushbench(["run", "--scenario", "bad.toml"])).with(1);
        ended.in_one_line(&[&place, wanted]);
        let load = [
            "trial",
            "--transport",
            "sse",
            "--url",
            "http://127.0.0.1:1",
            "--scenario",
            "bad.toml",
        ];
        finish(&mut stage.pushbench(load))
            .with(1)
            .in_one_line(&[&place, wanted]);
    }
    // One of a directory spoils it: which were left out would be a guess.
    stage.write("scenarios/worse.toml", "name = 1");
    let ended = finish(&mut stage.pushbench(["list", "--scenarios", "scenarios"])).with(1);
    ended.in_one_line(&["scenarios/worse.toml:1: "]);
    assert!(!stage.path("reports").exists());
}

#[test]
fn scenarios_that_are_not_there() {
    let stage = Stage::new();
    fs::create_dir(stage.path("empty")).unwrap();
    stage.write("twins/a.toml", FAN_OUT);
    stage.write("twins/b.toml", FAN_OUT);
    for (arguments, code, wanted) in [
        (
            &["--scenario", "none.toml"][..],
            1,
            "cannot read none.toml: No such file",
        ),
        (
            &["--scenarios", "none"],
            1,
            "cannot read the scenarios in none: No such file",
        ),
        (
            &["--scenarios", "empty"],
            2,
            "no scenario is part of the quick profile",
        ),
        (
            &["--scenarios", "twins"],
            1,
            "two scenarios are named \"tiny\"",
        ),
        (
            &[
                "--scenarios",
                "scenarios",
                "--scenario",
                "tiny",
                "--scenario",
                "tiny",
            ],
            2,
            "\"tiny\" is chosen twice",
        ),
        (
            &["--scenario", "connect", "--measure", "600"],
            2,
            "--measure is for fan-outs",
        ),
        (
            &["--scenario", "dead-peers", "--measure", "1"],
            2,
            "--measure: dead-peers: subscribers die within",
        ),
    ] {
        let ended = finish(stage.pushbench(["run"]).args(arguments)).with(code);
        ended.in_one_line(&[wanted]);
    }
}

#[test]
fn a_list_of_servers_that_cannot_be_read() {
    let stage = Stage::new();
    stage.write(
        "servers.toml",
        "[[server]]\nstack = \"x\"\ntransports = [\"SSE\"]\n",
    );
    for (file, wanted) in [
        ("servers.toml", "servers.toml:"),
        ("none.toml", "none.toml: No such file"),
    ] {
        finish(&mut stage.pushbench(["run", "--servers", file]))
            .with(1)
            .in_one_line(&[wanted]);
    }
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let stage = Stage::new();
    let url = ["--url", "http://127.0.0.1:1"];
    for (arguments, wanted) in [
        (
            vec!["run", "--scenarios", "scenarios", "--scenario", "nope"],
            &["\"nope\"", "tiny, dial"][..],
        ),
        (
            vec!["run", "--server", "nope"],
            &[
                "\"nope\"",
                "sse/reference@equalised|defaults, ",
                "tcp/floor, ",
                "websocket/ws@equalised|defaults",
            ],
        ),
        (
            vec!["run", "--server", "sse/reference@nope"],
            &[
                "\"sse/reference@nope\"",
                "sse/reference@equalised|defaults, ",
            ],
        ),
        (
            vec!["run", "--server", "tcp@defaults"],
            &["\"tcp@defaults\"", "tcp/floor, "],
        ),
        (
            vec!["run", "--server", "sse@defaults", "--tuning", "equalised"],
            &[
                "\"sse@defaults\"",
                "sse/reference is defaults",
                "leave out --tuning equalised",
            ],
        ),
        (
            vec!["serve", "--transport", "tcp", "--tuning", "defaults"],
            &["tcp on the stack reference has no tuning defaults; it has fixed"],
        ),
        (
            vec!["serve", "--transport", "sse", "--tuning", "fixed"],
            &["sse on the stack reference has no tuning fixed; it has equalised and defaults"],
        ),
        (
            vec!["serve", "--transport", "nope"],
            &["\"nope\"", "sse, websocket, long-poll, tcp"],
        ),
        (
            [&["trial", "--transport", "nope"][..], &url].concat(),
            &["\"nope\"", "sse, websocket, long-poll, tcp"],
        ),
    ] {
        finish(&mut stage.pushbench(arguments))
            .with(2)
            .in_one_line(wanted);
    }
    // These are told by the parser of the command line.
    for (arguments, wanted) in [
        (
            &["run", "--profile", "nope"][..],
            "there are quick, standard and thorough",
        ),
        (
            &["serve", "--transport", "sse", "--tuning", "nope"],
            "there are defaults, equalised and fixed",
        ),
        (&["run", "--repetitions", "0"], "0 is not in 1.."),
        (&["run", "--seed", "many"], "invalid digit"),
        (
            &["serve", "--transport", "sse", "--cores", "0,x"],
            "\"x\" is not the number of a core",
        ),
        (
            &["serve", "--transport", "sse", "--listen", "here"],
            "invalid socket address",
        ),
        (&["completions", "cmd"], "possible values: bash"),
        (&["walk"], "unrecognized subcommand"),
        (&["report"], "<RECORD>"),
    ] {
        let ended = finish(&mut stage.pushbench(arguments)).with(2);
        assert!(ended.stderr.contains(wanted), "{ended:#?}");
    }
}

#[test]
fn addresses_that_are_none() {
    let stage = Stage::new();
    for (transport, url, wanted) in [
        ("sse", "127.0.0.1:8080", "write it as http://127.0.0.1:8080"),
        (
            "sse",
            "https://127.0.0.1:1",
            "the scenario says nothing of TLS",
        ),
        ("tcp", "tcp://127.0.0.1:1", "--control http://"),
    ] {
        let ended =
            finish(&mut stage.pushbench(["trial", "--transport", transport, "--url", url])).with(1);
        ended.in_one_line(&[wanted]);
    }
}

#[test]
fn addresses_that_cannot_be_had() {
    let stage = Stage::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for option in ["--listen", "--control"] {
        let ended =
            finish(&mut stage.pushbench(["serve", "--transport", "sse", option, &address])).with(1);
        ended.in_one_line(&[
            &format!("cannot listen on {address}"),
            "in use",
            "choose another port",
        ]);
    }
    drop(taken);
    // Nobody listens there any more.
    let url = format!("http://{address}");
    let ended =
        finish(&mut stage.pushbench(["trial", "--transport", "sse", "--url", &url])).with(1);
    ended.in_one_line(&[
        &format!("cannot connect to {address}"),
        "is the server running",
    ]);
}
