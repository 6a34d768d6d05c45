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
mod tests {
    use super::*;

    fn body(seq: u64) -> Vec<u8> {
        let mut out = Vec::new();
        message::encode_text(
            Stamp {
                seq,
                intended: seq * 100,
                published: seq * 100 + 10,
            },
            "payload",
            &mut out,
        );
        out
    }

    #[test]
    fn warm_up_is_verified_but_not_recorded() {
        let mut inbox = Inbox::recording_from(3);
        inbox.watch(Grid {
            origin: 0,
            width_ns: 300,
        });
        let mut check = SequenceCheck::starting_at(1);
        for seq in 1..=5 {
            inbox.take(&body(seq), seq * 100 + 50, 0, &mut check);
        }
        assert_eq!(inbox.recorder().response.len(), 3);
        let windows = inbox.windows().unwrap().clone().figures(0);
        let seen: Vec<_> = windows.iter().map(|w| (w.start_ns, w.n)).collect();
        assert_eq!(seen, [(0, 2), (300, 3)], "the warm-up shows over time");
        assert_eq!(check.counts(5).delivered, 5);
    }

    /// How many of `bodies` had to be parsed.
    fn parsed(inbox: &mut Inbox, bodies: &[Vec<u8>], check: &mut SequenceCheck) -> usize {
        let before = inbox.parsed;
        for body in bodies {
            inbox.take(body, 10_000, 0, check);
        }
        inbox.parsed - before
    }

    #[test]
    fn a_burst_is_parsed_for_the_first_of_its_subscribers() {
        let mut inbox = Inbox::default();
        for (many, again) in [(KNOWN as u64, 0), (KNOWN as u64 + 1, 2)] {
            let bodies: Vec<_> = (1..=many).map(body).collect();
            inbox.record_from(0);
            let mut first = SequenceCheck::starting_at(1);
            assert_eq!(parsed(&mut inbox, &bodies, &mut first), bodies.len());
            let mut second = SequenceCheck::starting_at(1);
            // The last of more than there is room for has taken the place of the first, and the first takes it back.
            assert_eq!(parsed(&mut inbox, &bodies, &mut second), again);
            for check in [first, second] {
                assert_eq!(check.counts(many).delivered, many);
            }
            assert_eq!(inbox.recorder().response.len(), 2 * many);
        }
    }

    /// As where a server leaves messages out: nobody is sent the one that comes next for him.
    #[test]
    fn after_a_gap_a_body_is_parsed_for_the_first_of_its_subscribers() {
        let mut inbox = Inbox::default();
        let mut checks = [1, 1, 1].map(SequenceCheck::starting_at);
        for seq in [5, 9, 12] {
            let bodies = [body(seq)];
            let parsed = checks
                .each_mut()
                .map(|check| parsed(&mut inbox, &bodies, check));
            assert_eq!(parsed, [1, 0, 0], "{seq}");
        }
        assert!(checks.iter().all(|check| check.counts(12).delivered == 3));
    }

    /// Long ones share a place, and none is mistaken for another; short ones between them do not drive them out.
    #[test]
    fn long_bodies_are_kept_one_at_a_time() {
        let long = |seq| {
            let mut out = Vec::new();
            let stamp = Stamp {
                seq,
                intended: 1,
                published: 2,
            };
            message::encode_text(stamp, &"x".repeat(LONG), &mut out);
            out
        };
        let mut inbox = Inbox::default();
        let mut checks = [1, 1].map(SequenceCheck::starting_at);
        for (bodies, again) in [
            ([long(1), body(2)], 0),
            ([body(3), long(4)], 0),
            // Each takes the other's place.
            ([long(5), long(6)], 2),
        ] {
            let parsed = checks
                .each_mut()
                .map(|check| parsed(&mut inbox, &bodies, check));
            assert_eq!(parsed, [2, again]);
        }
        let kept = inbox.known.iter().filter(|known| known.body.len() > LONG);
        assert_eq!(kept.count(), 1);
    }

    #[test]
    fn large_ones_are_recorded_apart() {
        let mut inbox = Inbox::default();
        inbox.set_apart(Some(Large {
            every: 3,
            bytes: 999,
        }));
        inbox.record_from(2);
        let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
        for seq in 1..=7 {
            for (who, check, later) in [(0, &mut a, 20), (1, &mut b, 30)] {
                let received = seq * 100 + later * (1 + seq % 3);
                inbox.take(&body(seq), received, who, check);
            }
        }
        let counts = |recorder: &Recorder| (recorder.response.len(), recorder.response.max());
        assert_eq!(counts(inbox.recorder()), (8, 90), "2, 4, 5 and 7");
        assert_eq!(counts(inbox.large_recorder()), (4, 30), "3 and 6");
        assert_eq!(inbox.settled(), 14);
    }

    #[test]
    fn nobody_looks_whom_messages_are_late_for_unless_asked() {
        let mut inbox = Inbox::default();
        let mut check = SequenceCheck::starting_at(1);
        inbox.take(&body(1), 9_000, 0, &mut check);
        assert!(inbox.late().is_none());
    }

    #[test]
    fn late_ones_are_those_that_are_recorded_and_new() {
        let mut inbox = Inbox::default();
        inbox.note_late(50);
        inbox.set_apart(Some(Large {
            every: 4,
            bytes: 999,
        }));
        let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
        let mut both = |inbox: &mut Inbox, seqs: &[u64]| {
            for &seq in seqs {
                inbox.take(&body(seq), seq * 100 + 49, 0, &mut a);
                inbox.take(&body(seq), seq * 100 + 50, 1, &mut b);
            }
        };
        both(&mut inbox, &[1, 2]);
        assert_eq!(inbox.late().unwrap().count().hit, 2);
        inbox.record_from(3);
        assert_eq!(inbox.late().unwrap().count().hit, 0, "that was the warm-up");
        // 2 comes again, 5 before 3, 4 and 8 are large, 6 comes twice.
        both(&mut inbox, &[2, 5, 3, 4, 6, 6, 7, 8]);
        let count = inbox.late().unwrap().count();
        assert_eq!((count.bound_ns, count.subscribers), (50, 2));
        assert_eq!((count.messages, count.hit), (4, 4), "3, 5, 6 and 7");
        assert_eq!((count.deliveries, count.most), (4, 1));
        assert_eq!((count.share(), count.reach()), (Some(0.5), Some(0.5)));
    }

    #[test]
    fn one_of_each_fault_is_counted_exactly_once() {
        let mut inbox = Inbox::default();
        let mut check = SequenceCheck::starting_at(1);
        let mut damaged = body(5);
        damaged[TAIL] ^= 1;
        // 2 lost, 4 before 3 (reordered), 5 corrupted, 6 twice.
        for body in [
            body(1),
            body(4),
            body(3),
            damaged,
            body(6),
            body(6),
            body(7),
        ] {
            inbox.take(&body, 10_000, 0, &mut check);
        }
        let counts = inbox.counts([check.counts(7)].into_iter());
        let expected = SequenceCounts {
            delivered: 5,
            lost: 1,
            duplicated: 1,
            reordered: 1,
            corrupted: 1,
        };
        assert_eq!(counts, expected);
        assert_eq!(
            inbox.recorder().response.len(),
            5,
            "a duplicate is not recorded again"
        );
        assert!(inbox.faults()[0].contains("message 5 is corrupted"));
    }

    /// A byte of the data.
    const TAIL: usize = message::TEXT_ENVELOPE;

    #[test]
    fn two_subscribers_share_the_parsed_body() {
        let mut inbox = Inbox::default();
        let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
        for seq in 1..=3 {
            inbox.take(&body(seq), seq * 100 + 20, 0, &mut a);
            inbox.take(&body(seq), seq * 100 + 30, 1, &mut b);
        }
        assert!(
            inbox
                .counts([a.counts(3), b.counts(3)].into_iter())
                .is_clean()
        );
        assert_eq!(inbox.recorder().service.len(), 6);
        assert_eq!(
            (
                inbox.recorder().service.min(),
                inbox.recorder().service.max()
            ),
            (10, 20)
        );
    }
}
