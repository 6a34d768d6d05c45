//! What this process may use, and how long it may live.

use std::io;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};

/// Has the kernel kill this process when its parent dies, so that an interrupted run leaves no server
/// behind to disturb the next one.
///
/// Two traps of the kernel interface: the setting belongs to the calling thread, so call it from the
/// main thread; and the parent is the *thread* that spawned this process, so spawn from one that lives
/// as long as the child shall. Children do not inherit the setting.
///
/// # Errors
///
/// Where a sandbox forbids `prctl`.
pub fn die_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Raises the soft limit of open files to the hard one and returns (soft, hard) as read back, where
/// `u64::MAX` means unlimited. When that is fewer than the connections wanted, use more processes.
#[must_use = "the limit obtained decides how many connections fit"]
pub fn raise_nofile() -> (u64, u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // A refusal shows in what is read back.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    let limit = getrlimit(Resource::Nofile);
    (
        limit.current.unwrap_or(u64::MAX),
        limit.maximum.unwrap_or(u64::MAX),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Read};

    use super::*;
    use crate::testing;

    #[test]
    fn the_soft_limit_reaches_the_hard_one() {
        let (soft, hard) = raise_nofile();
        assert!(soft > 0 && soft == hard);
    }

    #[test]
    fn a_grandchild_dies_with_the_child() {
        let mut parent = testing::helper("process::limits::tests::helper_parent");
        let mut output = testing::output(&mut parent);
        let mut line = String::new();
        while !line.ends_with("ready\n") {
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "no ready line: {line}"
            );
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        // The end of the output is the event: it comes when the last holder of the pipe is dead, and
        // the grandchild would otherwise wait for ever.
        output.read_to_string(&mut line).unwrap();
    }

    #[test]
    #[ignore = "a process of a_grandchild_dies_with_the_child"]
    fn helper_parent() {
        // So that a failure of the test leaves nothing behind either.
        die_with_parent().unwrap();
        testing::helper_sharing_output("process::limits::tests::helper_child")
            .wait()
            .unwrap();
    }

    #[test]
    #[ignore = "a process of a_grandchild_dies_with_the_child"]
    fn helper_child() {
        die_with_parent().unwrap();
        println!("ready");
        loop {
            std::thread::park();
        }
    }
}
