//! A comparison with one peer, three rounds, in the last of which it lost a message.

use std::collections::BTreeMap;

use pushbench_model::peers::{AbsentPeer, CountedBy, Part, Peer, PeerId, PeerLoad, Peers, Turn};
use pushbench_model::record::SCHEMA;

pub fn peers() -> Peers {
    let id = |name: &str| PeerId {
        part: Part::Receiver,
        transport: "websocket".into(),
        name: name.into(),
    };
    let peer = |name: &str, ours, version: (&str, &str)| Peer {
        id: id(name),
        ours,
        about: String::new(),
        counted_by: CountedBy::Receiver,
        versions: BTreeMap::from([(version.0.to_owned(), version.1.to_owned())]),
    };
    let turn = |round, name: &str, cpu_ns, lost: u64| Turn {
        round,
        id: id(name),
        deliveries: 100,
        lost,
        cpu_ns,
        unusable: (lost > 0).then(|| "1 of 100 was lost".into()),
    };
    let load = PeerLoad {
        connections: 10,
        rate: 10.0,
        payload_bytes: 128,
        warm_up_s: 1.0,
        measure_s: 1.0,
    };
    Peers {
        schema: SCHEMA,
        started: "2026-11-25T22:00:00Z".into(),
        wall_s: 12.0,
        command: vec!["pushbench".into(), "peers".into()],
        seed: 7,
        rounds: 3,
        interrupted: false,
        pushbench_version: "0.1.0".into(),
        commit: None,
        build: "release".into(),
        machine: "a machine".into(),
        server_cores: vec![0],
        load_cores: vec![1],
        receiver_load: load,
        server_load: load,
        peers: vec![
            peer("pushbench", true, ("pushbench", "0.1.0")),
            peer("node-ws", false, ("node", "20.1.0")),
        ],
        absent: vec![AbsentPeer {
            id: id("missing"),
            reason: "x is not on the PATH".into(),
            install: "get it".into(),
        }],
        turns: vec![
            turn(1, "pushbench", 25_000, 0),
            turn(1, "node-ws", 100_000, 0),
            turn(2, "node-ws", 100_000, 0),
            turn(2, "pushbench", 25_000, 0),
            turn(3, "pushbench", 25_000, 0),
            turn(3, "node-ws", 900_000, 1),
        ],
    }
}
