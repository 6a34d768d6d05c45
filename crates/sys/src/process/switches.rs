//! Context switches.

use std::io;

use crate::procfs;

/// How often threads left the core.
///
/// The division says little when processes that talk to each other share a core: there, the one that is
/// woken often takes the core at once, and the other's wait becomes an involuntary switch. Compare the
/// [`total`](Self::total).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContextSwitches {
    /// Because they had nothing to do: they waited for a socket, a timer, a lock.
    pub voluntary: u64,
    /// Because something else was given the core.
    pub involuntary: u64,
}

impl ContextSwitches {
    /// Switches of both kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.voluntary + self.involuntary
    }
}

/// Context switches of a process, summed over its living threads.
///
/// The kernel drops a thread's counts when it ends, so a difference between two samples means something
/// only while the same threads live, and can be negative otherwise.
///
/// # Errors
///
/// When there is no such process.
pub fn context_switches(pid: u32) -> io::Result<ContextSwitches> {
    let mut sum = ContextSwitches::default();
    for thread in procfs::threads_of(pid)? {
        let path = format!("/proc/{pid}/task/{thread}/status");
        // A thread that ended since the listing is no longer one of those that are summed.
        let Ok(status) = procfs::read(&path) else {
            continue;
        };
        let field = |key| procfs::field(&status, key).ok_or_else(|| procfs::malformed(&path));
        sum.voluntary += field("voluntary_ctxt_switches")?;
        sum.involuntary += field("nonvoluntary_ctxt_switches")?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_waits_of_a_child_count() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let mut echo = || {
            to.write_all(b"line\n").unwrap();
            from.read_line(&mut String::new()).unwrap();
        };
        echo();
        let before = context_switches(child.id()).unwrap();
        (0..50).for_each(|_| echo());
        let after = context_switches(child.id()).unwrap();
        // Not one per echo: a busy machine may deliver the next line before `cat` waits for it.
        assert!(after.total() > before.total(), "{before:?} -> {after:?}");
        drop(to);
        child.wait().unwrap();
    }
}
