//! Peers whose network goes away: when they are to be missed, and who is held against nothing.

use pushbench_model::measurement::DeadCount;
use pushbench_model::scenario::Dead;

use super::*;

/// The sample, with twenty of a hundred subscribers dead in every trial of a fan-out, each noticed `after` seconds and given
/// up by its client two seconds after its death.
fn record(heartbeat_s: u32, dead_after_s: u32, after: impl Fn(&str) -> f64) -> Record {
    let mut record = sample::record();
    for scenario in &mut record.run.scenarios {
        scenario.server.heartbeat_s = heartbeat_s;
        scenario.server.dead_after_s = dead_after_s;
    }
    fan_out(&mut record, |fan_out| {
        fan_out.arrivals = Arrivals::Constant;
        fan_out.rate = 0.5;
        fan_out.dead = Some(Dead {
            share: 0.2,
            within_s: 4.0,
        });
    });
    for recorded in &mut record.trials {
        if let Some(measured) = &mut recorded.trial.measurement {
            let after = after(&measured.transport);
            let noticed = if after > 0.0 { 20 } else { 0 };
            measured.elapsed_ns = 12_000_000_000;
            measured.dead = Some(DeadCount {
                dead: 20,
                noticed,
                noticed_after_s: after * noticed as f64,
                noticed_last_s: after,
                given_up: 20,
                given_up_after_s: 2.08 * 20.0,
                watched_s: 200.0,
                look_s: 0.05,
                ..DeadCount::default()
            });
        }
    }
    record
}

fn rows(record: &Record, quantity: &str) -> Vec<Held> {
    let rows = held(record, "fan-out-small").into_iter();
    rows.filter(|held| held.quantity.contains(quantity))
        .collect()
}

/// A heartbeat every second beside a message every two: 0.417 s until something is sent, 0.4 s until it is sent twice again,
/// and three seconds. Pongs are waited for three seconds from the next ping on; a poll waits for a message.
#[test]
fn the_dead_are_missed_when_what_was_sent_to_them_is_not_acknowledged() {
    let as_said = |transport: &str| match transport {
        "websocket" => 3.5,
        // Nothing but messages is sent.
        "long-poll" | "tcp" => 4.4,
        _ => 3.817,
    };
    let record = record(1, 3, as_said);
    let times = rows(&record, "until a dead one is noticed");
    let servers: Vec<&str> = times.iter().map(|held| held.server.as_str()).collect();
    for transport in ["sse", "websocket", "long-poll"] {
        assert!(
            servers.iter().any(|name| name.starts_with(transport)),
            "{servers:?}"
        );
    }
    for held in &times {
        let transport = held.server.split('/').next().unwrap();
        assert!(held.agrees(), "{held:?}");
        assert!(
            (held.predicted / 1e9 - as_said(transport)).abs() < 0.01,
            "{held:?}"
        );
    }
    let all = rows(&record, "dead ones noticed");
    assert!(
        all.len() >= times.len() && all.iter().all(Held::agrees),
        "{all:?}"
    );
    let clients = rows(&record, "client gives its server up");
    assert!(
        !clients.is_empty() && clients.iter().all(Held::agrees),
        "{clients:?}"
    );
    assert!(
        !clients
            .iter()
            .any(|held| held.server.starts_with("long-poll"))
    );

    let late = self::record(1, 3, |transport| as_said(transport) + 1.5);
    let late = rows(&late, "until a dead one is noticed");
    assert!(
        !late.is_empty() && !late.iter().any(Held::agrees),
        "{late:?}"
    );
}

/// Without a timeout nobody is to notice, and nobody has.
#[test]
fn nobody_notices_where_nobody_waits() {
    let silent = record(0, 0, |_| 0.0);
    let none = rows(&silent, "dead ones noticed");
    assert!(
        !none.is_empty() && none.iter().all(Held::agrees),
        "{none:?}"
    );
    assert!(rows(&silent, "until a dead one").is_empty());
    assert!(rows(&silent, "client gives").is_empty());
    let noticed = record(0, 0, |_| 3.0);
    assert!(!rows(&noticed, "dead ones noticed").iter().any(Held::agrees));
}

/// A time that the watch cut off is held against nothing.
#[test]
fn who_could_not_be_watched_to_the_end_is_held_against_nothing() {
    let mut record = record(1, 3, |_| 3.8);
    for recorded in &mut record.trials {
        if let Some(measured) = &mut recorded.trial.measurement {
            measured.elapsed_ns = 5_000_000_000;
        }
    }
    assert!(rows(&record, "noticed").is_empty());
    fan_out(&mut record, |fan_out| fan_out.arrivals = Arrivals::Poisson);
    assert!(rows(&record, "client").is_empty());
}

/// What the answer shows of them.
#[test]
fn the_answer_says_how_many_were_noticed_and_when() {
    let mut record = record(1, 3, |_| 3.8);
    for recorded in &mut record.trials {
        let Some(dead) = recorded
            .trial
            .measurement
            .as_mut()
            .and_then(|m| m.dead.as_mut())
        else {
            continue;
        };
        let mut noticed = histogram::new();
        noticed.record_n(3_800_000_000, dead.noticed).unwrap();
        recorded
            .histograms
            .insert(histogram_name::NOTICED.into(), noticed);
        if recorded.trial.server.transport == "sse" {
            dead.given_up = 0;
        }
    }
    let page = crate::markdown(&record);
    let head = page
        .lines()
        .find(|line| line.contains("dead ones noticed"))
        .unwrap();
    for name in [
        "noticed after, p50",
        "noticed after, most",
        "servers given up by clients",
        "server grown by",
    ] {
        assert!(head.contains(name), "{head}");
    }
    let row = |name: &str| {
        page.lines()
            .find(|line| line.contains(name) && line.contains("3.80"))
            .unwrap()
    };
    let (sse, websocket) = (row("sse/reference"), row("websocket/reference"));
    assert!(
        websocket.contains("120 of 120") && websocket.contains("after 2.1 s"),
        "{websocket}"
    );
    assert!(
        sse.contains("0 of 120") && sse.contains("within 10 s"),
        "{sse}"
    );
    assert!(page.contains("20 of them lose their network at random times in the first 4 s"));
    assert!(page.contains("peers let go that owe an answer for 3 s"));
}
