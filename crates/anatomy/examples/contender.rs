//! What one half of a stack costs per delivery, in lines of `HALF STACK WHAT FIGURE`, and where: a profile for
//! `callgrind_annotate`.
//!
//! ```text
//! cargo run --release -p pushbench-anatomy --example contender -- server sse 100 200 [profile]
//! ```
//!
//! The words are the half, the stack (or `all`), connections, messages, and the file that takes the profile.

use std::io;
use std::process::Command;

use pushbench_anatomy::contender::{self, Contender, Half};
use pushbench_anatomy::count::{Calls, Tool, per_delivery};
use pushbench_anatomy::trial::Trial;
use pushbench_sys::process::raise_nofile;

const USAGE: &str = "arguments: server|receiver NAME|all CONNECTIONS MESSAGES [PROFILE]";

fn main() -> io::Result<()> {
    // A trial starts this program again as the process that it measures.
    if contender::play()? {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, USAGE);
    let [half, name, connections, messages, profile @ ..] = arguments.as_slice() else {
        return Err(usage());
    };
    let half = Half::ALL
        .into_iter()
        .find(|known| known.label() == half)
        .ok_or_else(usage)?;
    let connections = connections.parse().map_err(|_| usage())?;
    let messages = messages.parse().map_err(|_| usage())?;
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    let chosen = |contender: &Contender| name == "all" || contender.name() == name;
    for contender in Contender::all(half).into_iter().filter(chosen) {
        let say = |what: &str, figure: f64| {
            println!("{} {} {what} {figure:.3}", half.label(), contender.name());
        };
        if Tool::Callgrind.is_installed() {
            let counts = per_delivery(Tool::Callgrind, contender, half, connections, messages)?;
            for (what, figure) in &counts {
                say(what, *figure);
            }
        }
        if Tool::Strace.is_installed() {
            let counts = per_delivery(Tool::Strace, contender, half, connections, messages)?;
            let calls = Calls::of(&counts);
            say("writes", calls.writes);
            say("reads", calls.reads);
            say("waits", calls.waits);
            say("others", calls.others);
            say("failed", calls.failed);
        }
        if let [profile] = profile {
            let mut trial = Trial::start(contender, half, connections, |program| {
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
