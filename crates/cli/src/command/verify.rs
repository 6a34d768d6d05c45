//! `pushbench verify`

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, anyhow, bail};
use pushbench_harness::contract::{self, Finding, Subject, Verdict};
use pushbench_harness::servers;
use pushbench_model::profile::Profile;

use crate::exit::Exit;
use crate::inputs;
use crate::output::{self, hanging};

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    /// Servers: a transport, a stack or transport/stack, each with @TUNING for one tuning only [default: all]
    #[arg(value_name = "SERVER", conflicts_with = "url")]
    servers: Vec<String>,
    /// Where a server listens that runs already, such as http://127.0.0.1:4000; a path in it is where subscribers connect.
    /// It must keep few messages or none: they are counted first
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where its control endpoint is; a path in it is where messages are posted instead of /publish [default: the address
    /// of --url]
    #[arg(long, value_name = "URL", requires = "url")]
    control: Option<String>,
    /// Its transport: sse, websocket, long-poll, tcp, ndjson or short-poll [default: all that it has]
    #[arg(long, requires = "url", value_parser = contract::TRANSPORTS)]
    transport: Option<String>,
    /// It numbers no messages and cannot be asked for what follows one: rules about that are left out
    #[arg(long, requires = "url")]
    no_numbers: bool,
    /// File that lists servers
    #[arg(long = "servers", value_name = "FILE", conflicts_with = "url")]
    servers_file: Option<PathBuf>,
    /// Show only the rules that are broken
    #[arg(long)]
    failed_only: bool,
}

const HELP: &str = "\
Servers of the list are started for it, and also checked for how they start and end. Messages are posted: what runs at
--url must not be in use.

Exit codes:
  0    every rule that applies is kept
  1    a server could not be checked: it is absent, or nothing answers
  2    wrong arguments
  3    a rule is broken
  130  interrupted";

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = super::run::stop_on_signals()?;
    let broken = match &options.url {
        Some(url) => running(options, url, &stop)?,
        None => listed(options, &stop)?,
    };
    Ok(match broken {
        _ if stop.load(Ordering::Relaxed) => Exit::Interrupted,
        0 => Exit::Done,
        _ => Exit::Unusable,
    })
}

/// How many rules are broken by the server that runs there.
fn running(options: &Options, url: &str, stop: &AtomicBool) -> anyhow::Result<usize> {
    let transports = match &options.transport {
        Some(transport) => vec![transport.as_str()],
        None => contract::spoken_at(url).map_err(|reason| anyhow!(reason))?,
    };
    if transports.is_empty() {
        bail!(
            "{url} has none of /sse, /ws and /poll; name its --transport and give its path in --url"
        );
    }
    let mut broken = 0;
    for transport in transports {
        let subject = Subject {
            transport: transport.to_owned(),
            data: url.to_owned(),
            control: options.control.clone(),
            by_sequence: !options.no_numbers,
            // Nobody has said so; what it does with it is looked at all the same.
            says: false,
            answers: false,
        };
        let findings =
            contract::verify_running(&subject, stop).map_err(|reason| anyhow!(reason))?;
        broken += show(
            &format!("{transport} at {url}"),
            &findings,
            !options.failed_only,
        )?;
    }
    Ok(broken)
}

/// How many rules are broken by servers of the list.
fn listed(options: &Options, stop: &AtomicBool) -> anyhow::Result<usize> {
    let file = options.servers_file.as_deref();
    // Named or not, all profiles take part: this measures nothing.
    let chosen = inputs::choose_servers(&options.servers, None, file, Profile::Thorough)?;
    let checked = servers::check(chosen.servers);
    let pushbench = std::env::current_exe().context("cannot find the pushbench binary")?;
    let mut broken = 0;
    for server in &checked.available {
        if stop.load(Ordering::Relaxed) {
            return Ok(broken);
        }
        let findings =
            contract::verify_server(server, &pushbench, stop).map_err(|reason| anyhow!(reason))?;
        broken += show(&server.label.to_string(), &findings, !options.failed_only)?;
    }
    for absent in &checked.absent {
        let (server, reason, install) = (&absent.server, &absent.reason, &absent.install);
        output::say(&format!(
            "{server} is absent: {reason}; to install it: {install}"
        ));
    }
    if checked.available.is_empty() {
        bail!("none of the servers is there");
    }
    if !options.servers.is_empty() && !checked.absent.is_empty() && broken == 0 {
        bail!("not all of the servers named are there");
    }
    Ok(broken)
}

/// Prints the table of a server; how many rules it breaks.
fn show(name: &str, findings: &[Finding], all: bool) -> anyhow::Result<usize> {
    let mut text = format!("{name}\n");
    let (mut passed, mut failed, mut left) = (0, 0, 0);
    for Finding { rule, verdict } in findings {
        match verdict {
            Verdict::Passed => {
                passed += 1;
                if all {
                    text += &hanging("  passed  ", rule);
                }
            }
            Verdict::Failed { expected, came } => {
                failed += 1;
                text += &hanging("  FAILED  ", rule);
                text += &hanging("            expected  ", expected);
                text += &hanging("            came      ", came);
            }
            Verdict::NotApplicable { why } => {
                left += 1;
                if all {
                    text += &hanging("  -       ", &format!("{rule} ({why})"));
                }
            }
        }
    }
    text += &format!("  {passed} passed, {failed} failed, {left} not applicable\n\n");
    output::print(&text)?;
    Ok(failed)
}
