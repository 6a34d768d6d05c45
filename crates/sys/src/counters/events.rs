//! Any list of events, counted in all threads of a process. The list is a parameter so that machines
//! without hardware counters test this with events of the kernel.

use std::io;

use perf_event::{Builder, Counter};

use super::Unavailable;
use crate::procfs::{self, threads_of};

/// How often to start over when threads come and go while attaching.
const ATTEMPTS: usize = 100;

/// One event, all threads together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) count: u64,
    /// Part of the count is an estimate.
    pub(super) scaled: bool,
}

/// For each event of the list, one counter per thread.
#[derive(Debug)]
pub(super) struct EventSet(Vec<Vec<Counter>>);

impl EventSet {
    /// Counts `events` in the present threads of `pid` whose name `counted` accepts, and all that they start from now
    /// on.
    pub(super) fn attach(
        pid: u32,
        counted: &dyn Fn(&str) -> bool,
        events: &[Builder<'static>],
    ) -> Result<Self, Unavailable> {
        let mut failure = Unavailable::NoProcess { pid };
        for _ in 0..ATTEMPTS {
            let Ok(threads) = threads_of(pid) else {
                return Err(Unavailable::NoProcess { pid });
            };
            let chosen: Vec<u32> = threads
                .iter()
                .copied()
                .filter(|&thread| counted(&name_of(pid, thread)))
                .collect();
            match Self::open(&chosen, events) {
                // A thread that appears in between is counted by inheritance if a thread that already
                // had its counters started it, and not otherwise. Which of them is unknown, so a pass
                // is only good if no thread appeared.
                Ok(mut set) if threads_of(pid).is_ok_and(|now| now == threads) => {
                    set.enable().map_err(Unavailable::Io)?;
                    return Ok(set);
                }
                Ok(_) => failure = Unavailable::Restless { pid },
                Err(error) => match Unavailable::from_open(error, pid) {
                    // A thread that ended since the listing, or the whole process: look again.
                    gone @ Unavailable::NoProcess { .. } => failure = gone,
                    other => return Err(other),
                },
            }
        }
        Err(failure)
    }

    /// Opens the counters, stopped, so that all can start together.
    fn open(threads: &[u32], events: &[Builder<'static>]) -> io::Result<Self> {
        let per_thread = |event: &Builder<'static>| {
            threads
                .iter()
                .map(|&thread| {
                    // Thread ids of the kernel are positive and fit.
                    event
                        .clone()
                        .observe_pid(thread as libc::pid_t)
                        .inherit(true)
                        .build()
                })
                .collect()
        };
        events
            .iter()
            .map(per_thread)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Reaches the counters that were inherited since, too.
    fn enable(&mut self) -> io::Result<()> {
        self.0.iter_mut().flatten().try_for_each(Counter::enable)
    }

    /// The sum over the threads, for each event in the order of the list.
    pub(super) fn read(&mut self) -> io::Result<Vec<Reading>> {
        self.0.iter_mut().map(|threads| sum(threads)).collect()
    }
}

/// Empty when the thread has ended: it can no longer be counted in, whatever it was called.
fn name_of(pid: u32, thread: u32) -> String {
    let comm = procfs::read(format!("/proc/{pid}/task/{thread}/comm")).unwrap_or_default();
    comm.trim_end().to_owned()
}

fn sum(threads: &mut [Counter]) -> io::Result<Reading> {
    let mut sum = Reading::default();
    for thread in threads {
        let read = thread.read_count_and_time()?;
        sum.count += estimate(read.count, read.time_enabled, read.time_running);
        sum.scaled |= read.time_running < read.time_enabled;
    }
    Ok(sum)
}

/// perf_event_open(2): a counter that shared the hardware saw only the part of the time in which it
/// was `running`.
fn estimate(count: u64, enabled: u64, running: u64) -> u64 {
    if running == 0 || running >= enabled {
        return count;
    }
    let scaled = u128::from(count) * u128::from(enabled) / u128::from(running);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Write};
    use std::sync::Barrier;

    use perf_event::events::Software;
    use rustix::time::{ClockId, clock_gettime};

    use super::*;
    use crate::{process, testing};

    const THREADS: usize = 3;
    const BURN_NS: u64 = 20_000_000;

    /// Nanoseconds of CPU, which an event of the kernel counts on every machine.
    fn task_clock() -> Builder<'static> {
        let mut builder = Builder::new(Software::TASK_CLOCK);
        builder.exclude_kernel(false);
        builder
    }

    #[test]
    fn present_and_future_threads_are_counted_once_each() {
        let mut child = testing::helper("counters::events::tests::helper_burning_threads");
        let mut lines = testing::output(&mut child).lines().map(Result::unwrap);
        let mut wait_for = |word: &str| assert!(lines.any(|line| line.ends_with(word)), "{word}");
        wait_for("waiting");

        let before = process::cpu_time_ns(child.id()).unwrap();
        let events = [task_clock(), Builder::new(Software::DUMMY)];
        let mut set = match EventSet::attach(child.id(), &|_| true, &events) {
            // Some containers refuse perf_event_open altogether; there is nothing to test then.
            Err(error @ Unavailable::Forbidden { .. }) => {
                // Past the test runner, which swallows what the printing macros of a passing test say.
                writeln!(io::stderr(), "skipped: counting threads: {error}").unwrap();
                return child.kill().unwrap();
            }
            set => set.unwrap(),
        };
        let threads = threads_of(child.id()).unwrap().len();
        assert!(threads >= THREADS);
        assert!(set.0.iter().all(|counters| counters.len() == threads));
        child.stdin.as_mut().unwrap().write_all(b"burn\n").unwrap();
        wait_for("burnt");
        let readings = set.read().unwrap();
        let after = process::cpu_time_ns(child.id()).unwrap();

        // Each of the present threads burns, and each of as many that start later. The event is timed
        // apart from CPU time: it has interrupts and stolen time, and lacks some of each switch. The
        // margins leave room for that, and not for one thread missed or all of them counted twice.
        let burnt = 2 * THREADS as u64 * BURN_NS;
        let used = after - before;
        assert!(readings[0].count > burnt - burnt / 10, "{readings:?}");
        assert!(
            readings[0].count < used + used / 2,
            "{readings:?} of {used} ns"
        );
        assert_eq!(readings[1], Reading::default());
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    #[ignore = "a process of present_and_future_threads_are_counted_once_each"]
    fn helper_burning_threads() {
        let (start, end) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    burn();
                    // A thread that starts after the counters, and ends before they are read.
                    scope.spawn(burn).join().unwrap();
                    end.wait();
                });
            }
            println!("waiting");
            io::stdin().read_line(&mut String::new()).unwrap();
            start.wait();
            end.wait();
            println!("burnt");
            io::stdin().read_line(&mut String::new()).unwrap();
        });
    }

    fn burn() {
        let cpu_ns = || {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
        };
        let end = cpu_ns() + BURN_NS;
        while cpu_ns() < end {}
    }

    #[test]
    fn a_shared_counter_is_scaled_to_the_whole_time() {
        assert_eq!(estimate(100, 50, 50), 100);
        assert_eq!(estimate(100, 50, 25), 200);
        assert_eq!(estimate(0, 50, 0), 0);
        assert_eq!(estimate(u64::MAX, 3, 1), u64::MAX);
    }
}
