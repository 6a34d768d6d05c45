//! Instructions, allocations and system calls per delivery.
//!
//! The processor counts both the program and the kernel, where the machine lets it. Where it does not, valgrind counts
//! the program alone.
//!
//! Tools that count see the whole life of a process. Counting two lives that differ in nothing but the number of
//! messages, and dividing the difference, leaves the deliveries alone.

mod callgrind;
mod setup;

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Stdio};

use pushbench_model::anatomy::Calls;
use pushbench_sys::counters::{Counters, Unavailable};

use crate::contender::Contender;
use crate::trial::{Shape, Trial, plain};

pub use setup::{SetUp, setup};

/// How many messages the shorter life has: enough for buffers to have grown and code to have been used once.
const FEW: u64 = 8;

/// Something that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// User instructions and calls of the C library's allocator, by valgrind's callgrind. The kernel is not seen.
    Callgrind,
    /// System calls, by strace.
    Strace,
}

impl Tool {
    const fn program(self) -> &'static str {
        match self {
            Self::Callgrind => "valgrind",
            Self::Strace => "strace",
        }
    }

    /// Whether it is installed.
    #[must_use]
    pub fn is_installed(self) -> bool {
        Command::new(self.program())
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn wrap(self, output: &str, program: &[String]) -> Command {
        let mut command = Command::new(self.program());
        match self {
            Self::Callgrind => {
                command.args(["--quiet", "--tool=callgrind", "--error-exitcode=0"]);
                command.arg(format!("--callgrind-out-file={output}"));
            }
            Self::Strace => {
                command.args(["--follow-forks", "--quiet=all", "--summary-only"]);
                command.args(["--summary-columns=calls,errors,name", "--output", output]);
            }
        }
        command.args(program);
        command
    }

    fn read(self, output: &str) -> io::Result<Counts> {
        let text = std::fs::read_to_string(output)?;
        let counts = match self {
            Self::Callgrind => callgrind::read(&text),
            Self::Strace => Some(text.lines().filter_map(system_call).flatten().collect()),
        };
        counts.ok_or_else(|| io::Error::other(format!("{} wrote no counts", self.program())))
    }
}

/// What was counted, by name; calls that failed are counted once more under `NAME failed`.
pub type Counts = BTreeMap<String, f64>;

/// A line of strace's summary: calls, errors if any, name.
fn system_call(line: &str) -> Option<Vec<(String, f64)>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.parse::<f64>().ok();
    match words.as_slice() {
        [_, .., "total"] => None,
        [calls, name] => Some(vec![((*name).to_owned(), number(calls)?)]),
        [calls, errors, name] => Some(vec![
            ((*name).to_owned(), number(calls)?),
            (format!("{name} failed"), number(errors)?),
        ]),
        _ => None,
    }
}

/// Sorts what strace counted.
#[must_use]
pub fn sorted(counts: &Counts) -> Calls {
    let mut calls = Calls::default();
    for (name, count) in counts {
        let sum = match name.as_str() {
            "write" | "writev" | "sendto" | "sendmsg" => &mut calls.writes,
            "read" | "readv" | "recvfrom" | "recvmsg" => &mut calls.reads,
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => &mut calls.waits,
            failed if failed.ends_with(" failed") => &mut calls.failed,
            _ => &mut calls.others,
        };
        *sum += count;
    }
    calls
}

/// Instructions per delivery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instructions {
    /// In the program.
    pub user: f64,
    /// In the kernel on its behalf, where it may be observed.
    pub kernel: Option<f64>,
    /// Processor cycles of both, where both are observed.
    pub cycles: Option<f64>,
}

/// Instructions per delivery as the processor counts them, or why it does not.
///
/// # Errors
///
/// When the trial fails.
pub fn by_processor(
    contender: &Contender,
    shape: Shape,
    batches: u64,
) -> io::Result<Result<Instructions, Unavailable>> {
    let mut trial = Trial::start(contender, shape, plain)?;
    trial.deliver(FEW)?;
    let mut counters = match Counters::attach(trial.pid()) {
        Ok(counters) => counters,
        Err(unavailable) => return Ok(Err(unavailable)),
    };
    let before = counters.read()?;
    trial.deliver(batches)?;
    let after = counters.read()?;
    trial.finish()?;
    let deliveries = shape.deliveries(batches);
    let share = |after: u64, before: u64| (after - before) as f64 / deliveries;
    Ok(Ok(Instructions {
        user: share(after.user_instructions, before.user_instructions),
        kernel: after
            .kernel_instructions
            .zip(before.kernel_instructions)
            .map(|(after, before)| share(after, before)),
        cycles: after.kernel_cycles.zip(before.kernel_cycles).map(
            |(kernel_after, kernel_before)| {
                share(kernel_after, kernel_before) + share(after.user_cycles, before.user_cycles)
            },
        ),
    }))
}

/// Counts what `tool` counts, per delivery.
///
/// # Errors
///
/// When the tool or the trial fails.
pub fn per_delivery(
    tool: Tool,
    contender: &Contender,
    shape: Shape,
    batches: u64,
) -> io::Result<Counts> {
    let lives = (FEW, FEW + batches);
    per_delivery_of(tool, &file_name(contender), shape, lives, |wrap| {
        Trial::start(contender, shape, wrap)
    })
}

/// Puts a tool in front of a command.
pub type Wrap<'a> = dyn Fn(&[String]) -> Command + 'a;

/// The same of what `start` starts, which need not be a contender: two `lives` of so many batches. One that sums up at its end
/// what it has received needs a shorter life that is long enough for a sum like the other's. `name` is part of a file's.
///
/// # Errors
///
/// When the tool or the trial fails.
pub fn per_delivery_of(
    tool: Tool,
    name: &str,
    shape: Shape,
    lives: (u64, u64),
    start: impl Fn(&Wrap<'_>) -> io::Result<Trial>,
) -> io::Result<Counts> {
    let live = |batches| {
        life(tool, name, |wrap| {
            let mut trial = start(wrap)?;
            trial.deliver(batches)?;
            trial.finish()?;
            Ok(())
        })
    };
    let (few, many) = (live(lives.0)?, live(lives.1)?);
    Ok(share(&few, many, shape.deliveries(lives.1 - lives.0)))
}

/// What `many` has more than `few`, for each of `by` things.
fn share(few: &Counts, mut many: Counts, by: f64) -> Counts {
    for (name, count) in &mut many {
        *count = (*count - few.get(name).copied().unwrap_or(0.0)) / by;
    }
    many
}

/// A life of a measured process, begun by `live` with the command that it is given.
fn life(
    tool: Tool,
    name: &str,
    live: impl FnOnce(&Wrap<'_>) -> io::Result<()>,
) -> io::Result<Counts> {
    let name = format!("pushbench-{}-{name}-{}", std::process::id(), tool.program());
    let output = std::env::temp_dir().join(name);
    let output = output.to_string_lossy().into_owned();
    live(&|program| tool.wrap(&output, program))?;
    let counts = tool.read(&output);
    // Temporary: losing it costs nothing.
    let _ = std::fs::remove_file(&output);
    counts
}

fn file_name(contender: &Contender) -> String {
    format!(
        "{}-{}",
        contender.side.label(),
        contender.name.replace('/', "-")
    )
}
