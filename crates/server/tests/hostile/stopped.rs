//! Subscribers that stop reading.

use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::child::{Asked, ServerProcess};
use crate::common::{Client, server_with};
use crate::wire::{ALL, PUSHED, WEBSOCKET, Wire};

/// Messages that may wait.
const QUEUE: usize = 50;
const BODY: usize = 8 * 1024;
/// More than all sockets between the two hold.
const MESSAGES: u64 = 1500;
const STOPPED: usize = 20;
/// Messages published at once: fewer than the queue holds, and a part of all.
const STEP: usize = 20;
/// What the hub keeps of these messages, and twice what a worker may have in hand.
const MEMORY: usize = MESSAGES as usize * BODY + (8 << 20);

/// Text that starts with its number.
fn body(seq: u64) -> Vec<u8> {
    let mut body = vec![b'a' + (seq % 26) as u8; BODY];
    body[..8].copy_from_slice(format!("{seq:8}").as_bytes());
    body
}

/// Publishes everything past subscribers that have stopped, while a healthy one reads it. Returns the server and them.
fn run(wire: &Wire, overflow: &'static str) -> (ServerProcess, Client, Vec<Client>) {
    let server = ServerProcess::start(&Asked {
        transport: wire.transport,
        queue: QUEUE,
        overflow,
        ..Asked::default()
    });
    let stopped = (0..STOPPED).map(|_| wire.subscribe(Client::with_small_window(server.data)));
    let stopped: Vec<_> = stopped.collect();
    let mut healthy = wire.subscribe(Client::connect(server.data));
    let before = server.memory();
    // So few at once that the healthy one is never behind.
    for seq in (0..MESSAGES).step_by(STEP) {
        server.publish(STEP as u64, |n| body(seq + n));
        for n in 1..=STEP as u64 {
            healthy.expect((wire.frame)(seq + n, &body(seq + n)));
        }
    }
    let more = server.memory().saturating_sub(before);
    assert!(
        more < MEMORY,
        "{} {overflow}: {more} bytes of memory for {STOPPED} that do not read",
        wire.transport
    );
    (server, healthy, stopped)
}

/// Numbers of the whole messages at the start of `bytes`, and what follows them.
fn messages<'a>(wire: &Wire, mut bytes: &'a [u8]) -> (Vec<u64>, &'a [u8]) {
    let mut numbers = Vec::new();
    loop {
        let next = numbers.last().map_or(1, |last| last + 1);
        let Some(seq) =
            (next..=MESSAGES).find(|&seq| bytes.starts_with(&(wire.frame)(seq, &body(seq))))
        else {
            return (numbers, bytes);
        };
        numbers.push(seq);
        bytes = &bytes[(wire.frame)(seq, &body(seq)).len()..];
    }
}

#[test]
fn who_stops_is_disconnected() {
    for wire in PUSHED {
        let (server, _healthy, mut stopped) = run(&wire, "disconnect");
        let health = server.health();
        assert_eq!(
            (health.lagged, health.dropped),
            (STOPPED as u64, 0),
            "{}",
            wire.transport
        );
        let rest = stopped[0].rest();
        let (numbers, cut) = messages(&wire, &rest);
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
        assert!(numbers.len() < MESSAGES as usize - QUEUE);
        let next = numbers.len() as u64 + 1;
        assert!(
            (wire.frame)(next, &body(next)).starts_with(cut) || cut[0] == 0x88,
            "{}: whole messages, at most one that was cut, and a goodbye",
            wire.transport
        );
    }
}

/// A WebSocket that reads on in time is told why it is closed (1013: try again later).
#[test]
fn a_websocket_is_told_why() {
    let wire = WEBSOCKET;
    let server = ServerProcess::start(&Asked {
        transport: wire.transport,
        queue: QUEUE,
        ..Asked::default()
    });
    let mut slow = wire.subscribe(Client::with_small_window(server.data));
    let mut seq = 0;
    while server.health().lagged == 0 {
        server.publish(100, |n| body(seq + n));
        seq += 100;
        assert!(seq < 100 * MESSAGES);
    }
    let rest = slow.rest();
    let (_, goodbye) = messages(&wire, &rest);
    assert_eq!(goodbye[..1], [0x88]);
    assert_eq!(goodbye[2..4], 1013_u16.to_be_bytes());
    let reason = String::from_utf8_lossy(&goodbye[4..]);
    assert!(reason.starts_with("subscriber fell behind: "), "{reason}");
    assert_eq!(goodbye.len(), 2 + usize::from(goodbye[1]));
}

#[test]
fn messages_are_dropped_whole_and_the_newest_arrive() {
    for wire in PUSHED {
        let (server, mut healthy, mut stopped) = run(&wire, "drop-oldest");
        let health = server.health();
        assert_eq!(health.lagged, 0, "{}", wire.transport);
        let mut missing = 0;
        for client in &mut stopped {
            // Reading on, it gets what was under way, and then the newest.
            let mut got = Vec::new();
            let last = (wire.frame)(MESSAGES, &body(MESSAGES));
            while !got.ends_with(&last) {
                got.extend(client.some());
            }
            let (numbers, cut) = messages(&wire, &got);
            assert_eq!(cut, b"", "{}: a cut frame", wire.transport);
            assert!(numbers.windows(2).all(|two| two[0] < two[1]));
            let newest: Vec<u64> = (MESSAGES - QUEUE as u64 + 1..=MESSAGES).collect();
            assert!(numbers.ends_with(&newest), "{}", wire.transport);
            missing += MESSAGES - numbers.len() as u64;
        }
        assert!(missing > 0);
        assert_eq!(health.dropped, missing, "{}", wire.transport);
        // They are subscribers like any other again.
        server.publish(1, |_| b"again".to_vec());
        let again = (wire.frame)(MESSAGES + 1, b"again");
        healthy.expect(&again);
        stopped[0].expect(&again);
    }
}

/// More messages than the hub keeps.
const BEYOND: u64 = 6000;

/// Without a bound the server grows with what it publishes, and forgets nothing: who reads on at last is sent everything.
#[test]
fn everything_is_kept_for_who_stops() {
    for wire in PUSHED {
        let name = wire.transport;
        let server = ServerProcess::start(&Asked {
            transport: name,
            queue: usize::MAX,
            overflow: "keep",
            ..Asked::default()
        });
        let mut stopped = wire.subscribe(Client::with_small_window(server.data));
        let mut healthy = wire.subscribe(Client::connect(server.data));
        for seq in (0..BEYOND).step_by(STEP) {
            server.publish(STEP as u64, |n| body(seq + n));
            for n in 1..=STEP as u64 {
                healthy.expect((wire.frame)(seq + n, &body(seq + n)));
            }
        }
        let health = server.health();
        assert_eq!((health.lagged, health.dropped), (0, 0), "{name}");
        for seq in 1..=BEYOND {
            stopped.expect((wire.frame)(seq, &body(seq)));
        }
        server.publish(1, |_| b"again".to_vec());
        let again = (wire.frame)(BEYOND + 1, b"again");
        healthy.expect(&again);
        stopped.expect(&again);
    }
}

/// A message that no socket takes at once arrives all the same, though no other follows it.
#[test]
fn a_message_larger_than_a_socket_arrives_by_itself() {
    let body = vec![b'x'; 16 << 20];
    for wire in ALL {
        let server = server_with(
            wire.transport,
            ServeOptions {
                stack: Stack::Bare,
                ..ServeOptions::default()
            },
        );
        let mut client = wire.subscribe(Client::connect(server.data_addr()));
        server.hub().publish(&body, false);
        if wire.transport == WEBSOCKET.transport {
            let header = [&[0x81, 127][..], &(body.len() as u64).to_be_bytes()].concat();
            client.expect(header);
            client.expect(&body);
        } else {
            client.expect((wire.frame)(1, &body));
        }
    }
}
