//! Timers: at most one per connection, in a wheel of slots a millisecond apart.
//!
//! A timer that is put off, as nearly all are, stays in its slot and is moved when that comes up: putting it off is one
//! store.

/// Slots; a timer that is further away than they reach is met once a round, and left where it is.
const SLOTS: usize = 1024;
const TICK_NS: u64 = 1_000_000;
/// From a slot to the same.
const ROUND_NS: u64 = SLOTS as u64 * TICK_NS;
const NONE: u32 = u32::MAX;
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
    /// When it is due; `NEVER` when it was called off.
    due: u64,
    /// When it is met next in its slot; `NEVER` when it is in none.
    slotted: u64,
}

const UNLINKED: Link = Link {
    previous: NONE,
    next: NONE,
    due: NEVER,
    slotted: NEVER,
};

/// Timers of connections, which are known by their place in the slab. Times are nanoseconds of the clock.
pub(crate) struct Wheel {
    heads: Box<[u32; SLOTS]>,
    links: Vec<Link>,
    /// The first tick that has not been looked at.
    tick: u64,
    /// Nothing is due before.
    earliest: u64,
}

impl Wheel {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            heads: Box::new([NONE; SLOTS]),
            links: Vec::new(),
            tick: now / TICK_NS,
            earliest: NEVER,
        }
    }

    /// Sets the timer of `index`, in place of the one it had.
    #[inline]
    pub(crate) fn arm(&mut self, index: u32, due: u64) {
        if let Some(link) = self.links.get_mut(index as usize)
            && link.slotted <= due
        {
            link.due = due;
            return;
        }
        self.bring_forward(index, due);
    }

    /// The same for one that is in no slot, or in one that is too late.
    #[cold]
    fn bring_forward(&mut self, index: u32, due: u64) {
        if self.links.len() <= index as usize {
            self.links.resize(index as usize + 1, UNLINKED);
        }
        self.links[index as usize].due = due;
        self.slot(index);
    }

    /// Calls the timer of `index` off.
    pub(crate) fn disarm(&mut self, index: u32) {
        if (index as usize) < self.links.len() {
            self.unlink(index);
            self.links[index as usize] = UNLINKED;
        }
    }

    /// When to look again; perhaps too early, and less than a tick too late. `None` without timers.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        (self.earliest != NEVER).then_some(self.earliest)
    }

    /// Appends those whose timers are due at `now`, and calls these off.
    pub(crate) fn expire(&mut self, now: u64, expired: &mut Vec<u32>) {
        if now < self.earliest {
            return;
        }
        let last = now / TICK_NS;
        // After a long sleep every slot is looked at, once.
        let first = self.tick.max((last + 1).saturating_sub(SLOTS as u64));
        for tick in first..=last {
            let mut index = self.heads[tick as usize % SLOTS];
            while index != NONE {
                let Link { next, due, .. } = self.links[index as usize];
                if due <= now {
                    expired.push(index);
                    self.disarm(index);
                } else if due == NEVER {
                    self.disarm(index);
                } else if due - now > ROUND_NS + TICK_NS
                    || Self::slot_of(due) == tick as usize % SLOTS
                {
                    // It is met here once more before it is due, or when it is.
                    self.links[index as usize].slotted = due.min(tick * TICK_NS + ROUND_NS);
                } else {
                    self.slot(index);
                }
                index = next;
            }
        }
        // The present tick is not over.
        self.tick = last;
        self.earliest = self
            .ticks_to_the_next(last as usize % SLOTS)
            .map_or(NEVER, |ticks| ((last + ticks + 1) * TICK_NS).max(now + 1));
    }

    /// How many slots further than `slot` the first is that is in use, going round.
    fn ticks_to_the_next(&self, slot: usize) -> Option<u64> {
        let (before, behind) = self.heads.split_at(slot);
        let ticks = used(behind).or_else(|| Some(behind.len() + used(before)?))?;
        Some(ticks as u64)
    }

    fn slot(&mut self, index: u32) {
        self.unlink(index);
        let due = self.links[index as usize].due;
        let slotted = due.max(self.tick * TICK_NS);
        let next = std::mem::replace(&mut self.heads[Self::slot_of(slotted)], index);
        self.links[index as usize] = Link {
            previous: NONE,
            next,
            due,
            slotted,
        };
        if next != NONE {
            self.links[next as usize].previous = index;
        }
        self.earliest = self.earliest.min(due);
    }

    fn unlink(&mut self, index: u32) {
        let link = self.links[index as usize];
        if link.slotted == NEVER {
            return;
        }
        if link.next != NONE {
            self.links[link.next as usize].previous = link.previous;
        }
        if link.previous == NONE {
            self.heads[Self::slot_of(link.slotted)] = link.next;
        } else {
            self.links[link.previous as usize].next = link.next;
        }
    }

    fn slot_of(due: u64) -> usize {
        (due / TICK_NS) as usize % SLOTS
    }
}

/// Where the first slot is that is in use. Nearly all are not, and are looked at many at once.
fn used(heads: &[u32]) -> Option<usize> {
    const AT_ONCE: usize = 16;
    let chunks = heads.chunks(AT_ONCE);
    let empty = chunks.take_while(|&chunk| chunk == &[NONE; AT_ONCE][..chunk.len()]);
    let at = empty.map(<[u32]>::len).sum();
    let behind = heads[at..].iter().position(|&head| head != NONE)?;
    Some(at + behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = TICK_NS;

    fn expired(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut expired = Vec::new();
        wheel.expire(now, &mut expired);
        expired.sort_unstable();
        expired
    }

    #[test]
    fn what_is_put_off_comes_later_and_what_is_called_off_never() {
        let mut wheel = Wheel::new(0);
        assert_eq!(wheel.next(), None);
        for index in 0..3 {
            wheel.arm(index, 5 * MS);
        }
        wheel.arm(1, 40_000 * MS);
        wheel.disarm(2);
        assert_eq!(wheel.next(), Some(5 * MS));
        assert!(expired(&mut wheel, 5 * MS - 1).is_empty());
        assert_eq!(expired(&mut wheel, 5 * MS), [0]);
        assert!(expired(&mut wheel, 39_999 * MS).is_empty());
        // Within a tick: who waits until then must not spin meanwhile.
        assert_eq!(expired(&mut wheel, 40_001 * MS), [1]);
        assert_eq!(wheel.next(), None);
        // Brought forward, and overdue as it is set.
        wheel.arm(0, 50_000 * MS);
        wheel.arm(0, 7);
        assert_eq!(expired(&mut wheel, 40_001 * MS), [0]);
    }

    proptest! {
        /// Against a list of deadlines, on a clock that goes from each announced time to the next.
        #[test]
        fn every_timer_comes_on_time(
            steps in proptest::collection::vec((0_u32..8, 0_u64..3000 * MS, 0_u64..1500 * MS), 1..60),
        ) {
            let mut wheel = Wheel::new(0);
            let mut due = [NEVER; 8];
            let mut now = 0;
            for (index, delay, step) in steps {
                due[index as usize] = if delay % 7 == 0 { NEVER } else { now + delay };
                match due[index as usize] {
                    NEVER => wheel.disarm(index),
                    at => wheel.arm(index, at),
                }
                let until = now + step;
                while let Some(next) = wheel.next().filter(|&next| next <= until) {
                    now = now.max(next);
                    for index in expired(&mut wheel, now) {
                        let due = std::mem::replace(&mut due[index as usize], NEVER);
                        prop_assert!(due <= now && now < due.max(now - now % MS) + 2 * MS, "{due} at {now}");
                    }
                    prop_assert!(wheel.next().is_none_or(|next| next > now));
                    prop_assert!(due.iter().all(|&due| due > now.saturating_sub(MS)));
                }
                now = until;
                prop_assert!(due.iter().all(|&due| due > now.saturating_sub(MS)));
            }
        }
    }
}
