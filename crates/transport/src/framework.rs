//! Serving as the framework axum does it: its own accept loop, a task per connection on whatever thread of the runtime,
//! TCP_NODELAY as the system gives it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::serve::{Listener, ListenerExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::hub::Pump;
use crate::listener::{Stats, Worker, let_go_after};
use crate::transport::ServeOptions;

/// The listener of `worker`, counting and setting up as `options` say, and what tells its end. `None` when the runtime cannot have it, which is said.
pub(crate) fn listener(
    worker: Worker,
    options: &ServeOptions,
) -> Option<(
    impl Listener<Io = TcpStream, Addr: fmt::Debug>,
    watch::Receiver<bool>,
)> {
    let Worker {
        listener,
        stats,
        shutdown,
    } = worker;
    let dead_after = options.dead_after();
    match TcpListener::from_std(listener) {
        Ok(listener) => Some((
            listener.tap_io(move |stream| {
                count(stream, &stats);
                let_go_after(&*stream, dead_after);
            }),
            shutdown,
        )),
        Err(error) => {
            eprintln!("pushbench: cannot accept on this worker: {error}");
            None
        }
    }
}

fn count(stream: &TcpStream, stats: &Arc<Stats>) {
    stats.accepted.fetch_add(1, Ordering::Relaxed);
    if stream.nodelay().unwrap_or(false) {
        stats.nodelay.fetch_add(1, Ordering::Relaxed);
    }
}

/// Serves `app` until `shutdown`. Connections are tasks of the runtime, and end with it.
pub(crate) async fn serve<L>(
    listener: L,
    app: Router,
    pump: Pump,
    mut shutdown: watch::Receiver<bool>,
) where
    L: Listener<Addr: fmt::Debug>,
{
    let pump = tokio::spawn(pump.run());
    tokio::select! {
        biased;
        _ = shutdown.wait_for(|stop| *stop) => {}
        // It does not end by itself.
        _ = async { axum::serve(listener, app).await } => {}
    }
    pump.abort();
}
