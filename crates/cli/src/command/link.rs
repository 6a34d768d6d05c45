//! `pushbench link`: makes a link, looks at it with sockets of its own, and prints what they saw as JSON. It is a command,
//! and hidden, because a process can move into another network only while it has one thread.

use std::time::Duration;

use anyhow::Context as _;
use pushbench_link::check::{self, CheckError, Trials};
use pushbench_model::link::{Link, LinkBy};

use crate::exit::{Exit, Wrong};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The link
    #[arg(long)]
    link: Link,
    /// Who emulates it: userspace or netem
    #[arg(long, value_name = "WHO", default_value_t = LinkBy::Userspace)]
    link_by: LinkBy,
    /// Seed of all that it does at random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Round trips to take
    #[arg(long, value_name = "N", default_value_t = 0)]
    pings: u32,
    /// Datagrams to send each way
    #[arg(long, value_name = "N", default_value_t = 0)]
    datagrams: u32,
    /// Milliseconds for which a stream from the server is timed, after as many again
    #[arg(long, value_name = "MS")]
    bulk_ms: Option<u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    // Whoever asked is our parent.
    pushbench_sys::process::die_with_parent().context("cannot follow the parent process")?;
    let trials = Trials {
        pings: options.pings,
        datagrams: options.datagrams,
        bulk: options
            .bulk_ms
            .map(|ms| (Duration::from_millis(ms), Duration::from_millis(ms))),
    };
    let seen = check::run(&options.link, options.link_by, options.seed, &trials);
    let seen = seen.map_err(|error| match error {
        CheckError::Link(error) => Wrong(format!("--link: {error}")).into(),
        CheckError::Socket(_) => anyhow::Error::from(error),
    })?;
    output::print(&(serde_json::to_string(&seen)? + "\n"))?;
    Ok(Exit::Done)
}
