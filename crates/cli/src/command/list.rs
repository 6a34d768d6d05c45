//! `pushbench list`

use std::path::PathBuf;

use pushbench_harness::{Server, servers};
use pushbench_model::profile::Profile;
use pushbench_model::tuning::Tuning;
use pushbench_transport::transport::TRANSPORTS;

use crate::exit::Exit;
use crate::inputs;
use crate::output::{self, hanging};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Directory of scenario files
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// File that lists servers
    #[arg(long, value_name = "FILE")]
    servers: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let mut text = String::from("Transports\n");
    for transport in TRANSPORTS {
        text += &hanging(&format!("  {:13} ", transport.name()), transport.about());
    }
    text += "\nProfiles\n";
    for profile in Profile::ALL {
        let about = format!(
            "{} repetitions; leaves out {}",
            profile.repetitions(),
            profile.leaves_out()
        );
        text += &hanging(&format!("  {profile:13} "), &about);
    }
    text += "\nTunings\n";
    for tuning in Tuning::ALL {
        text += &hanging(&format!("  {tuning:13} "), tuning.about());
    }
    text += "\nScenarios\n";
    let scenarios = inputs::all_scenarios(options.scenarios.as_deref())?;
    let width = widest(scenarios.iter().map(|scenario| scenario.name.len()));
    for scenario in &scenarios {
        let profiles: Vec<_> = scenario
            .profiles
            .iter()
            .map(|profile| profile.label())
            .collect();
        let when = match profiles.as_slice() {
            [] => "by name".to_owned(),
            some => some.join(", "),
        };
        let about = format!("{} ({when})", scenario.models);
        text += &hanging(&format!("  {:width$} ", scenario.name), &about);
    }
    text += "\nServers\n";
    let checked = servers::check(inputs::all_servers(options.servers.as_deref())?);
    let available = checked
        .available
        .iter()
        .map(|server| (&server.label, about(server)));
    let absent = checked.absent.iter().map(|absent| {
        let (reason, install) = (&absent.reason, &absent.install);
        (
            &absent.server,
            format!("absent: {reason}; to install it: {install}"),
        )
    });
    let labels: Vec<_> = available.chain(absent).collect();
    let width = widest(labels.iter().map(|(label, _)| label.name().len()));
    // A server is told once, with all its tunings, which follow each other.
    for tunings in labels.chunk_by(|(a, _), (b, _)| a.name() == b.name()) {
        let (label, about) = &tunings[0];
        let names: Vec<_> = tunings
            .iter()
            .map(|(label, _)| label.tuning.label())
            .collect();
        let about = format!("{about} ({})", names.join(", "));
        text += &hanging(&format!("  {:width$} ", label.name()), &about);
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

/// What it is, and which scenarios and profiles are without it.
fn about(server: &Server) -> String {
    let mut about = server.about.trim_end().to_owned();
    if server.profile > Profile::Quick {
        about += &format!(" Part of profiles from {} on.", server.profile);
    }
    if let Some(most) = server.max_connections {
        about += &format!(" Holds at most {most} connections.");
    }
    if !server.scenarios.is_empty() {
        about += &format!(" For {} only.", server.scenarios.join(", "));
    }
    about
}

fn widest(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.max().unwrap_or(0).max(12) + 1
}
