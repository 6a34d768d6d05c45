//! What the threads that deliver and receive have used, read while they sleep.

use std::io;
use std::thread;
use std::time::Duration;

use pushbench_model::record::{CounterValues, PUBLISHER_THREAD};
use pushbench_model::slices::{CONTROL_THREAD, RECEIVING_THREAD, Slice};
use pushbench_sys::counters::{Counters, Counts};
use pushbench_sys::process::{ThreadClock, ThreadTime};

use crate::process::Role;

/// Between two looks. Two that agree, with all threads asleep, are rest: a wake-up over loopback comes at once.
const LOOK: Duration = Duration::from_micros(100);
/// Afterwards it is read as it is; a server with a timer of its own may never rest.
const LOOKS: u32 = 100;

/// Follows one server and its load process.
pub(super) struct Meter {
    server: Side,
    load: Side,
}

impl Meter {
    /// Of the server all threads but those that take messages in, of the load process those that receive. Hardware is
    /// counted if `count` says so. All threads must have been started.
    pub(super) fn attach(server: u32, load: u32, count: bool) -> Result<Self, (Role, io::Error)> {
        let delivers = |name: &str| name != PUBLISHER_THREAD && name != CONTROL_THREAD;
        let receives = |name: &str| name == RECEIVING_THREAD;
        let of = |role| move |error| (role, error);
        Ok(Self {
            server: Side::attach(server, count, &delivers).map_err(of(Role::Server))?,
            load: Side::attach(load, count, &receives).map_err(of(Role::Load))?,
        })
    }

    /// A reading once both sides have come to rest.
    pub(super) fn read(&mut self) -> Result<Reading, (Role, io::Error)> {
        let mut last = self.times()?;
        for _ in 0..LOOKS {
            thread::sleep(LOOK);
            let now = self.times()?;
            let rests = now == last && now.0.asleep && now.1.asleep;
            last = now;
            if rests {
                break;
            }
        }
        let (server, load) = last;
        Ok(Reading {
            server_cpu_ns: server.cpu_ns,
            load_cpu_ns: load.cpu_ns,
            server_counts: self.server.counts(),
            load_counts: self.load.counts(),
        })
    }

    fn times(&self) -> Result<(ThreadTime, ThreadTime), (Role, io::Error)> {
        let server = self.server.clock.read();
        let load = self.load.clock.read();
        Ok((
            server.map_err(|error| (Role::Server, error))?,
            load.map_err(|error| (Role::Load, error))?,
        ))
    }
}

/// The threads of one process.
struct Side {
    clock: ThreadClock,
    counters: Option<Counters>,
}

impl Side {
    fn attach(process: u32, count: bool, chosen: &dyn Fn(&str) -> bool) -> io::Result<Self> {
        let clock = ThreadClock::attach(process, chosen)?;
        if clock.threads() == 0 {
            let missing = "none of its threads is one that delivers or receives";
            return Err(io::Error::new(io::ErrorKind::NotFound, missing));
        }
        let counters = count.then(|| Counters::attach_where(process, chosen).ok());
        Ok(Self {
            clock,
            counters: counters.flatten(),
        })
    }

    /// Absent when they cannot be read or are estimates.
    fn counts(&mut self) -> Option<Counts> {
        let counts = self.counters.as_mut()?.read().ok()?;
        (!counts.scaled).then_some(counts)
    }
}

/// Sums of which only differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    server_cpu_ns: u64,
    load_cpu_ns: u64,
    server_counts: Option<Counts>,
    load_counts: Option<Counts>,
}

impl Reading {
    /// What was used between two readings.
    pub(super) fn since(&self, earlier: &Self) -> Slice {
        Slice {
            server_cpu_ns: self.server_cpu_ns.saturating_sub(earlier.server_cpu_ns),
            load_cpu_ns: self.load_cpu_ns.saturating_sub(earlier.load_cpu_ns),
            server_counters: difference(self.server_counts, earlier.server_counts),
            load_counters: difference(self.load_counts, earlier.load_counts),
            ..Slice::default()
        }
    }
}

fn difference(now: Option<Counts>, then: Option<Counts>) -> Option<CounterValues> {
    let (now, then) = (now?, then?);
    let kernel = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
    Some(CounterValues {
        user_instructions: now.user_instructions.saturating_sub(then.user_instructions),
        kernel_instructions: kernel(now.kernel_instructions, then.kernel_instructions),
        user_cycles: now.user_cycles.saturating_sub(then.user_cycles),
        kernel_cycles: kernel(now.kernel_cycles, then.kernel_cycles),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: u64, kernel: Option<u64>) -> Option<Counts> {
        Some(Counts {
            user_instructions: instructions,
            kernel_instructions: kernel,
            user_cycles: 2 * instructions,
            kernel_cycles: kernel,
            scaled: false,
        })
    }

    #[test]
    fn a_slice_is_a_difference() {
        let before = Reading {
            server_cpu_ns: 100,
            load_cpu_ns: 10,
            server_counts: counts(5, Some(1)),
            load_counts: None,
        };
        let after = Reading {
            server_cpu_ns: 150,
            load_cpu_ns: 17,
            server_counts: counts(9, Some(4)),
            load_counts: counts(1, None),
        };
        let slice = after.since(&before);
        assert_eq!((slice.server_cpu_ns, slice.load_cpu_ns), (50, 7));
        let counted = slice.server_counters.unwrap();
        assert_eq!((counted.user_instructions, counted.user_cycles), (4, 8));
        assert_eq!(counted.kernel_instructions, Some(3));
        assert_eq!(slice.load_counters, None, "there was none before");
    }

    /// This test's own thread is awake, and only it could make the difference.
    #[test]
    fn the_threads_are_chosen_by_name() {
        let own = std::process::id();
        let error = Meter::attach(own, own, false).err().unwrap();
        assert_eq!(error.0, Role::Load, "{}", error.1);
        assert!(error.1.to_string().contains("none of its threads"));
    }
}
