//! `pushbench clients`: clients of others as subscribers of our servers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use pushbench_field::clients::endings::{self, Seen, Waits};
use pushbench_field::clients::insist::{self, Insisted};
use pushbench_field::clients::list::Handler;
use pushbench_field::clients::{Client, List, Observer, Turn, run as run_clients, tables};

use crate::exit::Exit;
use crate::output;
use crate::survey::{About, Destination, Found, Paper};

const ABOUT: About = About {
    name: "clients",
    title: "Clients of others as subscribers",
    place: 20,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Turns of every client; quartiles need four to say much
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Clients to watch, by name, or a transport [default: all]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    #[command(flatten)]
    destination: Destination,
    /// File that lists clients
    #[arg(
        long,
        value_name = "FILE",
        default_value = "benches/clients/clients.toml"
    )]
    clients: PathBuf,
    /// Seed of the order within rounds [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = super::run::stop_on_signals()?;
    let file = std::path::absolute(&options.clients)
        .with_context(|| format!("cannot resolve {}", options.clients.display()))?;
    let list = List::read(&file)?;
    let list = list
        .choose(&options.only)
        .map_err(|reason| anyhow!("{}: {reason}", file.display()))?;
    let mut found = Found::default();
    let present = present(&list, &mut found);
    if present.iter().all(Client::is_ours) {
        return Err(anyhow!("none of the clients chosen can be started here"));
    }
    let mut paper = Paper::new(&ABOUT, &options.destination)?;
    let seed = options.seed.unwrap_or_else(seed_of_the_clock);
    let mut watch = Watch {
        bar: bar(present.len() * options.rounds as usize),
        list: &list,
        clients: &present,
        found: &mut found,
        paper: &mut paper,
        kept: Ok(()),
    };
    let turns = run_clients(
        &present,
        &list.load,
        options.rounds,
        seed,
        &stop,
        &mut watch,
    );
    watch.bar.finish_and_clear();
    watch.kept?;
    found.parts = measured(&list, &present, &turns);
    found.unusable = !tables::faulty(&present, &turns).is_empty();
    let (ended, insisted) = watch_ends(&list, &present, &stop);
    found.parts.extend(tables::endings(&ended));
    found.parts.extend(tables::insisted(&insisted));
    found.interrupted = stop.load(Ordering::Relaxed);
    paper.conclude(&found)
}

fn seed_of_the_clock() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// Those that can be started; the others are told and kept in `found`, with the versions.
fn present(list: &List, found: &mut Found) -> Vec<Client> {
    let mut present = Vec::new();
    for client in &list.clients {
        match client.look() {
            Ok(versions) => {
                found.versions.extend(versions);
                present.push(client.clone());
            }
            Err(absent) => {
                output::say(&format!(
                    "absent: {}: {}; to install it: {}",
                    absent.name, absent.reason, absent.install
                ));
                found.absent.push(absent);
            }
        }
    }
    present
}

fn measured(list: &List, present: &[Client], turns: &[Turn]) -> Vec<pushbench_model::survey::Part> {
    let mut parts = vec![
        tables::arrivals(present, turns, &list.load),
        tables::costs(present, turns, &list.load),
    ];
    parts.extend(tables::reading(present, turns));
    parts
}

type Ended = Vec<(String, Vec<Result<Seen, String>>)>;
type Asked = Vec<(Handler, Result<Insisted, String>)>;

/// What clients do at the end of streams, and how often some ask after an error.
fn watch_ends(list: &List, present: &[Client], stop: &AtomicBool) -> (Ended, Asked) {
    let go = |_: &&Client| !stop.load(Ordering::Relaxed);
    let watched = present.iter().filter(|client| client.endings);
    let ended = watched.take_while(go).map(|client| {
        output::say(&format!("the end of streams: {}", client.name));
        (
            client.name.clone(),
            endings::watch(client, Waits::default(), stop),
        )
    });
    let ended = ended.collect();
    let mut asked = Vec::new();
    for handler in &list.handlers {
        let client = present
            .iter()
            .filter(go)
            .find(|client| client.name == handler.client);
        if let Some(client) = client {
            output::say(&format!(
                "after an error: {}: {}",
                client.name, handler.code
            ));
            let seen = insist::watch(client, handler, Waits::default(), stop);
            asked.push((handler.clone(), seen));
        }
    }
    (ended, asked)
}

fn bar(turns: usize) -> ProgressBar {
    let bar = ProgressBar::new(turns as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {eta} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// On standard error: a bar in a terminal, a line for each turn elsewhere. Keeps what was found after each turn.
struct Watch<'a> {
    bar: ProgressBar,
    list: &'a List,
    clients: &'a [Client],
    found: &'a mut Found,
    paper: &'a mut Paper,
    kept: anyhow::Result<()>,
}

impl Observer for Watch<'_> {
    fn started(&mut self, client: &Client, _: u32) {
        self.bar.set_message(client.label());
    }

    fn finished(&mut self, turns: &[Turn]) {
        self.bar.inc(1);
        let Some(turn) = turns.last() else { return };
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let what = match &turn.failure {
            Some(failure) => format!("failed: {failure}"),
            None => format!("{} of {} messages", turn.counts.delivered, turn.published),
        };
        let line = format!(
            "{done}/{all} {} over {}: {what}",
            turn.client, turn.transport
        );
        if self.bar.is_hidden() || turn.failure.is_some() {
            self.bar.suspend(|| output::say(&line));
        }
        self.found.parts = measured(self.list, self.clients, turns);
        // What cannot be kept now will not be kept at the end, and is told there.
        self.found.interrupted = true;
        if self.kept.is_ok() {
            self.kept = self.paper.keep(self.found);
        }
    }
}
