//! A network of this process's own.

use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{getgid, getuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::procfs;

/// How this process came to a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It had the right to make one.
    Privileged,
    /// By way of a user namespace, in which it has all rights over that network and none more elsewhere.
    UserNamespace,
}

/// Moves this process, and all that it starts from then on, into a new network namespace: without any device but a
/// loopback that is down. It ends with the last process in it.
///
/// Where that is not allowed, a user namespace is made first, in which this user and this group are called as before.
/// Files belong to whom they belonged to; other users' files look like nobody's.
///
/// # Errors
///
/// When this process has more than one thread: the others would stay behind. When neither kind of namespace is allowed
/// here, with the error of the user namespace.
pub fn enter_network() -> io::Result<Entered> {
    let threads = procfs::threads_of(std::process::id())?.len();
    if threads != 1 {
        return Err(io::Error::other(format!(
            "this process has {threads} threads, and only one can move into another network"
        )));
    }
    match unshare(UnshareFlags::NEWNET) {
        Ok(()) => return Ok(Entered::Privileged),
        Err(Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)?;
    // Required before groups may be mapped without privilege (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    Ok(Entered::UserNamespace)
}

fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: only a new table of file descriptors could pull a file from under its owner, and `flags` never asks for
    // one: both callers above name namespaces.
    #[allow(unsafe_code, reason = "no safe wrapper exists")]
    unsafe {
        unshare_unsafe(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_stays_where_it_is() {
        let thread = std::thread::spawn(enter_network);
        let error = thread.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("threads"), "{error}");
    }
}
