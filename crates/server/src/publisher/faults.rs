//! A publisher that does wrong what a self-test asks for.
//!
//! It numbers messages by itself: the hub counts what it was given, so a message that is lost here would leave no gap
//! there, and one that is published twice would be two.

use std::time::Duration;

use pushbench_model::injection::Injection;
use pushbench_model::message::{Stamp, TEXT_ENVELOPE};
use pushbench_model::payload::BodyMaker;
use pushbench_sys::clock;
use pushbench_transport::hub::Hub;

use super::Stages;

/// Nanoseconds before the end of a delay that are spun, so that it is as long as it was asked for.
const SPIN_NS: u64 = 200_000;

pub(super) struct Faulty {
    injection: Injection,
    /// Number of the last message, over all orders.
    seq: u64,
    /// A message that the next one is to overtake.
    held: Option<Stamp>,
    body: Vec<u8>,
}

impl Faulty {
    pub(super) fn new(injection: Injection) -> Self {
        Self {
            injection,
            seq: 0,
            held: None,
            body: Vec::new(),
        }
    }

    /// Publishes the next message of the schedule, or does to it what was asked for.
    pub(super) fn publish(
        &mut self,
        intended: u64,
        hub: &Hub,
        maker: &BodyMaker,
        stages: &mut Stages,
    ) {
        self.seq += 1;
        let seq = self.seq;
        wait(intended, self.injection.schedule);
        let stamp = Stamp {
            seq,
            intended,
            published: clock::now(),
        };
        wait(stamp.published, self.injection.publish);
        let Injection {
            lose,
            lose_every,
            duplicate,
            reorder,
            ..
        } = &self.injection;
        if lose.contains(&seq) || (*lose_every > 0 && seq.is_multiple_of(*lose_every)) {
            return;
        }
        let twice = duplicate.contains(&seq);
        if self.held.is_none() && reorder.contains(&seq) {
            self.held = Some(stamp);
            return;
        }
        self.hand_on(stamp, hub, maker, stages);
        if twice {
            hub.publish(&self.body, maker.is_binary());
        }
        self.hand_on_held(hub, maker, stages);
    }

    /// Hands on the message that was to be overtaken, if there is one; at the end of an order nothing follows it.
    pub(super) fn hand_on_held(&mut self, hub: &Hub, maker: &BodyMaker, stages: &mut Stages) {
        if let Some(stamp) = self.held.take() {
            self.hand_on(stamp, hub, maker, stages);
        }
    }

    fn hand_on(&mut self, stamp: Stamp, hub: &Hub, maker: &BodyMaker, stages: &mut Stages) {
        self.body.clear();
        maker.body(stamp, &mut self.body);
        if self.injection.corrupt.contains(&stamp.seq) {
            damage(&mut self.body, maker.is_binary());
        }
        hub.publish(&self.body, maker.is_binary());
        stages.record(stamp.intended, stamp.published);
    }
}

/// Waits until `delay` after `from`; that may be over already.
fn wait(from: u64, delay: Duration) {
    if !delay.is_zero() {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        clock::sleep_until(from.saturating_add(delay), SPIN_NS);
    }
}

/// Flips a bit of the last byte of the payload, of the checksum where there is no payload. A text stays a text.
fn damage(body: &mut [u8], binary: bool) {
    /// `"}` after the payload of a text body.
    const END: usize = 2;
    /// `,"data":""}` after the checksum of an empty one.
    const EMPTY_END: usize = 11;
    let from_end = match body.len() {
        _ if binary => 1,
        TEXT_ENVELOPE => EMPTY_END + 1,
        _ => END + 1,
    };
    if let Some(at) = body.len().checked_sub(from_end) {
        body[at] ^= 1;
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::message::{self, MessageError};
    use pushbench_model::payload::{Payload, PayloadKind};

    use super::*;

    #[test]
    fn damage_shows_in_the_checksum_and_nowhere_else() {
        for kind in [PayloadKind::Text, PayloadKind::Binary, PayloadKind::Quotes] {
            for (native, bytes) in [(false, 0), (false, 1), (false, 50), (true, 0), (true, 50)] {
                let maker = BodyMaker::new(Payload { bytes, kind }, native, 3);
                let stamp = Stamp {
                    seq: 7,
                    intended: 1,
                    published: 2,
                };
                let mut body = Vec::new();
                maker.body(stamp, &mut body);
                damage(&mut body, maker.is_binary());
                let error = message::parse(&body).unwrap_err();
                assert!(
                    matches!(error, MessageError::Corrupted { seq: 7, .. }),
                    "{kind:?} {native} {bytes}: {error}"
                );
                assert!(maker.is_binary() || std::str::from_utf8(&body).is_ok());
            }
        }
    }
}
