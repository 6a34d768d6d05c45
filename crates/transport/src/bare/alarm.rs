//! What wakes a loop when one of its timers is due.

use std::io;

use pushbench_sys::poller::{EventFlags, Poller};
use pushbench_sys::timer::Timer;

const NEVER: u64 = u64::MAX;

/// A timer of the kernel. It is set when something is due earlier than what it was set for; nearly all timers are put off or called
/// off before they are due, and that sets nothing. A time limit for every wait would be set and called off at each of them.
pub(crate) struct Alarm {
    timer: Timer,
    /// When it rings, nanoseconds.
    set: u64,
}

impl Alarm {
    /// One that is not set; its events carry `token`.
    pub(crate) fn new(poller: &Poller, token: u64) -> io::Result<Self> {
        let timer = Timer::new()?;
        // Edge-triggered, it need not be silenced.
        poller.add(&timer, token, EventFlags::IN | EventFlags::ET)?;
        Ok(Self { timer, set: NEVER })
    }

    /// Has it ring at `due`, or before.
    #[inline]
    pub(crate) fn ring_by(&mut self, due: Option<u64>) -> io::Result<()> {
        match due {
            Some(due) if due < self.set => self.bring_forward(due),
            _ => Ok(()),
        }
    }

    #[cold]
    fn bring_forward(&mut self, due: u64) -> io::Result<()> {
        self.timer.set(due)?;
        self.set = due;
        Ok(())
    }

    /// It has rung.
    pub(crate) fn rang(&mut self) {
        self.set = NEVER;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pushbench_sys::clock;
    use pushbench_sys::poller::Events;

    use super::*;

    const TOKEN: u64 = 3;
    const MS: u64 = 1_000_000;

    fn rings(poller: &Poller, within: Duration) -> bool {
        let mut events = Events::default();
        let happened = poller.wait(&mut events, Some(within)).unwrap();
        happened.map(|(token, _)| token).eq([TOKEN])
    }

    #[test]
    fn it_rings_once_for_the_earliest_and_can_be_set_again() {
        let poller = Poller::new().unwrap();
        let mut alarm = Alarm::new(&poller, TOKEN).unwrap();
        alarm.ring_by(None).unwrap();
        assert!(!rings(&poller, Duration::from_millis(5)));
        let hour = clock::now() + 3_600_000 * MS;
        for _ in 0..3 {
            alarm.ring_by(Some(hour)).unwrap();
            let soon = clock::now() + 5 * MS;
            alarm.ring_by(Some(soon)).unwrap();
            // Later than what it is set for changes nothing.
            alarm.ring_by(Some(hour)).unwrap();
            assert!(rings(&poller, Duration::from_secs(10)));
            assert!(clock::now() >= soon);
            assert!(!rings(&poller, Duration::from_millis(5)));
            alarm.rang();
        }
        // What is overdue rings at once.
        alarm.ring_by(Some(clock::now() - MS)).unwrap();
        assert!(rings(&poller, Duration::from_secs(10)));
    }
}
