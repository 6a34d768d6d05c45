//! Heads without end and frames that lie about their length.

use std::io::Write as _;
use std::time::{Duration, Instant};

use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::child::{Asked, ServerProcess};
use crate::common::{Client, server_with};
use crate::wire::{ALL, LONG_POLL, NDJSON, SSE, WEBSOCKET};

fn server(transport: &str, header_timeout_ms: u64) -> Server {
    server_with(
        transport,
        ServeOptions {
            stack: Stack::Bare,
            header_timeout_ms,
            ..ServeOptions::default()
        },
    )
}

const LONG: u64 = 60_000;

/// A megabyte in one field, in many fields, and without any structure: the answer is one line, and the end.
#[test]
fn a_head_of_a_megabyte_is_refused() {
    for (transport, path) in [
        ("sse", "/sse"),
        ("websocket", "/ws"),
        ("long-poll", "/poll"),
        ("ndjson", "/ndjson"),
    ] {
        let server = server(transport, LONG);
        let start = format!("GET {path} HTTP/1.1\r\nHost: x\r\n");
        for (name, rest) in [
            ("one field", format!("X: {}", "y".repeat(1 << 20))),
            ("many fields", "X: yyyy\r\n".repeat(1 << 17)),
            ("a long target", String::new()),
        ] {
            let head = match name {
                "a long target" => format!("GET /{}", "y".repeat(1 << 20)),
                _ => format!("{start}{rest}"),
            };
            let mut client = Client::connect(server.data_addr());
            let mut out = client.writer();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    // The server need not take all of it.
                    let _ = out.write_all(head.as_bytes());
                });
                let answer = client.head();
                assert!(
                    answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"),
                    "{transport}, {name}: {answer}"
                );
                client.expect_end();
            });
        }
    }
}

/// Who goes on sending after the end was announced is not listened to for ever, nor does that put off the clocks of others: of who
/// never speaks, before and after the first of them has run out.
#[test]
fn floods_are_cut_off_and_hold_up_no_clock() {
    const PATIENCE: Duration = Duration::from_secs(25);
    for wire in [SSE, WEBSOCKET, LONG_POLL, NDJSON] {
        let server = server(wire.transport, 300);
        let address = server.data_addr();
        let floods: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    let client = Client::connect(address);
                    let mut out = client.writer();
                    let begin = Instant::now();
                    out.write_all(b"no request at all\r\n\r\n").unwrap();
                    let flood = vec![b'x'; 64 * 1024];
                    // It ends with an error when it is cut off.
                    while begin.elapsed() < PATIENCE {
                        if out.write_all(&flood).is_err() {
                            return true;
                        }
                    }
                    false
                })
            })
            .collect();
        for _ in 0..3 {
            Client::connect(address).expect_end();
        }
        for flood in floods {
            let name = wire.transport;
            assert!(
                flood.join().unwrap(),
                "{name}: it was listened to for {PATIENCE:?}"
            );
        }
    }
}

/// A head that never ends is ended by the clock, however often a byte of it comes; a healthy subscriber notices nothing.
#[test]
fn a_head_that_drips_is_not_waited_for() {
    for wire in ALL {
        let server = server(wire.transport, 400);
        let mut healthy = wire.subscribe(Client::connect(server.data_addr()));
        let mut client = Client::connect(server.data_addr());
        let mut out = client.writer();
        let drips = std::thread::spawn(move || {
            let mut head = wire.request[..wire.request.len() - 1].iter();
            let mut sent = 0;
            loop {
                // An opening that is all there but for its last byte, then more of a field that does not end.
                let byte = match head.next() {
                    Some(byte) if head.len() > 2 => *byte,
                    _ if wire.transport == "tcp" => return sent,
                    _ => b'x',
                };
                if out.write_all(&[byte]).is_err() {
                    return sent;
                }
                sent += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        client.expect_end();
        drop(client);
        drips.join().unwrap();
        for seq in 1..=100 {
            server.hub().publish(b"x", false);
            healthy.expect((wire.frame)(seq, b"x"));
        }
    }
}

/// The timeout is for a head, and not for a subscriber that has sent one.
#[test]
fn a_subscriber_has_no_deadline() {
    let server = server("sse", 100);
    let mut silent = Client::connect(server.data_addr());
    let mut healthy = SSE.subscribe(Client::connect(server.data_addr()));
    // It ends after its time, and so after that of the other.
    silent.expect_end();
    server.hub().publish(b"x", false);
    healthy.expect((SSE.frame)(1, b"x"));
}

const BINARY: u8 = 2;

/// The header of a masked frame of `len` bytes, in its longest form.
fn header(len: u64) -> Vec<u8> {
    [
        &[0x80 | BINARY, 0xff][..],
        &len.to_be_bytes(),
        &[1, 2, 3, 4],
    ]
    .concat()
}

/// What condemns itself at once, and the code that says why.
fn lies() -> [(Vec<u8>, u16); 7] {
    [
        (header(u64::MAX >> 1), 1009),
        (header(64 * 1024 + 1), 1009),
        // The highest bit must not be set.
        (header(u64::MAX), 1002),
        // A longer form than needed.
        (header(5), 1002),
        (vec![0x80 | BINARY, 0x80 | 126, 0, 5, 1, 2, 3, 4], 1002),
        // Without a mask.
        (vec![0x80 | BINARY, 127, 0, 0, 0, 0, 0, 1, 0, 0], 1002),
        // Text that is none, found before the frame is whole.
        (vec![0x81, 0x80 | 100, 0, 0, 0, 0, b'a', 0xff], 1007),
    ]
}

/// A frame whose length is a lie: the header alone condemns it, and the code says why.
#[test]
fn a_frame_that_lies_is_closed_by_its_header() {
    let server = server("websocket", LONG);
    let mut healthy = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
    for (bytes, code) in lies() {
        let mut client = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
        client.send(&bytes);
        let close = [&[0x88, 2], &code.to_be_bytes()[..]].concat();
        assert_eq!(client.rest(), close, "{bytes:?}");
    }
    // One that announces what is allowed and sends nothing costs nothing and harms nobody.
    let mut client = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
    client.send(header(64 * 1024));
    server.hub().publish(b"x", false);
    client.expect((WEBSOCKET.frame)(1, b"x"));
    healthy.expect((WEBSOCKET.frame)(1, b"x"));
}

const SPEAKER: &str = "GET /ws?say=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Who speaks is bound by the same rules, and by the longest message there is: each breach ends that connection with a code, and
/// publishes nothing.
#[test]
fn a_speaker_that_lies_is_closed_alone() {
    let server = server("websocket", LONG);
    let mut healthy = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
    let speaker = || {
        let mut client = Client::connect(server.data_addr());
        assert!(client.ask(SPEAKER).starts_with("HTTP/1.1 101 "));
        client
    };
    for (bytes, code) in [
        (header(17 << 20), 1009_u16),
        (header((16 << 20) + 1), 1009),
        (header(u64::MAX >> 1), 1009),
        (header(u64::MAX), 1002),
        (header(5), 1002),
        // Without a mask.
        (vec![0x80 | BINARY, 3, b'a', b'b', b'c'], 1002),
        // A piece of nothing.
        (vec![0x80, 0x80 | 1, 0, 0, 0, 0, b'x'], 1002),
        (vec![0x81, 0x80 | 2, 0, 0, 0, 0, b'a', 0xff], 1007),
    ] {
        let mut client = speaker();
        client.send(&bytes);
        let close = [&[0x88, 2], &code.to_be_bytes()[..]].concat();
        assert_eq!(client.rest(), close, "{bytes:?}");
    }
    // Half a message is none: its speaker leaves, and nothing of it stays.
    let mut half = speaker();
    half.send(header(16 << 20));
    half.send([b'x'; 1000]);
    half.finish();
    half.expect_end();
    assert_eq!(server.hub().published(), 0);
    let mut good = speaker();
    good.send([0x81, 0x80 | 1, 0, 0, 0, 0, b'x']);
    for client in [&mut good, &mut healthy] {
        client.expect((WEBSOCKET.frame)(1, b"x"));
    }
}

/// Liars of each kind that are there at the same time.
const LIARS: usize = 100;
/// What one of them sends of what it announces, bytes.
const SENT: usize = 1000;
/// What one may cost the server, bytes: what it has sent, what is kept of any connection, and what allocators round up.
const EACH: usize = 4 * SENT;
const SLACK: usize = 4 << 20;
/// What may be asked of the system and never touched, bytes: far less than all of them announce, and more than an allocator sets
/// aside for each of a few threads that begin to use it (64 MiB of addresses).
const CLAIMED: usize = 256 << 20;

/// How much more memory `server` has than it had, and how much more it has asked for, are within what was sent.
fn has_not_grown(server: &ServerProcess, (memory, claimed): (usize, usize), liars: usize) {
    let more = server.memory().saturating_sub(memory);
    assert!(
        more < liars * EACH + SLACK,
        "{more} bytes for {liars} liars"
    );
    let more = server.claimed().saturating_sub(claimed);
    assert!(
        more < CLAIMED,
        "{more} bytes were claimed for {liars} liars"
    );
}

/// Memory is for what came, and not for what was announced.
#[test]
fn frames_that_lie_cost_no_memory() {
    let server = ServerProcess::start(&Asked {
        transport: "websocket",
        header_timeout_ms: LONG,
        ..Asked::default()
    });
    let mut healthy = WEBSOCKET.subscribe(Client::connect(server.data));
    let begin = |len: u64, request: &[u8]| {
        let mut client = Client::connect(server.data);
        client.send(request);
        client.head();
        client.send(header(len));
        client.send([b'x'; SENT]);
        client
    };
    // What the first ones need is not theirs alone.
    let mut open = vec![
        begin(64 * 1024, WEBSOCKET.request),
        begin(16 << 20, SPEAKER.as_bytes()),
    ];
    server.publish(1, |_| b"x".to_vec());
    healthy.expect((WEBSOCKET.frame)(1, b"x"));
    let before = (server.memory(), server.claimed());
    for _ in 0..LIARS {
        for (bytes, code) in lies() {
            let mut client = WEBSOCKET.subscribe(Client::connect(server.data));
            client.send(bytes);
            client.expect([&[0x88, 2], &code.to_be_bytes()[..]].concat());
        }
    }
    has_not_grown(&server, before, LIARS);
    // Those whose frames may yet become whole, all at once: they announce more than a gigabyte.
    for _ in 0..LIARS {
        open.push(begin(64 * 1024, WEBSOCKET.request));
        open.push(begin(16 << 20, SPEAKER.as_bytes()));
    }
    for seq in 2..=100 {
        server.publish(1, |_| b"x".to_vec());
        healthy.expect((WEBSOCKET.frame)(seq, b"x"));
    }
    has_not_grown(&server, before, 2 * LIARS);
    drop(open);
    let health = server.health();
    assert_eq!((health.lagged, health.dropped), (0, 0));
}

/// The same for requests whose bodies are shorter than they say, up to the longest that may be asked for.
#[test]
fn bodies_that_lie_cost_no_memory() {
    for wire in [SSE, NDJSON, LONG_POLL] {
        let server = ServerProcess::start(&Asked {
            transport: wire.transport,
            header_timeout_ms: LONG,
            ..Asked::default()
        });
        let mut healthy = wire.subscribe(Client::connect(server.data));
        let begin = |line: &str, len: u64| {
            let mut client = Client::connect(server.data);
            client.send(format!(
                "{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n"
            ));
            client.send([b'x'; SENT]);
            client
        };
        let get = str::from_utf8(wire.request).unwrap();
        let get = get.split(" HTTP").next().unwrap();
        let liars = |open: &mut Vec<Client>| {
            for (line, len) in [
                ("POST /chat", 4 << 20),
                ("POST /chat", 1 << 40),
                (get, 60_000),
                (get, 1 << 40),
            ] {
                open.push(begin(line, len));
            }
        };
        let mut open = Vec::new();
        liars(&mut open);
        server.publish(1, |_| b"x".to_vec());
        healthy.expect((wire.frame)(1, b"x"));
        let before = (server.memory(), server.claimed());
        for _ in 0..LIARS {
            liars(&mut open);
        }
        for seq in 2..=100 {
            server.publish(1, |_| b"x".to_vec());
            healthy.expect((wire.frame)(seq, b"x"));
        }
        has_not_grown(&server, before, 4 * LIARS);
    }
}

/// Fragments of a message are counted together.
#[test]
fn fragments_cannot_pass_the_limit() {
    let server = server("websocket", LONG);
    let mut client = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
    let fragment = |first: u8| {
        let header = [first, 0x80 | 126, 0x80, 0, 0, 0, 0, 0];
        [&header[..], &[b'x'; 0x8000]].concat()
    };
    client.send(fragment(BINARY));
    client.send(fragment(0));
    // Two of them are the limit; a byte more is too much.
    client.send([0x80, 0x80 | 1, 0, 0, 0, 0, b'x']);
    assert_eq!(client.rest(), [0x88, 2, 0x03, 0xf1]);
}

/// A client that asks and asks and reads no answer is not read any further.
#[test]
fn pings_without_end_are_not_answered_without_end() {
    let server = server("websocket", LONG);
    let client = WEBSOCKET.subscribe(Client::with_small_window(server.data_addr()));
    let mut out = client.writer();
    out.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let many = ping.repeat(1000);
    let mut sent = 0;
    // Its own socket takes no more in the end, because the server takes no more.
    while sent < 256 << 20 && out.write_all(&many).is_ok() {
        sent += many.len();
    }
    assert!(sent < 256 << 20, "{sent} bytes of pings were read");
    let mut healthy = WEBSOCKET.subscribe(Client::connect(server.data_addr()));
    server.hub().publish(b"x", false);
    healthy.expect((WEBSOCKET.frame)(1, b"x"));
}
