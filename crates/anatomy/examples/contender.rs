//! What one contender costs per delivery (`memory`: bytes per connection), in lines of `SIDE NAME WHAT FIGURE`, and
//! where: a profile for `callgrind_annotate`.
//!
//! ```text
//! cargo run --release -p pushbench-anatomy --example contender -- server sse/reference 100 200 [profile]
//! ```
//!
//! The words are the side, the contender (or `all`), connections, messages, and the file that takes the profile.

use std::io;
use std::process::Command;

use pushbench_anatomy::contender::Contender;
use pushbench_anatomy::count::{Tool, per_delivery, sorted};
use pushbench_anatomy::trial::{Shape, Trial};
use pushbench_anatomy::{memory, role};
use pushbench_model::anatomy::Side;
use pushbench_sys::process::raise_nofile;

const USAGE: &str = "arguments: server|client NAME|all CONNECTIONS MESSAGES [PROFILE]";

fn main() -> io::Result<()> {
    // A trial starts this program again as the process that it measures.
    if role::play()? {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, USAGE);
    let [side, name, connections, messages, profile @ ..] = arguments.as_slice() else {
        return Err(usage());
    };
    let side = Side::ALL
        .into_iter()
        .find(|known| known.label() == side)
        .ok_or_else(usage)?;
    let connections = connections.parse().map_err(|_| usage())?;
    let messages = messages.parse().map_err(|_| usage())?;
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    let shape = Shape {
        connections,
        batch: 1,
    };
    let chosen = |contender: &&Contender| name == "all" || contender.name == name;
    for contender in Contender::present(side).into_iter().filter(chosen) {
        let say = |what: &str, figure: f64| {
            println!("{} {} {what} {figure:.3}", side.label(), contender.name);
        };
        if Tool::Callgrind.is_installed() {
            let counts = per_delivery(Tool::Callgrind, contender, shape, messages)?;
            for (what, figure) in &counts {
                say(what, *figure);
            }
        }
        if Tool::Strace.is_installed() {
            let counts = per_delivery(Tool::Strace, contender, shape, messages)?;
            let calls = sorted(&counts);
            say("writes", calls.writes);
            say("reads", calls.reads);
            say("waits", calls.waits);
            say("others", calls.others);
            say("failed", calls.failed);
        }
        if let Some(bytes) = memory::per_connection(contender, connections)? {
            say("memory", bytes);
        }
        if let [profile] = profile {
            let mut trial = Trial::start(contender, shape, |program| {
                let mut command = Command::new("valgrind");
                command.args(["--quiet", "--tool=callgrind"]);
                command.arg(format!("--callgrind-out-file={profile}"));
                command.args(program);
                command
            })?;
            trial.deliver(messages)?;
            trial.finish()?;
        }
    }
    Ok(())
}
