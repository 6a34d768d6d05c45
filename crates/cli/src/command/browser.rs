//! `pushbench browser`: Chromium in front of our servers.

use pushbench_field::browser::{NoVisit, Observer, Plan, Visited, visit};

use crate::exit::Exit;
use crate::output;
use crate::survey::{About, Destination, Found, Paper};

const ABOUT: About = About {
    name: "browser",
    title: "In a browser",
    place: 25,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Turns of every way in which a page subscribes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seed of the order of turns [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    destination: Destination,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    // Before a record is made for nothing.
    if let Err(absent) = pushbench_field::browser::chromium::find() {
        output::say(&format!(
            "absent: {}: {}; to install it: {}",
            absent.name, absent.reason, absent.install
        ));
        return Ok(Exit::Unusable);
    }
    let stop = super::run::stop_on_signals()?;
    let plan = Plan {
        rounds: options.rounds,
        seed: options.seed.unwrap_or_else(pushbench_sys::clock::now),
    };
    let mut watch = Watch {
        paper: Paper::new(&ABOUT, &options.destination)?,
        kept: Ok(()),
    };
    let visited = visit(plan, &stop, &mut watch).map_err(|none| match none {
        NoVisit::Absent(absent) => anyhow::anyhow!("{}; {}", absent.reason, absent.install),
        NoVisit::Failed(error) => error.into(),
    })?;
    watch.kept?;
    for absent in &visited.absent {
        output::say(&format!(
            "absent: {}: {}; to install it: {}",
            absent.name, absent.reason, absent.install
        ));
    }
    for why in &visited.failed {
        output::say(&format!("failed: {why}"));
    }
    watch.paper.conclude(&found(&visited))
}

fn found(visited: &Visited) -> Found {
    let version = ("chromium".to_owned(), visited.version.clone());
    Found {
        parts: visited.parts(),
        versions: [version].into(),
        absent: visited.absent.clone(),
        interrupted: visited.interrupted,
        unusable: visited.is_faulty(),
    }
}

/// A line for each thing that begins, on standard error. Keeps what was found after each.
struct Watch {
    paper: Paper,
    kept: anyhow::Result<()>,
}

impl Observer for Watch {
    fn next(&mut self, what: &str) {
        output::say(what);
    }

    fn seen(&mut self, visited: &Visited) {
        // Should nothing follow, it was interrupted.
        let found = Found {
            interrupted: true,
            ..found(visited)
        };
        // What cannot be kept now will not be kept at the end, and is told there.
        if self.kept.is_ok() {
            self.kept = self.paper.keep(&found);
        }
    }
}
