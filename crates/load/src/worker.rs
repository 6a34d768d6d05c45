//! One thread per core, each with a loop over its own connections; more, with file tables of their own, where one table
//! does not hold the connections.
//!
//! Workloads send jobs (closures) and tasks (what is looked at after every turn of the loop until it is done) to workers;
//! there is no list of commands to extend.

use std::io;
use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_model::slices::RECEIVING_THREAD;
use pushbench_sys::affinity;
use pushbench_sys::poller::Bell;
use pushbench_sys::process::spawn_with_own_files;

use crate::capacity::{Limits, Spread};
use crate::secure::{self, Secure};
use crate::station::Station;
use crate::{Config, LoadError};

/// Connections being set up at once by each worker.
pub(crate) const CONNECTING: u64 = 64;

/// Starts on a worker; what it returns is looked at until it is done.
type Job = Box<dyn FnOnce(&mut Station) -> Option<Box<dyn Running>> + Send>;

/// A worker thread, as the coordinating thread sees it. It ends when this is dropped.
pub(crate) struct Worker {
    /// Present until the end.
    jobs: Option<Sender<Job>>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
    /// The core that it is pinned to, perhaps with others.
    pub(crate) core: Option<usize>,
}

/// Work that waits for something to happen on its worker.
pub(crate) trait Task {
    /// What it comes to.
    type Output;

    /// Goes on as far as it can, after every turn of the loop: what it comes to, if it is done.
    fn step(&mut self, station: &mut Station) -> Option<Self::Output>;

    /// When it wants to go on though nothing happens, CLOCK_MONOTONIC nanoseconds.
    fn due(&self) -> u64;
}

/// A job or task under way.
pub(crate) struct Pending<T>(Receiver<T>);

impl<T> Pending<T> {
    /// Waits for its result.
    pub(crate) fn wait(self) -> Result<T, LoadError> {
        self.0.recv().map_err(|_| LoadError::WorkerDied)
    }
}

/// A task whose result somebody waits for.
trait Running {
    /// Whether it is done.
    fn step(&mut self, station: &mut Station) -> bool;
    fn due(&self) -> u64;
}

struct Replying<T: Task> {
    task: T,
    reply: Sender<T::Output>,
}

impl<T: Task> Running for Replying<T> {
    fn step(&mut self, station: &mut Station) -> bool {
        let Some(output) = self.task.step(station) else {
            return false;
        };
        // Nobody waits any more when the run was abandoned.
        let _ = self.reply.send(output);
        true
    }

    fn due(&self) -> u64 {
        self.task.due()
    }
}

impl Worker {
    /// One worker per core of the configuration, or as many as the connections need tables of file descriptors.
    pub(crate) fn start_all(config: &Config) -> Result<Vec<Self>, LoadError> {
        let connections = config.scenario.connections();
        let spread = Limits::of_this_machine().spread(connections.into(), config.target.address)?;
        let secure = secure::ask(config)?;
        cores_of(config, spread)
            .into_iter()
            .enumerate()
            .map(|(index, core)| Self::start(config, (index, core), spread, secure.as_ref()))
            .collect()
    }

    /// One more beside those of [`Self::start_all`], for subscribers of whom no figures are.
    pub(crate) fn beside(config: &Config) -> Result<Self, LoadError> {
        let connections = config.scenario.connections();
        let spread = Limits::of_this_machine().spread(connections.into(), config.target.address)?;
        let cores = cores_of(config, spread);
        let core = cores.last().copied().flatten();
        Self::start(config, (cores.len(), core), spread, None)
    }

    fn start(
        config: &Config,
        (index, core): (usize, Option<usize>),
        spread: Spread,
        secure: Option<&Secure>,
    ) -> Result<Self, LoadError> {
        let (jobs, inbox) = mpsc::channel();
        let bell = Arc::new(Bell::new().map_err(LoadError::Worker)?);
        let (heard, plan) = (
            Arc::clone(&bell),
            Station::plan(config, index, spread, secure)?,
        );
        let (started, ready) = mpsc::channel();
        let body = move |own_files: io::Result<()>| {
            // Whoever starts it waits for this.
            match own_files.and_then(|()| plan.station(heard)) {
                Ok(mut station) => {
                    let _ = started.send(Ok(()));
                    run(&mut station, &inbox);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        };
        let worker = Self {
            jobs: Some(jobs),
            bell,
            thread: Some(spawn(core, spread, body)?),
            core,
        };
        match ready.recv() {
            Ok(Ok(())) => Ok(worker),
            Ok(Err(error)) => Err(LoadError::Worker(error)),
            Err(_) => Err(LoadError::WorkerDied),
        }
    }

    /// Does a job on the worker.
    pub(crate) fn start_job<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Station) -> T + Send + 'static,
    ) -> Pending<T> {
        let (reply, result) = mpsc::channel();
        self.send(Box::new(move |station| {
            // Nobody waits any more when the run was abandoned.
            let _ = reply.send(job(station));
            None
        }));
        Pending(result)
    }

    /// Starts a task on the worker, which `begin` makes there.
    pub(crate) fn start_task<T: Task + 'static>(
        &self,
        begin: impl FnOnce(&mut Station) -> T + Send + 'static,
    ) -> Pending<T::Output>
    where
        T::Output: Send,
    {
        let (reply, result) = mpsc::channel();
        self.send(Box::new(move |station| {
            let task = begin(station);
            Some(Box::new(Replying { task, reply }))
        }));
        Pending(result)
    }

    /// What wakes it.
    pub(crate) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    fn send(&self, job: Job) {
        // A worker that has ended drops the reply, which the waiting side notices.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(job));
        self.bell.ring();
    }
}

impl Drop for Worker {
    /// Waits for its end: the bell is open in a table of the thread's own, too, and must be closed here last.
    fn drop(&mut self) {
        self.jobs = None;
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The core of each worker: one worker per core of the configuration, or as many as the connections need tables of file
/// descriptors.
pub(crate) fn cores_of(config: &Config, spread: Spread) -> Vec<Option<usize>> {
    let workers = config.cores.len().max(spread.own_tables as usize).max(1);
    let cores = config.cores.iter().copied().map(Some).cycle();
    cores.chain(iter::repeat(None)).take(workers).collect()
}

/// Starts the thread of a worker on `core`, with a table of file descriptors of its own where connections need several:
/// `body` is told whether it has that.
pub(crate) fn spawn(
    core: Option<usize>,
    spread: Spread,
    body: impl FnOnce(io::Result<()>) + Send + 'static,
) -> Result<JoinHandle<()>, LoadError> {
    let body = move |own_files| {
        if let Some(core) = core
            && let Err(error) = affinity::pin_current_thread(&[core])
        {
            eprintln!("pushbench: cannot pin a worker to core {core}: {error}; it runs unpinned");
        }
        body(own_files);
    };
    let thread = thread::Builder::new().name(RECEIVING_THREAD.into());
    let thread = if spread.own_tables > 0 {
        spawn_with_own_files(thread, body)
    } else {
        thread.spawn(move || body(Ok(())))
    };
    thread.map_err(LoadError::Worker)
}

/// Turns the loop until nobody can send jobs any more.
fn run(station: &mut Station, jobs: &Receiver<Job>) {
    let mut tasks: Vec<Box<dyn Running>> = Vec::new();
    loop {
        loop {
            match jobs.try_recv() {
                Ok(job) => tasks.extend(job(station)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        tasks.retain_mut(|task| !task.step(station));
        station.note_faults();
        let due = tasks.iter().map(|task| task.due()).min();
        let left = due.map(|due| Duration::from_nanos(due.saturating_sub(station.now())));
        if let Err(error) = station.subscribers.turn(left) {
            eprintln!("pushbench: a worker cannot wait for its connections: {error}");
            return;
        }
    }
}
