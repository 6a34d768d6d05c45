//! A machine of our own: what the first process of a system does before anything else can run, and how it turns the machine off.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot, uname};

use crate::clock;

/// Whether this process has settled in one.
static OURS: AtomicBool = AtomicBool::new(false);

/// Priorities of threads that go before all others: of those that were told to, and of the kernel's, which finishes for them what
/// interrupts have begun.
const FIRST: i32 = 1;
const KERNEL: i32 = 2;

/// Mounts what a program expects of a system: processes, devices of the kernel, and files of devices. What interrupts leave to do is
/// done at once from then on, whoever has the processor.
///
/// # Errors
///
/// When the kernel has none of them, or this process is not the first of a machine.
pub fn settle() -> io::Result<()> {
    const NOTHING: Option<&CStr> = None;
    if std::process::id() != 1 {
        return Err(io::Error::other("only the first process of a machine may"));
    }
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        fs::create_dir_all(place)?;
        mount(kind, place, kind, MountFlags::empty(), NOTHING)?;
    }
    let threads = named("ksoftirqd/")?;
    if threads.is_empty() {
        return Err(io::Error::other(
            "this is no machine of our own: the kernel's threads cannot be seen",
        ));
    }
    for thread in threads {
        set_first(thread, KERNEL)?;
    }
    // Otherwise some kernels hold who goes first up for a twentieth of every second.
    fs::write("/proc/sys/kernel/sched_rt_runtime_us", "-1")?;
    OURS.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether this process is the first of a machine of our own, and has [settled](settle) there.
#[must_use]
pub fn is_ours() -> bool {
    OURS.load(Ordering::Relaxed)
}

/// Gives the processor to `thread`, and to those that it starts, whenever they have something to do (`SCHED_FIFO`).
///
/// # Errors
///
/// When there is no such thread, or this process may not.
pub fn go_first(thread: u32) -> io::Result<()> {
    set_first(thread, FIRST)
}

#[allow(unsafe_code, reason = "no safe wrapper for sched_setscheduler")]
fn set_first(thread: u32, priority: i32) -> io::Result<()> {
    // 0 would mean the calling thread.
    let thread = libc::pid_t::try_from(thread)
        .ok()
        .filter(|&thread| thread > 0)
        .ok_or(io::ErrorKind::NotFound)?;
    let priority = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the kernel reads `priority`, which lives until the call has returned.
    match unsafe { libc::sched_setscheduler(thread, libc::SCHED_FIFO, &raw const priority) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Processes whose names begin with `start`.
fn named(start: &str) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        // Who has ended meanwhile has no name.
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if name.starts_with(start) {
            found.push(id);
        }
    }
    Ok(found)
}

/// The version of the kernel, as `uname -r` prints it.
#[must_use]
pub fn kernel() -> String {
    uname().release().to_string_lossy().into_owned()
}

/// Turns the machine off; returns only if that cannot be done.
///
/// # Errors
///
/// Without the right to do so.
pub fn power_off() -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::Error::other("only the first process of a machine may"));
    }
    Ok(reboot(RebootCommand::PowerOff)?)
}

/// Nanoseconds that an instruction takes by the clock of [`clock::now`], in two loops of different make. Both are 1 on an
/// emulated machine whose clock is made to count instructions; on a real one they are neither 1 nor alike. `None` on a
/// processor whose instructions are not known here.
#[must_use]
pub fn ns_per_instruction() -> Option<[f64; 2]> {
    const ROUNDS: u64 = 2_000_000;
    let timed = |instructions: u64, spin: fn(u64) -> bool| {
        let begin = clock::now();
        let known = spin(ROUNDS);
        let took = clock::now() - begin;
        known.then(|| took as f64 / (instructions * ROUNDS) as f64)
    };
    Some([timed(2, spin)?, timed(6, spin_wide)?])
}

/// Two instructions a round.
#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "how many instructions a loop has, only assembly says"
)]
fn spin(rounds: u64) -> bool {
    // SAFETY: it changes a register that it is given, and the flags, which are taken to be changed.
    unsafe {
        std::arch::asm!("2:", "dec {n}", "jnz 2b", n = inout(reg) rounds => _, options(nomem, nostack));
    }
    true
}

/// Six instructions a round, four of which do not wait for each other.
#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "how many instructions a loop has, only assembly says"
)]
fn spin_wide(rounds: u64) -> bool {
    // SAFETY: it changes registers that it is given, and the flags, which are taken to be changed.
    unsafe {
        std::arch::asm!(
            "2:", "add {a}, 1", "add {b}, 3", "xor {c}, 5", "sub {d}, 7", "dec {n}", "jnz 2b",
            a = inout(reg) 0_u64 => _, b = inout(reg) 0_u64 => _,
            c = inout(reg) 0_u64 => _, d = inout(reg) 0_u64 => _,
            n = inout(reg) rounds => _, options(nomem, nostack)
        );
    }
    true
}

#[cfg(not(target_arch = "x86_64"))]
fn spin(_rounds: u64) -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn spin_wide(_rounds: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_machine_that_exists_does_not_count_instructions() {
        let found = ns_per_instruction();
        assert_eq!(found.is_some(), cfg!(target_arch = "x86_64"));
        let is_one = |ns: f64| (ns - 1.0).abs() < 0.02;
        if let Some([narrow, wide]) = found {
            assert!(narrow > 0.0 && wide > 0.0);
            assert!(!(is_one(narrow) && is_one(wide)), "{narrow} {wide}");
        }
    }

    #[test]
    fn who_is_not_the_first_process_leaves_the_machine_alone() {
        assert!(settle().is_err());
        assert!(!is_ours());
        assert!(power_off().is_err());
    }

    #[test]
    fn nobody_goes_first_who_is_nobody() {
        for nobody in [0, u32::MAX] {
            let refused = go_first(nobody).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::NotFound, "{nobody}");
        }
    }

    #[test]
    fn processes_are_found_by_their_names() {
        let own = fs::read_to_string("/proc/self/comm").unwrap();
        assert!(named(own.trim()).unwrap().contains(&std::process::id()));
        assert!(named("no process is called so").unwrap().is_empty());
    }
}
