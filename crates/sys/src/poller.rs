//! Waiting for many sockets at once: epoll, and a bell that another thread can ring.
//!
//! For loops that handle every connection themselves. What a runtime adds to a delivery (a task, a waker, a queue) is
//! more than such a loop does for it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, Event, EventData};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

pub use rustix::event::epoll::EventFlags;

/// Events taken from the kernel at once.
const EVENTS: usize = 1024;

/// An epoll instance.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// Room for the events of one wait; to be used again and again.
pub struct Events {
    room: Box<[MaybeUninit<Event>]>,
    ready: usize,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            room: vec![MaybeUninit::uninit(); EVENTS].into_boxed_slice(),
            ready: 0,
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

impl Poller {
    /// An instance that watches nothing.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    /// Watches `file` for `interest`; its events carry `token`. Closing the last descriptor of a file ends the watch.
    ///
    /// # Errors
    ///
    /// When the kernel has no more room, or the file cannot be watched.
    pub fn add(&self, file: impl AsFd, token: u64, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            file,
            EventData::new_u64(token),
            interest,
        )?)
    }

    /// Watches `file` for something else.
    ///
    /// # Errors
    ///
    /// When it is not watched.
    pub fn modify(&self, file: impl AsFd, token: u64, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            file,
            EventData::new_u64(token),
            interest,
        )?)
    }

    /// Watches `file` no longer.
    ///
    /// # Errors
    ///
    /// When it is not watched.
    pub fn remove(&self, file: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, file)?)
    }

    /// Waits for something to happen, for `timeout` at most (for ever with `None`), and returns what did: pairs of token
    /// and event. A signal ends the wait early, with nothing.
    ///
    /// # Errors
    ///
    /// When the instance is unusable.
    pub fn wait<'a>(
        &self,
        events: &'a mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = (u64, EventFlags)> + use<'a>> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let ready = match epoll::wait(&self.epoll, &mut *events.room, timeout.as_ref()) {
            Ok((ready, _)) => &*ready,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        events.ready = ready.len();
        Ok(ready.iter().map(|event| (event.data.u64(), event.flags)))
    }
}

/// Wakes a [`Poller`] that watches it, from any thread.
#[derive(Debug)]
pub struct Bell {
    counter: OwnedFd,
}

impl Bell {
    /// A bell that has not been rung.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { counter })
    }

    /// Makes it readable until it is heard. One system call.
    pub fn ring(&self) {
        // It can only fail when it has been rung 2^64 - 2 times without being heard: it is readable then.
        let _ = rustix::io::write(&self.counter, &1_u64.to_ne_bytes());
    }

    /// Silences it; whether it had been rung.
    #[must_use]
    pub fn heard(&self) -> bool {
        rustix::io::read(&self.counter, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.counter.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn a_bell_wakes_its_poller_from_another_thread() {
        let (poller, bell) = (Poller::new().unwrap(), Arc::new(Bell::new().unwrap()));
        poller.add(&*bell, 7, EventFlags::IN).unwrap();
        let mut events = Events::default();
        assert_eq!(poller.wait(&mut events, NOW).unwrap().count(), 0);
        let ringing = Arc::clone(&bell);
        let thread = std::thread::spawn(move || (0..3).for_each(|_| ringing.ring()));
        let heard: Vec<_> = poller.wait(&mut events, None).unwrap().collect();
        assert_eq!(heard, [(7, EventFlags::IN)]);
        thread.join().unwrap();
        assert!(bell.heard());
        assert!(!bell.heard(), "rung thrice, heard once");
        assert_eq!(poller.wait(&mut events, NOW).unwrap().count(), 0);
    }

    #[test]
    fn what_is_removed_is_silent() {
        let (poller, bell) = (Poller::new().unwrap(), Bell::new().unwrap());
        poller.add(&bell, 1, EventFlags::IN).unwrap();
        bell.ring();
        poller.modify(&bell, 2, EventFlags::IN).unwrap();
        let mut events = Events::default();
        let tokens: Vec<_> = poller.wait(&mut events, NOW).unwrap().collect();
        assert_eq!(tokens, [(2, EventFlags::IN)]);
        poller.remove(&bell).unwrap();
        assert_eq!(poller.wait(&mut events, NOW).unwrap().count(), 0);
        assert!(poller.remove(&bell).is_err());
    }
}
