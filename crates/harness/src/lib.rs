//! Trials as processes: interleaved, pinned, sampled from outside, verified, and recorded at once.
//!
//! # Layout
//!
//! - [`servers`]: what `servers.toml` says, and which of it this machine can start
//! - [`contract`]: whether a server does what docs/PROTOCOL.md says, rule by rule
//! - [`plan`]: the order of trials, a pure function of a seed
//! - [`cores`]: which cores the server gets and which the load process
//! - [`trial`]: one trial, from the server's start to its end; [`TrialRunner`] is what a run needs of it
//! - [`verify`]: whether the figures of a trial may be used
//! - [`record_writer`]: the only place that writes records
//! - [`environment`]: the machine, as far as a reader must know it to judge the figures
//! - [`slices`]: one trial in slices: servers that take turns of a few milliseconds
//! - [`run`](mod@run): the loop over the plan
//! - [`peers`]: programs of others, in turns with our own
//! - [`saturate`]: the search for the highest rate a server sustains
//!
//! There is no transport here. Servers and load processes are reached through their command line, their standard
//! streams and signals, so any program that keeps the contract (docs/PROTOCOL.md) can take part.

pub mod contract;
pub mod cores;
pub mod environment;
mod error;
pub mod peers;
pub mod plan;
mod process;
pub mod record_writer;
pub mod run;
mod sample;
pub mod saturate;
pub mod servers;
pub mod slices;
mod time;
pub mod trial;
pub mod verify;

pub use cores::CoreSplit;
pub use environment::Build;
pub use error::HarnessError;
pub use plan::{Plan, PlannedTrial, Step};
pub use record_writer::RecordWriter;
pub use run::{NoObserver, Observer, Progress, RunConfig, RunOutcome, run};
pub use servers::{CheckedServers, Server, ServersError};
pub use slices::{SliceConfig, SliceResult};
pub use trial::{
    Deadlines, FinishedTrial, Meddler, Nobody, ProcessRunner, Sides, TrialResult, TrialRunner,
};
