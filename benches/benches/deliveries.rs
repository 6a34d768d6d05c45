//! What a delivery costs as a multiple of the floor: CPU time, instructions and system calls of every server, with one
//! receiver for all of them, and of every load generator, with one sender.

use std::io;

use pushbench_anatomy::contender::{self, Contender, Half};
use pushbench_anatomy::count::{self, Calls, Instructions, Tool};
use pushbench_anatomy::cpu::{self, Cost};
use pushbench_benches::is_smoke_test;
use pushbench_sys::process::raise_nofile;

/// How much to measure.
struct Effort {
    subscribers: &'static [usize],
    /// Turns of CPU time.
    turns: usize,
    /// Deliveries in a slice of CPU time, and in a count.
    deliveries: u64,
}

const MEASURED: Effort = Effort {
    subscribers: &[1, 100, 1000],
    turns: 15,
    deliveries: 10_000,
};

const SMOKE: Effort = Effort {
    subscribers: &[3],
    turns: 2,
    deliveries: 12,
};

/// More round trips than this add nothing.
const MOST_MESSAGES: u64 = 500;

/// How instructions are counted on this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    Processor,
    Callgrind,
    Not,
}

fn main() -> io::Result<()> {
    // A trial starts this program again as the process that it measures.
    if contender::play()? {
        return Ok(());
    }
    let smoke = is_smoke_test();
    let effort = if smoke { SMOKE } else { MEASURED };
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    // Tools start every process twice more, which is too slow for a look at whether it works.
    let counting = if smoke { Counting::Not } else { counting()? };
    let strace = !smoke && Tool::Strace.is_installed();
    if !strace && !smoke {
        println!("System calls are not counted: strace is not installed.");
    }
    // Of the most subscribers, as multiples of the floor: server, receiver.
    let mut summary: Vec<(&str, [Option<f64>; 2])> = Vec::new();
    for (column, half) in Half::ALL.into_iter().enumerate() {
        for &subscribers in effort.subscribers {
            heading(half, subscribers);
            let costs = table(half, subscribers, &effort, counting, strace)?;
            for (contender, cost) in Contender::all(half).iter().zip(costs) {
                let name = contender.name();
                let at = summary.iter().position(|(known, _)| *known == name);
                let at = at.unwrap_or_else(|| {
                    summary.push((name, [None; 2]));
                    summary.len() - 1
                });
                summary[at].1[column] = Some(cost.multiple[1]);
            }
        }
    }
    println!(
        "\nCost of one delivery as a multiple of the raw TCP floor: CPU time, most subscribers\n{:<10} {:>8} {:>8}",
        "", "server", "receiver"
    );
    for (name, [server, receiver]) in summary {
        println!(
            "{name:<10} {:>8} {:>8}",
            shown(server, 2),
            shown(receiver, 2)
        );
    }
    println!(
        "\nCPU: user and kernel; times the floor: median of {} turns [quartiles]. One subscriber pays for the publishing \
         alone, which in our servers is a thread of its own.",
        effort.turns
    );
    Ok(())
}

fn counting() -> io::Result<Counting> {
    let Err(reason) = count::by_processor(Contender::Floor, Half::Server, 1, 1)? else {
        println!("Instructions: of program and kernel, counted by the processor.");
        return Ok(Counting::Processor);
    };
    println!("The processor does not count here: {reason}");
    Ok(if Tool::Callgrind.is_installed() {
        println!(
            "Instructions: of the program alone, counted by valgrind. The kernel is in the CPU time."
        );
        Counting::Callgrind
    } else {
        println!(
            "Instructions are not counted: valgrind is not installed. CPU time is all there is."
        );
        Counting::Not
    })
}

fn heading(half: Half, subscribers: usize) {
    let plural = if subscribers == 1 { "" } else { "s" };
    println!(
        "\n{}, {subscribers} subscriber{plural}, per delivery",
        half.label()
    );
    println!(
        "{:<10} {:>8} {:>6} {:<13} {:>6} {:>7} {:>6} {:>7} {:>6} {:>6} {:>6} {:>7}",
        "",
        "CPU ns",
        "times",
        "[quartiles]",
        "user",
        "kernel",
        "times",
        "writes",
        "reads",
        "waits",
        "other",
        "failed"
    );
}

fn table(
    half: Half,
    subscribers: usize,
    effort: &Effort,
    counting: Counting,
    strace: bool,
) -> io::Result<Vec<Cost>> {
    let contenders = Contender::all(half);
    let messages = (effort.deliveries / subscribers as u64).clamp(1, MOST_MESSAGES);
    let costs = cpu::per_delivery(&contenders, half, subscribers, effort.turns, messages)?;
    let mut floor = None;
    for (&contender, cost) in contenders.iter().zip(&costs) {
        let instructions = match counting {
            Counting::Processor => {
                let counted = count::by_processor(contender, half, subscribers, messages)?;
                Some(counted.map_err(io::Error::other)?)
            }
            Counting::Callgrind => {
                let tool = Tool::Callgrind;
                let counts = count::per_delivery(tool, contender, half, subscribers, messages)?;
                counts
                    .get("instructions")
                    .map(|&user| Instructions { user, kernel: None })
            }
            Counting::Not => None,
        };
        let calls = if strace {
            let counts = count::per_delivery(Tool::Strace, contender, half, subscribers, messages)?;
            Some(Calls::of(&counts))
        } else {
            None
        };
        let floor = *floor.get_or_insert(instructions);
        println!("{}", row(contender, *cost, instructions, floor, calls));
    }
    Ok(costs)
}

fn row(
    contender: Contender,
    cost: Cost,
    instructions: Option<Instructions>,
    floor: Option<Instructions>,
    calls: Option<Calls>,
) -> String {
    let [low, median, high] = cost.multiple;
    let quartiles = format!("[{low:.2} {high:.2}]");
    let mut row = format!(
        "{:<10} {:>8.0} {median:>6.2} {quartiles:<13}",
        contender.name(),
        cost.ns
    );
    let total = |counted: Instructions| counted.kernel.map(|kernel| counted.user + kernel);
    // Without the kernel a quotient would say nothing about a delivery.
    let times = instructions.and_then(total).zip(floor.and_then(total));
    row += &format!(
        " {:>6} {:>7} {:>6}",
        shown(instructions.map(|counted| counted.user), 0),
        shown(instructions.and_then(|counted| counted.kernel), 0),
        shown(times.map(|(own, floor)| own / floor), 2),
    );
    row += &format!(
        " {:>7} {:>6} {:>6} {:>6} {:>7}",
        shown(calls.map(|calls| calls.writes), 2),
        shown(calls.map(|calls| calls.reads), 2),
        shown(calls.map(|calls| calls.waits), 2),
        shown(calls.map(|calls| calls.others), 2),
        shown(calls.map(|calls| calls.failed), 2),
    );
    row
}

/// A figure, or a dash. Differences of two counts may come out a hair below zero.
fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| format!("{:.digits$}", value.max(0.0)),
    )
}
