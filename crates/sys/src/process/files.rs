//! More open files than the limit: it holds for a table of file descriptors, and a thread can have one of its own.

use std::io;
use std::thread::{Builder, JoinHandle};

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Starts a thread with its own table of file descriptors, a copy of this thread's. What either opens or closes from then
/// on, the other does not see, and `RLIMIT_NOFILE` holds for each table by itself. Memory is shared as between all
/// threads. The kernel closes what is left in the table when the thread ends.
///
/// `body` must own no open file that another thread opened: dropping it would close only the copy, and the original
/// would stay open. Give it an `Arc` of which this thread keeps, and drops last, another.
///
/// # Errors
///
/// When the thread cannot be started. Where a sandbox forbids `unshare`, `body` is told so and runs with the common table.
pub fn spawn_with_own_files<T: Send + 'static>(
    thread: Builder,
    body: impl FnOnce(io::Result<()>) -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread.spawn(move || {
        // SAFETY: the descriptors that this thread can name so far are in both tables; those that it opens later belong
        // to values that `body` must keep to itself, as its documentation asks.
        #[allow(unsafe_code, reason = "no safe wrapper exists")]
        let own = unsafe { unshare_unsafe(UnshareFlags::FILES) };
        body(own.map_err(Into::into))
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_a_thread_opens_is_its_own() {
        let shared = Arc::new(File::open("/dev/null").unwrap());
        let theirs = Arc::clone(&shared);
        let thread = spawn_with_own_files(Builder::new(), move |own| {
            own?;
            // Both can use what was open before.
            theirs.metadata()?;
            let open = || std::fs::read_dir("/proc/thread-self/fd").map(Iterator::count);
            let before = open()?;
            let _files = (0..10)
                .map(|_| File::open("/dev/null"))
                .collect::<io::Result<Vec<_>>>()?;
            Ok::<_, io::Error>((before, open()?))
        });
        let (before, after) = thread.unwrap().join().unwrap().unwrap();
        assert_eq!(after, before + 10);
        shared.metadata().unwrap();
    }
}
