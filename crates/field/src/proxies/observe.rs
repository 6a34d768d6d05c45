//! Messages sent and seen.

use std::io;
use std::thread;
use std::time::Duration;

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_model::theory::sse_event;
use pushbench_sys::clock;
use pushbench_transport::hub::Hub;

use super::watch::Watch;

/// Bytes of payload of every message.
pub const PAYLOAD: usize = 64;
/// How long a message that has been sent is waited for.
const PATIENCE_NS: u64 = 2_000_000_000;
/// Longest wait for the subscription before messages are sent; one that is kept back by a proxy is not accepted until then.
const OPENING_NS: u64 = 300_000_000;
/// A wait this short keeps the next due time.
const SOON: Duration = Duration::from_millis(1);

/// Messages at constant intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many.
    pub messages: u64,
    /// Between two of them, nanoseconds.
    pub interval_ns: u64,
}

/// What was seen of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Messages sent.
    pub sent: u64,
    /// From due time to receipt, nanoseconds, in the order of arrival.
    pub delays: Vec<u64>,
    /// Messages in each read that brought any.
    pub batches: Vec<u64>,
    /// Bytes of the first of them as an event of an event stream, without chunks.
    pub event_bytes: u64,
    /// Why the subscription ended before the last message, and how long after its beginning, nanoseconds.
    pub ended: Option<(u64, String)>,
}

impl Seen {
    /// Messages that never came.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.sent.saturating_sub(self.delays.len() as u64)
    }

    /// Messages per read.
    #[must_use]
    pub fn batching(&self) -> Option<f64> {
        let reads = self.batches.len();
        (reads > 0).then(|| self.delays.len() as f64 / reads as f64)
    }

    /// The middle of the delays, nanoseconds.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        let mut sorted = self.delays.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// Publishes `load` on `hub` and notes what `watch` sees of it.
///
/// # Errors
///
/// When waiting is not possible.
pub fn observe(hub: &Hub, binary: bool, watch: &mut dyn Watch, load: Load) -> io::Result<Seen> {
    let payload = Payload {
        bytes: PAYLOAD,
        kind: PayloadKind::Text,
    };
    let maker = BodyMaker::new(payload, binary, 1);
    let begun = clock::now();
    while !watch.subscribed() && watch.ended().is_none() && clock::now() < begun + OPENING_NS {
        watch.turn(SOON)?;
    }
    let first = clock::now() + 10_000_000;
    let due = |index: u64| first + index * load.interval_ns;
    let mut seen = Seen {
        event_bytes: sse_event(maker.body_len() as u64, 1, Some(hub.published() + 1), None),
        ..Seen::default()
    };
    loop {
        let now = clock::now();
        while seen.sent < load.messages && due(seen.sent) <= now {
            let intended = due(seen.sent);
            hub.publish_with(|seq, out| {
                let stamp = Stamp {
                    seq,
                    intended,
                    published: clock::now(),
                };
                maker.body(stamp, out);
                maker.is_binary()
            });
            seen.sent += 1;
        }
        let known = seen.delays.len() as u64;
        let next = if seen.sent < load.messages {
            due(seen.sent)
        } else {
            now + 1_000_000
        };
        watch.turn(Duration::from_nanos(next.saturating_sub(clock::now())).min(SOON))?;
        let arrived = watch.arrived().min(seen.sent);
        if arrived > known {
            seen.delays
                .extend((known..arrived).map(|index| watch.now().saturating_sub(due(index))));
            seen.batches.push(arrived - known);
        }
        if seen.sent == load.messages && arrived == load.messages {
            return Ok(seen);
        }
        if let Some(why) = watch.ended() {
            seen.ended = Some((clock::now() - begun, why.to_owned()));
            seen.sent = load.messages;
            return Ok(seen);
        }
        if seen.sent == load.messages && clock::now() > due(load.messages) + PATIENCE_NS {
            return Ok(seen);
        }
    }
}

/// How long an idle subscription lives, at most `limit`: its end, or `None` if it outlives it.
///
/// # Errors
///
/// When waiting is not possible.
pub fn idle(watch: &mut dyn Watch, limit: Duration) -> io::Result<Option<(u64, String)>> {
    let begun = clock::now();
    let limit = begun + u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    while clock::now() < limit {
        watch.turn(Duration::from_millis(20))?;
        if let Some(why) = watch.ended() {
            return Ok(Some((clock::now() - begun, why.to_owned())));
        }
        thread::yield_now();
    }
    Ok(None)
}
