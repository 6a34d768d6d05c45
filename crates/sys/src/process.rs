//! What a process used, seen from outside, and what this process may use.
//!
//! Processes are named by the id that `std::process::Child::id` gives. One that has exited can be
//! sampled for CPU time until it is waited for, and not for memory.

mod cargo;
mod child;
mod cpu;
mod files;
mod group;
mod limits;
mod memory;
mod switches;
mod thread_clock;
mod threads;

use std::io;

use crate::clock;

pub use cargo::cargo;
pub use child::{Child, NoLine};
pub use cpu::{CpuSplit, cpu_split, cpu_time_ns, thread_cpu_ns};
pub use files::spawn_with_own_files;
pub use group::group;
pub use limits::{die_with_parent, raise_nofile};
pub use memory::{Memory, memory};
pub use switches::{ContextSwitches, context_switches};
pub use thread_clock::{ThreadClock, ThreadTime};
pub use threads::named_threads_cpu_ns;

/// All that is known of a process at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// When, on the clock of [`clock::now`].
    pub at_ns: u64,
    /// CPU time of the whole process: see [`cpu_time_ns`].
    pub cpu_ns: u64,
    /// Its coarse division into user and system time: see [`cpu_split`].
    pub cpu_split: CpuSplit,
    /// Memory: see [`memory()`].
    pub memory: Memory,
    /// Context switches of the living threads: see [`context_switches`].
    pub context_switches: ContextSwitches,
}

impl Usage {
    /// Samples a process. The kernel walks its page tables for the memory, which takes a lock that
    /// page faults need: sample between phases, not within one.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it has exited.
    pub fn sample(pid: u32) -> io::Result<Self> {
        Ok(Self {
            // Clock and CPU time side by side, because their quotient is the utilisation.
            at_ns: clock::now(),
            cpu_ns: cpu_time_ns(pid)?,
            cpu_split: cpu_split(pid)?,
            context_switches: context_switches(pid)?,
            memory: memory(pid)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_this_process_holds_together() {
        let pid = std::process::id();
        let first = Usage::sample(pid).unwrap();
        let second = Usage::sample(pid).unwrap();
        assert!(second.at_ns > first.at_ns);
        assert!(second.cpu_ns > first.cpu_ns);
        assert!(first.memory.rss_bytes > 0 && first.memory.threads > 0);
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert!(Usage::sample(pid).is_err(), "{pid}");
        }
    }
}
