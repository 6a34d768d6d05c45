//! More connections than a file table holds.

use crate::child::{Asked, ServerProcess};
use crate::common::Client;
use crate::wire::TCP;

/// Open files that the server is allowed.
const FILES: u32 = 64;
const CLIENTS: usize = 100;

fn knock(server: &ServerProcess) -> Vec<Client> {
    (0..CLIENTS)
        .map(|_| {
            let mut client = Client::connect(server.data);
            client.send(TCP.request);
            client
        })
        .collect()
}

/// A worker whose table is full leaves the others at the door, does not spin meanwhile, and lets them in one by one as
/// those inside go.
#[test]
fn who_finds_no_place_is_served_when_there_is_one() {
    let server = ServerProcess::start(&Asked {
        transport: "tcp",
        files: Some(FILES),
        ..Asked::default()
    });
    for client in knock(&server) {
        // Those before it have gone, and have made room.
        let mut client = client;
        client.expect(0_u64.to_le_bytes());
    }
    assert_eq!(server.health().accepted, CLIENTS as u64);
    let complaints = server.complaints();
    let of_files = complaints
        .iter()
        .filter(|line| line.contains("cannot accept a connection"));
    let of_files = of_files.count();
    assert!((1..=2 * CLIENTS).contains(&of_files), "{complaints:#?}");
}

/// Workers with tables of their own hold together what none of them could.
#[test]
fn shards_hold_more_than_one_table() {
    let server = ServerProcess::start(&Asked {
        transport: "tcp",
        files: Some(FILES),
        shards: 4,
        ..Asked::default()
    });
    let mut clients = knock(&server);
    for client in &mut clients {
        client.expect(0_u64.to_le_bytes());
    }
    server.publish(20, |seq| seq.to_string().into_bytes());
    for client in &mut clients {
        for seq in 1..=20 {
            client.expect((TCP.frame)(seq, seq.to_string().as_bytes()));
        }
    }
    assert_eq!(server.health().accepted, CLIENTS as u64);
    // One that goes is let go though its file is in another table than the listener's first.
    let mut last = clients.pop().unwrap();
    last.finish();
    last.expect_end();
}
