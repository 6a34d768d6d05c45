//! Connections that never speak, and ones that vanish.

use std::net::TcpStream;

use pushbench_sys::process::raise_nofile;

use crate::child::{Asked, ServerProcess};
use crate::common::Client;
use crate::wire::{ALL, SSE, WEBSOCKET};

const CROWD: usize = 10_000;
/// Open files that the tests of this process need for other things.
const OTHERS: u64 = 500;
/// What a connection may cost the server in memory of its own, bytes.
const EACH: usize = 1536;
const SLACK: usize = 4 << 20;

#[test]
fn ten_thousand_that_never_speak_are_let_go() {
    let (limit, _) = raise_nofile();
    let crowd = CROWD.min(limit.saturating_sub(OTHERS) as usize);
    if crowd < CROWD {
        eprintln!("only {crowd} of {CROWD} connections: {limit} open files are allowed");
    }
    let server = ServerProcess::start(&Asked {
        header_timeout_ms: 3000,
        ..Asked::default()
    });
    let mut healthy = SSE.subscribe(Client::connect(server.data));
    let (memory, files) = (server.memory(), server.files());
    let silent: Vec<_> = (0..crowd)
        .map(|_| TcpStream::connect(server.data).unwrap())
        .collect();
    server.publish(200, |seq| format!("{seq}").into_bytes());
    for seq in 1..=200 {
        healthy.expect((SSE.frame)(seq, format!("{seq}").as_bytes()));
    }
    assert_eq!(server.health().accepted, crowd as u64 + 1);
    let more = server.memory().saturating_sub(memory);
    assert!(
        more < crowd * EACH + SLACK,
        "{more} bytes for {crowd} that never speak"
    );
    // They are all let go, without having been asked to; the healthy one is not.
    server.wait_for_files(files);
    drop(silent);
    server.publish(1, |_| b"x".to_vec());
    healthy.expect((SSE.frame)(201, b"x"));
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
                    .set_linger(Some(std::time::Duration::ZERO))
                    .unwrap();
            }
        }
        for seq in 1..=50 {
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
    for wire in [SSE, WEBSOCKET] {
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
        let each = server.memory().saturating_sub(before) / SUBSCRIBERS;
        println!("{}: {each} bytes of memory each", wire.transport);
        assert!(each < EACH, "{}: {each} bytes each", wire.transport);
        server.publish(1, |_| b"x".to_vec());
        for client in &mut clients {
            client.expect((wire.frame)(1, b"x"));
        }
    }
}
