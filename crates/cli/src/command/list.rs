//! `pushbench list`

use std::path::PathBuf;

use pushbench_harness::servers;
use pushbench_model::profile::Profile;
use pushbench_transport::transport::TRANSPORTS;

use crate::exit::Exit;
use crate::inputs;

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
    println!("Transports");
    for transport in TRANSPORTS {
        println!("  {:12} {}", transport.name(), transport.about());
    }
    println!("\nProfiles");
    for profile in Profile::ALL {
        let repetitions = profile.repetitions();
        println!("  {profile:12} {repetitions} repetitions; leaves out {}", profile.leaves_out());
    }
    println!("\nScenarios");
    for scenario in inputs::all_scenarios(options.scenarios.as_deref())? {
        let profiles: Vec<_> = scenario.profiles.iter().map(|profile| profile.label()).collect();
        println!("  {:14} {} ({})", scenario.name, scenario.models, profiles.join(", "));
    }
    println!("\nServers");
    let checked = servers::check(inputs::all_servers(options.servers.as_deref())?);
    for server in &checked.available {
        println!("  {:22} {}", server.label, server.about);
    }
    for absent in &checked.absent {
        println!("  {:22} absent: {}; to install it: {}", absent.server, absent.reason, absent.install);
    }
    Ok(Exit::Done)
}
