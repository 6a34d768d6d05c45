//! `serve` and `trial` by themselves, as a person or another harness uses them.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

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
        Self::with(stage, transport, &[], stdin)
    }

    /// A server with further options.
    fn with(stage: &Stage, transport: &str, more: &[&str], stdin: Stdio) -> Self {
        let mut command = stage.pushbench(["serve", "--transport", transport]);
        command.args(more);
        let (served, rest) = Self::of(command, stdin);
        assert_eq!(rest, [""; 0]);
        served
    }

    /// A server that is asked to do something wrong.
    fn start_injected(stage: &Stage, transport: &str, faults: &[&str]) -> Self {
        let mut command = stage.pushbench(["serve", "--transport", transport]);
        for fault in faults {
            command.args(["--inject", fault]);
        }
        let (served, rest) = Self::of(command, Stdio::piped());
        assert_eq!(rest, ["INJECTED"], "it says so in its ready line");
        served
    }

    /// A server, and what its ready line says beyond its addresses.
    fn of(mut command: Command, stdin: Stdio) -> (Self, Vec<String>) {
        let mut child = Guard(command.stdin(stdin).stdout(Stdio::piped()).spawn().unwrap());
        let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["READY", data, control, rest @ ..] = &words[..] else {
            panic!("{line:?}")
        };
        let rest = rest.iter().map(|&word| word.to_owned()).collect();
        let (data, control) = ((*data).to_owned(), (*control).to_owned());
        let served = Self {
            child,
            stdout,
            data,
            control,
        };
        (served, rest)
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

    fn trial(&self, stage: &Stage, transport: &str, more: &[&str]) -> Command {
        let mut command =
            stage.pushbench(["trial", "--transport", transport, "--publisher", "server"]);
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

const ALL: [(&str, &str); 6] = [
    ("sse", "http://"),
    ("websocket", "http://"),
    ("long-poll", "http://"),
    ("tcp", "tcp://"),
    ("ndjson", "http://"),
    ("short-poll", "http://"),
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
    finish(&mut served.trial(&stage, "sse", &["--scenario", "scenarios/tiny.toml"])).with(0);
    assert_eq!(served.health(), "HTTP/1.1 200 OK");
    served.signal(Signal::TERM);
    served.ends();
}

#[test]
fn a_measurement_in_words() {
    let stage = Stage::new();
    let tunings = [
        &["--tuning", "equalised"][..],
        &["--tuning", "defaults"],
        &[],
    ];
    let all = ALL.map(|(transport, _)| tunings.map(|tuning| (transport, tuning)));
    for (transport, tuning) in all.into_iter().flatten() {
        // The floor has no choice.
        if transport == "tcp" && !tuning.is_empty() {
            continue;
        }
        let served = Served::with(&stage, transport, tuning, Stdio::piped());
        let ended =
            finish(&mut served.trial(&stage, transport, &["--scenario", "scenarios/tiny.toml"]))
                .with(0);
        assert_eq!(ended.stderr, "");
        for wanted in [
            &format!("fan-out over {transport}: 50 operations in "),
            "\n  response       us  p50 ",
            "\n  means          us  lateness ",
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

/// What went wrong is named with the side it comes from, and the injection itself spoils the figures.
#[test]
fn an_injected_fault_makes_the_figures_unusable() {
    let stage = Stage::new();
    let faults = ["corrupt=8", "duplicate=9", "publish=1ms"];
    let served = Served::start_injected(&stage, "sse", &faults);
    let ended =
        finish(&mut served.trial(&stage, "sse", &["--scenario", "scenarios/tiny.toml"])).with(3);
    for wanted in [
        "70 delivered, 0 lost, 5 duplicated, 0 reordered, 5 corrupted",
        "  max never delivered\n",
        "\n  INVALID        server: 5 of 70 deliveries arrived corrupted\n",
        "\n  INVALID        server: 5 of 70 deliveries arrived more than once\n",
        "\n  INVALID        setting: the server was asked to inject faults or delays (serve --inject)\n",
    ] {
        assert!(
            ended.stdout.contains(wanted),
            "{wanted:?}: {}",
            ended.stdout
        );
    }
}

/// A hundred messages in a second.
const SECOND: &str = r#"name = "second"
profiles = ["quick"]
models = "A test."
expected = "It is noticed who stood still."

[payload]
bytes = 128
kind = "text"

[fan-out]
subscribers = 5
rate = 100.0
arrivals = "constant"
warm-up-s = { quick = 0.05, standard = 0.05, thorough = 0.05 }
measure-s = { quick = 1.0, standard = 1.0, thorough = 1.0 }
"#;

/// Lets the process stand still for half of the time until `trial` has ended.
fn throttle(process: Pid, trial: &mut Child) {
    const HALF: Duration = Duration::from_millis(60);
    while trial.try_wait().unwrap().is_none() {
        for signal in [Signal::STOP, Signal::CONT] {
            // It may end at any time.
            let _ = kill_process(process, signal);
            std::thread::sleep(HALF);
        }
    }
}

/// Whoever stands still, the figures are invalid, and it is told which side it was.
#[test]
fn who_stood_still_is_told() {
    let stage = Stage::new();
    stage.write("scenarios/second.toml", SECOND);
    for (is_client, blamed) in [(true, "client"), (false, "publisher")] {
        let served = Served::start(&stage, "sse", Stdio::piped());
        let mut trial = served
            .trial(&stage, "sse", &["--scenario", "scenarios/second.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let process = Pid::from_child(if is_client { &trial } else { &served.child.0 });
        throttle(process, &mut trial);
        let ended = wait(trial).with(3);
        assert!(
            ended
                .stdout
                .contains(&format!("\n  INVALID        {blamed}: ")),
            "{}",
            ended.stdout
        );
        assert!(
            ended.stdout.contains(" 0 lost, 0 duplicated, 0 reordered"),
            "nothing is lost for all that: {}",
            ended.stdout
        );
    }
}

#[test]
fn what_cannot_be_injected_is_named() {
    let stage = Stage::new();
    for (transport, fault, wanted) in [
        (
            "sse",
            "explode=1",
            "--inject \"explode\" cannot be injected",
        ),
        ("long-poll", "lose=7", "use sse, websocket, tcp or ndjson"),
    ] {
        finish(&mut stage.pushbench(["serve", "--transport", transport, "--inject", fault]))
            .with(1)
            .in_one_line(&[wanted]);
    }
}

/// tungstenite, left to itself, reads into 128 KiB of each connection, which it fills with zeros before it reads.
#[test]
fn an_idle_web_socket_costs_what_its_read_buffer_does() {
    const CONNECTIONS: u64 = 64;
    let stage = Stage::new();
    let per_connection = |tuning| {
        let served = Served::with(&stage, "websocket", &["--tuning", tuning], Stdio::piped());
        assert_eq!(served.health(), "HTTP/1.1 200 OK");
        let anonymous = || {
            let memory = pushbench_sys::process::memory(served.child.0.id()).unwrap();
            memory.anonymous_bytes.unwrap()
        };
        let address = served.data.strip_prefix("http://").unwrap();
        // What a first connection sets up is no other's.
        let _first = web_socket(address);
        let before = anonymous();
        let _clients: Vec<_> = (0..CONNECTIONS).map(|_| web_socket(address)).collect();
        (anonymous() - before) / CONNECTIONS
    };
    let (equalised, defaults) = (per_connection("equalised"), per_connection("defaults"));
    assert!(equalised < 40 << 10, "{equalised} bytes");
    assert!(defaults > 100 << 10, "{defaults} bytes");
}

/// An open WebSocket that the server has read from.
fn web_socket(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    // An empty ping, masked; its answer ends what follows the head of the response.
    stream.write_all(&[0x89, 0x80, 1, 2, 3, 4]).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n\x8a\0") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    stream
}

#[test]
fn a_measurement_as_json() {
    let stage = Stage::new();
    let served = Served::start(&stage, "websocket", Stdio::piped());
    let more = ["--scenario", "scenarios/dial.toml", "--json"];
    let ended = finish(&mut served.trial(&stage, "websocket", &more)).with(0);
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
        "trial",
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
        let mut command =
            served.trial(&stage, "long-poll", &["--scenario", scenario, "--barriers"]);
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
    let mut command = served.trial(
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
