//! The measured servers: workers that serve one transport, a publisher that follows a schedule, and the control
//! endpoint through which a load generator drives both (docs/PROTOCOL.md).
//!
//! # Layout
//!
//! - [`Server`]: binds, starts the threads, ends them
//! - `worker`: one thread per core, each with a current-thread runtime, or with a loop and no runtime; or one runtime for
//!   all
//! - `publisher`: the thread that publishes on a schedule, and what a self-test wants it to do wrong
//! - `control`: `/healthz`, `/publish`, `/schedule`, `/certificate`
//! - [`self_made`]: who answers where connections are secured

mod compression;
mod control;
mod http2;
mod identity;
mod publisher;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use pushbench_sys::poller::Bell;
use pushbench_transport::bare;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::Stats;
use pushbench_transport::stack::{Runtime, Stack};
use pushbench_transport::transport::{ServeOptions, Transport, hub_for};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

pub use identity::self_made;

/// Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;

/// What to serve, and where.
#[derive(Clone)]
pub struct Config {
    /// The transport.
    pub transport: &'static dyn Transport,
    /// Address for subscribers; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Address for the control endpoint.
    pub control: SocketAddr,
    /// One worker per core listed, pinned to it; empty means one worker, pinned nowhere.
    pub cores: Vec<usize>,
    /// Worker threads per core. More than one is for more connections than a file table holds: each has a table of its
    /// own (stack `bare` only).
    pub shards: usize,
    /// Settings of the transports.
    pub options: ServeOptions,
}

/// A server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A fault cannot be had exactly once.
    #[error(
        "lose, lose-every, duplicate and reorder cannot be injected into long-poll and short-poll, whose clients ask by \
         sequence number; use sse, websocket, tcp or ndjson"
    )]
    Injection,
    /// The transport is not spoken by the stack.
    #[error("{transport} is not spoken by the stack {stack}")]
    Stack {
        /// The transport.
        transport: &'static str,
        /// The stack.
        stack: Stack,
    },
    /// A runtime's workers share one file table.
    #[error(
        "the stack {stack} cannot have {shards} worker threads per core with a file table of their own; only bare can"
    )]
    Shards {
        /// The stack.
        stack: Stack,
        /// How many were asked for.
        shards: usize,
    },
    /// Only one stack has a choice of runtimes.
    #[error(
        "the stack {0} has a current-thread runtime per core and no other; the runtime multi-thread is for the stack axum"
    )]
    Runtime(Stack),
    /// The framework's server has no TLS here.
    #[error("the stack {0} cannot be served over TLS here; bare and reference can")]
    Tls(Stack),
    /// Not everything can be compressed, nor in every way.
    #[error("{what} cannot be compressed: {why}")]
    Compression {
        /// The transport and its stack.
        what: String,
        /// What is wrong, and what there is.
        why: String,
    },
    /// Not everything is served over HTTP/2.
    #[error("{what} cannot be served over HTTP/2: {why}")]
    Http2 {
        /// The transport and its stack.
        what: String,
        /// What is wrong, and what there is.
        why: String,
    },
    /// A thread cannot be started.
    #[error("cannot start the {thread} thread: {source}")]
    Thread {
        /// Which.
        thread: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A running server; dropping it ends it.
pub struct Server {
    data: SocketAddr,
    control: SocketAddr,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// Wake workers that have no runtime, so that they see that they are to stop.
    bells: Vec<Arc<Bell>>,
    /// Kept until the workers have ended: what one with a file table of its own drops is not closed here.
    _listener: Arc<TcpListener>,
}

impl Server {
    /// Binds both addresses and starts serving.
    ///
    /// # Errors
    ///
    /// When an address or a thread cannot be had.
    pub fn start(config: Config) -> Result<Self, ServeError> {
        let options = Arc::new(config.options);
        let injection = options.injection.clone();
        // A poll asks for what follows the last number it saw, so each such fault would bring others with it.
        if config.transport.is_asked_by_number() && injection.disturbs_sequence() {
            return Err(ServeError::Injection);
        }
        let stack = options.stack;
        if !config.transport.stacks().contains(&stack) {
            let transport = config.transport.name();
            return Err(ServeError::Stack { transport, stack });
        }
        if options.tls.is_some() && stack == Stack::Axum {
            return Err(ServeError::Tls(stack));
        }
        compression::check(config.transport, &options)?;
        http2::check(config.transport, &options)?;
        let shards = config.shards.max(1);
        if shards > 1 && stack != Stack::Bare {
            return Err(ServeError::Shards { stack, shards });
        }
        let injected = !injection.is_none();
        let hub = hub_for(config.transport, &options);
        if options.flush_window_ms > 0 {
            let length = Duration::from_millis(options.flush_window_ms.into());
            hub.wait_for_others(length)
                .map_err(|source| ServeError::Thread {
                    thread: "flush window",
                    source,
                })?;
        }
        let stats = Arc::new(Stats::default());
        let (stop, stopped) = watch::channel(false);
        let (data_listener, data) = listen(config.listen)?;
        let (control_listener, control) = listen(config.control)?;

        let data_listener = Arc::new(data_listener);
        let (mut threads, mut bells) = (Vec::new(), Vec::new());
        let is_pool = options.runtime == Runtime::MultiThread;
        if is_pool && stack != Stack::Axum {
            return Err(ServeError::Runtime(stack));
        }
        let shares = match config.cores.as_slice() {
            cores if is_pool || cores.is_empty() => vec![cores.to_vec()],
            cores => cores.iter().map(|&core| vec![core]).collect(),
        };
        for cores in shares.iter().flat_map(|cores| vec![cores.clone(); shards]) {
            let start = worker::Start {
                transport: config.transport,
                hub: Arc::clone(&hub),
                options: Arc::clone(&options),
                cores,
            };
            let shutdown = stopped.clone();
            let stats = Arc::clone(&stats);
            if stack == Stack::Bare {
                let bell = Bell::new().map(Arc::new).map_err(worker::failed)?;
                bells.push(Arc::clone(&bell));
                let worker = bare::Worker {
                    listener: Arc::clone(&data_listener),
                    stats,
                    shutdown,
                    bell,
                    shares_the_door: shards > 1,
                };
                threads.push(worker::start_bare(start, worker)?);
                continue;
            }
            let listener = data_listener.try_clone();
            let listener = listener.map_err(|source| ServeError::Listen {
                address: data,
                source,
            })?;
            let worker = pushbench_transport::listener::Worker {
                listener,
                stats,
                shutdown,
            };
            threads.push(if is_pool {
                worker::start_pool(start, worker)?
            } else {
                worker::start(start, worker)?
            });
        }
        let publisher = publisher::Publisher::start(Arc::clone(&hub), config.transport, injection)?;
        let control_state = control::Control {
            hub: Arc::clone(&hub),
            stats,
            tuning: options.tuning_among(config.transport.tunings()),
            keeps: options.keeps(config.transport),
            publisher,
            injected,
            certificate: options
                .tls
                .as_ref()
                .map(|identity| identity.pem().to_owned()),
        };
        threads.push(control::start(control_listener, control_state, stopped)?);
        Ok(Self {
            data,
            control,
            hub,
            stop,
            threads,
            bells,
            _listener: data_listener,
        })
    }

    /// Where subscribers connect.
    #[must_use]
    pub fn data_addr(&self) -> SocketAddr {
        self.data
    }

    /// Where the control endpoint is.
    #[must_use]
    pub fn control_addr(&self) -> SocketAddr {
        self.control
    }

    /// Where messages are published.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.bells.iter().for_each(|bell| bell.ring());
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so; there is nothing left to end.
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let open = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A port given by name can be used again at once after the last server on it has ended.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from(socket);
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    open().map_err(|source| ServeError::Listen { address, source })
}
