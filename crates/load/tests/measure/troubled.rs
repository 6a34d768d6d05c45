//! Connections that are cut, and subscribers that stop reading.

use pushbench_model::measurement::Measurement;
use pushbench_transport::transport::Transport;

use super::*;

/// What a server of `stack` gives the subscribers of `scenario`.
fn measured(transport: &'static dyn Transport, stack: Stack, scenario: &str) -> Measurement {
    let options = ServeOptions {
        stack,
        ..ServeOptions::default()
    };
    let server = server(transport, options);
    run(
        config(transport, &server, scenario, Publisher::Server),
        &mut Free,
    )
    .unwrap()
}

/// A fan-out whose connections are cut.
fn cut(cuts: &str) -> String {
    let text = fan_out(64, "text")
        .replace("rate = 500.0", "rate = 200.0")
        .replace("quick = 0.1", "quick = 1.2");
    format!("{text}[fan-out.cuts]\n{cuts}\n")
}

/// Cut a thousand times and more, at random bytes: who says where it was misses nothing and gets nothing twice.
#[test]
fn subscribers_that_are_cut_off_go_on_where_they_were() {
    for &transport in TRANSPORTS {
        let name = transport.name();
        for stack in [Stack::Bare, Stack::Reference] {
            let scenario = cut(
                "pattern = { each-every-s = 0.08 }\ndelay-s = 0.02\njitter = 0.5\nresume = true",
            )
            .replace("subscribers = 20", "subscribers = 120")
            .replace("quick = 1.2", "quick = 2.4");
            let measurement = measured(transport, stack, &scenario);
            assert!(
                measurement.sequence.is_clean(),
                "{name}: {:?} {:?}",
                measurement.sequence,
                measurement.errors
            );
            assert_eq!(measurement.operations, 480 * 120, "{name}");
            let cuts = measurement.cuts.unwrap();
            assert!(cuts.cuts > 1000, "{name}: {cuts:?}");
            assert_eq!((cuts.recovered, cuts.failed), (cuts.cuts, 0), "{name}");
            let recovery = measurement.histograms["recovery"].decode().unwrap();
            assert_eq!(recovery.len(), cuts.cuts, "{name}");
            assert!(
                recovery.min() >= 10_000_000,
                "{name}: the delay is part of it"
            );
            assert_eq!(measurement.connections.ended_early, 0, "{name}");
        }
    }
}

/// Who takes what comes misses what came meanwhile, unless its transport cannot but say where it was.
#[test]
fn subscribers_that_do_not_say_where_they_were_miss_what_came_meanwhile() {
    for &transport in TRANSPORTS {
        let name = transport.name();
        let scenario = cut("pattern = { each-every-s = 0.3 }\ndelay-s = 0.1\nresume = false");
        let measurement = measured(transport, Stack::Reference, &scenario);
        let (counts, cuts) = (measurement.sequence, measurement.cuts.unwrap());
        assert_eq!(
            counts.duplicated + counts.reordered + counts.corrupted,
            0,
            "{name}"
        );
        assert_eq!(cuts.recovered, cuts.cuts, "{name}");
        assert_eq!(measurement.operations + counts.lost, 240 * 20, "{name}");
        if transport.is_asked_by_number() {
            assert_eq!(counts.lost, 0, "{name}");
        } else {
            assert!(counts.lost >= cuts.cuts, "{name}: {counts:?} {cuts:?}");
        }
    }
}

#[test]
fn a_storm_cuts_everybody_once_and_all_come_back() {
    for &transport in TRANSPORTS {
        let name = transport.name();
        let scenario = cut("pattern = { all-at-s = 0.2 }\ndelay-s = 0.1\nresume = true");
        let measurement = measured(transport, Stack::Reference, &scenario);
        assert!(
            measurement.sequence.is_clean(),
            "{name}: {:?}",
            measurement.errors
        );
        let cuts = measurement.cuts.unwrap();
        assert_eq!(
            (cuts.cuts, cuts.recovered, cuts.failed),
            (20, 20, 0),
            "{name}"
        );
        assert!(
            cuts.peak_per_s >= 100.0,
            "{name}: twenty within a tenth or two: {cuts:?}"
        );
        assert!((cuts.away_s - 2.0).abs() < 1e-6, "{name}: {cuts:?}");
        assert_eq!(measurement.server.unwrap().accepted, 40, "{name}");
    }
}

/// A fan-out of whose twenty subscribers five stop reading, or nearly.
fn slow(bytes: usize, bytes_per_s: u32) -> String {
    let text = fan_out(bytes, "text").replace("quick = 0.1", "quick = 0.8");
    format!("{text}[fan-out.slow]\nshare = 0.25\nbytes-per-s = {bytes_per_s}\n")
}

/// The others get everything, once and in order, whatever the transport; nobody waits for those that do not read.
#[test]
fn healthy_subscribers_do_not_wait_for_slow_ones() {
    for &transport in TRANSPORTS {
        for (stack, bytes_per_s) in [(Stack::Bare, 0), (Stack::Bare, 2000), (Stack::Reference, 0)] {
            let name = format!("{} {stack} {bytes_per_s}", transport.name());
            let scenario = slow(1024, bytes_per_s);
            let measurement = measured(transport, stack, &scenario);
            let slow = measurement.slow.unwrap();
            assert_eq!(slow.slow, 5, "{name}");
            assert!(
                measurement.sequence.is_clean(),
                "{name}: {:?} {:?}",
                measurement.sequence,
                measurement.errors
            );
            assert_eq!(measurement.operations, 400 * 15, "{name}");
            assert_eq!(measurement.undelivered(), 0, "{name}");
            assert_eq!(measurement.wire.agrees(), Some(true), "{name}");
            assert_eq!(measurement.connections.ended_early, 0, "{name}");
            assert_eq!(measurement.connections.opened, 20, "{name}");
            // Some turns of 200 bytes for each; a poll has one answer to read at most, and asks for no other.
            let read = slow.read_bytes;
            let allowed = match (bytes_per_s, transport.is_asked_by_number()) {
                (0, _) => 0..=0,
                (_, true) => 0..=5 * 1500,
                (_, false) => 1..=5 * 200 * 60,
            };
            assert!(allowed.contains(&read), "{name}: {slow:?}");
        }
    }
}

/// Four subscribers of large messages, one of them slow, and a server that keeps few for each: it is let go, and the others
/// notice nothing. What came of it in `seconds` with a hundred messages each.
fn let_go(name: &str, queue: usize, bytes_per_s: u32, seconds: f64) -> Measurement {
    let transport = by_name(name).unwrap();
    let options = ServeOptions {
        stack: Stack::Bare,
        queue,
        ..ServeOptions::default()
    };
    let server = server(transport, options);
    let scenario = slow(200_000, bytes_per_s)
        .replace("rate = 500.0", "rate = 100.0")
        .replace("subscribers = 20", "subscribers = 4")
        .replace("quick = 0.8", &format!("quick = {seconds:?}"));
    let config = config(transport, &server, &scenario, Publisher::Server);
    let measurement = run(config, &mut Free).unwrap();
    assert!(
        measurement.sequence.is_clean(),
        "{name}: {:?}",
        measurement.errors
    );
    let messages = (100.0 * seconds) as u64;
    assert_eq!(measurement.operations, messages * 3, "{name}");
    assert_eq!(measurement.server.as_ref().unwrap().lagged, 1, "{name}");
    measurement
}

/// Who reads, but too slowly, reads on to the end that its server has made of it.
#[test]
fn a_slow_subscriber_hears_that_it_was_let_go() {
    for name in ["tcp", "sse", "websocket", "ndjson"] {
        let measurement = let_go(name, 24, 4_000_000, 3.0);
        let slow = measurement.slow.unwrap();
        assert_eq!((slow.slow, slow.let_go), (1, 1), "{name}: {slow:?}");
        assert!(slow.let_go_after_s > 0.0, "{name}: {slow:?}");
        assert!(slow.read_bytes > 200_000, "{name}: {slow:?}");
        assert_eq!(measurement.connections.ended_early, 0, "{name}");
    }
}

/// A queue of few messages fills when the sockets have.
#[test]
fn a_full_queue_lets_its_subscriber_go() {
    for name in ["tcp", "sse", "websocket", "ndjson"] {
        let_go(name, 8, 0, 0.8);
    }
}
