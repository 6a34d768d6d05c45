//! Subscribers that do not keep up: those that catch up in time lose nothing, those that do not are disconnected, and
//! their neighbours notice neither.

use pushbench_server::Server;
use pushbench_transport::transport::by_name;

use super::{STACK, server};
use crate::common::{Client, binary, health};

const BODY: usize = 64 * 1024;
/// Messages of [`BODY`] bytes that the ring keeps, and some more.
const RING: u64 = 1100;
/// Messages that no socket holds all of, and that the ring keeps.
const MANY: u64 = 600;

/// How a transport is asked for everything from the beginning, and how it frames a message.
struct Wire {
    transport: &'static str,
    request: &'static [u8],
    frame: fn(u64) -> Vec<u8>,
}

const WIRES: [Wire; 5] = [
    Wire {
        transport: "sse",
        request: b"GET /sse?after=0 HTTP/1.1\r\nHost: x\r\n\r\n",
        frame: |seq| {
            let event = [format!("id: {seq}\ndata: ").as_bytes(), &body(seq), b"\n\n"].concat();
            [format!("{:X}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat()
        },
    },
    Wire {
        transport: "websocket",
        request:
            b"GET /ws?after=0 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        frame: |seq| [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], &body(seq)[..]].concat(),
    },
    Wire {
        transport: "tcp",
        request: &[0; 8],
        frame: |seq| [&(BODY as u32).to_le_bytes(), &body(seq)[..]].concat(),
    },
    Wire {
        transport: "ndjson",
        request: b"GET /ndjson?after=0 HTTP/1.1\r\nHost: x\r\n\r\n",
        frame: |seq| {
            let size = format!("{:X}\r\n", BODY + 1);
            [size.as_bytes(), &body(seq), b"\n\r\n"].concat()
        },
    },
    Wire {
        transport: LONG_POLL,
        request: b"",
        frame: |seq| [&body(seq)[..], b"\n"].concat(),
    },
];

const LONG_POLL: &str = "long-poll";

/// Those that the stack speaks.
fn wires() -> impl Iterator<Item = Wire> {
    let is_spoken = |wire: &Wire| {
        let transport = by_name(wire.transport).unwrap();
        transport.stacks().contains(&STACK)
    };
    WIRES.into_iter().filter(is_spoken)
}

/// Those of them on which messages wait for who does not read. Who does not poll has none waiting: it asks for what is kept.
fn pushed() -> impl Iterator<Item = Wire> {
    wires().filter(|wire| wire.transport != LONG_POLL)
}

/// Text for the sake of SSE; binary for WebSocket by what it is published as. Starts with its number.
fn body(seq: u64) -> Vec<u8> {
    let mut body: Vec<u8> = binary(BODY).iter().map(|byte| b'a' + byte % 26).collect();
    body[..8].copy_from_slice(format!("{seq:8}").as_bytes());
    body
}

impl Wire {
    fn subscribe(&self, mut client: Client) -> Client {
        if self.transport == LONG_POLL {
            client.poll(0);
            return client;
        }
        client.send(self.request);
        if self.transport == "tcp" {
            client.read(8);
        } else {
            client.head();
        }
        client
    }

    fn publish(&self, server: &Server, seq: u64) {
        assert_eq!(server.hub().publish(&body(seq), true), seq);
    }
}

#[test]
fn who_catches_up_loses_nothing() {
    for wire in wires() {
        let server = server(wire.transport);
        let small = Client::with_small_window(server.data_addr());
        let mut slow = wire.subscribe(small);
        let mut healthy = wire.subscribe(Client::connect(server.data_addr()));
        for seq in 1..=MANY {
            wire.publish(&server, seq);
            healthy.expect((wire.frame)(seq));
        }
        for seq in 1..=MANY {
            slow.expect((wire.frame)(seq));
        }
        wire.publish(&server, MANY + 1);
        slow.expect((wire.frame)(MANY + 1));
        assert_eq!(server.hub().lagged(), 0, "{}", wire.transport);
    }
}

#[test]
fn who_falls_behind_the_ring_is_disconnected() {
    for wire in pushed() {
        let name = wire.transport;
        let server = server(name);
        let small = Client::with_small_window(server.data_addr());
        let mut slow = wire.subscribe(small);
        let mut healthy = wire.subscribe(Client::connect(server.data_addr()));
        // What the sockets take, then more than a ring of what they do not.
        let last = RING + 300;
        for seq in 1..=last {
            wire.publish(&server, seq);
            healthy.expect((wire.frame)(seq));
        }
        // It was noticed while it did not read; the ring ran past it many messages ago.
        assert_eq!(server.hub().lagged(), 1, "{name}");
        // The client reads what was on its way, and then nothing.
        let got = slow.rest();
        assert!(
            got.len() < 16 << 20,
            "{name}: the server held {} bytes for a client that does not read",
            got.len()
        );
        let whole = (1..=last).find_map(|seq| {
            let before: usize = (1..seq).map(|seq| (wire.frame)(seq).len()).sum();
            let frame = (wire.frame)(seq);
            (!got.get(before..)?.starts_with(&frame)).then_some((before, frame))
        });
        let (before, frame) = whole.expect("it did not get everything");
        let cut = &got[before..];
        assert!(
            frame.starts_with(cut) || cut.starts_with(&[0x88]),
            "{name}: a cut frame or a close frame at the end, nothing else"
        );
        assert_eq!(health(&server).lagged, 1, "{name}");
        wire.publish(&server, last + 1);
        healthy.expect((wire.frame)(last + 1));
    }
}

/// A subscriber that begins with a backlog and never reads has never waited for a message; it is noticed all the same.
#[test]
fn who_never_reads_its_backlog_is_disconnected() {
    for wire in pushed() {
        let server = server(wire.transport);
        for seq in 1..=MANY {
            wire.publish(&server, seq);
        }
        let small = Client::with_small_window(server.data_addr());
        let mut slow = wire.subscribe(small);
        let mut healthy = wire.subscribe(Client::connect(server.data_addr()));
        for seq in 1..=MANY {
            healthy.expect((wire.frame)(seq));
        }
        for seq in MANY + 1..=MANY + RING + 300 {
            wire.publish(&server, seq);
            healthy.expect((wire.frame)(seq));
        }
        assert_eq!(server.hub().lagged(), 1, "{}", wire.transport);
        assert!(slow.rest().len() < 16 << 20, "{}", wire.transport);
    }
}
