//! What one contender costs per delivery (`memory`: bytes per connection), in lines of `SIDE NAME WHAT FIGURE`, and
//! where: a profile for `callgrind_annotate`.
//!
//! ```text
//! cargo run --release -p pushbench-anatomy --example contender -- server sse/reference 100 200 [profile]
//! ```
//!
//! The words are the side, the contender (or `all`), connections (`100x10` is ten messages at a time to 100), messages, or
//! as often as so many at a time, and the file that takes the profile. With
//! `set-up` in place of the numbers: what a connection costs that is opened, subscribed and closed. The side `drive` is the
//! loop of `pushbench load`, and its contenders are the transports.

mod drive;

use std::io;
use std::process::Command;

use pushbench_anatomy::contender::Contender;
use pushbench_anatomy::count::{self, Counts, Tool, per_delivery, per_delivery_of, sorted};
use pushbench_anatomy::trial::{Shape, Trial, visit};
use pushbench_anatomy::{memory, role};
use pushbench_model::anatomy::Side;
use pushbench_sys::process::raise_nofile;

const USAGE: &str = "arguments: server|client|drive NAME|all CONNECTIONS MESSAGES [PROFILE], or NAME|all set-up [PROFILE]";

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
    if side == drive::ROLE {
        return match words {
            [address, connections] if address.contains(':') => {
                let address = address.parse().map_err(|_| usage())?;
                drive::play(name, address, connections.parse().map_err(|_| usage())?)
            }
            [connections, messages, profile @ ..] => {
                let connections = connections.parse().map_err(|_| usage())?;
                let messages = messages.parse().map_err(|_| usage())?;
                let chosen = drive::NAMES
                    .into_iter()
                    .filter(|known| name == "all" || known == name);
                drive_all(chosen, connections, messages, profile)
            }
            _ => Err(usage()),
        };
    }
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
        [connections, messages, profile @ ..] => deliver(
            &chosen,
            shape(connections).ok_or_else(usage)?,
            messages.parse().map_err(|_| usage())?,
            profile,
        ),
        _ => Err(usage()),
    }
}

/// Connections, with the number of messages that are ready together behind an `x`: `100`, `100x10`.
fn shape(word: &str) -> Option<Shape> {
    let (connections, batch) = word.split_once('x').unwrap_or((word, "1"));
    Some(Shape {
        connections: connections.parse().ok()?,
        batch: batch.parse().ok().filter(|&batch| batch > 0)?,
    })
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
        count(&say, |tool| per_delivery(tool, contender, shape, messages))?;
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

fn drive_all(
    transports: impl Iterator<Item = &'static str>,
    connections: usize,
    messages: u64,
    profile: &[String],
) -> io::Result<()> {
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    let shape = Shape {
        connections,
        batch: 1,
    };
    for transport in transports {
        let say =
            |what: &str, figure: f64| println!("{} {transport} {what} {figure:.3}", drive::ROLE);
        count(&say, |tool| {
            let name = format!("{}-{transport}", drive::ROLE);
            // At its end it writes histograms, the longer the more times differ.
            per_delivery_of(tool, &name, shape, (messages, 2 * messages), |wrap| {
                drive::start(transport, shape, wrap)
            })
        })?;
        if let [profile] = profile {
            let mut trial = drive::start(transport, shape, profiled(profile))?;
            trial.deliver(messages)?;
            trial.finish()?;
        }
    }
    Ok(())
}

/// Says what each tool that is installed counts per delivery.
fn count(
    say: &dyn Fn(&str, f64),
    per_delivery: impl Fn(Tool) -> io::Result<Counts>,
) -> io::Result<()> {
    if Tool::Callgrind.is_installed() {
        for (what, figure) in per_delivery(Tool::Callgrind)? {
            say(&what, figure);
        }
    }
    if Tool::Strace.is_installed() {
        let calls = sorted(&per_delivery(Tool::Strace)?);
        say("writes", calls.writes);
        say("reads", calls.reads);
        say("waits", calls.waits);
        say("others", calls.others);
        say("failed", calls.failed);
    }
    Ok(())
}
