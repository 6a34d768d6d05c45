//! Servers that are set as a scenario wants it: signs of life, and messages that wait for others.

use std::thread;

use pushbench_model::measurement::Measurement;
use pushbench_transport::transport::Transport;

use super::*;

const STREAMS: [&str; 4] = ["tcp", "sse", "websocket", "ndjson"];
const STACKS: [Stack; 2] = [Stack::Bare, Stack::Reference];

fn measured(
    transport: &'static dyn Transport,
    options: ServeOptions,
    scenario: &str,
) -> Measurement {
    let server = server(transport, options);
    let config = config(transport, &server, scenario, Publisher::Server);
    run(config, &mut Free).unwrap()
}

/// They are counted by their bytes, and no byte is left over.
#[test]
fn heartbeats_are_counted() {
    let scenario = fan_out(64, "text")
        .replace("rate = 500.0", "rate = 20.0")
        .replace("quick = 0.1", "quick = 3.4")
        .replace("[fan-out]", "[server]\nheartbeat-s = 1\n[fan-out]");
    let one = |name: &str, stack| {
        let options = ServeOptions {
            stack,
            heartbeat_s: Some(1),
            ..ServeOptions::default()
        };
        let measurement = measured(by_name(name).unwrap(), options, &scenario);
        assert_clean(name, &measurement);
        assert_eq!(measurement.wire.agrees(), Some(true), "{name}/{stack}");
        let beats = measurement.heartbeats;
        if name == "tcp" {
            return assert_eq!(beats, None);
        }
        // Twenty streams, three or four each on time.
        assert!(
            beats.is_some_and(|beats| beats >= 2 * 20),
            "{name}/{stack}: {beats:?}"
        );
    };
    thread::scope(|scope| {
        for name in STREAMS {
            for stack in STACKS {
                scope.spawn(move || one(name, stack));
            }
        }
    });
}

/// What comes within a window travels in one segment, on every transport and stack.
#[test]
fn messages_wait_for_others() {
    let scenario = fan_out(64, "text").replace("quick = 0.1", "quick = 0.5");
    for name in STREAMS {
        for stack in STACKS {
            let options = ServeOptions {
                stack,
                flush_window_ms: 50,
                ..ServeOptions::default()
            };
            let measurement = measured(by_name(name).unwrap(), options, &scenario);
            assert_clean(name, &measurement);
            let (wire, messages) = (measurement.wire, measurement.operations);
            assert_eq!(wire.agrees(), Some(true), "{name}/{stack}");
            // 250 messages, some 25 in each window; unless each is written by itself.
            assert!(
                wire.data_segments_down < messages / 5,
                "{name}/{stack}: {} segments for {messages} messages",
                wire.data_segments_down
            );
        }
    }
}
