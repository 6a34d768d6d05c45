//! When subscribers that poll by the clock ask: each at a place of its own in the period, and never while it awaits an
//! answer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Nonce;

/// The clocks of a thread's subscribers, by key.
pub(super) struct Pace {
    period_ns: u64,
    /// When the clock of each goes off next; none for a key that has none.
    due: Vec<Option<u64>>,
    /// The same in order. An entry that says another time than `due` is out of date.
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    stopped: bool,
    /// Subscribers that await an answer.
    pub(super) awaiting: usize,
}

impl Pace {
    pub(super) fn new(period_ms: u64) -> Self {
        Self {
            period_ns: period_ms.max(1).saturating_mul(1_000_000),
            due: Vec::new(),
            queue: BinaryHeap::new(),
            stopped: false,
            awaiting: 0,
        }
    }

    /// Starts the clock of `key` at `now`. As clients come at any time, `nonce` says where in the period it goes off.
    pub(super) fn start(&mut self, key: usize, now: u64, nonce: &Nonce) {
        let [low, ..] = nonce.as_chunks::<8>().0 else {
            return;
        };
        if self.due.len() <= key {
            self.due.resize(key + 1, None);
        }
        self.set(key, now + 1 + u64::from_le_bytes(*low) % self.period_ns);
    }

    /// Stops the clock of `key`.
    pub(super) fn end(&mut self, key: usize) {
        if let Some(due) = self.due.get_mut(key) {
            *due = None;
        }
    }

    /// Stops all clocks, or lets them go on, each from its place in the period.
    pub(super) fn run(&mut self, runs: bool, now: u64) {
        if runs && self.stopped {
            let late: Vec<_> = self.queue.drain().collect();
            for Reverse((due, key)) in late {
                if self.due.get(key) == Some(&Some(due)) {
                    self.set(key, self.after(due, now));
                }
            }
        }
        self.stopped = !runs;
    }

    /// When the first clock goes off.
    pub(super) fn next(&self) -> Option<u64> {
        let Reverse((due, _)) = self.queue.peek().filter(|_| !self.stopped)?;
        Some(*due)
    }

    /// The next subscriber whose time has come by `now`. One that is late by whole periods has missed them.
    pub(super) fn expire(&mut self, now: u64) -> Option<usize> {
        while self.next().is_some_and(|due| due <= now) {
            let Reverse((due, key)) = self.queue.pop()?;
            if self.due.get(key) == Some(&Some(due)) {
                self.set(key, self.after(due, now));
                return Some(key);
            }
        }
        None
    }

    /// The first time after `now` at the place in the period of `due`.
    fn after(&self, due: u64, now: u64) -> u64 {
        match now.checked_sub(due) {
            Some(late) => {
                due.saturating_add((late / self.period_ns + 1).saturating_mul(self.period_ns))
            }
            None => due,
        }
    }

    fn set(&mut self, key: usize, due: u64) {
        self.due[key] = Some(due);
        self.queue.push(Reverse((due, key)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn nonce(place: u64) -> Nonce {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&place.to_le_bytes());
        nonce
    }

    fn all(pace: &mut Pace, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| pace.expire(now)).collect()
    }

    #[test]
    fn each_has_its_place_in_the_period() {
        let mut pace = Pace::new(10);
        pace.start(0, 0, &nonce(7 * MS));
        pace.start(1, 0, &nonce(13 * MS));
        assert_eq!(pace.next(), Some(3 * MS + 1));
        assert_eq!(all(&mut pace, 3 * MS), [0; 0]);
        assert_eq!(all(&mut pace, 9 * MS), [1, 0]);
        assert_eq!(pace.next(), Some(13 * MS + 1));
        // Late by two periods and more: once, and then at the same place.
        assert_eq!(all(&mut pace, 35 * MS), [1, 0]);
        assert_eq!(pace.next(), Some(37 * MS + 1));
        assert_eq!(all(&mut pace, 44 * MS), [0, 1]);
    }

    #[test]
    fn who_has_left_or_rests_is_not_called() {
        let mut pace = Pace::new(10);
        pace.start(0, 0, &nonce(1));
        pace.start(1, 0, &nonce(2));
        pace.end(0);
        pace.start(0, 0, &nonce(5 * MS));
        assert_eq!(all(&mut pace, MS), [1]);
        pace.run(false, MS);
        assert_eq!((pace.next(), all(&mut pace, 99 * MS)), (None, vec![]));
        pace.run(true, 99 * MS);
        assert_eq!(all(&mut pace, 99 * MS), [0; 0]);
        assert_eq!(pace.next(), Some(100 * MS + 3));
        pace.end(1);
        assert_eq!(all(&mut pace, 110 * MS), [0]);
    }

    proptest! {
        /// However irregularly it is looked at, everybody is called once in every period that was looked at, and the
        /// places never move.
        #[test]
        fn nobody_drifts(
            places in vec(any::<u64>(), 1..20), period_ms in 1..50_u64, steps in vec(1..200 * MS, 1..60),
        ) {
            let mut pace = Pace::new(period_ms);
            let period = period_ms * MS;
            for (key, &place) in places.iter().enumerate() {
                pace.start(key, 0, &nonce(place));
            }
            let (mut now, mut last) = (0, vec![0; places.len()]);
            for step in steps {
                now += step;
                let mut called = all(&mut pace, now);
                called.sort_unstable();
                // Due is place + 1 + k * period; called once if any such time lies in what has passed.
                let turns = |key: usize| (now + period - 1 - places[key] % period) / period;
                let wanted: Vec<_> = (0..places.len()).filter(|&key| turns(key) > last[key]).collect();
                prop_assert_eq!(called, wanted);
                for (key, last) in last.iter_mut().enumerate() {
                    *last = turns(key);
                }
            }
        }
    }
}
