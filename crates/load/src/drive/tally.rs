//! What a worker has seen, all its connections together.

use std::collections::BTreeMap;

use pushbench_model::drive::{
    DriveConnections, DriveMessages, Fault, FaultKind, Second, histogram as names,
};
use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_model::sequence::{Arrival, SequenceCheck};

use super::delays::Delays;
use super::reading::{Reader, Stamped};

/// Distinct sentences that are kept of faults.
const KEPT_FAULTS: usize = 64;
/// Seconds that are kept one by one: a day.
const KEPT_SECONDS: usize = 86_400;

/// Counts and histograms.
pub(super) struct Tally {
    reader: Reader,
    known: Vec<u8>,
    known_stamped: Option<Stamped>,
    /// When the drive began, CLOCK_MONOTONIC nanoseconds.
    began: u64,
    pub(super) connections: DriveConnections,
    pub(super) messages: DriveMessages,
    pub(super) wire_down: u64,
    pub(super) wire_up: u64,
    pub(super) connect: Histogram,
    pub(super) first_byte: Histogram,
    pub(super) first_message: Histogram,
    pub(super) gap: Delays,
    pub(super) response: Delays,
    pub(super) service: Delays,
    pub(super) seconds: Vec<Second>,
    /// When the last of them ends, CLOCK_MONOTONIC nanoseconds; times do not go back.
    second_ends: u64,
    pub(super) faults: BTreeMap<(FaultKind, String), u64>,
    /// Deliveries of a number for the first time.
    pub(super) unique: u64,
}

/// What one place among the connections has seen; it outlives them.
#[derive(Default)]
pub(super) struct Track {
    /// When its last message came; 0 before.
    pub(super) last: u64,
    /// When the present attempt began.
    pub(super) began: u64,
    /// Messages of the present attempt.
    pub(super) fresh: u64,
    pub(super) check: Option<Box<SequenceCheck>>,
}

impl Tally {
    pub(super) fn new(reader: Reader, began: u64) -> Self {
        Self {
            reader,
            known: Vec::new(),
            known_stamped: None,
            began,
            connections: DriveConnections::default(),
            messages: DriveMessages::default(),
            wire_down: 0,
            wire_up: 0,
            connect: histogram::new(),
            first_byte: histogram::new(),
            first_message: histogram::new(),
            gap: Delays::default(),
            response: Delays::default(),
            service: Delays::default(),
            seconds: Vec::new(),
            second_ends: 0,
            faults: BTreeMap::new(),
            unique: 0,
        }
    }

    /// A message that came at `now`; its number, if it has one.
    pub(super) fn message(&mut self, body: &[u8], now: u64, track: &mut Track) -> Option<u64> {
        self.messages.received += 1;
        self.messages.body_bytes += body.len() as u64;
        if track.fresh == 0 {
            record(&mut self.first_message, now.saturating_sub(track.began));
        } else {
            self.gap.record(now.saturating_sub(track.last));
        }
        track.fresh += 1;
        track.last = now;
        if self.known_stamped.is_none() || self.known != body {
            self.learn(body);
        }
        let stamped = self.known_stamped.as_ref()?;
        if let Some(seq) = stamped.seq {
            self.messages.numbered += 1;
            let check = track
                .check
                .get_or_insert_with(|| Box::new(SequenceCheck::starting_at(seq)));
            if !matches!(check.arrived(seq), Arrival::New | Arrival::Reordered) {
                return stamped.seq;
            }
            self.unique += 1;
        }
        if let Some(intended) = stamped.intended {
            self.response.record(now.saturating_sub(intended));
        }
        if let Some(stamp) = stamped.stamp {
            self.service.record(now.saturating_sub(stamp));
        }
        stamped.seq
    }

    /// Reads a message that is another than the last one.
    fn learn(&mut self, body: &[u8]) {
        match self.reader.read(body) {
            Ok(stamped) => {
                self.known.clear();
                self.known.extend_from_slice(body);
                self.known_stamped = Some(stamped);
            }
            Err(why) => {
                self.messages.unreadable += 1;
                self.known_stamped = None;
                self.fault(FaultKind::Message, why);
            }
        }
    }

    /// The second that `now` lies in.
    #[inline]
    pub(super) fn second(&mut self, now: u64) -> &mut Second {
        if now >= self.second_ends {
            self.next_second(now);
        }
        let newest = self.seconds.len() - 1;
        &mut self.seconds[newest]
    }

    #[cold]
    fn next_second(&mut self, now: u64) {
        let index = usize::try_from(now.saturating_sub(self.began) / 1_000_000_000).unwrap_or(0);
        let index = index.min(KEPT_SECONDS - 1);
        while self.seconds.len() <= index {
            let open = self.seconds.last().map_or(0, |second| second.open);
            self.seconds.push(Second {
                open,
                ..Second::default()
            });
        }
        let next = self.seconds.len() as u64;
        self.second_ends = if self.seconds.len() < KEPT_SECONDS {
            self.began + next * 1_000_000_000
        } else {
            u64::MAX
        };
    }

    /// Counts a fault; after many distinct ones only their kinds are told apart.
    pub(super) fn fault(&mut self, kind: FaultKind, text: String) {
        let is_known = self.faults.contains_key(&(kind, text.clone()));
        let text = if is_known || self.faults.len() < KEPT_FAULTS {
            text
        } else {
            "others".into()
        };
        *self.faults.entry((kind, text)).or_default() += 1;
    }

    /// Adds what the sequence of a place came to.
    pub(super) fn settle(&mut self, track: &Track) {
        if let Some(check) = &track.check {
            let counts = check.counts(check.next().saturating_sub(1));
            self.messages.lost += counts.lost;
            self.messages.duplicated += counts.duplicated;
            self.messages.reordered += counts.reordered;
        }
    }

    /// Adds what another worker has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.connections, &other.connections);
        mine.asked += theirs.asked;
        mine.attempts += theirs.attempts;
        mine.subscribed += theirs.subscribed;
        mine.failed += theirs.failed;
        mine.ended_by_server += theirs.ended_by_server;
        mine.reconnects += theirs.reconnects;
        mine.redirects += theirs.redirects;
        // Of workers at different times: an upper bound, and exact where nothing ends.
        mine.most += theirs.most;
        mine.at_end += theirs.at_end;
        let (mine, theirs) = (&mut self.messages, &other.messages);
        mine.received += theirs.received;
        mine.body_bytes += theirs.body_bytes;
        mine.without_data += theirs.without_data;
        mine.numbered += theirs.numbered;
        mine.lost += theirs.lost;
        mine.duplicated += theirs.duplicated;
        mine.reordered += theirs.reordered;
        mine.unreadable += theirs.unreadable;
        self.wire_down += other.wire_down;
        self.wire_up += other.wire_up;
        self.unique += other.unique;
        for (mine, theirs) in [
            (&mut self.connect, &other.connect),
            (&mut self.first_byte, &other.first_byte),
            (&mut self.first_message, &other.first_message),
        ] {
            // All have the same bounds.
            let _ = mine.add(theirs);
        }
        self.gap.add(&other.gap);
        self.response.add(&other.response);
        self.service.add(&other.service);
        for (index, second) in other.seconds.iter().enumerate() {
            if self.seconds.len() <= index {
                self.seconds.push(Second::default());
            }
            let mine = &mut self.seconds[index];
            mine.messages += second.messages;
            mine.bytes += second.bytes;
            mine.open += second.open;
            mine.faults += second.faults;
        }
        for ((kind, text), count) in &other.faults {
            *self.faults.entry((*kind, text.clone())).or_default() += count;
        }
    }

    /// The times that are shown while it goes on, and their name: the best there is.
    pub(super) fn latency(&self) -> (&'static str, Option<&Delays>) {
        let best = [
            (names::RESPONSE, &self.response),
            (names::SERVICE, &self.service),
            (names::GAP, &self.gap),
        ];
        let found = best.into_iter().find(|(_, delays)| !delays.is_empty());
        found.map_or((names::GAP, None), |(name, delays)| (name, Some(delays)))
    }

    /// The faults, the most frequent first.
    pub(super) fn list_faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self
            .faults
            .iter()
            .map(|((kind, text), &count)| Fault {
                kind: *kind,
                text: text.clone(),
                count,
            })
            .collect();
        faults.sort_by_key(|fault| std::cmp::Reverse(fault.count));
        faults
    }
}

/// Records a time; one beyond what a histogram holds counts as its highest.
pub(super) fn record(histogram: &mut Histogram, ns: u64) {
    histogram.saturating_record(ns.clamp(1, HIGHEST));
}
