//! Which cores a thread may run on.
//!
//! Server and load generator belong on different cores: together on one they would measure how the
//! scheduler divides it.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores the calling thread may use, ascending: online, and allowed by cgroup and affinity mask.
///
/// Empty when the kernel does not say, which happens on machines with more than 1024 cores.
#[must_use]
pub fn online_cores() -> Vec<usize> {
    sched_getaffinity(None)
        .map(|set| {
            (0..CpuSet::MAX_CPU)
                .filter(|&core| set.is_set(core))
                .collect()
        })
        .unwrap_or_default()
}

/// Restricts the calling thread, and what it spawns from now on, to `cores`.
///
/// # Errors
///
/// `InvalidInput` when none of `cores` exists or is allowed here, or one is 1024 or higher.
pub fn pin_current_thread(cores: &[usize]) -> io::Result<()> {
    Ok(sched_setaffinity(None, &cpu_set(cores)?)?)
}

/// Runs `action` with the calling thread pinned to `cores`, then restores what it was allowed before.
///
/// A child process that `action` spawns inherits the pinning and keeps it, from its first instruction
/// on: pinning it afterwards would miss the threads it had already started.
///
/// # Errors
///
/// As [`pin_current_thread`], in which case `action` did not run; or when the former cores were taken
/// away meanwhile, in which case it did.
pub fn with_affinity<T>(cores: &[usize], action: impl FnOnce() -> T) -> io::Result<T> {
    let former = sched_getaffinity(None)?;
    pin_current_thread(cores)?;
    let restore = Restore(former);
    let result = action();
    // Explicit, because a thread left pinned would distort all that it measures later.
    restore.now()?;
    Ok(result)
}

/// Restores the affinity when `action` panics, too.
struct Restore(CpuSet);

impl Restore {
    fn now(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.0)?)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // After `now` this is a repetition; during a panic there is no one to tell.
        let _ = self.now();
    }
}

fn cpu_set(cores: &[usize]) -> io::Result<CpuSet> {
    let invalid = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if cores.is_empty() {
        return invalid("no core given to pin to".into());
    }
    let mut set = CpuSet::new();
    for &core in cores {
        if core >= CpuSet::MAX_CPU {
            return invalid(format!(
                "core {core}: cores are numbered below {}",
                CpuSet::MAX_CPU
            ));
        }
        set.set(core);
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinning_holds_inside_and_is_restored() {
        let all = online_cores();
        assert!(!all.is_empty());
        let last = *all.last().unwrap();
        assert_eq!(with_affinity(&[last], online_cores).unwrap(), [last]);
        assert_eq!(online_cores(), all);
    }

    #[test]
    fn a_spawned_child_keeps_the_pinning() {
        let last = *online_cores().last().unwrap();
        let child = with_affinity(&[last], || {
            std::process::Command::new("grep")
                .args(["Cpus_allowed_list", "/proc/self/status"])
                .output()
        });
        let printed = String::from_utf8(child.unwrap().unwrap().stdout).unwrap();
        assert_eq!(printed.trim(), format!("Cpus_allowed_list:\t{last}"));
    }

    #[test]
    fn a_panic_restores_too() {
        let all = online_cores();
        let panic = std::panic::catch_unwind(|| with_affinity(&all[..1], || panic!("expected")));
        assert!(panic.is_err());
        assert_eq!(online_cores(), all);
    }

    #[test]
    fn impossible_cores_are_refused() {
        for cores in [&[][..], &[1023], &[1024], &[usize::MAX]] {
            let error = pin_current_thread(cores).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidInput,
                "{cores:?}: {error}"
            );
        }
    }
}
