//! When a process has come to rest: libraries have timers, so that none ever rests quite.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Looks that a rest lasts: axios, for one, holds progress events back for a third of a second.
const LOOKS: usize = 10;
/// What timers may use during a rest, nanoseconds of processor time.
const TIMERS_NS: u64 = 1_000_000;

/// Reads the processor time that `cpu_ns` tells, nanoseconds, until less than a millisecond of it is used in half a second.
///
/// # Errors
///
/// As of `cpu_ns`; when `patience` is over, or `stop` is set.
pub(super) fn settle(
    mut cpu_ns: impl FnMut() -> io::Result<u64>,
    patience: Duration,
    stop: &AtomicBool,
) -> io::Result<u64> {
    let deadline = Instant::now() + patience;
    let mut seen = VecDeque::new();
    loop {
        let now = cpu_ns()?;
        seen.push_back(now);
        if seen.len() > LOOKS {
            let before = seen.pop_front().unwrap_or(0);
            if now.saturating_sub(before) < TIMERS_NS {
                return Ok(now);
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it never came to rest",
            ));
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_waited_for_and_not_for_ever() {
        let go = AtomicBool::new(false);
        let mut calls = 0;
        let rest = settle(
            || {
                calls += 1;
                Ok(5_000_000 * calls.min(4))
            },
            Duration::from_secs(60),
            &go,
        );
        assert_eq!(rest.unwrap(), 20_000_000);
        assert_eq!(calls, 4 + LOOKS as u64);
        let mut time = 0;
        let mut busy = || {
            time += 1_000_000_000;
            Ok(time)
        };
        let tired = settle(&mut busy, Duration::ZERO, &go).unwrap_err();
        assert_eq!(tired.kind(), io::ErrorKind::TimedOut);
        let stopped = settle(&mut busy, Duration::from_secs(60), &AtomicBool::new(true));
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
