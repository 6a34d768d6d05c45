//! What hostile peers do to everybody else: two servers take turns message by message, one of them with hostile peers, so that
//! whatever else the machine does meets both alike.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pushbench_sys::process::{context_switches, cpu_time_ns};

use crate::child::{Asked, Publisher, ServerProcess};
use crate::common::Client;
use crate::wire::{ALL, LONG_POLL, WEBSOCKET, Wire};

const TURNS: usize = 5;
/// Messages of a turn: more than the sockets of a subscriber that stops and its queue hold.
const MESSAGES: usize = 300;
const BODY: usize = 48 * 1024;
/// Messages that may wait: who stops is let go within the turn.
const QUEUE: usize = 50;
const HEALTHY: usize = 5;
/// More than a hundredth of the messages meet a socket that has just become full.
const STOPPED: usize = 6;
/// Messages from one that stops to the next, so that their sockets do not become full together.
const APART: usize = 15;
const SILENT: usize = 100;
/// Peers of each other kind.
const OTHERS: usize = 10;
/// Polls that one of them sends at once, of whose answers it reads none.
const POLLS: usize = 1000;
/// A process that loses its core gets it back after about this: a 99th percentile below it tells who was lucky.
const GRAIN: Duration = Duration::from_millis(5);

/// A server with subscribers that read.
pub(crate) struct Side {
    pub(crate) server: ServerProcess,
    publisher: Publisher,
    pub(crate) healthy: Vec<Client>,
    published: u64,
}

/// What a turn was for one of the two.
struct Turn {
    /// From before a message is published until all who are healthy have it.
    times: Vec<Duration>,
    cpu_ns: u64,
    /// Times that the threads of the server had to wait for something.
    waits: u64,
}

impl Side {
    pub(crate) fn new(wire: &Wire, header_timeout_ms: u64) -> Self {
        let server = ServerProcess::start(&Asked {
            transport: wire.transport,
            queue: QUEUE,
            header_timeout_ms,
            ..Asked::default()
        });
        let healthy = (0..HEALTHY).map(|_| wire.subscribe(Client::connect(server.data)));
        Self {
            healthy: healthy.collect(),
            publisher: server.publisher(),
            server,
            published: 0,
        }
    }

    /// From before a message is published until all who are healthy have it.
    pub(crate) fn publish(&mut self, wire: &Wire, body: &[u8]) -> Duration {
        self.published += 1;
        let frame = (wire.frame)(self.published, body);
        let start = Instant::now();
        self.publisher.begin(body);
        for client in &mut self.healthy {
            client.expect(&frame);
        }
        let time = start.elapsed();
        self.publisher.finish();
        time
    }

    fn spent(&self) -> (u64, u64) {
        let id = self.server.id();
        let waits = context_switches(id).unwrap().voluntary;
        (cpu_time_ns(id).unwrap(), waits)
    }
}

/// Everybody that means harm or does it, but those who stop to read.
fn hostile(wire: &Wire, server: &ServerProcess) -> Vec<Client> {
    let mut peers = Vec::new();
    for _ in 0..SILENT {
        peers.push(Client::connect(server.data));
    }
    for _ in 0..OTHERS {
        let mut half = Client::connect(server.data);
        half.send(&wire.request[..wire.request.len() / 2]);
        // Nothing more will come, and it does not go.
        half.finish();
        peers.push(half);
        if wire.transport != "tcp" {
            let long = Client::connect(server.data);
            let mut out: TcpStream = long.writer();
            // The server need not take all of it.
            let _ = out.write_all(format!("GET /{}", "y".repeat(1 << 20)).as_bytes());
            peers.push(long);
        }
        if wire.transport == LONG_POLL.transport {
            let mut greedy = Client::with_small_window(server.data);
            greedy.send(wire.request.repeat(POLLS));
            peers.push(greedy);
        }
        if wire.transport == WEBSOCKET.transport {
            let mut liar = wire.subscribe(Client::connect(server.data));
            liar.send([0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
            peers.push(liar);
        }
    }
    peers
}

/// One turn of both, the second among hostile peers.
fn turn(wire: &Wire, sides: &mut [Side; 2]) -> [Turn; 2] {
    let mut peers = hostile(wire, &sides[1].server);
    let body = vec![b'x'; BODY];
    let before = [sides[0].spent(), sides[1].spent()];
    let mut times = [Vec::new(), Vec::new()];
    for message in 0..MESSAGES {
        if message % APART == 0 && message / APART < STOPPED {
            peers.push(wire.subscribe(Client::with_small_window(sides[1].server.data)));
        }
        for at in in_turn(message) {
            times[at].push(sides[at].publish(wire, &body));
        }
    }
    let mut at = 0;
    times.map(|times| {
        let (cpu, waits) = sides[at].spent();
        let turn = Turn {
            times,
            cpu_ns: cpu - before[at].0,
            waits: waits - before[at].1,
        };
        at += 1;
        turn
    })
}

/// The two sides, now this one first and now that one: who comes second finds the caches as the first has left them.
pub(crate) fn in_turn(message: usize) -> [usize; 2] {
    [message % 2, 1 - message % 2]
}

/// The 99th percentiles of those beset and of those alone, and whether the first is as it should be.
pub(crate) fn keep_their_time(
    beset: &mut [Duration],
    alone: &mut [Duration],
) -> (Duration, Duration, bool) {
    let (beset, alone) = (p99(beset), p99(alone));
    (beset, alone, beset < 2 * alone.max(GRAIN))
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() * 99 / 100 - 1]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_healthy_keep_their_response_times() {
    for wire in ALL {
        let mut sides = [Side::new(&wire, 60_000), Side::new(&wire, 60_000)];
        let polled = wire.transport == LONG_POLL.transport;
        let (mut times_alone, mut times_beset) = (Vec::new(), Vec::new());
        let (mut dearer, mut waits) = (Vec::new(), Vec::new());
        for number in 1..=TURNS {
            let [alone, beset] = turn(&wire, &mut sides);
            // Those who stopped were stopped indeed. One that polls has until the ring runs past its answer, which takes turns.
            let lagged = sides[1].server.health().lagged as usize;
            if polled {
                assert!(number < TURNS || lagged >= STOPPED, "{lagged} were let go");
            } else {
                assert_eq!(lagged, number * STOPPED, "{}", wire.transport);
            }
            times_alone.extend(alone.times);
            times_beset.extend(beset.times);
            dearer.push(beset.cpu_ns as f64 / alone.cpu_ns as f64);
            waits.push(beset.waits as f64 / alone.waits as f64);
        }
        let (beset, alone, in_time) = keep_their_time(&mut times_beset, &mut times_alone);
        let said = format!(
            "{}: p99 {beset:.1?} with hostile peers and {alone:.1?} without; processor time {dearer:.2?} and waits \
             {waits:.2?} times those without",
            wire.transport
        );
        println!("{said}");
        assert!(in_time, "{said}");
        assert!(median(dearer) < 2.0, "{said}");
        assert!(median(waits) < 2.0, "{said}");
        assert_eq!(sides[0].server.health().lagged, 0);
    }
}
