//! Threads told apart by name.

use std::io;

use crate::procfs;

/// CPU time in nanoseconds of the living threads of a process that are called `name`; 0 when there are none. The
/// kernel cuts names to 15 bytes.
///
/// # Errors
///
/// When there is no such process, or the kernel keeps no scheduler statistics (`CONFIG_SCHED_INFO`).
pub fn named_threads_cpu_ns(pid: u32, name: &str) -> io::Result<u64> {
    let mut sum = 0;
    for thread in procfs::threads_of(pid)? {
        if !is_named(pid, thread, name) {
            continue;
        }
        let path = format!("/proc/{pid}/task/{thread}/schedstat");
        let text = procfs::read(&path)?;
        let on_cpu = text.split_ascii_whitespace().next();
        sum += on_cpu
            .and_then(|ns| ns.parse::<u64>().ok())
            .ok_or_else(|| procfs::malformed(&path))?;
    }
    Ok(sum)
}

/// Whether a thread of a process has this name; a thread that has ended has none.
fn is_named(pid: u32, thread: u32, name: &str) -> bool {
    procfs::read(format!("/proc/{pid}/task/{thread}/comm"))
        .is_ok_and(|comm| comm.trim_end() == name)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;
    use crate::clock;

    #[test]
    fn only_the_named_thread_counts() {
        let pid = std::process::id();
        assert_eq!(named_threads_cpu_ns(pid, "no-such-thread").unwrap(), 0);
        let (burnt, wait_burnt) = channel();
        let (done, wait_done) = channel::<()>();
        let burner = thread::Builder::new()
            .name("pb-burner".into())
            .spawn(move || {
                clock::sleep_until(clock::now() + 20_000_000, u64::MAX);
                burnt.send(()).unwrap();
                wait_done.recv().unwrap_err();
            });
        wait_burnt.recv().unwrap();
        // Spun for 20 ms of wall time; on a busy machine part of that was somebody else's.
        assert!(named_threads_cpu_ns(pid, "pb-burner").unwrap() > 1_000_000);
        drop(done);
        burner.unwrap().join().unwrap();
        assert_eq!(named_threads_cpu_ns(pid, "pb-burner").unwrap(), 0);
    }
}
