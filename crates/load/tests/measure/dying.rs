//! Subscribers whose network goes away. On loopback nobody can take it away, so what is seen here is the side of those who die:
//! they are read no more, their kernel still acknowledges. A WebSocket that answers no ping is missed all the same.

use std::thread;

use pushbench_model::deaths::Deaths;

use super::*;

/// Goes on at once, and takes no network away.
#[derive(Default)]
struct Powerless(Vec<Deaths>);

impl Barrier for Powerless {
    fn reached(&mut self, _phase: &'static str) -> Result<(), LoadError> {
        Ok(())
    }

    fn dead(&mut self, deaths: &Deaths) -> Result<(), LoadError> {
        self.0.push(deaths.clone());
        Ok(())
    }
}

/// Of ten subscribers, three die in the first half second.
fn scenario(seconds: f64) -> String {
    fan_out(64, "text")
        .replace("subscribers = 20", "subscribers = 10")
        .replace("rate = 500.0", "rate = 20.0")
        .replace("quick = 0.1", &format!("quick = {seconds:?}"))
        .replace(
            "[fan-out]",
            "[server]\nheartbeat-s = 1\ndead-after-s = 1\n[fan-out]",
        )
        + "[fan-out.dead]\nshare = 0.3\nwithin-s = 0.5\n"
}

fn measured(name: &str, stack: Stack, seconds: f64) -> Measurement {
    let transport = by_name(name).unwrap();
    let options = ServeOptions {
        stack,
        heartbeat_s: Some(1),
        dead_after_s: Some(1),
        ..ServeOptions::default()
    };
    let server = server(transport, options);
    let config = config(transport, &server, &scenario(seconds), Publisher::Server);
    let mut barrier = Powerless::default();
    let measurement = run(config, &mut barrier).unwrap();
    let [deaths] = &barrier.0[..] else {
        panic!("{name}: {:?}", barrier.0);
    };
    assert_eq!(deaths.len(), 3, "{name}");
    let times: Vec<u64> = deaths.values().copied().collect();
    let spread = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert!((1..500_000_000).contains(&spread), "{name}: {deaths:?}");

    if stack == Stack::Axum {
        // As its examples have it, a framework leaves NODELAY alone.
        assert!(measurement.sequence.is_clean() && measurement.errors.is_empty());
        assert_eq!(
            measurement.wire.agrees(),
            Some(true),
            "{:?}",
            measurement.wire
        );
    } else {
        assert_clean(name, &measurement);
    }
    let due = (20.0 * seconds) as u64 * 7;
    assert_eq!(measurement.operations, due, "{name}");
    assert_eq!(measurement.undelivered(), 0, "{name}");
    assert_eq!(measurement.connections.opened, 7, "{name}");
    assert_eq!(measurement.server.as_ref().unwrap().accepted, 10, "{name}");
    let dead = measurement.dead.unwrap();
    assert_eq!((dead.dead, dead.unseen), (3, 0), "{name}");
    measurement
}

/// Those that live get everything, and who answers no ping is let go, whatever the stack.
#[test]
fn a_websocket_that_answers_no_ping_is_missed() {
    thread::scope(|scope| {
        for stack in [Stack::Bare, Stack::Reference, Stack::Axum] {
            scope.spawn(move || {
                let measurement = measured("websocket", stack, 4.0);
                let dead = measurement.dead.unwrap();
                assert_eq!(dead.noticed, 3, "{stack}: {dead:?}");
                // No ping before it died was left without an answer.
                let least = dead.noticed_after_s / 3.0;
                assert!(
                    least >= 0.99 && dead.noticed_last_s >= least,
                    "{stack}: {dead:?}"
                );
                let noticed = measurement.histograms["noticed"].decode().unwrap();
                assert_eq!(noticed.len(), 3, "{stack}");
                assert!(noticed.min() >= 990_000_000, "{stack}");
            });
        }
    });
}

/// As long as their kernels acknowledge, a server that only sends has nothing to notice, and its clients hear from it.
#[test]
fn who_is_acknowledged_is_not_missed() {
    thread::scope(|scope| {
        for name in ["sse", "ndjson", "tcp", "long-poll", "short-poll"] {
            scope.spawn(move || {
                let dead = measured(name, Stack::Bare, 2.0).dead.unwrap();
                assert_eq!((dead.noticed, dead.given_up), (0, 0), "{name}: {dead:?}");
                assert!(
                    dead.watched_s > 3.0 && dead.look_s > 0.0,
                    "{name}: {dead:?}"
                );
            });
        }
    });
}

/// Nobody who could take their network away: that is said before anything is measured wrongly.
#[test]
fn without_anybody_who_holds_a_link_nobody_dies() {
    let transport = by_name("sse").unwrap();
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, &scenario(2.0), Publisher::Server);
    let error = run(config, &mut Free).unwrap_err();
    assert!(matches!(error, LoadError::NoLink), "{error}");
    assert!(error.to_string().contains("--link rtt=1ms"));
}
