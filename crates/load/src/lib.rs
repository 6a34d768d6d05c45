//! The load generator: subscribers that verify and stamp every message, publishers that follow a schedule, and the
//! workloads that put them together.
//!
//! # Layout
//!
//! - [`run`]: one measurement, from the first connection to the last message
//! - [`run_slices`]: short pieces of load, each when it is asked for
//! - [`drive`]: load on any endpoint, outside of a trial
//! - [`target`]: where the server is
//! - [`barrier`]: the points at which nothing is in flight, where an observer may sample both processes
//! - [`capacity`]: how many connections fit, and how they are spread where they do not
//! - [`publisher`]: who publishes: the server by order, this process through `POST /publish`, or the subscribers themselves
//! - `worker`: one thread per core, each with a loop over all its connections
//! - `station`: a worker from inside
//! - `ringer`: a thread that wakes workers when something is due
//! - `secure`: whom connections trust, where they are secured
//! - `faults`: what went wrong on it
//! - `mix`: numbers that differ from place to place
//! - `watch`: whether this process keeps up
//! - `workload`: one file per workload
//! - `client`: the few HTTP requests of the control plane
//! - `answers`: HTTP answers that come one after the other

mod answers;
pub mod barrier;
pub mod capacity;
mod client;
pub mod drive;
mod error;
mod faults;
mod mix;
mod patience;
pub mod publisher;
mod ringer;
mod secure;
mod station;
pub mod target;
mod watch;
mod worker;
mod workload;

use pushbench_model::control::Health;
use pushbench_model::measurement::{Measurement, Publisher as PublisherRole};
use pushbench_model::profile::Profile;
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_transport::transport::Transport;

pub use error::LoadError;
pub use patience::Patience;

use barrier::Barrier;
use publisher::Publish;
use ringer::Ringer;
use target::Target;
use worker::Worker;

/// What to measure, and on whom.
pub struct Config {
    /// The scenario.
    pub scenario: Scenario,
    /// How long.
    pub profile: Profile,
    /// The transport that the server speaks.
    pub transport: &'static dyn Transport,
    /// Where subscribers connect.
    pub target: Target,
    /// Where the control endpoint is.
    pub control: Target,
    /// Who publishes.
    pub publisher: PublisherRole,
    /// Seed of schedule and payload.
    pub seed: u64,
    /// One worker per core listed, pinned to it; empty means one worker, pinned nowhere. There are more of them when the
    /// connections need several tables of file descriptors.
    pub cores: Vec<usize>,
    /// Nanoseconds before each due time that the publisher spins instead of sleeping.
    pub spin_ns: u64,
    /// How long to wait for what may never come.
    pub patience: Patience,
}

/// What a workload works with.
pub(crate) struct Bench {
    pub(crate) config: Config,
    pub(crate) workers: Vec<Worker>,
    pub(crate) publisher: Box<dyn Publish>,
    /// Where workers follow a schedule.
    pub(crate) ringer: Option<Ringer>,
}

/// Runs one measurement.
///
/// # Errors
///
/// When the server cannot be reached, refuses, or this machine's limits are too low. Lost messages and connections that
/// end early are no errors: they are part of the measurement.
pub fn run(mut config: Config, barrier: &mut dyn Barrier) -> Result<Measurement, LoadError> {
    if let Workload::Tokens(tokens) = &config.scenario.workload {
        // Answers are in clear text, and a URL that says otherwise is a mistake.
        secure::ask(&config)?;
        let mut measurement = workload::tokens::run(&config, tokens, barrier)?;
        measurement.server = health(&config);
        return Ok(measurement);
    }
    if config.scenario.is_two_way() {
        capacity::one_table(&config.scenario)?;
        // Whoever was to publish: here it is the subscribers.
        config.publisher = PublisherRole::Load;
    }
    let workers = Worker::start_all(&config)?;
    let publisher = publisher::for_role(&config)?;
    let ringer = Ringer::start(&config.scenario, &workers, config.spin_ns)?;
    barrier.reached("ready")?;
    let mut bench = Bench {
        config,
        workers,
        publisher,
        ringer,
    };
    let mut measurement = match bench.config.scenario.workload {
        Workload::FanOut(fan_out) => workload::fan_out::run(&mut bench, fan_out, barrier),
        Workload::Connect(connect) => workload::connect::run(&mut bench, connect, barrier),
        // It has no publisher, and workers of its own.
        Workload::Tokens(_) => unreachable!("it has run by now"),
    }?;
    measurement.server = health(&bench.config);
    Ok(measurement)
}

/// Connects the subscribers of a fan-out, then announces the phase `slice` again and again; while that is answered with
/// a wish for another, sends `messages` messages and waits until all have arrived.
///
/// # Errors
///
/// As [`run`], and when the workload is no fan-out.
pub fn run_slices(
    config: Config,
    messages: u32,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    let Workload::FanOut(fan_out) = config.scenario.workload else {
        return Err(LoadError::NoSlices(config.scenario.workload.label()));
    };
    if fan_out.two_way {
        return Err(LoadError::NoSlices("fan-out, two-way,"));
    }
    let workers = Worker::start_all(&config)?;
    let publisher = publisher::for_role(&config)?;
    let mut bench = Bench {
        config,
        workers,
        publisher,
        ringer: None,
    };
    let mut measurement = workload::slices::run(&mut bench, fan_out, messages, barrier)?;
    measurement.server = health(&bench.config);
    Ok(measurement)
}

/// What the server says of its sockets. The contract leaves the body of `/healthz` free, so most servers say nothing that
/// is understood here.
fn health(config: &Config) -> Option<Health> {
    let patience = config.patience.control;
    let response = client::request(&config.control, "GET /healthz", b"", patience).ok()?;
    serde_json::from_slice(&response.body).ok()
}
