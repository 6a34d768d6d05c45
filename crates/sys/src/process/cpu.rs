//! CPU time.

use std::io;

use rustix::time::{ClockId, DynamicClockId, clock_gettime_dynamic};

use crate::procfs;

/// CPU time of a process in nanoseconds, user and system, of all its threads, the ended ones too.
///
/// This is the scheduler's own sum: exact for threads that are off the core, while one that runs at
/// this moment misses what it used since the last timer tick (1 to 10 ms). So the error is bounded by
/// one tick per core, however many threads there are, and it does not add up; sample while the process
/// is quiet and there is none. `/proc` and `getrusage` round to ticks on top of that. The children of
/// the process are not in it.
///
/// # Errors
///
/// When there is no such process: it never existed, or was waited for after it exited.
#[allow(unsafe_code, reason = "rustix has no clock of another process")]
pub fn cpu_time_ns(pid: u32) -> io::Result<u64> {
    // 0 would mean the calling process, which no caller of this function means.
    let id = libc::pid_t::try_from(pid)
        .ok()
        .filter(|&id| id > 0)
        .ok_or_else(|| no_process(pid))?;
    let mut clock = 0;
    // SAFETY: writes a clock id to the local `clock` and touches nothing else.
    if unsafe { libc::clock_getcpuclockid(id, &raw mut clock) } != 0 {
        return Err(no_process(pid));
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes a time to the local `time` and touches nothing else.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        // The process existed a moment ago: it was waited for meanwhile.
        return Err(no_process(pid));
    }
    // CPU time is never negative.
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// CPU time of the calling thread in nanoseconds, user and system, exact to the moment.
///
/// # Errors
///
/// Where the kernel has no such clock.
pub fn thread_cpu_ns() -> io::Result<u64> {
    let time = clock_gettime_dynamic(DynamicClockId::Known(ClockId::ThreadCPUTime))?;
    // CPU time is never negative.
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

fn no_process(pid: u32) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("CPU time of process {pid}: no such process"),
    )
}

/// CPU time divided into user and system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuSplit {
    /// Nanoseconds in the program, in whole clock ticks (10 ms).
    pub user_ns: u64,
    /// Nanoseconds in the kernel on its behalf, in whole clock ticks (10 ms).
    pub system_ns: u64,
}

/// CPU time of a process divided into user and system, ended threads included.
///
/// Most kernels find the division by looking at what runs when the timer interrupts, so it is an
/// estimate; take the sum from [`cpu_time_ns`] and only the proportion from here.
///
/// # Errors
///
/// When there is no such process.
pub fn cpu_split(pid: u32) -> io::Result<CpuSplit> {
    let path = format!("/proc/{pid}/stat");
    parse_stat(&procfs::read(&path)?).ok_or_else(|| procfs::malformed(&path))
}

fn parse_stat(stat: &str) -> Option<CpuSplit> {
    // The command, in parentheses, may itself hold spaces and parentheses: count from the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    // proc(5): utime and stime are fields 14 and 15, and field 3 follows the command.
    let mut ticks = fields.split_ascii_whitespace().skip(14 - 3).map(str::parse);
    let mut next_ns = || ticks.next()?.ok().map(procfs::ticks_to_ns);
    Some(CpuSplit {
        user_ns: next_ns()?,
        system_ns: next_ns()?,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;
    use crate::clock;

    #[test]
    fn cpu_time_grows_while_a_child_burns() {
        let mut child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let first = cpu_time_ns(child.id()).unwrap();
        let give_up = clock::now() + 30_000_000_000;
        while cpu_time_ns(child.id()).unwrap() < first + 20_000_000 {
            assert!(clock::now() < give_up, "20 ms of CPU did not come in 30 s");
            clock::sleep_until(clock::now() + 1_000_000, 0);
        }
        let split = cpu_split(child.id()).unwrap();
        assert!(split.user_ns > 0, "{split:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cpu_time_ns(child.id()).is_err());
    }

    #[test]
    fn an_exited_child_is_readable_until_it_is_waited_for() {
        let mut child = Command::new("sh").args(["-c", "exit 0"]).spawn().unwrap();
        let id = Pid::from_child(&child);
        waitid(
            WaitId::Pid(id),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(cpu_time_ns(child.id()).unwrap() > 0);
        child.wait().unwrap();
    }

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 40 0 0 20 0";
        let tick = procfs::ticks_to_ns(1);
        let expected = CpuSplit {
            user_ns: 250 * tick,
            system_ns: 40 * tick,
        };
        assert_eq!(parse_stat(stat), Some(expected));
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }
}
