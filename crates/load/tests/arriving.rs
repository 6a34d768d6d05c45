//! Connections that come by a schedule: an open loop over real sockets, and what it shows that a closed one hides.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod stage;

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_load::barrier::Free;
use pushbench_load::run;
use pushbench_load::target::Target;
use pushbench_model::histogram::{HIGHEST, Histogram};
use pushbench_model::measurement::{LoopModel, Measurement, Publisher};
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, Transport, by_name};

use stage::{config, server};

fn scenario(connections: u32, warm_up: u32, pace: &str) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "all are served"
profiles = ["quick"]
[payload]
bytes = 40
[connect]
connections = {{ quick = {connections}, standard = 1, thorough = 1 }}
warm-up = {{ quick = {warm_up}, standard = 1, thorough = 1 }}
{pace}
"#
    )
}

fn histogram(measurement: &Measurement, name: &str) -> Histogram {
    measurement.histograms[name].decode().unwrap()
}

/// A measurement of a server of our own.
fn measure(transport: &'static dyn Transport, scenario: &str, cores: Vec<usize>) -> Measurement {
    let server = server(transport, ServeOptions::default());
    let mut config = config(transport, &server, scenario, Publisher::Server);
    config.cores = cores;
    run(config, &mut Free).unwrap()
}

fn assert_all_came(name: &str, measurement: &Measurement, connections: u64) {
    assert_eq!(measurement.loop_model, LoopModel::Open, "{name}");
    assert_eq!(measurement.operations, connections, "{name}");
    assert_eq!(
        (
            measurement.connections.opened,
            measurement.connections.failed
        ),
        (connections, 0),
        "{name}: {:?}",
        measurement.errors
    );
    assert_eq!(measurement.connections.nodelay, connections, "{name}");
    assert_eq!(measurement.connections.ended_early, 0, "{name}");
    assert!(measurement.sequence.is_clean(), "{name}");
    assert_eq!(measurement.sequence.delivered, connections, "{name}");
    assert_eq!(measurement.undelivered(), 0, "{name}");
    assert_eq!(measurement.wire.agrees(), Some(true), "{name}");
    for of in ["first-message", "tcp-connect", "lateness"] {
        assert_eq!(histogram(measurement, of).len(), connections, "{name} {of}");
    }
    // What it was late is part of the time to the first message.
    assert!(
        histogram(measurement, "first-message").max() >= histogram(measurement, "lateness").max()
    );
    let arrivals = measurement.arrivals.unwrap();
    assert_eq!(arrivals.due, connections, "{name}");
    assert!((1..=connections).contains(&arrivals.most_open), "{name}");
}

#[test]
fn every_connection_comes_once_and_takes_its_message() {
    let gone = scenario(60, 10, "rate = 400.0\narrivals = \"poisson\"");
    for &transport in TRANSPORTS {
        // Two workers share a schedule.
        let measurement = measure(transport, &gone, vec![0, 0]);
        assert_all_came(transport.name(), &measurement, 60);
        assert_eq!(measurement.concurrency, 1);
        let accepted = measurement.server.unwrap().accepted;
        assert!(accepted >= 70, "{}: {accepted}", transport.name());
    }
}

#[test]
fn who_stays_is_there_beside_the_others() {
    let staying = scenario(40, 0, "rate = 400.0\narrivals = \"constant\"\nstay-s = 0.5");
    for &transport in TRANSPORTS {
        let measurement = measure(transport, &staying, vec![]);
        assert_all_came(transport.name(), &measurement, 40);
        assert_eq!(measurement.concurrency, 200);
        // All come within a tenth of a second, and stay for half a one.
        let most = measurement.arrivals.unwrap().most_open;
        assert!(most >= 20, "{}: {most}", transport.name());
    }
}

/// The schedule is what the seed says, whoever opens its connections: the phase takes as long as the offsets say, and not less.
#[test]
fn a_phase_is_as_long_as_its_schedule() {
    let sse = by_name("sse").unwrap();
    let text = scenario(50, 0, "rate = 100.0\narrivals = \"poisson\"");
    for cores in [vec![], vec![0, 0, 0]] {
        let server = server(sse, ServeOptions::default());
        let mut config = config(sse, &server, &text, Publisher::Server);
        config.cores = cores;
        let pushbench_model::scenario::Workload::Connect(connect) = config.scenario.workload else {
            panic!("connect expected")
        };
        let schedule = connect.arriving().unwrap().schedule(config.seed);
        let last = schedule.offsets().nth(49).unwrap();
        let measurement = run(config, &mut Free).unwrap();
        assert_all_came("sse", &measurement, 50);
        assert!(measurement.elapsed_ns >= last, "{last}");
    }
}

/// What a gate does.
#[derive(Clone, Copy, Default)]
struct Gate {
    /// Before it lets this connection in, counted from 0, it stands still, and so do all behind.
    stalls_before: Option<usize>,
    pause: Duration,
}

/// A relay before `server`, which lets connections in one after the other; how long each was held by its client after the first bytes
/// came down.
fn gate(server: SocketAddr, gate: Gate) -> (SocketAddr, Receiver<Duration>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (held, holds) = channel();
    thread::spawn(move || {
        for (index, client) in listener.incoming().enumerate() {
            if gate.stalls_before == Some(index) {
                thread::sleep(gate.pause);
            }
            let (client, held) = (client.unwrap(), held.clone());
            let upstream = TcpStream::connect(server).unwrap();
            client.set_nodelay(true).unwrap();
            upstream.set_nodelay(true).unwrap();
            let (mut up_from, mut up_to) =
                (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut up_from, &mut up_to);
                let _ = up_to.shutdown(Shutdown::Both);
            });
            thread::spawn(move || {
                let _ = held.send(down(upstream, client));
            });
        }
    });
    (address, holds)
}

/// Passes on what comes from `server` until it ends: how long that was after the first of it.
fn down(mut server: TcpStream, mut client: TcpStream) -> Duration {
    let (mut buffer, mut first) = ([0; 4096], None);
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        // Before it is written, so that the client has it later than this.
        first.get_or_insert_with(Instant::now);
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    first.map_or(Duration::ZERO, |first| first.elapsed())
}

fn through(transport: &'static str, text: &str, how: Gate) -> (Measurement, Receiver<Duration>) {
    let transport = by_name(transport).unwrap();
    let server = server(transport, ServeOptions::default());
    let (address, holds) = gate(server.data_addr(), how);
    let mut config = config(transport, &server, text, Publisher::Server);
    config.target = Target::parse(&format!("http://{address}")).unwrap();
    (run(config, &mut Free).unwrap(), holds)
}

/// The server stands still for half a second, once. At two hundred a second a hundred connections come meanwhile, and half of them wait for
/// more than a quarter of a second. A closed loop asks for one, and for the others when the pause is over.
#[test]
fn an_open_loop_shows_a_stall_that_a_closed_one_hides() {
    const CONNECTIONS: u64 = 300;
    const LONG_NS: u64 = 250_000_000;
    let stall = Gate {
        stalls_before: Some(100),
        pause: Duration::from_millis(500),
    };
    for transport in ["sse", "websocket"] {
        let waited = |pace: &str| {
            let text = scenario(CONNECTIONS as u32, 0, pace);
            let (measurement, _) = through(transport, &text, stall);
            assert_eq!(measurement.connections.opened, CONNECTIONS);
            let times = histogram(&measurement, "first-message");
            assert_eq!(times.len(), CONNECTIONS);
            (measurement, times.count_between(LONG_NS, HIGHEST))
        };
        let (closed, hidden) = waited("in-flight = 1");
        let (open, shown) = waited("rate = 200.0\narrivals = \"poisson\"");
        assert_eq!(closed.loop_model, LoopModel::Closed);
        assert_eq!(open.loop_model, LoopModel::Open);
        // Both have seen it. A busy machine adds to either, and takes from none.
        assert!((1..=10).contains(&hidden), "{transport}: {hidden} closed");
        assert!(shown >= 30, "{transport}: {shown} open");
        let p95 = |measurement| histogram(measurement, "first-message").value_at_quantile(0.95);
        assert!(
            p95(&open) > LONG_NS && p95(&closed) < LONG_NS,
            "{transport}"
        );
        // They were opened, not put off, and the kernel took them: who waits is known to the server.
        let most = open.arrivals.unwrap().most_open;
        assert!(most >= 30, "{transport}: {most} at a time");
        assert_eq!(closed.arrivals, None);
    }
}

/// Each connection is held by its client for as long as it is to stay, and no connection is closed before.
#[test]
fn nobody_leaves_before_the_time() {
    let text = scenario(20, 0, "rate = 100.0\narrivals = \"constant\"\nstay-s = 0.3");
    for transport in ["sse", "long-poll", "tcp"] {
        let (measurement, holds) = through(transport, &text, Gate::default());
        assert_eq!(measurement.connections.opened, 20, "{transport}");
        for _ in 0..20 {
            let held = holds.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(held >= Duration::from_millis(300), "{transport}: {held:?}");
        }
    }
}
