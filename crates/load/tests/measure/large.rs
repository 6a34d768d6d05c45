//! Large messages among the others.

use super::*;

/// Large ones arrive like all, once and in order, byte for byte as the formulas say, and their delays are kept apart; whoever
/// publishes.
#[test]
fn large_messages_are_recorded_apart() {
    for &transport in TRANSPORTS {
        for (stack, kind, publisher) in [
            (Stack::Bare, "text", Publisher::Server),
            (Stack::Bare, "binary", Publisher::Load),
            (Stack::Reference, "binary", Publisher::Server),
            (Stack::Reference, "text", Publisher::Load),
        ] {
            let name = format!("{}/{stack} {kind} {publisher:?}", transport.name());
            let scenario = fan_out(64, kind).replace("subscribers = 20", "subscribers = 4")
                + "[fan-out.large]\nevery = 5\nbytes = 70000\n";
            let options = ServeOptions {
                stack,
                ..ServeOptions::default()
            };
            let server = server(transport, options);
            let config = config(transport, &server, &scenario, publisher);
            let measurement = run(config, &mut Free).unwrap();
            assert_clean(&name, &measurement);
            assert_eq!(
                (measurement.published, measurement.operations),
                (50, 200),
                "{name}"
            );
            assert_eq!(measurement.undelivered(), 0, "{name}");
            let count = |histogram: &str| measurement.histograms[histogram].decode().unwrap().len();
            // 11 to 60 are measured; 15, 20 and so on are large.
            let counts = ["response", "service", "large"].map(count);
            assert_eq!(counts, [40 * 4, 40 * 4, 10 * 4], "{name}");
            assert_eq!(measurement.sequence.delivered, 60 * 4, "{name}");
            let large = 10 * 4 * 70_000;
            let down = measurement.wire.bytes_down;
            assert!((large..large * 3 / 2).contains(&down), "{name}: {down}");
        }
    }
}
