//! What a load generator does with a message: verify it, note its place in the sequence, record its delays.

use crate::late::Late;
use crate::message::{self, MessageError, Stamp};
use crate::recorder::Recorder;
use crate::scenario::Large;
use crate::sequence::{Arrival, SequenceCheck, SequenceCounts};
use crate::windows::{Grid, Windows};

/// How many distinct faults are kept in words.
const KEPT_FAULTS: usize = 5;

/// How many bodies are known, the latest: more than come together in most bursts.
const KNOWN: usize = 16;

/// Bodies above this length take each other's place, so that what is kept stays small.
const LONG: usize = 64 * 1024;
/// Where they are kept.
const LONG_SHELF: usize = 0;

/// Where the delays of a message go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// It is not known any more, or there is none.
    #[default]
    Unknown,
    /// Nowhere: it belongs to the warm-up.
    Nowhere,
    /// Among those of the others.
    Usual,
    /// Among those of large ones.
    Large,
}

/// A body that passed its checksum, unless its place is unknown.
#[derive(Debug, Default)]
struct Known {
    body: Vec<u8>,
    stamp: Stamp,
    place: Place,
}

impl Known {
    #[inline]
    fn is(&self, body: &[u8]) -> bool {
        self.place != Place::Unknown && self.body == body
    }
}

/// Where the body of a message is kept, unless it is a long one.
#[inline]
const fn shelf(seq: u64) -> usize {
    seq as usize % KNOWN
}

/// The messages of one worker thread, all its subscribers together.
///
/// In a fan-out every subscriber of a worker receives the same bytes. The last bodies that passed their checksum are kept:
/// one that is equal to one of them byte for byte is intact and has the same stamp, so it needs no second parse. It is looked for
/// where the message that its subscriber is to receive next would be, and, for subscribers that are not sent every message, where the
/// last one is that was parsed; a long one where those are.
#[derive(Debug, Default)]
pub struct Inbox {
    recorder: Recorder,
    /// Of all messages, warm-up included; absent where nobody asks for them.
    windows: Option<Windows>,
    /// Whom messages are late for; absent where nobody asks.
    late: Option<Late>,
    /// Messages below this sequence number are verified but not recorded (warm-up).
    record_from: u64,
    /// Which messages are large ones, whose delays are kept apart.
    large: Option<Large>,
    large_recorder: Recorder,
    known: [Known; KNOWN],
    /// Which of them was learnt last.
    latest: usize,
    #[cfg(test)]
    parsed: usize,
    settled: u64,
    corrupted: u64,
    faults: Vec<String>,
}

impl Inbox {
    /// An inbox that records delays of messages from `record_from` on.
    #[must_use]
    pub fn recording_from(record_from: u64) -> Self {
        Self {
            record_from,
            ..Self::default()
        }
    }

    /// Starts recording with message `seq`; what was recorded before is dropped.
    pub fn record_from(&mut self, seq: u64) {
        self.record_from = seq;
        self.recorder = Recorder::default();
        self.large_recorder = Recorder::default();
        self.forget();
        if let Some(late) = &mut self.late {
            late.record_from(seq);
        }
    }

    /// Keeps the delays of large messages apart from those of the others.
    pub fn set_apart(&mut self, large: Option<Large>) {
        self.large = large;
        self.forget();
    }

    /// Looks at every body anew: its place may be another one.
    fn forget(&mut self) {
        for known in &mut self.known {
            known.place = Place::Unknown;
        }
    }

    /// Notes response times over time from now on, of every message.
    pub fn watch(&mut self, grid: Grid) {
        self.windows = Some(Windows::new(grid));
    }

    /// Response times over time, if they were asked for.
    #[must_use]
    pub fn windows(&self) -> Option<&Windows> {
        self.windows.as_ref()
    }

    /// Notes from now on whom a recorded message is late for: who has it `bound_ns` nanoseconds or more after it was due. Large ones kept
    /// apart are not looked at.
    pub fn note_late(&mut self, bound_ns: u64) {
        self.late = Some(Late::new(bound_ns, self.record_from));
    }

    /// Whom messages were late for, if that was asked for.
    #[must_use]
    pub fn late(&self) -> Option<&Late> {
        self.late.as_ref()
    }

    /// Takes a message body that `check`'s subscriber, `who` of its worker, received at `received` (CLOCK_MONOTONIC nanoseconds).
    #[inline]
    pub fn take(&mut self, body: &[u8], received: u64, who: usize, check: &mut SequenceCheck) {
        let Some(at) = self.find(body, check.next()) else {
            return;
        };
        let Known { stamp, place, .. } = self.known[at % KNOWN];
        if let Arrival::New | Arrival::Reordered = check.arrived(stamp.seq) {
            self.settled += 1;
            if let Some(windows) = &mut self.windows {
                windows.record(received, received.saturating_sub(stamp.intended));
            }
            match place {
                Place::Usual => {
                    self.recorder.record(stamp, received);
                    if let Some(late) = &mut self.late {
                        late.record(who, stamp.seq, received.saturating_sub(stamp.intended));
                    }
                }
                Place::Large => self.large_recorder.record(stamp, received),
                Place::Nowhere | Place::Unknown => {}
            }
        }
    }

    fn place_of(&self, seq: u64) -> Place {
        if seq < self.record_from {
            Place::Nowhere
        } else if self.large.is_some_and(|large| large.is(seq)) {
            Place::Large
        } else {
            Place::Usual
        }
    }

    /// Where `body` is kept, received by one that is to receive message `next`; `None` if it is no message.
    #[inline]
    fn find(&mut self, body: &[u8], next: u64) -> Option<usize> {
        let due = shelf(next);
        // As nearly always: it is the one that is due, and another subscriber has had it before.
        if self.known[due].is(body) {
            return Some(due);
        }
        self.find_elsewhere(body)
    }

    #[cold]
    fn find_elsewhere(&mut self, body: &[u8]) -> Option<usize> {
        let at = if body.len() > LONG {
            LONG_SHELF
        } else {
            self.latest
        };
        if self.known[at].is(body) {
            return Some(at);
        }
        self.learn(body)
    }

    fn learn(&mut self, body: &[u8]) -> Option<usize> {
        #[cfg(test)]
        {
            self.parsed += 1;
        }
        match message::parse(body) {
            Ok(stamp) => {
                let place = self.place_of(stamp.seq);
                self.latest = if body.len() > LONG {
                    LONG_SHELF
                } else {
                    shelf(stamp.seq)
                };
                let known = &mut self.known[self.latest];
                known.body.clear();
                known.body.extend_from_slice(body);
                (known.stamp, known.place) = (stamp, place);
                Some(self.latest)
            }
            Err(error) => {
                self.fault(&error);
                None
            }
        }
    }

    #[cold]
    fn fault(&mut self, error: &MessageError) {
        self.corrupted += 1;
        self.settled += 1;
        if self.faults.len() < KEPT_FAULTS {
            self.faults.push(error.to_string());
        }
    }

    /// Messages whose fate is known: delivered for the first time, or corrupted. Duplicates do not count.
    #[must_use]
    #[inline]
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// The recorded delays.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The recorded delays of large messages.
    #[must_use]
    pub fn large_recorder(&self) -> &Recorder {
        &self.large_recorder
    }

    /// Bodies that failed their checksum or were no messages.
    #[must_use]
    pub fn corrupted(&self) -> u64 {
        self.corrupted
    }

    /// The first few corrupted bodies, in words.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Adds this inbox's corrupted bodies to the sum of its subscribers' counts. A corrupted arrival would also show
    /// as lost; it is counted once, as corrupted.
    #[must_use]
    pub fn counts(&self, subscribers: impl Iterator<Item = SequenceCounts>) -> SequenceCounts {
        let mut sum = SequenceCounts::default();
        for counts in subscribers {
            sum.add(&counts);
        }
        sum.corrupted += self.corrupted;
        sum.lost = sum.lost.saturating_sub(self.corrupted);
        sum
    }
}

#[cfg(test)]
mod tests;
