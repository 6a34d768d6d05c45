//! The CPU time of some threads of a process, read often.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::procfs;

/// Threads of one process whose CPU time is read again and again: their files stay open.
#[derive(Debug)]
pub struct ThreadClock(Vec<Thread>);

#[derive(Debug)]
struct Thread {
    /// `/proc/PID/task/TID/`, for errors.
    path: String,
    schedstat: File,
    stat: File,
}

/// CPU time of the threads of a [`ThreadClock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadTime {
    /// Nanoseconds since the threads started. Exact when they sleep; one that runs misses what it used since the last
    /// timer tick.
    pub cpu_ns: u64,
    /// Whether none of them was running or waiting for a core when it was looked at.
    pub asleep: bool,
}

impl ThreadClock {
    /// Follows those of the present threads of a process whose name `counted` accepts. The kernel cuts names to 15
    /// bytes.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn attach(pid: u32, counted: impl Fn(&str) -> bool) -> io::Result<Self> {
        let mut threads = Vec::new();
        for thread in procfs::threads_of(pid)? {
            let path = format!("/proc/{pid}/task/{thread}/");
            // One without a name has ended since the listing.
            let Ok(name) = procfs::read(format!("{path}comm")) else {
                continue;
            };
            if counted(name.trim_end()) {
                let open = |file| File::open(format!("{path}{file}"));
                threads.push(Thread {
                    schedstat: open("schedstat")?,
                    stat: open("stat")?,
                    path,
                });
            }
        }
        Ok(Self(threads))
    }

    /// How many threads these are.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.len()
    }

    /// Their CPU time now.
    ///
    /// # Errors
    ///
    /// When one of them has ended, or the kernel keeps no scheduler statistics (`CONFIG_SCHED_INFO`).
    pub fn read(&self) -> io::Result<ThreadTime> {
        let mut sum = ThreadTime {
            cpu_ns: 0,
            asleep: true,
        };
        for thread in &self.0 {
            sum.asleep &= !thread.runs()?;
            sum.cpu_ns += thread.cpu_ns()?;
        }
        Ok(sum)
    }
}

impl Thread {
    fn cpu_ns(&self) -> io::Result<u64> {
        let mut buffer = [0; 128];
        let text = self.text(&self.schedstat, &mut buffer)?;
        let on_cpu = text.split_ascii_whitespace().next();
        on_cpu
            .and_then(|ns| ns.parse().ok())
            .ok_or_else(|| procfs::malformed(&format!("{}schedstat", self.path)))
    }

    /// proc(5): the state follows the name, which may itself hold parentheses; R is running or waiting for a core.
    fn runs(&self) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        let text = self.text(&self.stat, &mut buffer)?;
        text.rsplit_once(')')
            .map(|(_, rest)| rest.trim_start().starts_with('R'))
            .ok_or_else(|| procfs::malformed(&format!("{}stat", self.path)))
    }

    fn text<'a>(&self, file: &File, buffer: &'a mut [u8]) -> io::Result<&'a str> {
        let read = file
            .read_at(buffer, 0)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.path)))?;
        std::str::from_utf8(&buffer[..read]).map_err(|_| procfs::malformed(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;
    use crate::clock;

    #[test]
    fn chosen_threads_are_followed_until_they_end() {
        let (burn, wait_burn) = channel::<()>();
        let (burnt, wait_burnt) = channel();
        let burner = thread::Builder::new()
            .name("pb-followed".into())
            .spawn(move || {
                burnt.send(()).unwrap();
                wait_burn.recv().unwrap();
                clock::sleep_until(clock::now() + 20_000_000, u64::MAX);
                burnt.send(()).unwrap();
                wait_burn.recv().unwrap_err();
            });
        wait_burnt.recv().unwrap();
        let follow = |name: &'static str| {
            ThreadClock::attach(std::process::id(), move |thread| thread == name).unwrap()
        };
        assert_eq!(follow("no-such-thread").threads(), 0);
        let followed = follow("pb-followed");
        assert_eq!(followed.threads(), 1);

        let asleep = || loop {
            let time = followed.read().unwrap();
            if time.asleep {
                return time.cpu_ns;
            }
            thread::yield_now();
        };
        let before = asleep();
        burn.send(()).unwrap();
        wait_burnt.recv().unwrap();
        // Spun for 20 ms of wall time; on a busy machine part of that was somebody else's.
        assert!(asleep() > before + 1_000_000);
        drop(burn);
        burner.unwrap().join().unwrap();
        followed.read().unwrap_err();
    }

    #[test]
    fn a_running_thread_is_not_asleep() {
        let this = procfs::read("/proc/thread-self/comm").unwrap();
        let clock = ThreadClock::attach(std::process::id(), |name| name == this.trim_end());
        assert!(!clock.unwrap().read().unwrap().asleep);
    }
}
