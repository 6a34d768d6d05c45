//! Drives whose publisher's end is kept from coming.

use std::sync::atomic::Ordering;
use std::time::Instant;

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};

use super::*;

/// One that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A drive over an event stream of `events`, with a publisher of so many messages in 300 ms. `meanwhile` says when it is to be stopped,
/// from the time and what was published so far.
fn publish(
    events: SocketAddr,
    relay: SocketAddr,
    messages: f64,
    payload_bytes: u32,
    meanwhile: impl Fn(Duration, u64) -> bool,
) -> DriveReport {
    let mut plan = plan("sse", format!("http://{events}/"));
    plan.duration = Some(Duration::from_millis(300));
    plan.publish = Some(Publishing {
        url: format!("http://{relay}/publish"),
        headers: Vec::new(),
        rate: messages / 0.3,
        arrivals: Arrivals::Constant,
        payload_bytes,
    });
    let (live, stop) = (Live::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let driving = scope.spawn(|| run(&plan, &live, &stop).unwrap());
        let began = Instant::now();
        while !driving.is_finished() {
            let published = live.snapshot().published;
            if meanwhile(began.elapsed(), published) || began.elapsed() > PATIENCE {
                stop.store(true, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(10));
        }
        driving.join().unwrap()
    })
}

#[test]
fn a_relay_that_stops_reading_does_not_keep_a_drive_from_its_end() {
    let silent = scripted(|_, _, stream| {
        let _ = stream.write_all(STREAM.as_bytes());
        let _ = stream.read(&mut [0]);
    });
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = relay.local_addr().unwrap();
    // Far more than sockets take.
    let report = publish(silent, address, 60.0, 1024 * 1024, |_, _| false);
    drop(relay);
    assert_eq!(report.ended, Ended::Time, "{report:?}");
    let published = report.published.unwrap();
    assert!((1..60).contains(&published.posted), "{published:?}");
    assert_eq!(published.failed, published.posted);
}

#[test]
fn who_has_had_enough_of_waiting_for_what_trickles_ends_it() {
    // A message every half second, fewer than are published.
    let trickle = scripted(|_, _, stream| {
        let _ = stream.write_all(STREAM.as_bytes());
        let payload = Payload {
            bytes: 8,
            kind: PayloadKind::Text,
        };
        let maker = BodyMaker::new(payload, false, 1);
        for seq in 1..40 {
            let mut event = b"data: ".to_vec();
            let stamp = Stamp {
                seq,
                intended: 1,
                published: 1,
            };
            maker.body(stamp, &mut event);
            event.extend_from_slice(b"\n\n");
            if stream.write_all(&event).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(500));
        }
    });
    let relay = server("sse", Stack::Bare);
    let enough = |since: Duration, published| published == 300 && since > Duration::from_secs(3);
    let report = publish(trickle, relay.control_addr(), 300.0, 8, enough);
    assert_eq!(report.ended, Ended::Interrupted, "{report:?}");
    let published = report.published.unwrap();
    assert_eq!((published.posted, published.failed), (300, 0));
    assert_eq!(published.missing, 300 - report.messages.received);
}
