//! What was seen of a drive so far.

use std::collections::VecDeque;

use pushbench_load::drive::{Plan, Snapshot};
use pushbench_report::{Unit, whole};
use pushbench_stats::{Percentile, percentile};

/// Rates kept for the view: wider terminals are rare.
const KEPT: usize = 512;
/// Rates that make the one of now: a second.
const NOW: usize = 4;

/// The last moment of a drive, and the rates of those before.
pub(super) struct History {
    pub(super) title: String,
    /// Connections that are to be held.
    pub(super) connections: u32,
    /// When it is to end, nanoseconds; `None` for never by itself.
    pub(super) duration_ns: Option<u64>,
    /// Messages after which it is to end.
    pub(super) messages: Option<u64>,
    /// Whether a publisher of our own takes part.
    pub(super) publishes: bool,
    pub(super) last: Snapshot,
    /// Whether it was asked to end.
    pub(super) ending: bool,
    rates: VecDeque<Rate>,
}

/// What came between two moments.
#[derive(Clone, Copy, Default)]
struct Rate {
    elapsed_ns: u64,
    messages: u64,
    bytes: u64,
}

impl History {
    pub(super) fn new(title: &str, plan: &Plan) -> Self {
        let ns =
            |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self {
            title: title.to_owned(),
            connections: plan.connections,
            duration_ns: plan.duration.map(ns),
            messages: plan.messages,
            publishes: plan.publish.is_some(),
            last: Snapshot::default(),
            ending: false,
            rates: VecDeque::new(),
        }
    }

    /// A further moment. One that is no later than the last says nothing new.
    pub(super) fn push(&mut self, snapshot: Snapshot, ending: bool) {
        self.ending = ending;
        let elapsed_ns = snapshot.elapsed_ns.saturating_sub(self.last.elapsed_ns);
        if elapsed_ns == 0 {
            return;
        }
        if self.rates.len() == KEPT {
            self.rates.pop_front();
        }
        self.rates.push_back(Rate {
            elapsed_ns,
            messages: snapshot.messages.saturating_sub(self.last.messages),
            bytes: snapshot.bytes.saturating_sub(self.last.bytes),
        });
        self.last = snapshot;
    }

    /// Messages per second between the last `most` moments, the oldest first.
    pub(super) fn rates(&self, most: usize) -> Vec<u64> {
        let skipped = self.rates.len().saturating_sub(most);
        let rate = |rate: &Rate| (rate.messages as f64 * 1e9 / rate.elapsed_ns as f64) as u64;
        self.rates.iter().skip(skipped).map(rate).collect()
    }

    /// Messages and bytes per second over the last second.
    pub(super) fn now(&self) -> (f64, f64) {
        let last = self.rates.iter().rev().take(NOW);
        let sum = last.fold(Rate::default(), |sum, rate| Rate {
            elapsed_ns: sum.elapsed_ns + rate.elapsed_ns,
            messages: sum.messages + rate.messages,
            bytes: sum.bytes + rate.bytes,
        });
        let seconds = sum.elapsed_ns.max(1) as f64 / 1e9;
        (sum.messages as f64 / seconds, sum.bytes as f64 / seconds)
    }

    /// How far it is, 0 to 1, where that is known: by its time or by its messages, whichever is further.
    pub(super) fn progress(&self) -> Option<f64> {
        let share = |of: u64, n: u64| (n as f64 / of.max(1) as f64).min(1.0);
        let by_time = self.duration_ns.map(|of| share(of, self.last.elapsed_ns));
        let by_messages = self.messages.map(|of| share(of, self.last.messages));
        by_time.into_iter().chain(by_messages).reduce(f64::max)
    }

    pub(super) fn faults(&self) -> u64 {
        self.last.faults.iter().map(|(_, count)| count).sum()
    }

    /// The quantile `q` of what is timed, in words; `n/a` where too few samples carry it.
    pub(super) fn quantile(&self, q: f64) -> String {
        let Some(samples) = &self.last.latency else {
            return "n/a".into();
        };
        match percentile(samples, 0, q) {
            Percentile::Value(ns) => Unit::Time.in_words(ns as f64),
            Percentile::TooFew { .. } | Percentile::Lost => "n/a".into(),
        }
    }
}

/// Seconds with one digit below ten minutes, then minutes and seconds.
pub(super) fn clock(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    if seconds < 600.0 {
        return format!("{seconds:.1} s");
    }
    let seconds = ns / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours} h {minutes:02} min {seconds:02} s")
    } else {
        format!("{minutes} min {seconds:02} s")
    }
}

/// `4 000/s`, without digits that nobody can read while they change.
pub(super) fn per_second(rate: f64) -> String {
    if rate >= 10.0 || rate == 0.0 {
        format!("{}/s", whole(rate.round() as u64))
    } else {
        format!("{rate:.1}/s")
    }
}

/// A drive for tests: 50 connections for 30 seconds, `moments` of which have been seen.
#[cfg(test)]
pub(super) fn sample(moments: u64) -> History {
    use pushbench_model::drive::{FaultKind, histogram};
    let mut history = History {
        title: "sse http://127.0.0.1:8080/sse".into(),
        connections: 50,
        duration_ns: Some(30_000_000_000),
        messages: None,
        publishes: true,
        last: Snapshot::default(),
        ending: false,
        rates: VecDeque::new(),
    };
    let mut samples = pushbench_model::histogram::new();
    for moment in 1..=moments {
        for i in 0..1000u64 {
            samples.saturating_record(200_000 + i * 1800);
        }
        let snapshot = Snapshot {
            elapsed_ns: moment * 250_000_000,
            connecting: 2,
            open: 48,
            messages: moment * 1000 + moment * moment * 20,
            bytes: moment * 160_000,
            published: moment * 20,
            lost: 3,
            faults: vec![(FaultKind::Status, 12), (FaultKind::Ended, 2)],
            latency: Some(samples.clone()),
            latency_name: histogram::RESPONSE,
        };
        history.push(snapshot, false);
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences() {
        let mut history = sample(4);
        assert_eq!(history.rates(2), [4400, 4560]);
        assert_eq!(history.now(), (4320.0, 640_000.0));
        // The same moment again is no second without messages.
        history.push(history.last.clone(), true);
        assert_eq!((history.rates(9).len(), history.ending), (4, true));
        assert_eq!(history.progress(), Some(1.0 / 30.0));
        assert_eq!(history.faults(), 14);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut history = sample(1);
        for n in 1..2000 {
            history.push(
                Snapshot {
                    elapsed_ns: n * 1_000_000_000,
                    messages: n,
                    ..Snapshot::default()
                },
                false,
            );
        }
        assert_eq!(history.rates(usize::MAX).len(), KEPT);
        assert_eq!(history.quantile(0.5), "n/a");
    }

    #[test]
    fn times_in_words() {
        assert_eq!(clock(12_340_000_000), "12.3 s");
        assert_eq!(clock(605_000_000_000), "10 min 05 s");
        assert_eq!(clock(3_725_000_000_000), "1 h 02 min 05 s");
        assert_eq!(per_second(4320.4), "4\u{202f}320/s");
        assert_eq!(per_second(2.5), "2.5/s");
    }
}
