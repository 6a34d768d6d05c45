//! `pushbench proxies`: nginx and HAProxy in front of our servers.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use pushbench_field::proxies::tables::parts;
use pushbench_field::proxies::{Plan, visit};

use crate::exit::Exit;
use crate::output;
use crate::survey::{About, Destination, Found, Paper};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Turns of every setting in which figures are taken
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seed of the order of turns [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    destination: Destination,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = super::run::stop_on_signals()?;
    let about = About {
        name: "proxies",
        title: "Behind a proxy",
        place: 30,
    };
    let mut paper = Paper::new(&about, &options.destination)?;
    let place = Temporary::new().context("cannot make a directory for the files of proxies")?;
    let plan = Plan {
        rounds: options.rounds,
        seed: options.seed.unwrap_or_else(pushbench_sys::clock::now),
    };
    let visited =
        visit(plan, &place.0, &stop, &mut |next| output::say(next)).map_err(|why| anyhow!(why))?;
    for absent in &visited.absent {
        output::say(&format!(
            "absent: {}: {}; to install it: {}",
            absent.name, absent.reason, absent.install
        ));
    }
    for why in &visited.failed {
        output::say(&format!("left out: {why}"));
    }
    let found = Found {
        parts: parts(&visited),
        versions: visited.versions,
        absent: visited.absent,
        interrupted: visited.interrupted,
        unusable: !visited.failed.is_empty(),
    };
    paper.keep(&found)?;
    paper.conclude(&found)
}

/// A directory that is gone afterwards.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pushbench-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed is small and in a place for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
