//! `serve` and `load` by themselves, as a person or another harness uses them.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ChildStdout, Command, Stdio};

use common::{DEADLINE, Guard, Stage, finish, wait};
use pushbench_model::measurement::Measurement;
use rustix::process::{Pid, Signal, kill_process};

/// A running `serve`.
struct Served {
    child: Guard,
    stdout: BufReader<ChildStdout>,
    data: String,
    control: String,
}

impl Served {
    fn start(stage: &Stage, transport: &str, stdin: Stdio) -> Self {
        let mut command = stage.pushbench(["serve", "--transport", transport]);
        let mut child = Guard(command.stdin(stdin).stdout(Stdio::piped()).spawn().unwrap());
        let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["READY", data, control] = words[..] else {
            panic!("{line:?}")
        };
        let (data, control) = (data.to_owned(), control.to_owned());
        Self {
            child,
            stdout,
            data,
            control,
        }
    }

    /// Status of `GET /healthz`.
    fn health(&self) -> String {
        let address = self.control.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap().to_owned()
    }

    fn load(&self, stage: &Stage, transport: &str, more: &[&str]) -> Command {
        let mut command =
            stage.pushbench(["load", "--transport", transport, "--publisher", "server"]);
        command
            .args(["--url", &self.data, "--control", &self.control])
            .args(more);
        command
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
    }

    /// Waits for its end, which is a good one; the ready line was all it printed.
    fn ends(mut self) {
        let mut rest = String::new();
        // Ends with the process.
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        assert_eq!(self.child.0.wait().unwrap().code(), Some(0));
    }
}

const ALL: [(&str, &str); 4] = [
    ("sse", "http://"),
    ("websocket", "http://"),
    ("long-poll", "http://"),
    ("tcp", "tcp://"),
];

#[test]
fn a_server_ends_when_asked() {
    let stage = Stage::new();
    for ((transport, scheme), signal) in ALL
        .into_iter()
        .zip([Signal::TERM, Signal::INT].into_iter().cycle())
    {
        let served = Served::start(&stage, transport, Stdio::null());
        assert!(served.data.starts_with(scheme), "{}", served.data);
        assert_eq!(served.health(), "HTTP/1.1 200 OK");
        served.signal(signal);
        served.ends();
    }
}

/// The harness holds the other end of the pipe: when it is gone, so is the server.
#[test]
fn a_server_ends_when_its_pipe_closes() {
    let stage = Stage::new();
    let mut served = Served::start(&stage, "sse", Stdio::piped());
    assert_eq!(served.health(), "HTTP/1.1 200 OK");
    drop(served.child.0.stdin.take());
    served.ends();
}

/// Started by a service manager, its input is at its end from the beginning: it serves a whole measurement, and is
/// there until it is asked to end.
#[test]
fn a_server_without_input_stays() {
    let stage = Stage::new();
    let served = Served::start(&stage, "sse", Stdio::null());
    finish(&mut served.load(&stage, "sse", &["--scenario", "scenarios/tiny.toml"])).with(0);
    assert_eq!(served.health(), "HTTP/1.1 200 OK");
    served.signal(Signal::TERM);
    served.ends();
}

#[test]
fn a_measurement_in_words() {
    let stage = Stage::new();
    for (transport, _) in ALL {
        let served = Served::start(&stage, transport, Stdio::piped());
        let ended =
            finish(&mut served.load(&stage, transport, &["--scenario", "scenarios/tiny.toml"]))
                .with(0);
        assert_eq!(ended.stderr, "");
        for wanted in [
            &format!("fan-out over {transport}: 50 operations in "),
            "\n  response       us  p50 ",
            "as the formulas say",
            // Warm-up included: 5 messages and 10, to five subscribers.
            "75 delivered, 0 lost, 0 duplicated, 0 reordered, 0 corrupted",
            "5 opened, 0 failed, 0 ended early",
        ] {
            assert!(
                ended.stdout.contains(wanted),
                "{wanted:?}: {}",
                ended.stdout
            );
        }
    }
}

#[test]
fn a_measurement_as_json() {
    let stage = Stage::new();
    let served = Served::start(&stage, "websocket", Stdio::piped());
    let more = ["--scenario", "scenarios/dial.toml", "--json"];
    let ended = finish(&mut served.load(&stage, "websocket", &more)).with(0);
    let measurement: Measurement = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (measurement.workload.as_str(), measurement.operations),
        ("connect", 20)
    );
    assert_eq!(
        measurement.histograms["first-message"]
            .decode()
            .unwrap()
            .len(),
        20
    );
}

/// A server that we know by its transport's path, given in the address.
#[test]
fn the_path_of_an_address_is_used() {
    let stage = Stage::new();
    let served = Served::start(&stage, "sse", Stdio::piped());
    let mut command = stage.pushbench([
        "load",
        "--transport",
        "sse",
        "--scenario",
        "scenarios/tiny.toml",
    ]);
    let url = format!("{}/nothing-here", served.data);
    command.args([
        "--publisher",
        "server",
        "--url",
        &url,
        "--control",
        &served.control,
    ]);
    finish(&mut command)
        .with(1)
        .in_one_line(&["only 0 of 5 subscribers were accepted", "404"]);
}

/// What the harness does, by hand: the load process waits at each barrier, and its last line is the result.
#[test]
fn barriers() {
    let stage = Stage::new();
    let served = Served::start(&stage, "long-poll", Stdio::piped());
    for (scenario, phases) in [
        (
            "scenarios/tiny.toml",
            &["ready", "connected", "measure", "done"][..],
        ),
        ("scenarios/dial.toml", &["ready", "measure", "done"]),
    ] {
        // Its own server for each: a measurement begins with the first message of a server.
        let own;
        let served = if phases.len() == 4 {
            &served
        } else {
            own = Served::start(&stage, "long-poll", Stdio::piped());
            &own
        };
        let mut command = served.load(&stage, "long-poll", &["--scenario", scenario, "--barriers"]);
        let mut child = Guard(
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut stdin = child.0.stdin.take().unwrap();
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        for phase in phases {
            assert_eq!(lines.next().unwrap().unwrap(), format!("PHASE {phase}"));
            stdin.write_all(b"\n").unwrap();
        }
        let result = lines.next().unwrap().unwrap();
        let measurement: Measurement =
            serde_json::from_str(result.strip_prefix("RESULT ").unwrap()).unwrap();
        assert!(measurement.sequence.is_clean());
        assert!(lines.next().is_none());
        assert_eq!(child.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_harness_that_goes_away() {
    let stage = Stage::new();
    let served = Served::start(&stage, "sse", Stdio::piped());
    let mut command = served.load(
        &stage,
        "sse",
        &["--scenario", "scenarios/tiny.toml", "--barriers"],
    );
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait(child)
        .with(1)
        .in_one_line(&["the harness went away at phase \"ready\""]);
}
