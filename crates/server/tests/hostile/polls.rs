//! Clients that ask for messages and do not read the answers, and ones that stay away for long.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use crate::child::{Asked, ServerProcess};
use crate::common::Client;
use crate::wire::LONG_POLL;

const BODY: usize = 8 * 1024;
/// Messages that are there when everybody begins.
const KEPT: u64 = 100;
/// Messages that follow.
const MORE: u64 = 200;
/// Clients that ask and do not read.
const GREEDY: usize = 3;
/// More bytes of polls than all sockets between the two hold.
const MOST: usize = 64 << 20;
/// What a server may keep of what one of them asks for, bytes.
const ASKED: usize = 64 * 1024;
const SLACK: usize = 4 << 20;
/// Bytes of a 204 with its date, which is the same number always.
const EMPTY: usize = "HTTP/1.1 204 No Content\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n".len();

/// Text that starts with its number.
fn body(seq: u64) -> Vec<u8> {
    let mut body = vec![b'a' + (seq % 26) as u8; BODY];
    body[..8].copy_from_slice(format!("{seq:8}").as_bytes());
    body
}

fn line(seq: u64) -> Vec<u8> {
    (LONG_POLL.frame)(seq, &body(seq))
}

fn start(queue: usize, overflow: &'static str) -> ServerProcess {
    ServerProcess::start(&Asked {
        transport: LONG_POLL.transport,
        queue,
        overflow,
        ..Asked::default()
    })
}

/// Sends the same poll over and over until nothing more is taken, and reads nothing. Returns how many were taken whole.
fn ask_without_end(client: &Client, query: &str) -> usize {
    let poll = format!("GET /poll?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let many = poll.repeat(1000).into_bytes();
    let mut out = client.writer();
    out.set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut sent = 0;
    while sent < MOST {
        match out.write(&many[sent % many.len()..]) {
            Ok(count) => sent += count,
            Err(error) => {
                let full = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                assert!(full.contains(&error.kind()), "{error} after {sent} bytes");
                return sent / poll.len();
            }
        }
    }
    panic!("{sent} bytes of polls were read, and no answer");
}

/// Thousands of polls on one connection, of whose answers none is read: the server reads no further, keeps next to nothing of
/// them, and goes on where it stopped when its answers are read.
#[test]
fn polls_without_end_are_not_answered_without_end() {
    for (kind, query) in [
        ("with all messages", "after=0&timeout=0"),
        ("with none", "after=100&timeout=0"),
        ("held", "after=100"),
    ] {
        let server = start(usize::MAX, "disconnect");
        server.publish(KEPT, body);
        let mut healthy = LONG_POLL.subscribe(Client::connect(server.data));
        for seq in 1..=KEPT {
            healthy.expect(line(seq));
        }
        let before = server.memory();
        let mut greedy: Vec<_> = (0..GREEDY)
            .map(|_| Client::with_small_window(server.data))
            .collect();
        let asked: Vec<usize> = greedy
            .iter()
            .map(|client| ask_without_end(client, query))
            .collect();
        println!("{kind}: {asked:?} polls were taken");
        assert!(asked.iter().all(|&polls| polls > 1000), "{kind}: {asked:?}");
        let more = server.memory().saturating_sub(before);
        assert!(
            more < GREEDY * ASKED + SLACK,
            "{kind}: {more} bytes for {GREEDY} that read no answer"
        );
        if kind == "with none" {
            // An answer to each, one after the other: none was forgotten, and none is made up.
            let client = &mut greedy[0];
            for _ in 0..asked[0] {
                let answer = client.read(EMPTY);
                assert!(answer.starts_with(b"HTTP/1.1 204 ") && answer.ends_with(b"\r\n\r\n"));
            }
        }
        for seq in KEPT + 1..=KEPT + MORE {
            server.publish(1, |_| body(seq));
            healthy.expect(line(seq));
        }
        let more = server.memory().saturating_sub(before);
        assert!(
            more < GREEDY * ASKED + SLACK + 2 * MORE as usize * BODY,
            "{kind}: {more} bytes for {GREEDY} that read no answer, and {MORE} messages"
        );
        // Nobody is behind: all that was asked for is kept.
        let health = server.health();
        assert_eq!((health.lagged, health.dropped), (0, 0), "{kind}");
    }
}

/// Messages of one answer that no sockets hold.
const LARGE: u64 = 1500;
/// As many as are kept.
const RING: u64 = 4096;
const STOPPED: usize = 20;
/// Fewer than may wait for a subscriber that is pushed to.
const QUEUE: usize = 50;
const STEP: u64 = 128;

/// The queue is not for those who ask: an answer has all that is kept. One that was begun cannot leave anything out, whatever the
/// policy: when the ring has run past it, its connection ends. Who comes back gets what is kept by then, from the oldest on.
#[test]
fn who_falls_behind_the_ring_gets_the_oldest_kept_or_is_let_go() {
    for overflow in ["disconnect", "drop-oldest"] {
        let server = start(QUEUE, overflow);
        server.publish(LARGE, body);
        let mut healthy = LONG_POLL.subscribe(Client::connect(server.data));
        for seq in 1..=LARGE {
            healthy.expect(line(seq));
        }
        let before = server.memory();
        let stopped = (0..STOPPED).map(|_| {
            let mut client = Client::with_small_window(server.data);
            client.send(LONG_POLL.request);
            // Its answer has begun.
            client.expect("HTTP/1.1 200 ");
            client
        });
        let mut stopped: Vec<_> = stopped.collect();
        let mut away = Client::connect(server.data);
        away.ask(&format!(
            "GET /poll?after={} HTTP/1.1\r\nHost: x\r\n\r\n",
            LARGE - 1
        ));
        assert_eq!(away.read(line(LARGE).len()), line(LARGE));

        let small = |seq: u64| format!("{seq}").into_bytes();
        for first in (LARGE + 1..=LARGE + RING).step_by(STEP as usize) {
            server.publish(STEP, |number| small(first + number - 1));
            for seq in first..first + STEP {
                healthy.expect((LONG_POLL.frame)(seq, &small(seq)));
            }
        }
        let more = server.memory().saturating_sub(before);
        assert!(
            more < STOPPED * ASKED + 2 * SLACK,
            "{overflow}: {more} bytes for {STOPPED} that do not read"
        );
        let health = server.health();
        let behind = (STOPPED as u64, 0);
        assert_eq!((health.lagged, health.dropped), behind, "{overflow}");
        let client = &mut stopped[0];
        let head = client.head();
        let length = (1..=LARGE).map(|seq| line(seq).len()).sum::<usize>();
        assert!(
            head.contains(&format!("content-length: {length}\r\n")),
            "{head}"
        );
        let came = client.rest();
        assert!(came.len() < length, "{overflow}: {} bytes", came.len());
        let all: Vec<u8> = (1..=LARGE).flat_map(line).collect();
        assert!(all.starts_with(&came), "{overflow}: in order, and then cut");

        // On its old connection or on a new one, from where it was or from nowhere.
        let back = Client::connect(server.data);
        for (mut client, after) in [(away, LARGE - 1), (back, 0)] {
            client.poll(after);
            for seq in LARGE + 1..=LARGE + RING {
                client.expect((LONG_POLL.frame)(seq, &small(seq)));
            }
        }
        let health = server.health();
        assert_eq!((health.lagged, health.dropped), behind, "{overflow}");
    }
}
