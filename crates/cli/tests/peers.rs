//! The comparison with peers, through the binary and in small: real sockets, real receivers.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Stage, finish, root, skipped, wait};
use pushbench_model::peers::{Part, Peers, Turn};
use pushbench_model::record::Record;
use rustix::process::{Pid, Signal, kill_process};

/// Two connections, five messages before and ten in the measured phase.
const LOADS: &str = r#"
[receivers]
sender = "reference@equalised"
connections = 2
rate = 100.0
payload-bytes = 16
warm-up-s = 0.05
measure-s = 0.1

[servers]
connections = 2
rate = 100.0
payload-bytes = 16
warm-up-s = 0.05
measure-s = 0.1

[[receiver]]
name = "own"
transport = "sse"
ours = true
about = "Ours."

[[receiver]]
name = "own"
transport = "websocket"
ours = true
about = "Ours."
"#;

/// Subscribes two connections with nothing but a shell, and says this when asked for its count.
fn shell(name: &str, counts: &str) -> String {
    let script = format!(
        "exec 3<>/dev/tcp/${{1%:*}}/${{1#*:}} 4<>/dev/tcp/${{1%:*}}/${{1#*:}}; \
         for c in 3 4; do printf 'GET /sse HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&$c; read -r <&$c; done; \
         echo PHASE connected; read -r; echo RESULT {counts}"
    );
    let command = serde_json::to_string(&["bash", "-c", &script, "bash", "{address}"]).unwrap();
    format!(
        "\n[[receiver]]\nname = \"{name}\"\ntransport = \"sse\"\ncommand = {command}\nabout = \"A shell.\"\n\
         versions = {{ bash = [\"bash\", \"--version\"] }}\n"
    )
}

/// The raw receiver of the anatomy, over one transport.
fn raw(transport: &str) -> String {
    format!(
        "\n[[receiver]]\nname = \"raw\"\ntransport = \"{transport}\"\nabout = \"The floor.\"\n\
         command = [\"{{pushbench}}\", \"pushbench-contender\", \"client\", \"raw/{transport}\", \"{{address}}\", \
         \"{{connections}}\", \"as-peer\"]\n"
    )
}

fn measured(stage: &Stage) -> Peers {
    Record::read(&stage.record()).unwrap().peers.unwrap()
}

fn turn<'a>(peers: &'a Peers, name: &str, part: Part) -> &'a Turn {
    let mut turns = peers.turns.iter();
    turns
        .find(|turn| turn.id.name == name && turn.id.part == part)
        .unwrap()
}

#[test]
fn receivers_are_counted_lost_messages_show_and_the_absent_are_named() {
    let stage = Stage::new();
    let absent = "\n[[receiver]]\nname = \"gone\"\ntransport = \"sse\"\ncommand = [\"gone\"]\nabout = \"\"\n\
                  needs = [\"/no/such/file\"]\ninstall = \"get gone\"\n";
    let server = "\n[[server]]\nstack = \"reference@equalised\"\nours = true\n";
    let shells = shell("honest", "30") + &shell("deaf", "29");
    let list = LOADS.to_owned() + &shells + &raw("sse") + &raw("websocket") + absent + server;
    stage.write("list/peers.toml", &list);
    let arguments = [
        "peers",
        "--peers",
        "list/peers.toml",
        "--rounds",
        "1",
        "--seed",
        "5",
    ];
    // A turn that lost a message is an unusable figure.
    let ended = finish(&mut stage.pushbench(arguments)).with(3);
    assert!(
        ended.stderr.contains(
            "absent: gone over sse: /no/such/file does not exist; to install it: get gone"
        ),
        "{}",
        ended.stderr
    );
    let widest = ended
        .stdout
        .lines()
        .filter(|line| !line.contains(": /"))
        .map(|line| line.chars().count());
    assert!(widest.max() <= Some(80), "{}", ended.stdout);

    let peers = measured(&stage);
    assert_eq!((peers.turns.len(), peers.interrupted), (8, false));
    for raw in peers.turns.iter().filter(|turn| turn.id.name == "raw") {
        assert_eq!((raw.lost, raw.unusable.as_deref()), (0, None), "{raw:?}");
    }
    for (name, part) in [
        ("own", Part::Receiver),
        ("honest", Part::Receiver),
        ("reference", Part::Server),
    ] {
        let turn = turn(&peers, name, part);
        assert_eq!(
            (turn.deliveries, turn.lost, turn.unusable.as_deref()),
            (20, 0, None),
            "{name}"
        );
        // A shell that reads nothing costs nothing.
        assert!(turn.cpu_ns > 0 || name == "honest", "{name}");
    }
    let deaf = turn(&peers, "deaf", Part::Receiver);
    assert_eq!((deaf.lost, deaf.cpu_ns_per_delivery()), (1, None));
    assert_eq!(
        deaf.unusable.as_deref(),
        Some("29 of 30 deliveries were counted")
    );
    let honest = peers
        .peers
        .iter()
        .find(|peer| peer.id.name == "honest")
        .unwrap();
    assert!(
        honest.versions["bash"].starts_with(|c: char| c.is_ascii_digit()),
        "{honest:?}"
    );
    for peer in &peers.peers {
        let of_this_program = ["own", "raw", "reference"].contains(&peer.id.name.as_str());
        assert_eq!(
            peer.versions.contains_key("pushbench"),
            of_this_program,
            "{peer:?}"
        );
    }
    assert_eq!(peers.absent[0].install, "get gone");

    // What is in the record is all that a report needs, also beside what another run has measured.
    let record = stage.record();
    let page = std::fs::read_to_string(record.join("report.html")).unwrap();
    std::fs::remove_file(record.join("report.html")).unwrap();
    finish(&mut stage.pushbench(["report".as_ref(), record.as_os_str()])).with(0);
    assert_eq!(
        std::fs::read_to_string(record.join("report.html")).unwrap(),
        page
    );
    assert!(page.contains("Among its peers") && page.contains("29 of 30"));
    let schema = std::fs::read_to_string(root().join("docs/schema/peers.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let written = std::fs::read_to_string(record.join("peers.json")).unwrap();
    assert!(
        schema.is_valid(&serde_json::from_str(&written).unwrap()),
        "{written}"
    );

    let again = [
        "peers",
        "--peers",
        "list/peers.toml",
        "--rounds",
        "1",
        "--only",
        "honest",
        "--into",
        record.to_str().unwrap(),
    ];
    finish(&mut stage.pushbench(again)).with(0);
    assert_eq!(
        measured(&stage).turns.len(),
        2,
        "honest and ours, in the same record"
    );
}

#[test]
fn a_receiver_that_dies_is_a_row_with_its_last_words() {
    let stage = Stage::new();
    let dying = "\n[[receiver]]\nname = \"dying\"\ntransport = \"sse\"\nabout = \"\"\n\
                 command = [\"sh\", \"-c\", \"echo no luck >&2; exit 4\"]\n";
    stage.write("list/peers.toml", &(LOADS.to_owned() + dying));
    let arguments = [
        "peers",
        "--peers",
        "list/peers.toml",
        "--rounds",
        "1",
        "--only",
        "dying",
    ];
    finish(&mut stage.pushbench(arguments)).with(3);
    let peers = measured(&stage);
    let reason = turn(&peers, "dying", Part::Receiver)
        .unusable
        .as_deref()
        .unwrap();
    assert!(
        reason.contains("exit code 4") && reason.contains("no luck"),
        "{reason}"
    );
}

#[test]
fn nodes_ws_receives_all() {
    let stage = Stage::new();
    if !root().join("benches/peers/node/node_modules/ws").exists() {
        return skipped("npm ci --prefix benches/peers/node was not run");
    }
    let list = root().join("benches/peers/peers.toml");
    let text = std::fs::read_to_string(list).unwrap();
    let directory = format!(
        "directory = \"{}\"",
        root().join("benches/peers/node").display()
    );
    // The same list in small, elsewhere.
    let text = text
        .replace("directory = \"node\"", &directory)
        .replace("connections = 100", "connections = 3")
        .replace("warm-up-s = 1.0", "warm-up-s = 0.05")
        .replace("measure-s = 3.0", "measure-s = 0.1");
    stage.write("list/peers.toml", &text);
    let arguments = [
        "peers",
        "--peers",
        "list/peers.toml",
        "--rounds",
        "1",
        "--only",
        "node-ws",
        "node-eventsource",
    ];
    finish(&mut stage.pushbench(arguments)).with(0);
    let peers = measured(&stage);
    assert_eq!(peers.turns.len(), 4);
    for turn in &peers.turns {
        assert_eq!((turn.deliveries, turn.lost), (30, 0), "{turn:?}");
        assert_eq!(turn.unusable, None, "{turn:?}");
    }
    let ws = peers
        .peers
        .iter()
        .find(|peer| peer.id.name == "node-ws")
        .unwrap();
    assert_eq!(ws.versions.keys().collect::<Vec<_>>(), ["node", "ws"]);
}

#[test]
fn an_interrupted_comparison_keeps_what_it_has() {
    let stage = Stage::new();
    stage.write("list/peers.toml", LOADS);
    let mut child = stage
        .pushbench(["peers", "--peers", "list/peers.toml", "--rounds", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("2/2000 ")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = wait(child).with(130);
    let peers = measured(&stage);
    assert!(peers.interrupted && peers.turns.len() >= 2, "{peers:?}");
    assert!(
        ended.stdout.contains("Stopped before the last of 1"),
        "{}",
        ended.stdout
    );
}

#[test]
fn unknown_names_are_answered_with_those_there_are() {
    let stage = Stage::new();
    stage.write("list/peers.toml", LOADS);
    let arguments = ["peers", "--peers", "list/peers.toml", "--only", "nobody"];
    finish(&mut stage.pushbench(arguments))
        .with(1)
        .in_one_line(&["list/peers.toml", "no peer \"nobody\"", "own"]);
}
