//! Making the calling thread a punctual one.

use std::fmt;
use std::io;

use libc::sched_attr;
use rustix::process::{getpriority_process, setpriority_process};

use crate::clock;

/// Enough to win the core from ordinary threads, yet they still get their share: a real-time policy
/// would let a spinning pacer starve the very server it measures.
const NICE: i32 = -10;

/// The shortest slice that Linux grants. Among waking threads the one that asks for less runs sooner.
const SLICE_NS: u64 = 100_000;

/// What a thread obtained from [`prepare_thread`]: each value as read back from the kernel, `None`
/// where the kernel does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// How long the kernel may delay a timer: 1 when granted, 50,000 by default.
    pub timer_slack_ns: Option<u64>,
    /// The nice value: -10 when granted (root or `CAP_SYS_NICE`), 0 by default.
    pub nice: Option<i32>,
    /// The scheduling slice: 100,000 when granted (Linux 6.12 or newer, no privilege needed).
    pub slice_ns: Option<u64>,
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn shown<T: fmt::Display>(value: Option<T>) -> String {
            value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
        }
        let (slack, nice, slice) = (
            shown(self.timer_slack_ns),
            shown(self.nice),
            shown(self.slice_ns),
        );
        write!(f, "timer slack {slack} ns, nice {nice}, slice {slice} ns")
    }
}

/// Gives the calling thread the least timer slack, and as far as it may, a higher priority and a short
/// scheduling slice. What is refused is left as it was; the result says what holds, for the record.
///
/// Priority and slice do not pass to threads or processes that this one starts; the slack does.
#[must_use = "what the thread obtained belongs into the record"]
pub fn prepare_thread() -> Prepared {
    // Every step is best effort, and what came of it is read back below.
    let _ = clock::set_timer_slack_min();
    // `None` is the calling thread: on Linux a nice value belongs to a thread, not to its process.
    if getpriority_process(None).is_ok_and(|nice| nice > NICE) {
        let _ = setpriority_process(None, NICE);
    }
    let _ = shorten_slice();
    Prepared {
        timer_slack_ns: clock::timer_slack_ns().ok(),
        nice: getpriority_process(None).ok(),
        slice_ns: scheduling().as_ref().ok().and_then(slice_ns),
    }
}

/// The size of `struct sched_attr` as first published, which every kernel accepts.
const SCHED_ATTR_SIZE: u32 = size_of::<sched_attr>() as u32;
const _: () = assert!(SCHED_ATTR_SIZE == 48);

/// A person who started us under a real-time policy meant it: its parameters are not ours to change.
fn is_fair(attr: &sched_attr) -> bool {
    [libc::SCHED_OTHER, libc::SCHED_BATCH]
        .into_iter()
        .any(|policy| i64::from(policy) == i64::from(attr.sched_policy))
}

/// For a fair policy the runtime is the slice; kernels before 6.12 report 0.
fn slice_ns(attr: &sched_attr) -> Option<u64> {
    (is_fair(attr) && attr.sched_runtime > 0).then_some(attr.sched_runtime)
}

fn shorten_slice() -> io::Result<()> {
    let mut attr = scheduling()?;
    if is_fair(&attr) {
        attr.sched_flags |= libc::SCHED_FLAG_RESET_ON_FORK as u64;
        attr.sched_runtime = SLICE_NS;
        set_scheduling(attr)?;
    }
    Ok(())
}

#[allow(unsafe_code, reason = "neither rustix nor libc wraps sched_getattr")]
fn scheduling() -> io::Result<sched_attr> {
    let mut attr = sched_attr {
        size: SCHED_ATTR_SIZE,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: pid 0 is the calling thread; the kernel writes at most SCHED_ATTR_SIZE bytes to `attr`,
    // which is that large, ours alone, and made of integers that any bytes are valid for.
    let code = unsafe {
        libc::syscall(
            libc::SYS_sched_getattr,
            0,
            &raw mut attr,
            SCHED_ATTR_SIZE,
            0,
        )
    };
    if code == 0 {
        Ok(attr)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[allow(unsafe_code, reason = "neither rustix nor libc wraps sched_setattr")]
fn set_scheduling(mut attr: sched_attr) -> io::Result<()> {
    attr.size = SCHED_ATTR_SIZE;
    // SAFETY: pid 0 is the calling thread; the kernel reads the `size` bytes of `attr`, and on E2BIG
    // writes its `size`: both within a local that nothing else refers to.
    let code = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw mut attr, 0) };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparation_holds_for_this_thread_and_not_for_its_children() {
        let (prepared, child_nice) = std::thread::spawn(|| {
            let prepared = prepare_thread();
            let child = std::thread::spawn(|| getpriority_process(None).unwrap());
            (prepared, child.join().unwrap())
        })
        .join()
        .unwrap();
        assert_eq!(prepared.timer_slack_ns, Some(1));
        let own = getpriority_process(None).unwrap();
        // Not everyone who runs the tests may raise a priority.
        assert!(
            [Some(NICE), Some(own)].contains(&prepared.nice),
            "{prepared:?}"
        );
        assert_eq!(child_nice, own);
    }
}
