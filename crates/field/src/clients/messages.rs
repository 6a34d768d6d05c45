//! What clients are sent: messages of the contract (docs/PROTOCOL.md) whose text has what goes wrong: spaces, emoji, line ends as
//! escapes of JSON, quotes, a line separator that is none of the event stream's.

use std::sync::atomic::AtomicBool;

use pushbench_model::message::{Stamp, checksum};
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, prepare_thread};
use pushbench_transport::hub::Hub;

/// Between the decision to publish and the first message, nanoseconds.
const LEAD_NS: u64 = 2_000_000;

/// Publishes `count` messages at `rate` per second, on a thread of its own; returns how many it were before `stop`.
pub(super) fn publish(hub: &Hub, count: u64, rate: f64, stop: &AtomicBool) -> u64 {
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            // What is refused shows in the times.
            let _ = prepare_thread();
            let pacer = Pacer {
                start: clock::now() + LEAD_NS,
                spin_ns: 0,
            };
            let offsets = (0..count).map(|index| (index as f64 * 1e9 / rate) as u64);
            pacer.run(offsets, stop, |tick| {
                hub.publish_with(|seq, out| {
                    let stamp = Stamp {
                        seq,
                        intended: tick.intended_ns,
                        published: clock::now(),
                    };
                    body(stamp, &text(seq), out);
                    false
                });
            })
        });
        // A publisher that panicked has published nothing that counts.
        publisher.join().unwrap_or(0)
    })
}

/// The text of message `seq`.
fn text(seq: u64) -> String {
    let face = ["😀", "🧑‍🚒", "é", "漢"][(seq % 4) as usize];
    format!(
        "  Token {seq}:  two  spaces, {face}, \"quotes\", a line\nand one more\r\nid: 7\ndata: not a field\u{2028}\ttab, end. "
    )
}

/// Appends the JSON of a message, its numbers padded as in bodies without escapes.
fn body(stamp: Stamp, data: &str, out: &mut Vec<u8>) {
    let crc = checksum(stamp, data.as_bytes());
    let Stamp {
        seq,
        intended,
        published,
    } = stamp;
    let json = serde_json::Value::from(data);
    let text = format!(
        "{{\"seq\":{seq:10},\"intended\":{intended:18},\"published\":{published:18},\"crc\":{crc:10},\"data\":{json}}}"
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushbench_model::message;

    #[test]
    fn a_message_has_what_goes_wrong_and_reads_back() {
        let stamp = Stamp {
            seq: 5,
            intended: 10,
            published: 20,
        };
        let mut out = Vec::new();
        body(stamp, &text(5), &mut out);
        assert_eq!(message::parse(&out), Ok(stamp));
        let line = String::from_utf8(out).unwrap();
        assert!(!line.contains(['\n', '\r']), "{line}");
        for part in ["  ", "🧑‍🚒", "\\n", "\\r\\n", "\\\"", "\u{2028}"] {
            assert!(line.contains(part), "{part:?} in {line}");
        }
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["data"], text(5));
    }
}
