//! The vocabulary of Pushbench: what a message, a schedule, a scenario, a measurement and a record are.
//!
//! # Layout
//!
//! - [`message`]: the body every transport carries, with its sequence number and two time stamps
//! - [`payload`]: the reproducible bytes a message is filled with
//! - [`schedule`]: when messages are due (open loop), a pure function of a seed
//! - [`scenario`]: what to run, parsed from TOML into values that are known to be valid
//! - [`sequence`]: what one subscriber has received, lost, seen twice or out of order
//! - [`recorder`]: histograms of response and service time
//! - [`windows`]: response times over time
//! - [`late`]: for whom messages were late
//! - [`wish`]: a workload in a person's own numbers
//! - [`inbox`]: what a load generator does with each message: verify, stamp, record
//! - [`control`]: the documents exchanged with a server's control endpoint
//! - [`drive`]: what `pushbench load` saw of an endpoint that promised nothing but its transport
//! - [`measurement`]: what a load process prints at the end of a trial
//! - [`stages`]: where the time of a delivery goes
//! - [`record`]: what a run leaves on disk, and reading it back
//! - [`slices`], [`search`], [`selftest`], [`anatomy`], [`peers`], [`survey`]: what else a record may hold
//! - [`tuning`], [`margin`]: how libraries are set, and how large a difference must be to matter
//! - [`injection`]: faults and delays that a self-test asks a server for
//! - [`environment`]: the machine a run was made on
//! - [`link`]: a network path between server and load process
//! - [`theory`]: the bytes a transport must cost, as formulas
//! - [`tokens`]: answers of a language model as a load
//!
//! There are no sockets, threads or runtimes here.

pub mod anatomy;
pub mod control;
pub mod deaths;
pub mod drive;
pub mod environment;
pub mod histogram;
pub mod inbox;
pub mod injection;
pub mod late;
pub mod link;
pub mod margin;
pub mod measurement;
pub mod message;
pub mod payload;
pub mod peers;
pub mod profile;
pub mod record;
pub mod recorder;
pub mod scenario;
pub mod schedule;
pub mod search;
pub mod selftest;
pub mod sequence;
pub mod slices;
pub mod stages;
pub mod survey;
pub mod theory;
pub mod tokens;
pub mod tuning;
pub mod windows;
pub mod wish;
