//! What one contender costs per delivery (`memory`: bytes per connection), in lines of `SIDE NAME WHAT FIGURE`, and
//! where: a profile for `callgrind_annotate`.
//!
//! ```text
//! cargo run --release -p pushbench-anatomy --example contender -- server sse/reference 100 200 [profile]
//! ```
//!
//! The words are the side, the contender (or `all`), connections, messages, and the file that takes the profile. With
//! `set-up` in place of the numbers: what a connection costs that is opened, subscribed and closed.

use std::io;
use std::process::Command;

use pushbench_anatomy::contender::Contender;
use pushbench_anatomy::count::{self, Tool, per_delivery, sorted};
use pushbench_anatomy::trial::{Shape, Trial, visit};
use pushbench_anatomy::{memory, role};
use pushbench_model::anatomy::Side;
use pushbench_sys::process::raise_nofile;

const USAGE: &str = "arguments: server|client NAME|all CONNECTIONS MESSAGES [PROFILE], or NAME|all set-up [PROFILE]";

fn main() -> io::Result<()> {
    // A trial starts this program again as the process that it measures.
    if role::play()? {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, USAGE);
    let [side, name, words @ ..] = arguments.as_slice() else {
        return Err(usage());
    };
    let side = Side::ALL
        .into_iter()
        .find(|known| known.label() == side)
        .ok_or_else(usage)?;
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    let chosen = |contender: &&Contender| name == "all" || contender.name == name;
    let chosen: Vec<_> = Contender::present(side)
        .into_iter()
        .filter(chosen)
        .collect();
    match words {
        [word, profile @ ..] if word == "set-up" => set_up(&chosen, profile),
        [connections, messages, profile @ ..] => {
            let shape = Shape {
                connections: connections.parse().map_err(|_| usage())?,
                batch: 1,
            };
            deliver(
                &chosen,
                shape,
                messages.parse().map_err(|_| usage())?,
                profile,
            )
        }
        _ => Err(usage()),
    }
}

fn say(contender: &Contender, what: &str, figure: f64) {
    println!(
        "{} {} {what} {figure:.3}",
        contender.side.label(),
        contender.name
    );
}

/// A command under callgrind, which writes to `profile`.
fn profiled<'a>(profile: &'a str) -> impl Fn(&[String]) -> Command + 'a {
    move |program| {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind"]);
        command.arg(format!("--callgrind-out-file={profile}"));
        command.args(program);
        command
    }
}

fn set_up(contenders: &[&Contender], profile: &[String]) -> io::Result<()> {
    for contender in contenders {
        let found = count::setup(contender)?;
        let calls = found.system_calls();
        for (what, figure) in [
            ("instructions", found.instructions),
            ("allocations", found.allocations),
            ("calls", calls),
            ("steady", found.steady_calls()),
        ] {
            if let Some(figure) = figure {
                say(contender, what, figure);
            }
        }
        for (name, count) in found.calls.iter().flatten() {
            say(contender, &name.replace(' ', "-"), *count);
        }
        if let [profile] = profile {
            visit(contender, 200, profiled(profile))?;
        }
    }
    Ok(())
}

fn deliver(
    contenders: &[&Contender],
    shape: Shape,
    messages: u64,
    profile: &[String],
) -> io::Result<()> {
    for contender in contenders {
        let say = |what: &str, figure: f64| say(contender, what, figure);
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
        if let Some(bytes) = memory::per_connection(contender, shape.connections)? {
            say("memory", bytes);
        }
        if let [profile] = profile {
            let mut trial = Trial::start(contender, shape, profiled(profile))?;
            trial.deliver(messages)?;
            trial.finish()?;
        }
    }
    Ok(())
}
