//! Whom messages are late for.

use super::*;

/// A run of the scenario over `transport`, with this bound.
fn measure(transport: &str, late_ms: &str) -> Measurement {
    let transport = by_name(transport).unwrap();
    let scenario = fan_out(64, "text") + &format!("late-ms = {late_ms}\n");
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, &scenario, Publisher::Server);
    let measurement = run(config, &mut Free).unwrap();
    assert_clean(transport.name(), &measurement);
    measurement
}

/// A microsecond is less than any delivery takes, ten minutes is more: every message is late for everybody, or none for anybody.
#[test]
fn all_are_late_or_none() {
    for &transport in TRANSPORTS {
        let name = transport.name();
        let late = measure(name, "0.001").late.unwrap();
        assert_eq!((late.bound_ns, late.subscribers), (1000, 20), "{name}");
        assert_eq!((late.messages, late.hit), (50, 50), "{name}");
        assert_eq!((late.deliveries, late.most), (1000, 20), "{name}");
        let shares = (late.share(), late.reach());
        assert_eq!(shares, (Some(1.0), Some(1.0)), "{name}");
        let late = measure(name, "600000.0").late.unwrap();
        assert_eq!((late.messages, late.subscribers), (50, 20), "{name}");
        assert_eq!((late.hit, late.deliveries, late.most), (0, 0, 0), "{name}");
        assert_eq!((late.share(), late.reach()), (Some(0.0), None), "{name}");
    }
}

/// A thousand messages have a 99th percentile on every stream, and it is about that of all deliveries together.
#[test]
fn streams_have_percentiles_of_their_own() {
    let transport = by_name("sse").unwrap();
    let scenario = (fan_out(64, "text") + "late-ms = 50.0\n")
        .replace("rate = 500.0", "rate = 5000.0")
        .replace("measure-s = { quick = 0.1", "measure-s = { quick = 0.2");
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, &scenario, Publisher::Server);
    let measurement = run(config, &mut Free).unwrap();
    let late = measurement.late.unwrap();
    assert_eq!(late.messages, 1000);
    let (median, worst) = (late.stream_p99_ns, late.worst_stream_p99_ns);
    let all = measurement.histograms["response"].decode().unwrap();
    assert!(median.unwrap() <= worst.unwrap(), "{late:?}");
    // Two digits, and units of 10 us.
    assert!(
        worst.unwrap() <= all.max() + all.max() / 50 + 20_000,
        "{late:?}"
    );
    assert!(
        worst.unwrap() + 20_000 >= all.value_at_quantile(0.98),
        "{late:?}"
    );
}

#[test]
fn nobody_looks_unless_asked() {
    let transport = TRANSPORTS[0];
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, &fan_out(10, "text"), Publisher::Server);
    assert_eq!(run(config, &mut Free).unwrap().late, None);
}
