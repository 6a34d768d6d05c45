//! The thread that moves packets, whoever delays them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use pushbench_sys::pacer::prepare_thread;
use pushbench_sys::poller::Bell;

/// Name of the thread.
const NAME: &str = "pb-link";

/// A running thread. Dropping it ends it, and with it its devices.
#[derive(Debug)]
pub(crate) struct Task {
    stop: Arc<(AtomicBool, Bell)>,
    thread: Option<JoinHandle<()>>,
}

impl Task {
    /// Starts `work`, which returns soon after the flag is up; the bell rings then.
    pub(crate) fn start(
        work: impl FnOnce(&AtomicBool, &Bell) + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new((AtomicBool::new(false), Bell::new()?));
        let flag = Arc::clone(&stop);
        let thread = thread::Builder::new().name(NAME.into()).spawn(move || {
            // Best effort; the lateness that the meter shows says how good it was.
            let _ = prepare_thread();
            work(&flag.0, &flag.1);
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        self.stop.1.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
