//! Each flaw alone, and what is no flaw.

mod connect;

use std::collections::BTreeMap;
use std::path::Path;

use pushbench_model::control::Health;
use pushbench_model::histogram::{self, EncodedHistogram};
use pushbench_model::measurement::{
    ArrivalCount, ClientLoad, ConnectionCount, DeadCount, SlowCount, TlsCount, Upstream, WireCount,
};
use pushbench_model::sequence::SequenceCounts;

use super::*;

const FAN_OUT: &str = r#"
name = "fan-out-small"
models = ""
expected = ""
profiles = ["quick"]
payload = { bytes = 8 }
[fan-out]
subscribers = 10
rate = 100.0
arrivals = "constant"
warm-up-s = { quick = 0.1, standard = 1.0, thorough = 2.0 }
measure-s = { quick = 2.0, standard = 5.0, thorough = 30.0 }
"#;
const CONNECT: &str = r#"
name = "connect"
models = ""
expected = ""
profiles = ["quick"]
payload = { bytes = 8 }
[connect]
connections = { quick = 100, standard = 1000, thorough = 1000 }
warm-up = { quick = 10, standard = 10, thorough = 10 }
in-flight = 4
"#;

pub(crate) fn scenario() -> Scenario {
    Scenario::parse(FAN_OUT, Path::new("x.toml")).unwrap()
}

fn histogram(value: u64, count: u64) -> EncodedHistogram {
    let mut histogram = histogram::new();
    histogram.record_n(value, count).unwrap();
    EncodedHistogram::encode(&histogram)
}

fn set(measurement: &mut Measurement, name: &str, value: u64, count: u64) {
    let histogram = histogram(value, count);
    measurement.histograms.insert(name.into(), histogram);
}

/// A flawless measurement of [`scenario`] over SSE.
pub(crate) fn flawless() -> Measurement {
    Measurement {
        workload: "fan-out".into(),
        transport: "sse".into(),
        loop_model: LoopModel::Open,
        publisher: Publisher::Server,
        concurrency: 10,
        operations: 2000,
        published: 200,
        body_bytes: 80,
        payload_bytes: 8,
        elapsed_ns: 2_000_000_000,
        sequence: SequenceCounts {
            delivered: 2100,
            ..SequenceCounts::default()
        },
        wire: WireCount {
            bytes_down: 1000,
            expected_down: Some(1000),
            expected_up: Some(0),
            retransmitted: 3,
            ..WireCount::default()
        },
        batches: None,
        polls: None,
        held_up_ns: 0,
        windows: Vec::new(),
        cuts: None,
        arrivals: None,
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: None,
        answers: None,
        client: None,
        connections: ConnectionCount {
            opened: 10,
            nodelay: 10,
            ..ConnectionCount::default()
        },
        server: Some(Health {
            accepted: 10,
            nodelay: 10,
            ..Health::default()
        }),
        histograms: BTreeMap::from([
            (
                histogram_name::RESPONSE.to_owned(),
                histogram(4_000_000, 2000),
            ),
            (histogram_name::LATENESS.to_owned(), histogram(20_000, 200)),
        ]),
        errors: Vec::new(),
    }
}

fn reasons(change: impl FnOnce(&mut Measurement)) -> Vec<String> {
    let mut measurement = flawless();
    change(&mut measurement);
    match verify(&measurement, &scenario(), Profile::Quick) {
        Outcome::Invalid { reasons } => reasons.into_iter().map(|r| r.text).collect(),
        Outcome::Valid => Vec::new(),
        Outcome::Failed { reason } => panic!("{reason}"),
    }
}

#[test]
fn a_flawless_trial_is_valid() {
    assert_eq!(reasons(|_| {}), [""; 0]);
}

/// With its defaults a server has on its sockets what its libraries leave there; the load process has no defaults.
#[test]
fn nodelay_is_no_duty_of_a_server_with_its_defaults() {
    let without = |tuning| {
        reasons(|m| {
            let server = m.server.as_mut().unwrap();
            (server.tuning, server.nodelay) = (tuning, 0);
        })
    };
    assert_eq!(without(Tuning::Defaults), [""; 0]);
    for tuning in [Tuning::Equalised, Tuning::Fixed] {
        assert_eq!(
            without(tuning),
            ["the server had TCP_NODELAY on 0 of 10 connections"]
        );
    }
}

/// Messages of several subscribers may overtake each other; nothing else is forgiven, and to nobody else.
#[test]
fn order_is_no_matter_where_subscribers_speak() {
    let text = FAN_OUT.replace("rate = 100.0", "rate = 100.0\ntwo-way = true");
    let scenario = Scenario::parse(&text, Path::new("x.toml")).unwrap();
    let reasons = |change: fn(&mut Measurement)| {
        let mut measurement = flawless();
        measurement.publisher = Publisher::Load;
        measurement.upstream = Some(Upstream {
            messages: measurement.published,
            ..Upstream::default()
        });
        measurement.sequence.reordered = 7;
        change(&mut measurement);
        match verify(&measurement, &scenario, Profile::Quick) {
            Outcome::Invalid { reasons } => reasons.into_iter().map(|r| r.text).collect(),
            _ => Vec::new(),
        }
    };
    assert_eq!(reasons(|_| {}), [""; 0]);
    for (change, said) in [
        (
            (|m| m.sequence.duplicated = 1) as fn(&mut Measurement),
            "1 of 2100 deliveries arrived more than once",
        ),
        (
            |m| m.sequence.corrupted = 1,
            "1 of 2100 deliveries arrived corrupted",
        ),
        (
            |m| m.sequence.lost = 1,
            "1 of 2101 deliveries never arrived",
        ),
        (|m| m.upstream = None, "subscribers said 0 of 200 messages"),
    ] {
        assert_eq!(reasons(change), [said]);
    }
    let mut one_way = flawless();
    one_way.sequence.reordered = 7;
    assert!(!verify(&one_way, &self::scenario(), Profile::Quick).is_valid());
}

/// Who dies gets less; as many must die as were to, and be watched.
#[test]
fn dead_ones_are_no_flaw_where_they_are_wanted() {
    let text = FAN_OUT.to_owned() + "[fan-out.dead]\nshare = 0.2\n";
    let scenario = Scenario::parse(&text, Path::new("x.toml")).unwrap();
    let reasons = |change: fn(&mut Measurement)| {
        let mut measurement = flawless();
        measurement.dead = Some(DeadCount {
            dead: 2,
            noticed: 1,
            ..DeadCount::default()
        });
        measurement.operations = 200 * 8;
        change(&mut measurement);
        match verify(&measurement, &scenario, Profile::Quick) {
            Outcome::Invalid { reasons } => reasons.into_iter().map(|r| r.text).collect(),
            _ => Vec::new(),
        }
    };
    assert_eq!(reasons(|_| {}), [""; 0]);
    assert_eq!(
        reasons(|m| m.dead = None),
        ["0 subscribers lost their network, 2 were to"]
    );
    assert_eq!(
        reasons(|m| {
            m.dead.as_mut().unwrap().unseen = 1;
            m.errors = vec!["the server's sockets: no".into()];
        }),
        [
            "1 of 2 connections whose network went away were not among the server's sockets before, first: the server's \
             sockets: no"
        ]
    );
    assert_eq!(
        reasons(|m| m.operations = 1599),
        ["1599 deliveries were measured, expected 1600: 200 messages to each of 8 subscribers"]
    );
}

/// Handshakes are what the scenario says, all of them; a cut brings further ones.
#[test]
fn every_connection_begins_as_it_is_to() {
    let reasons = |tls: &str, change: fn(&mut TlsCount)| {
        let text = FAN_OUT.replace(
            "[fan-out]",
            &format!("[server]\ntls = \"{tls}\"\n[fan-out]"),
        );
        let scenario = Scenario::parse(&text, Path::new("x.toml")).unwrap();
        let mut measurement = flawless();
        let opened = measurement.connections.opened;
        let mut count = TlsCount {
            primed: 1,
            ..TlsCount::default()
        };
        match tls {
            "full" => count.full = opened,
            _ => count.resumed = opened,
        }
        change(&mut count);
        measurement.tls = Some(count);
        match verify(&measurement, &scenario, Profile::Quick) {
            Outcome::Invalid { reasons } => reasons.into_iter().map(|r| r.text).collect(),
            _ => Vec::new(),
        }
    };
    for tls in ["full", "resumed"] {
        assert_eq!(reasons(tls, |_| {}), [""; 0]);
        let retried = reasons(tls, |tls| tls.retried = 1).join("; ");
        assert!(retried.contains("1 took another round trip"), "{retried}");
        let fewer = reasons(tls, |tls| {
            (tls.full, tls.resumed) = (tls.full / 2, tls.resumed / 2);
        });
        assert!(
            fewer[0].contains(&format!("handshakes were {tls}, of 10 connections")),
            "{fewer:?}"
        );
        let swapped = reasons(tls, |tls| (tls.full, tls.resumed) = (tls.resumed, tls.full));
        assert_eq!(swapped.len(), 2, "{swapped:?}");
        assert!(
            swapped[0].contains(&format!("were to be {tls}, but 10 were")),
            "{swapped:?}"
        );
    }
    let text = FAN_OUT.replace("[fan-out]", "[server]\ntls = \"full\"\n[fan-out]");
    let scenario = Scenario::parse(&text, Path::new("x.toml")).unwrap();
    assert!(
        !verify(&flawless(), &scenario, Profile::Quick).is_valid(),
        "nothing is known of them"
    );
}

/// Who is slow on purpose gets less, and may be let go.
#[test]
fn slow_ones_are_no_flaw_where_they_are_wanted() {
    let text = FAN_OUT.to_owned() + "[fan-out.slow]\nshare = 0.2\nbytes-per-s = 0\n";
    let scenario = Scenario::parse(&text, Path::new("x.toml")).unwrap();
    let reasons = |change: fn(&mut Measurement)| {
        let mut measurement = flawless();
        measurement.slow = Some(SlowCount {
            slow: 2,
            let_go: 1,
            ..SlowCount::default()
        });
        measurement.operations = 200 * 8;
        measurement.server.as_mut().unwrap().lagged = 2;
        change(&mut measurement);
        assert_eq!(measurement.undelivered(), 1600 - measurement.operations);
        match verify(&measurement, &scenario, Profile::Quick) {
            Outcome::Invalid { reasons } => reasons.into_iter().map(|r| r.text).collect(),
            _ => Vec::new(),
        }
    };
    assert_eq!(reasons(|_| {}), [""; 0]);
    assert_eq!(
        reasons(|m| m.server.as_mut().unwrap().lagged = 3),
        [
            "3 subscribers fell behind and were disconnected by the server, where 2 were slow on purpose"
        ]
    );
    assert_eq!(
        reasons(|m| m.operations = 1599),
        ["1599 deliveries were measured, expected 1600: 200 messages to each of 8 subscribers"]
    );
}

/// Each flaw alone is exactly one reason, with its counts.
#[test]
fn every_flaw_is_one_sentence() {
    type Flaw = fn(&mut Measurement);
    let flaws: [(Flaw, &str); 17] = [
        (
            |m| m.server.as_mut().unwrap().injected = true,
            "the server was asked to inject faults or delays",
        ),
        (
            |m| m.server.as_mut().unwrap().nodelay = 9,
            "the server had TCP_NODELAY on 9 of 10 connections",
        ),
        (
            |m| m.server.as_mut().unwrap().lagged = 2,
            "2 subscribers fell behind and were disconnected by the server",
        ),
        (
            |m| (m.sequence.lost, m.sequence.delivered) = (3, 2097),
            "3 of 2100 deliveries never arrived",
        ),
        (
            |m| m.sequence.duplicated = 1,
            "1 of 2100 deliveries arrived more than once",
        ),
        (
            |m| m.sequence.reordered = 2,
            "2 of 2100 deliveries arrived out of order",
        ),
        (
            |m| m.sequence.corrupted = 4,
            "4 of 2100 deliveries arrived corrupted",
        ),
        (
            |m| (m.published, m.operations) = (150, 1500),
            "150 of 200 scheduled messages",
        ),
        (
            |m| m.operations = 1999,
            "1999 deliveries were measured, expected 2000: 200 messages to each of 10",
        ),
        (
            |m| (m.connections.failed, m.errors) = (1, vec!["refused".into()]),
            "1 connections failed, first: refused",
        ),
        (
            |m| m.connections.ended_early = 5,
            "5 connections were ended early by the server",
        ),
        (
            |m| m.connections.nodelay = 9,
            "TCP_NODELAY was set on 9 of 10 connections",
        ),
        (
            |m| m.wire.bytes_down = 1001,
            "bytes on the wire differ from the formula: counted 1001, expected 1000 down",
        ),
        (|m| m.wire.bytes_up = 7, "counted 7, expected 0 up"),
        (
            |m| set(m, "lateness", 6_000_000, 100),
            "the publisher was late: 1 % of the messages by more than 6.0 ms, 150 % of the median",
        ),
        (
            |m| set(m, "loop-lag", 30_000_000, 40),
            "the load process could not keep up: a tenth of the time it was late by more than 30.0 ms, 750 % of",
        ),
        (
            |m| m.client = Some(ClientLoad { busiest: 0.95 }),
            "the load process could not keep up: its busiest worker was busy 95 % of the time",
        ),
    ];
    for (flaw, wanted) in flaws {
        let reasons = reasons(flaw);
        assert_eq!(reasons.len(), 1, "{wanted}: {reasons:?}");
        assert!(reasons[0].contains(wanted), "{wanted}: {reasons:?}");
    }
}

#[test]
fn what_others_may_do_is_no_flaw() {
    // An external server sends headers of its own.
    let external: fn(&mut Measurement) = |m| {
        m.publisher = Publisher::Load;
        m.wire.bytes_down = 1234;
    };
    // A formula that does not apply.
    let unknown: fn(&mut Measurement) = |m| {
        m.wire.expected_up = None;
        m.wire.bytes_up = 99;
    };
    // Late, but by little of what the message took; late, but too rarely seen to tell.
    let little: fn(&mut Measurement) = |m| set(m, "response", 100_000_000, 2000);
    let late: fn(&mut Measurement) = |m| set(m, "lateness", 6_000_000, 200);
    let few: fn(&mut Measurement) = |m| set(m, "lateness", 6_000_000, 19);
    // Late because the server did not take what was sent before.
    let held_up: fn(&mut Measurement) = |m| {
        set(m, "lateness", 6_000_000, 200);
        m.held_up_ns = 50_000_000;
    };
    for harmless in [external, unknown, little, few, held_up] {
        assert_eq!(reasons(harmless), [""; 0]);
    }
    assert_eq!(
        reasons(|m| {
            little(m);
            late(m);
        }),
        [""; 0]
    );
    assert_eq!(reasons(late).len(), 1);
}

/// Histograms of which a part is late.
fn partly(count: u64, late: u64, by_ns: u64) -> EncodedHistogram {
    let mut histogram = histogram::new();
    histogram.record_n(500_000, count - late).unwrap();
    histogram.record_n(by_ns, late).unwrap();
    EncodedHistogram::encode(&histogram)
}

/// A machine that hiccups makes no generator late; one that stands still half of the time does.
#[test]
fn hiccups_are_no_flaw_and_throttling_is() {
    let with = |name: &str, histogram: EncodedHistogram| {
        let mut measurement = flawless();
        measurement.histograms.insert(name.into(), histogram);
        match verify(&measurement, &scenario(), Profile::Quick) {
            Outcome::Invalid { reasons } => Some(reasons[0].side),
            _ => None,
        }
    };
    for (count, late, by_ms, blame) in [
        (200, 2, 40, None),
        (200, 3, 40, Some(Blame::Publisher)),
        (3000, 10, 20, None),
        (3000, 10, 40, Some(Blame::Publisher)),
        (60, 6, 40, None),
        (60, 30, 40, Some(Blame::Publisher)),
    ] {
        let lateness = partly(count, late, by_ms * 1_000_000);
        assert_eq!(
            with("lateness", lateness),
            blame,
            "{late} of {count} by {by_ms} ms"
        );
    }
    for (late, by_ms, blame) in [(4, 60, None), (20, 9, None), (20, 50, Some(Blame::Client))] {
        let lag = partly(40, late, by_ms * 1_000_000);
        assert_eq!(with("loop-lag", lag), blame, "{late} of 40 by {by_ms} ms");
    }
}

/// A server that takes a second per message is not made faster by a client that looks 40 times a second.
#[test]
fn a_client_is_late_by_comparison() {
    let reasons = reasons(|m| {
        set(m, "response", 1_000_000_000, 2000);
        set(m, "loop-lag", 30_000_000, 40);
    });
    assert_eq!(reasons, [""; 0]);
}
