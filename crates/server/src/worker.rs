//! One thread per core. A current-thread runtime keeps a connection's task, its timers and its socket on one core, and
//! spares the synchronisation of a work-stealing pool. It is the same in every tuning: the libraries are compared, and
//! a pool on cores that were given to one server would compare the cores.
//!
//! The stack `axum` can be served by a pool all the same ([`start_pool`]), because what a pool costs is a question of
//! its own.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use pushbench_sys::affinity;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::Worker;
use pushbench_transport::transport::{ServeOptions, Transport};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::ServeError;

/// Name of the threads that deliver.
const NAME: &str = "pb-worker";

pub(crate) struct Start {
    pub(crate) transport: &'static dyn Transport,
    pub(crate) hub: Arc<Hub>,
    pub(crate) options: Arc<ServeOptions>,
    pub(crate) worker: Worker,
    /// Cores to run on; none leaves it to the system.
    pub(crate) cores: Vec<usize>,
}

/// One thread.
pub(crate) fn start(start: Start) -> Result<JoinHandle<()>, ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    serve_on(runtime.map_err(failed)?, start)
}

/// A work-stealing runtime with a thread per core, as `#[tokio::main]` makes it: each may run on all of the cores, and
/// the thread that accepts comes on top.
pub(crate) fn start_pool(start: Start) -> Result<JoinHandle<()>, ServeError> {
    let cores = start.cores.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.len().max(1))
        .thread_name(NAME)
        .on_thread_start(move || pin(&cores))
        .enable_all()
        .build();
    serve_on(runtime.map_err(failed)?, start)
}

fn serve_on(runtime: Runtime, start: Start) -> Result<JoinHandle<()>, ServeError> {
    thread::Builder::new()
        .name(NAME.into())
        .spawn(move || {
            pin(&start.cores);
            let serve = start
                .transport
                .serve(start.hub, start.worker, start.options);
            LocalSet::new().block_on(&runtime, serve);
        })
        .map_err(failed)
}

fn pin(cores: &[usize]) {
    if cores.is_empty() {
        return;
    }
    if let Err(error) = affinity::pin_current_thread(cores) {
        eprintln!("pushbench: cannot pin a worker to {cores:?}: {error}; it runs unpinned");
    }
}

fn failed(source: io::Error) -> ServeError {
    ServeError::Thread {
        thread: "worker",
        source,
    }
}
