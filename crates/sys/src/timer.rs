//! A timer that a poller can watch, to the nanosecond of the kernel's clock: what runtimes offer ticks in milliseconds.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A one-shot timer on CLOCK_MONOTONIC. It is readable from its time on, until it is heard or set again.
#[derive(Debug)]
pub struct Timer {
    file: OwnedFd,
}

impl Timer {
    /// A timer that is not set.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { file })
    }

    /// Sets it to `due`, nanoseconds of [`crate::clock::now`], in place of what it was set to. A time in the past is now.
    ///
    /// # Errors
    ///
    /// Never on a timer that exists; the kernel's answer is handed on.
    pub fn set(&self, due: u64) -> io::Result<()> {
        // Zero would switch it off.
        let due = due.clamp(1, i64::MAX as u64);
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let value = Timespec {
            tv_sec: (due / NANOS_PER_SECOND) as i64,
            tv_nsec: (due % NANOS_PER_SECOND) as i64,
        };
        let when = Itimerspec {
            it_interval: zero,
            it_value: value,
        };
        timerfd_settime(&self.file, TimerfdTimerFlags::ABSTIME, &when)?;
        Ok(())
    }

    /// Silences it; whether its time had come.
    #[must_use]
    pub fn heard(&self) -> bool {
        rustix::io::read(&self.file, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::poller::{EventFlags, Events, Poller};

    #[test]
    fn it_wakes_a_poller_never_before_its_time() {
        let (poller, timer) = (Poller::new().unwrap(), Timer::new().unwrap());
        poller
            .add(&timer, 3, EventFlags::IN | EventFlags::ET)
            .unwrap();
        let mut events = Events::default();
        for ahead in [0, 200_000, 3_000_000] {
            let due = clock::now() + ahead;
            timer.set(due).unwrap();
            let woken: Vec<_> = poller.wait(&mut events, None).unwrap().collect();
            assert!(clock::now() >= due);
            assert_eq!(woken, [(3, EventFlags::IN)]);
            assert!(timer.heard());
            assert!(!timer.heard());
        }
        timer.set(0).unwrap();
        assert_eq!(
            poller.wait(&mut events, None).unwrap().count(),
            1,
            "the past is now"
        );
    }
}
