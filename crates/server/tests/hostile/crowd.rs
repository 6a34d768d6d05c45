//! Connections that never speak, and ones that vanish.

use std::net::TcpStream;
use std::time::Duration;

use pushbench_sys::process::raise_nofile;

use crate::child::{Asked, ServerProcess};
use crate::common::Client;
use crate::healthy::{Side, in_turn, keep_their_time};
use crate::wire::{ALL, LONG_POLL, NDJSON, SSE, WEBSOCKET, Wire};

const CROWD: usize = 10_000;
/// Open files that the tests of this process need for other things.
const OTHERS: u64 = 500;
/// What a connection may cost the server in memory of its own, bytes.
const EACH: usize = 1536;
const SLACK: usize = 4 << 20;

/// Time that a head has, milliseconds: enough for all of them to come, and for the messages.
const HEAD_MS: u64 = 5000;
const MESSAGES: usize = 200;
const PASSES: usize = 3;

/// Messages to both sides; whether those of the second come as fast as is to be asked.
fn pass(wire: &Wire, sides: &mut [Side; 2]) -> bool {
    let mut times = [Vec::new(), Vec::new()];
    for message in 0..MESSAGES {
        let body = message.to_string();
        for at in in_turn(message) {
            times[at].push(sides[at].publish(wire, body.as_bytes()));
        }
    }
    let [alone, beset] = &mut times;
    let (beset, alone, in_time) = keep_their_time(beset, alone);
    println!(
        "{}: p99 {beset:.1?} beside a crowd and {alone:.1?} without",
        wire.transport
    );
    in_time
}

/// They cost little, those who are healthy get everything in time beside them, and then they are let go.
#[test]
fn ten_thousand_that_never_speak_are_let_go() {
    let (limit, _) = raise_nofile();
    let crowd = CROWD.min(limit.saturating_sub(OTHERS) as usize);
    if crowd < CROWD {
        eprintln!("only {crowd} of {CROWD} connections: {limit} open files are allowed");
    }
    for wire in [SSE, WEBSOCKET, LONG_POLL] {
        let name = wire.transport;
        let mut sides = [Side::new(&wire, HEAD_MS), Side::new(&wire, HEAD_MS)];
        // Who has a message has been let in, and so has the one that published it.
        for side in &mut sides {
            side.publish(&wire, b"x");
        }
        let server = &sides[1].server;
        let (memory, files) = (server.memory(), server.files());
        let silent: Vec<_> = (0..crowd)
            .map(|_| TcpStream::connect(server.data).unwrap())
            .collect();
        let accepted = (crowd + sides[1].healthy.len()) as u64;
        let came = (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            server.health().accepted == accepted
        });
        assert!(came, "{name}: {} were accepted", server.health().accepted);
        // What else the machine does may fall on two messages of one pass; what the crowd does falls on all passes.
        let in_time =
            (0..PASSES).any(|_| pass(&wire, &mut sides) && sides[1].server.files() > crowd);
        assert!(in_time, "{name}: late beside {crowd}, or those have gone");
        let server = &sides[1].server;
        let more = server.memory().saturating_sub(memory);
        assert!(
            more < crowd * EACH + SLACK,
            "{name}: {more} bytes for {crowd} that never speak"
        );
        // They are all let go, without having been asked to; the healthy ones are not.
        server.wait_for_files(files);
        drop(silent);
        assert_eq!(server.health().lagged, 0);
        sides[1].publish(&wire, b"x");
    }
}

/// Reset instead of closed, at every stage of a conversation.
#[test]
fn who_vanishes_leaves_nothing_behind() {
    for wire in ALL {
        let server = ServerProcess::start(&Asked {
            transport: wire.transport,
            ..Asked::default()
        });
        let mut healthy = wire.subscribe(Client::connect(server.data));
        // Who has a message has been let in.
        server.publish(1, |_| b"x".to_vec());
        healthy.expect((wire.frame)(1, b"x"));
        server.health();
        let files = server.files();
        for stage in 0..4 {
            for _ in 0..50 {
                let mut client = Client::connect(server.data);
                match stage {
                    0 => {}
                    1 => client.send(&wire.request[..wire.request.len() / 2]),
                    2 => client.send(wire.request),
                    _ => {
                        client = wire.subscribe(client);
                        server.publish(1, |_| b"x".to_vec());
                    }
                }
                // Closed with SO_LINGER 0 a socket resets.
                let socket = client.writer();
                socket2::SockRef::from(&socket)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            }
        }
        for seq in 2..=51 {
            healthy.expect((wire.frame)(seq, b"x"));
        }
        server.wait_for_files(files);
        assert_eq!(server.health().lagged, 0);
    }
}

/// Subscribers, too, cost little.
#[test]
fn a_subscriber_costs_little_memory() {
    const SUBSCRIBERS: usize = 2000;
    for wire in [SSE, WEBSOCKET, NDJSON, LONG_POLL] {
        let server = ServerProcess::start(&Asked {
            transport: wire.transport,
            ..Asked::default()
        });
        // What the first ones need is not theirs alone.
        let mut clients: Vec<_> = (0..10)
            .map(|_| wire.subscribe(Client::connect(server.data)))
            .collect();
        let before = server.memory();
        clients.extend((0..SUBSCRIBERS).map(|_| wire.subscribe(Client::connect(server.data))));
        // Of those that poll nothing else tells that the server has read what they ask for.
        server.publish(1, |_| b"x".to_vec());
        for client in &mut clients {
            client.expect((wire.frame)(1, b"x"));
        }
        let each = server.memory().saturating_sub(before) / SUBSCRIBERS;
        println!("{}: {each} bytes of memory each", wire.transport);
        assert!(each < EACH, "{}: {each} bytes each", wire.transport);
    }
}
