//! One thread per core. A current-thread runtime keeps a connection's task, its timers and its socket on one core, and
//! spares the synchronisation of a work-stealing pool. It is the same in every tuning: the libraries are compared, and
//! a pool on cores that were given to one server would compare the cores. The stack `bare` has no runtime at all.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use pushbench_sys::affinity;
use pushbench_sys::process::spawn_with_own_files;
use pushbench_transport::bare;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::Worker;
use pushbench_transport::transport::{ServeOptions, Transport};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::ServeError;

/// What every worker is given.
pub(crate) struct Start {
    pub(crate) transport: &'static dyn Transport,
    pub(crate) hub: Arc<Hub>,
    pub(crate) options: Arc<ServeOptions>,
    pub(crate) core: Option<usize>,
}

pub(crate) fn failed(source: io::Error) -> ServeError {
    ServeError::Thread {
        thread: "worker",
        source,
    }
}

/// A worker with a runtime.
pub(crate) fn start(start: Start, worker: Worker) -> Result<JoinHandle<()>, ServeError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let body = move || {
        pin(start.core);
        let serve = start.transport.serve(start.hub, worker, start.options);
        LocalSet::new().block_on(&runtime, serve);
    };
    builder().spawn(body).map_err(failed)
}

/// A worker without; with a file table of its own if it shares the door with others.
pub(crate) fn start_bare(start: Start, worker: bare::Worker) -> Result<JoinHandle<()>, ServeError> {
    let own_files = worker.shares_the_door;
    let body = move || {
        pin(start.core);
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
    thread::Builder::new().name("pb-worker".into())
}

fn pin(core: Option<usize>) {
    if let Some(core) = core
        && let Err(error) = affinity::pin_current_thread(&[core])
    {
        eprintln!("pushbench: cannot pin a worker to core {core}: {error}; it runs unpinned");
    }
}
