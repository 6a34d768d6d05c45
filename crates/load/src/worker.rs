//! One thread per core, each with a current-thread runtime, a shared inlet and its own connections.
//!
//! Workloads send jobs (closures that return futures) to workers; there is no list of commands to extend.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::thread;

use pushbench_model::slices::RECEIVING_THREAD;
use pushbench_sys::{affinity, clock};
use pushbench_transport::subscriber::{Inlet, Request, SubscribeError, Subscriber};
use pushbench_transport::transport::{LocalFuture, Transport};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::target::Target;
use crate::{Config, LoadError};

type Job = Box<dyn FnOnce(Rc<Station>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// A worker thread, as the coordinating thread sees it. It ends when this is dropped.
pub(crate) struct Worker {
    jobs: mpsc::UnboundedSender<Job>,
}

/// A job under way.
pub(crate) struct Pending<T>(oneshot::Receiver<T>);

impl<T> Pending<T> {
    /// Waits for its result.
    pub(crate) fn wait(self) -> Result<T, LoadError> {
        self.0.blocking_recv().map_err(|_| LoadError::WorkerDied)
    }
}

impl Worker {
    /// One worker per core of the configuration.
    pub(crate) fn start_all(config: &Config) -> Result<Vec<Self>, LoadError> {
        let cores: Vec<Option<usize>> = match config.cores.as_slice() {
            [] => vec![None],
            cores => cores.iter().copied().map(Some).collect(),
        };
        cores
            .into_iter()
            .enumerate()
            .map(|(index, core)| Self::start(config, index, core))
            .collect()
    }

    fn start(config: &Config, index: usize, core: Option<usize>) -> Result<Self, LoadError> {
        let (jobs, mut inbox) = mpsc::unbounded_channel::<Job>();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LoadError::Worker)?;
        let transport = config.transport;
        let target = config.target.clone();
        let seed = config.seed.wrapping_add(index as u64);
        thread::Builder::new()
            .name(RECEIVING_THREAD.into())
            .spawn(move || {
                if let Some(core) = core
                    && let Err(error) = affinity::pin_current_thread(&[core])
                {
                    eprintln!(
                        "pushbench: cannot pin a worker to core {core}: {error}; it runs unpinned"
                    );
                }
                LocalSet::new().block_on(&runtime, async move {
                    let station = Rc::new(Station::new(transport, target, seed));
                    while let Some(job) = inbox.recv().await {
                        tokio::task::spawn_local(job(Rc::clone(&station)));
                    }
                });
            })
            .map_err(LoadError::Worker)?;
        Ok(Self { jobs })
    }

    /// Starts a job on the worker.
    pub(crate) fn start_job<T, F, Fut>(&self, job: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(Rc<Station>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(|station| {
            Box::pin(async move {
                // Nobody waits any more when the run was abandoned.
                let _ = reply.send(job(station).await);
            })
        });
        // A worker that has ended drops the reply, which the waiting side notices.
        let _ = self.jobs.send(job);
        Pending(result)
    }
}

/// What the connections of one worker share.
pub(crate) struct Station {
    pub(crate) inlet: Rc<Inlet>,
    pub(crate) subscribers: RefCell<Vec<Rc<Subscriber>>>,
    pub(crate) faults: Faults,
    transport: &'static dyn Transport,
    target: Target,
    seed: u64,
    connections: Cell<u64>,
}

/// How long a subscriber stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Until the connection ends.
    On,
    /// Until the first message is there.
    Once,
}

/// How long a server may hold a poll; longer than any pause within a measurement.
const POLL_TIMEOUT_MS: u64 = 20_000;

impl Station {
    fn new(transport: &'static dyn Transport, target: Target, seed: u64) -> Self {
        Self {
            inlet: Rc::default(),
            subscribers: RefCell::default(),
            faults: Faults::default(),
            transport,
            target,
            seed,
            connections: Cell::new(0),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.target.address
    }

    /// Opens a connection; the time it took in nanoseconds.
    pub(crate) async fn connect(&self) -> std::io::Result<(TcpStream, u64)> {
        let start = clock::now();
        let stream = TcpStream::connect(self.target.address).await?;
        Ok((stream, clock::now() - start))
    }

    /// The future of a subscription to everything the server keeps and will publish, over an open connection.
    pub(crate) fn subscribe(
        &self,
        stream: TcpStream,
        inlet: &Rc<Inlet>,
        stay: Stay,
    ) -> (Rc<Subscriber>, LocalFuture<Result<(), SubscribeError>>) {
        let subscriber = Subscriber::new(stream, Rc::clone(inlet), 1);
        let path = match self.target.path.as_str() {
            "" => self.transport.endpoint().1,
            path => path,
        };
        let request = Request {
            host: self.target.host.clone(),
            path: path.to_owned(),
            after: Some(0),
            once: stay == Stay::Once,
            poll_timeout_ms: POLL_TIMEOUT_MS,
            nonce: self.nonce(),
        };
        let run = self.transport.subscribe(request, Rc::clone(&subscriber));
        (subscriber, run)
    }

    /// Sixteen bytes that differ from connection to connection (SplitMix64, a fixed bijection of a counter).
    fn nonce(&self) -> [u8; 16] {
        let count = self.connections.get();
        self.connections.set(count + 1);
        let mut nonce = [0; 16];
        for (half, bytes) in (0..).zip(nonce.chunks_exact_mut(8)) {
            let mut z = self.seed ^ (2 * count + half + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bytes.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        nonce
    }
}

/// What went wrong on a worker: how often, and the first few in words.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    count: Cell<u64>,
    kept: RefCell<Vec<String>>,
}

impl Faults {
    /// How many faults are kept in words.
    pub(crate) const KEPT: usize = 5;

    pub(crate) fn add(&self, fault: String) {
        self.count.set(self.count.get() + 1);
        self.mention(fault);
    }

    /// Keeps words about something that is counted elsewhere.
    pub(crate) fn mention(&self, fault: String) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < Self::KEPT && !kept.contains(&fault) {
            kept.push(fault);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.kept.borrow().clone()
    }
}
