//! `conform`, `inspect` and `decode`, as a person uses them.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use common::{Stage, finish, root};

/// Runs the program with `input` on its standard input.
fn fed(arguments: &[&str], input: &[u8]) -> std::process::Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pushbench"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_corpus_passes() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(&["conform", "event-stream", "event-source"])).with(0);
    assert!(
        ended.stdout.contains("Rules of the specifications"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.stdout);
}

#[test]
fn json_tells_every_case() {
    let stage = Stage::new();
    let arguments = ["conform", "websocket-server", "http", "--json"];
    let ended = finish(&mut stage.pushbench(&arguments)).with(0);
    let all: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&all["failed"], &all["autobahn"]),
        (&0.into(), &serde_json::Value::Null)
    );
    let cases = all["groups"][0]["cases"].as_array().unwrap();
    let handshake = cases
        .iter()
        .find(|case| case["case"] == "handshake-no-host" && case["subject"] == "bare");
    assert_eq!(handshake.unwrap()["outcome"], "passed");
    let known = cases
        .iter()
        .find(|case| case["case"] == "length-not-shortest" && case["subject"] == "reference");
    assert_eq!(known.unwrap()["outcome"], "differs");
    assert_eq!(known.unwrap()["section"], "RFC 6455, 5.2");
}

#[test]
fn a_record_takes_the_findings() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(&["conform", "event-source", "--out", "here"])).with(0);
    let record = ended
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("record: "))
        .unwrap();
    let survey =
        std::fs::read_to_string(stage.path(record).join("survey-conformance.json")).unwrap();
    assert!(survey.contains("state machine"), "{survey}");
}

#[test]
fn what_there_is_not_is_said() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(&["conform", "everything"])).with(2);
    assert!(
        ended.stderr.contains("event-stream, event-source, http"),
        "{}",
        ended.stderr
    );
    // The stage is no checkout, so the suite is not there.
    let ended = finish(&mut stage.pushbench(&["conform", "autobahn"])).with(3);
    assert!(
        ended.stdout.contains("scripts/install-extras autobahn"),
        "{}",
        ended.stdout
    );
    let ended = finish(&mut stage.pushbench(&["conform", "autobahn", "--only", "nobody"])).with(2);
    assert!(ended.stderr.contains("nobody"), "{}", ended.stderr);
    let serve = ["serve", "--transport", "sse", "--echo"];
    let ended = finish(&mut stage.pushbench(&serve)).with(2);
    assert!(
        ended.stderr.contains("--echo is for websocket"),
        "{}",
        ended.stderr
    );
}

/// The suite itself, where it is installed: framing and the opcodes of the stack bare, and of our client.
#[test]
fn autobahn_where_it_is_installed() {
    if !root().join("benches/conformance/venv/bin/wstest").is_file() {
        common::skipped(
            "the Autobahn test suite is not installed (scripts/install-extras autobahn)",
        );
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_pushbench"))
        .current_dir(root())
        .args([
            "conform", "autobahn", "--json", "--cases", "1.1.*", "4.*", "--only", "bare", "client",
        ])
        .arg("--pages")
        .arg(out.path())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    let all: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let agents = all["autobahn"]["agents"].as_array().unwrap();
    assert_eq!(agents.len(), 2);
    for agent in agents {
        assert_eq!(agent["cases"].as_array().unwrap().len(), 18, "{agent}");
    }
}

#[test]
fn decode_gives_a_line_for_every_event() {
    let stream =
        b"\xEF\xBB\xBFid: 7\ndata: a\ndata: \xFF\n\nevent: ping\n\nretry: 250\ndata: b\r\r";
    let output = fed(&["decode", "sse"], stream);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "{\"event\":\"message\",\"data\":\"a\\n\u{FFFD}\",\"id\":\"7\"}\n\
         {\"event\":\"message\",\"data\":\"b\",\"id\":\"7\"}\n\
         {\"lastEventId\":\"7\",\"retry\":250}\n"
    );
    let output = fed(&["decode", "sse", "--max-message", "3"], b"data: abcd\n\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("limit of 3 bytes"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let stream = "data: a\n\n".repeat(100_000);
    for arguments in [["decode", "sse"], ["inspect", "sse"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pushbench"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = stream.clone();
        let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn inspect_explains_standard_input_and_files() {
    let stage = Stage::new();
    let frames = b"\x81\x02hi\x88\x02\x03\xE8";
    let expected =
        "      0  81                       .         FIN: the message ends with this frame; text
      1  02                       .         not masked; 2 bytes of payload
      2  68 69                    hi        payload (text)
         => message: \"hi\"
      4  88                       .         FIN: the message ends with this frame; close
      5  02                       .         not masked; 2 bytes of payload
      6  03 e8                    ..        close code 1000: normal closure
         => close 1000: \"\"
";
    let output = fed(&["inspect", "ws"], frames);
    assert_eq!(text(&output.stdout), expected);
    std::fs::write(stage.path("frames.bin"), frames).unwrap();
    let ended = finish(&mut stage.pushbench(&["inspect", "ws", "frames.bin"])).with(0);
    assert_eq!(ended.stdout, expected);
    let ended = finish(&mut stage.pushbench(&["inspect", "nothing.bin"])).with(1);
    assert!(ended.stderr.contains("nothing.bin"), "{}", ended.stderr);
}

#[test]
fn inspect_reads_a_url_up_to_a_number_of_messages() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\ndata: 1\n\ndata: 2\n\n")
            .unwrap();
        // Held open: it is the client that leaves.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        String::from_utf8(request).unwrap()
    });
    let url = format!("http://{address}/sse");
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(&["inspect", &url, "-n", "2"])).with(0);
    let request = server.join().unwrap();
    assert!(
        request.starts_with("GET /sse HTTP/1.1\r\nHost: 127.0.0.1:"),
        "{request}"
    );
    let events: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| line.contains("=>"))
        .collect();
    assert_eq!(
        events,
        [
            "         => event message: \"1\"",
            "         => event message: \"2\""
        ]
    );
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(last, "Read up to 2 messages; it goes on.");
}
