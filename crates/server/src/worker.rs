//! One thread per core. A current-thread runtime keeps a connection's task, its timers and its socket on one core, and
//! spares the synchronisation of a work-stealing pool. It is the same in every tuning: the libraries are compared, and
//! a pool on cores that were given to one server would compare the cores. The stack `bare` has no runtime at all.
//!
//! The stack `axum` can be served by a pool all the same ([`start_pool`]), because what a pool costs is a question of
//! its own.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use pushbench_sys::affinity;
use pushbench_sys::process::spawn_with_own_files;
use pushbench_transport::bare;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::Worker;
use pushbench_transport::transport::{ServeOptions, Transport};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::ServeError;

/// Name of the threads that deliver.
const NAME: &str = "pb-worker";

/// What every worker is given.
pub(crate) struct Start {
    pub(crate) transport: &'static dyn Transport,
    pub(crate) hub: Arc<Hub>,
    pub(crate) options: Arc<ServeOptions>,
    /// Cores to run on; none leaves it to the system.
    pub(crate) cores: Vec<usize>,
}

/// A worker with a runtime of one thread.
pub(crate) fn start(start: Start, worker: Worker) -> Result<JoinHandle<()>, ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    serve_on(runtime.map_err(failed)?, start, worker)
}

/// A work-stealing runtime with a thread per core, as `#[tokio::main]` makes it: each may run on all of the cores, and
/// the thread that accepts comes on top.
pub(crate) fn start_pool(start: Start, worker: Worker) -> Result<JoinHandle<()>, ServeError> {
    let cores = start.cores.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.len().max(1))
        .thread_name(NAME)
        .on_thread_start(move || pin(&cores))
        .enable_all()
        .build();
    serve_on(runtime.map_err(failed)?, start, worker)
}

fn serve_on(runtime: Runtime, start: Start, worker: Worker) -> Result<JoinHandle<()>, ServeError> {
    let body = move || {
        pin(&start.cores);
        let serve = start.transport.serve(start.hub, worker, start.options);
        LocalSet::new().block_on(&runtime, serve);
    };
    builder().spawn(body).map_err(failed)
}

/// A worker without a runtime; with a file table of its own if it shares the door with others.
pub(crate) fn start_bare(start: Start, worker: bare::Worker) -> Result<JoinHandle<()>, ServeError> {
    let own_files = worker.shares_the_door;
    let body = move || {
        pin(&start.cores);
        start.transport.serve_bare(start.hub, worker, start.options);
    };
    let thread = if own_files {
        spawn_with_own_files(builder(), move |own| {
            if let Err(error) = own {
                eprintln!(
                    "pushbench: a worker cannot have a file table of its own: {error}; all share one limit"
                );
            }
            body();
        })
    } else {
        builder().spawn(body)
    };
    thread.map_err(failed)
}

fn builder() -> thread::Builder {
    thread::Builder::new().name(NAME.into())
}

fn pin(cores: &[usize]) {
    if cores.is_empty() {
        return;
    }
    if let Err(error) = affinity::pin_current_thread(cores) {
        eprintln!("pushbench: cannot pin a worker to {cores:?}: {error}; it runs unpinned");
    }
}

pub(crate) fn failed(source: io::Error) -> ServeError {
    ServeError::Thread {
        thread: "worker",
        source,
    }
}
