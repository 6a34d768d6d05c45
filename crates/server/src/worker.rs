//! One thread per core. A current-thread runtime keeps a connection's task, its timers and its socket on one core, and
//! spares the synchronisation of a work-stealing pool. It is the same in every tuning: the libraries are compared, and
//! a pool on cores that were given to one server would compare the cores.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use pushbench_sys::affinity;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::Worker;
use pushbench_transport::transport::{ServeOptions, Transport};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::ServeError;

pub(crate) struct Start {
    pub(crate) transport: &'static dyn Transport,
    pub(crate) hub: Arc<Hub>,
    pub(crate) options: Arc<ServeOptions>,
    pub(crate) worker: Worker,
    pub(crate) core: Option<usize>,
}

pub(crate) fn start(start: Start) -> Result<JoinHandle<()>, ServeError> {
    let failed = |source| ServeError::Thread {
        thread: "worker",
        source,
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    thread::Builder::new()
        .name("pb-worker".into())
        .spawn(move || {
            let Start {
                transport,
                hub,
                options,
                worker,
                core,
            } = start;
            if let Some(core) = core
                && let Err(error) = affinity::pin_current_thread(&[core])
            {
                eprintln!(
                    "pushbench: cannot pin a worker to core {core}: {error}; it runs unpinned"
                );
            }
            LocalSet::new().block_on(&runtime, transport.serve(hub, worker, options));
        })
        .map_err(failed)
}
