//! What came of a phase.

use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_model::measurement::{AnswerCount, ConnectionCount, WireCount};
use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::SequenceCounts;

use crate::faults::Faults;
use crate::watch::Watched;

/// What came of a phase, over the conversations of a worker, or of all.
pub(super) struct Tally {
    /// Conversations that went through it.
    pub(super) ready: u64,
    pub(super) recorder: Recorder,
    pub(super) first_token: Histogram,
    /// By how much gaps between two receipts were longer than the model's own.
    pub(super) added_gap: Histogram,
    /// From when last tokens were due until ends were heard.
    pub(super) ended: Histogram,
    pub(super) answers: AnswerCount,
    pub(super) cancelled: Vec<Cancelled>,
    pub(super) sequence: SequenceCounts,
    pub(super) wire: WireCount,
    pub(super) connections: ConnectionCount,
    pub(super) watched: Watched,
    /// When the first question was asked, CLOCK_MONOTONIC nanoseconds.
    pub(super) started: u64,
    pub(super) faults: Faults,
    words: Vec<String>,
}

/// An answer that its client has stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancelled {
    pub(super) answer: u64,
    /// When, CLOCK_MONOTONIC nanoseconds.
    pub(super) at: u64,
    /// Tokens that had come by then.
    pub(super) received: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            ready: 0,
            recorder: Recorder::default(),
            first_token: histogram::new(),
            added_gap: histogram::new(),
            ended: histogram::new(),
            answers: AnswerCount::default(),
            cancelled: Vec::new(),
            sequence: SequenceCounts::default(),
            wire: WireCount {
                expected_down: Some(0),
                expected_up: Some(0),
                ..WireCount::default()
            },
            connections: ConnectionCount::default(),
            watched: Watched::default(),
            started: u64::MAX,
            faults: Faults::default(),
            words: Vec::new(),
        }
    }
}

impl Tally {
    pub(super) fn first_token(&mut self, added: u64) {
        self.first_token.saturating_record(added.clamp(1, HIGHEST));
    }

    /// A gap between two receipts, and how long it was by schedule.
    pub(super) fn gap(&mut self, gap: u64, scheduled: u64) {
        // A gap is shorter where the token before it was late: taken as less than nothing, it would hide what that one added.
        let added = gap.saturating_sub(scheduled);
        self.added_gap.saturating_record(added.min(HIGHEST));
    }

    /// The end of an answer was heard so long after its last token was due.
    pub(super) fn end(&mut self, after: u64) {
        self.ended.saturating_record(after.clamp(1, HIGHEST));
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.ready += other.ready;
        self.recorder.merge(&other.recorder);
        for (all, one) in [
            (&mut self.first_token, &other.first_token),
            (&mut self.added_gap, &other.added_gap),
            (&mut self.ended, &other.ended),
        ] {
            all.add(one).expect("all histograms share their bounds");
        }
        let (all, one) = (&mut self.answers, &other.answers);
        all.asked += one.asked;
        all.whole += one.whole;
        all.cancelled += one.cancelled;
        all.stopped += one.stopped;
        all.wasted += one.wasted;
        all.tokens += one.tokens;
        all.stalls += one.stalls;
        all.scheduled_stalls += one.scheduled_stalls;
        all.prompt_bytes += one.prompt_bytes;
        all.text_bytes += one.text_bytes;
        self.cancelled.extend(other.cancelled);
        self.sequence.add(&other.sequence);
        self.wire.add(&other.wire);
        self.connections.add(&other.connections);
        self.watched.add(&other.watched);
        self.started = self.started.min(other.started);
        self.words.extend(other.faults.words());
        self.words.extend(other.words);
    }

    /// What went wrong, in words.
    pub(super) fn errors(&self) -> Vec<String> {
        [self.faults.words(), self.words.clone()].concat()
    }

    /// The first of them, with a leading colon, or nothing.
    pub(super) fn first_error(&self) -> String {
        let errors = self.errors();
        errors
            .first()
            .map_or_else(String::new, |word| format!(": {word}"))
    }
}
