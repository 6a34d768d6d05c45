//! `pushbench peers`: programs of others and our own, in turns.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use pushbench_harness::peers::{Field, PeerList, PeersConfig, PeersObserver, run as run_peers};
use pushbench_harness::{
    CoreSplit, Deadlines, ProcessRunner, RecordWriter, RunConfig, Server, environment,
};
use pushbench_model::peers::{Peer, Peers, Turn};
use pushbench_model::profile::Profile;
use pushbench_model::record::Record;
use pushbench_report::peers;
use pushbench_report::table::Table;

use crate::exit::Exit;
use crate::{inputs, output, table};

/// Where a checkout keeps its list of peers.
const PEERS_FILE: &str = "benches/peers/peers.toml";
/// Beside it: servers that only this comparison measures.
const SERVERS_FILE: &str = "servers.toml";
/// The table must fit a plain terminal.
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Turns of every peer; an interval needs two
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Peers to compare with, by name, or a transport [default: all]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Directory in which a new record is created
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports",
        conflicts_with = "into"
    )]
    out: PathBuf,
    /// Record to put the comparison into, in the place of the one it may hold; its report is drawn again
    #[arg(long, value_name = "RECORD")]
    into: Option<PathBuf>,
    /// File that lists peers; `servers.toml` beside it may list further servers
    #[arg(long, value_name = "FILE", default_value = PEERS_FILE)]
    peers: PathBuf,
    /// Seed of the order within rounds and of the payloads [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = super::run::stop_on_signals()?;
    let file = std::path::absolute(&options.peers)
        .with_context(|| format!("cannot resolve {}", options.peers.display()))?;
    let list = PeerList::read(&file)
        .context("comparing with peers needs a checkout of Pushbench, or --peers FILE")?;
    let servers = all_servers(&file)?;
    let field = Field::choose(&list, &servers, &options.only)
        .map_err(|reason| anyhow!("{}: {reason}", file.display()))?;
    for absent in &field.absent {
        output::say(&format!(
            "absent: {}: {}; to install it: {}",
            absent.id, absent.reason, absent.install
        ));
    }
    let header = super::run::run_config(super::run::Chosen {
        profile: Profile::Quick,
        repetitions: options.rounds,
        seed: options.seed,
        out: &options.out,
        scenarios: Vec::new(),
        servers: inputs::ChosenServers::default(),
        slices: false,
    });
    let runner = ProcessRunner {
        pushbench: std::env::current_exe().context("cannot find the path of this program")?,
        cores: CoreSplit::of_this_machine(),
        deadlines: Deadlines::default(),
        counters: false,
        links: None,
        stop: &stop,
    };
    let config = PeersConfig {
        field,
        receiver_load: list.receiver_load,
        server_load: list.server_load,
        rounds: options.rounds,
        seed: header.seed,
        command: header.command.clone(),
        build: super::run::build(),
        machine: environment::short_name(&header.environment),
    };
    if config.field.contestants.is_empty() {
        return Err(anyhow!("none of the peers chosen can be started here"));
    }
    let writer = writer(options, &header)?;
    let turns = config.field.contestants.len() * options.rounds as usize;
    let mut bar = Bar::new(turns);
    let found = run_peers(&config, &runner, &writer, &mut bar);
    bar.0.finish_and_clear();
    conclude(&found?, writer.directory())
}

fn writer(options: &Options, header: &RunConfig) -> anyhow::Result<RecordWriter> {
    if let Some(record) = &options.into {
        // What is no record of this version must not be written into.
        Record::read(record)?;
        return Ok(RecordWriter::open(record)?);
    }
    Ok(header.empty_record()?)
}

fn all_servers(list: &Path) -> anyhow::Result<Vec<Server>> {
    let mut servers = inputs::all_servers(None)?;
    let beside = list.with_file_name(SERVERS_FILE);
    if beside.is_file() {
        servers.extend(Server::read(&beside)?);
    }
    Ok(servers)
}

fn conclude(found: &Peers, directory: &Path) -> anyhow::Result<Exit> {
    let record = Record::read(directory)?;
    output::print(&in_words(found, output::width().min(WIDTH)))?;
    let page = super::report::write(&record, directory)?;
    output::print(&format!(
        "record: {}\nreport: {}\n",
        directory.display(),
        page.display()
    ))?;
    Ok(if found.interrupted {
        Exit::Interrupted
    } else if found.turns.iter().any(|turn| turn.unusable.is_some()) {
        Exit::Unusable
    } else {
        Exit::Done
    })
}

/// The tables, and what they say and do not say. Versions have no room beside the figures, and stand under them.
pub(crate) fn in_words(found: &Peers, width: usize) -> String {
    let mut text = String::new();
    for section in peers::sections(found) {
        text += &format!("\n{}\n", section.title);
        let (figures, versions) = without_last_column(&section.table);
        text += &table::draw(&figures, width);
        text += "\n";
        for line in section.about.iter().chain(&section.table.notes) {
            text += &wrapped("note: ", line, width);
        }
        for (name, version) in versions {
            text += &wrapped(&format!("{name}: "), &version, width);
        }
        if let Some(goals) = &section.goals {
            text += &format!("\n{}\n", peers::GOALS);
            text += &table::draw(&goals.table, width);
            text += "\n";
            text += &wrapped("goals: ", &goals.tally, width);
            for line in &goals.table.notes {
                text += &wrapped("note: ", line, width);
            }
        }
    }
    text += &wrapped("made: ", &peers::made_with(found), width);
    text
}

fn without_last_column(table: &Table) -> (Table, Vec<(String, String)>) {
    let mut figures = table.clone();
    figures.notes.clear();
    figures.columns.pop();
    let last = figures.rows.iter_mut().filter_map(|row| {
        let cell = row.cells.pop()?;
        (!cell.text.is_empty()).then(|| (row.name.clone(), cell.text))
    });
    let last = last.collect();
    (figures, last)
}

fn wrapped(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    let lines = output::wrap(text, width.saturating_sub(indent).max(20));
    format!("{head}{}\n", lines.join(&format!("\n{:indent$}", "")))
}

/// On standard error: a bar in a terminal, a line for each turn elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new(turns: usize) -> Self {
        let bar = ProgressBar::new(turns as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {eta} left  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }
}

impl PeersObserver for Bar {
    fn started(&mut self, peer: &Peer, _: usize, _: usize) {
        self.0.set_message(peer.id.to_string());
    }

    fn finished(&mut self, turn: &Turn) {
        self.0.inc(1);
        let done = self.0.position();
        if let Some(reason) = &turn.unusable {
            let line = format!("not used: {} in round {}: {reason}", turn.id, turn.round);
            self.0.suspend(|| output::say(&line));
        } else if self.0.is_hidden() {
            let all = self.0.length().unwrap_or_default();
            let cost = turn.cpu_ns_per_delivery().unwrap_or_default();
            output::say(&format!("{done}/{all} {}: {cost:.0} ns", turn.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_told_in_a_terminal_as_in_the_report() {
        let turn = |round: u32, name: &str, cpu_ns: u64| {
            serde_json::json!({
                "round": round, "part": "receiver", "transport": "websocket", "name": name,
                "deliveries": 100, "lost": 0, "cpu_ns": cpu_ns, "unusable": null,
            })
        };
        let peer = |name: &str| {
            serde_json::json!({
                "part": "receiver", "transport": "websocket", "name": name, "ours": name == "pushbench",
                "about": "", "versions": {},
            })
        };
        let load = serde_json::json!({
            "connections": 1, "rate": 1.0, "payload_bytes": 1, "warm_up_s": 1.0, "measure_s": 1.0,
        });
        let found = serde_json::from_value(serde_json::json!({
            "schema": 2, "started": "", "wall_s": 1.0, "command": [], "seed": 1, "rounds": 2, "interrupted": false,
            "pushbench_version": "0", "commit": null, "build": "release", "machine": "x", "server_cores": [0],
            "load_cores": [1], "receiver_load": load, "server_load": load, "absent": [],
            "peers": [peer("pushbench"), peer("raw-epoll"), peer("node-ws")],
            "turns": [
                turn(1, "pushbench", 100), turn(1, "raw-epoll", 80), turn(1, "node-ws", 240),
                turn(2, "pushbench", 100), turn(2, "raw-epoll", 80), turn(2, "node-ws", 240),
            ],
        }));
        let found: Peers = found.unwrap();
        for width in [80, 100, 200] {
            let text = in_words(&found, width);
            for word in [peers::GOALS, "missed", "3.5×", "2.400×", "3.000×"] {
                assert!(text.contains(word), "{word}: {text}");
            }
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("1 missed; missed: websocket node-ws (at least 3.5×)"));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest.unwrap() <= width, "{text}");
        }
    }
}
