//! A budget: what a delivery may cost in instructions and allocations of the program and in system calls, and a
//! connection in memory, and in instructions and system calls to be opened and closed. It guards the hot paths of servers
//! and load generators against growing unnoticed, in any continuous integration that has valgrind: unlike times, these
//! figures repeat within a few percent on any machine.
//!
//! The bounds are the figures of the day they were written plus about 15 %, for other compilers and C libraries; what is
//! inlined where can move a figure by half of that from build to build. Where work was spent on a figure, what was gained
//! is held more tightly, with about 5 %: what the stack `reference` pushes, `long-poll` of the drive; `long-poll/bare` with 12 % beyond what
//! it takes on a busy machine (153 were counted beside a build, 145 alone). They are for the release profile: the program
//! that is counted is built in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use pushbench_anatomy::count::Tool;
use pushbench_sys::process::cargo;

/// What a contender may cost, one message at a time.
struct Row {
    side: &'static str,
    name: &'static str,
    /// Instructions per delivery.
    instructions: f64,
    /// Allocations per delivery.
    allocations: f64,
    /// Bytes per connection, where they are bounded.
    memory: Option<f64>,
    /// Subscribers. What is paid once per message is shared by them.
    subscribers: &'static str,
    /// Messages that are counted.
    messages: &'static str,
}

/// Allocations per delivery where there are none but stray ones, some of which belong to starting: short messages share
/// what is allocated for them.
const NONE: f64 = 0.03;

/// Goals for memory, bytes: of a server of ours that is bare, of our load generator.
const BARE: Option<f64> = Some(1.5 * 1024.0);
const OWN: Option<f64> = Some(1024.0);

#[rustfmt::skip]
const ROWS: [Row; 29] = [
    row("server", "floor", 38.0, NONE, None),
    row("server", "tcp/bare", 72.0, NONE, BARE),
    row("server", "sse/bare", 84.0, NONE, BARE),
    row("server", "websocket/bare", 76.0, NONE, BARE),
    row("server", "long-poll/bare", 172.0, NONE, BARE),
    Row { subscribers: "1000", ..row("server", "long-poll/bare", BARE_GOAL, NONE, BARE) },
    row("server", "tcp/reference", 980.0, NONE, None),
    row("server", "sse/reference", 2_050.0, NONE, None),
    row("server", "sse/reference@defaults", 10_850.0, 8.1, None),
    row("server", "sse/axum", 9_600.0, 6.9, None),
    row("server", "websocket/reference", 1_110.0, NONE, Some(8_000.0)),
    slow("server", "websocket/reference@defaults", 257_500.0, 1.2),
    slow("server", "websocket/axum", 258_000.0, 1.2),
    row("server", "long-poll/reference", 12_200.0, 4.65, None),
    row("server", "long-poll/reference@defaults", 13_550.0, 8.1, None),
    row("client", "floor", 371.0, NONE, None),
    row("client", "tcp/pushbench", 560.0, NONE, OWN),
    row("client", "sse/pushbench", 929.0, NONE, OWN),
    row("client", "websocket/pushbench", 780.0, NONE, OWN),
    row("client", "sse/hyper", 5_235.0, NONE, None),
    row("client", "sse/reqwest-eventsource", 16_500.0, 10.2, None),
    row("client", "websocket/tungstenite-4k", 6_330.0, NONE, None),
    row("client", "long-poll/pushbench", 1_130.0, NONE, OWN),
    row("client", "long-poll/hyper", 22_750.0, 11.2, None),
    row("client", "long-poll/reqwest", 76_600.0, 53.0, None),
    drive("tcp", 705.0, NONE),
    drive("sse", 985.0, NONE),
    drive("websocket", 925.0, NONE),
    drive("long-poll", 1_225.0, NONE),
];

const fn row(
    side: &'static str,
    name: &'static str,
    instructions: f64,
    allocations: f64,
    memory: Option<f64>,
) -> Row {
    Row {
        side,
        name,
        instructions,
        allocations,
        memory,
        subscribers: "100",
        messages: "60",
    }
}

/// A library that fills 128 KiB with zeros at every read, which takes valgrind long: fewer messages.
const fn slow(side: &'static str, name: &'static str, instructions: f64, allocations: f64) -> Row {
    Row {
        messages: "10",
        ..row(side, name, instructions, allocations, None)
    }
}

/// The loop of `pushbench load`, which has more to write at its end the more it has received: many messages.
const fn drive(name: &'static str, instructions: f64, allocations: f64) -> Row {
    Row {
        messages: "300",
        ..row("drive", name, instructions, allocations, None)
    }
}

/// What a connection may cost that is opened, subscribed and closed.
struct SetUp {
    side: &'static str,
    name: &'static str,
    /// Instructions.
    instructions: f64,
    /// System calls without those whose number depends on when the other side answers.
    calls: f64,
}

/// Where a WebSocket key is hashed, valgrind counts 2,800 instructions that a processor with instructions of its own for
/// that does not execute. On a busy machine every connection of a load generator waits once more for its answer, which is
/// 230 instructions.
#[rustfmt::skip]
const SET_UPS: [SetUp; 10] = [
    set_up("server", "floor", 640.0, 5.0),
    set_up("server", "tcp/bare", 1_870.0, 7.0),
    set_up("server", "sse/bare", 2_110.0, 7.0),
    set_up("server", "websocket/bare", 6_150.0, 7.0),
    set_up("server", "long-poll/bare", 2_540.0, 7.0),
    set_up("client", "floor", 630.0, 8.0),
    set_up("client", "tcp/pushbench", 1_600.0, 9.0),
    set_up("client", "sse/pushbench", 4_760.0, 9.0),
    set_up("client", "websocket/pushbench", 11_380.0, 9.0),
    set_up("client", "long-poll/pushbench", 3_980.0, 10.0),
];

/// What the tool's slowness tears apart, and what starting a process has in common with none of its connections.
const STRAY_CALLS: f64 = 0.3;

const fn set_up(side: &'static str, name: &'static str, instructions: f64, calls: f64) -> SetUp {
    SetUp {
        side,
        name,
        instructions,
        calls: calls + STRAY_CALLS,
    }
}

/// Goals, instructions per delivery at 1000 subscribers: of bare servers, of our load generator and of the loop of `pushbench load`.
const BARE_GOAL: f64 = 150.0;
const OWN_GOAL: f64 = 1000.0;

/// Writes per delivery of a server and reads per delivery of a load generator: one each. The rest is the publishing,
/// and what the tool's slowness tears apart.
const CALLS: f64 = 1.05;

impl Row {
    /// What is bounded, and by what.
    fn bounds(&self) -> [(&'static str, Option<f64>); 4] {
        let call = if self.side == "server" {
            "writes"
        } else {
            "reads"
        };
        [
            ("instructions", Some(self.instructions)),
            ("allocations", Some(self.allocations)),
            (call, Some(CALLS)),
            ("memory", self.memory),
        ]
    }

    /// The goal for its instructions, if it has one.
    fn goal(&self) -> Option<f64> {
        if self.side == "drive" && self.name != "long-poll" {
            return Some(OWN_GOAL);
        }
        match self.name.rsplit_once('/')? {
            // An answer to a poll is a response with a head of its own, and a request is read or written for it. The server
            // meets the goal of those that push where making the head is shared by a crowd.
            ("long-poll", "bare") if self.subscribers == "1000" => Some(BARE_GOAL),
            ("long-poll", _) => None,
            (_, "bare") => Some(BARE_GOAL),
            (_, "pushbench") => Some(OWN_GOAL),
            _ => None,
        }
    }
}

#[test]
fn bounds_are_no_looser_than_the_goals() {
    for row in &ROWS {
        if let Some(goal) = row.goal() {
            assert!(row.instructions <= goal, "{} {}", row.side, row.name);
        }
    }
}

#[test]
#[ignore = "counts for minutes, in a release build: cargo test --workspace --test budget -- --ignored"]
fn deliveries_and_connections_stay_within_their_budget() {
    let counted = Tool::Callgrind.is_installed();
    if !counted {
        say(
            "skipped: instructions and allocations, valgrind is not installed (scripts/install-extras)",
        );
    }
    let traced = Tool::Strace.is_installed();
    if !traced {
        say("skipped: system calls, strace is not installed (scripts/install-extras)");
    }
    let is_expected = |what: &str| match what {
        "instructions" | "allocations" => counted,
        "memory" => false,
        _ => traced,
    };
    let program = release_program();
    let deliveries = ROWS.iter().map(|row| Counted {
        words: vec![row.side, row.name, row.subscribers, row.messages],
        bounds: row.bounds().to_vec(),
    });
    let set_ups = SET_UPS.iter().map(|set_up| Counted {
        words: vec![set_up.side, set_up.name, "set-up"],
        bounds: vec![
            ("instructions", Some(set_up.instructions)),
            ("steady", Some(set_up.calls)),
        ],
    });
    let mut over = Vec::new();
    let mut allocations = 0.0_f64;
    for (counted, figures) in count_all(&program, deliveries.chain(set_ups).collect()) {
        allocations = allocations.max(figures.get("allocations").copied().unwrap_or_default());
        let held =
            |figures| over_budget(&counted.words[..3], figures, &counted.bounds, is_expected);
        let mut beyond = held(&figures);
        if !beyond.is_empty() {
            // A busy machine tears apart what would have been one; what a program does, it does again.
            say("counted again:");
            beyond = held(&self::figures(&program, &counted.words));
        }
        over.extend(beyond);
    }
    assert!(
        over.is_empty(),
        "per delivery, memory and set-up per connection: {over:#?}\nFind out where with\n  \
         cargo run --release -p pushbench-anatomy --example contender -- SIDE NAME 100 100 profile.out\n  \
         callgrind_annotate profile.out"
    );
    assert!(
        !counted || allocations > 1.0,
        "libraries with their defaults allocate: none were seen, so they were not counted"
    );
}

/// What is counted by the program when it is told `words`, and held against `bounds`.
struct Counted {
    words: Vec<&'static str>,
    bounds: Vec<(&'static str, Option<f64>)>,
}

/// The figures of all, in their order; two at a time, as what is counted does not depend on what else runs.
fn count_all(program: &str, all: Vec<Counted>) -> Vec<(Counted, BTreeMap<String, f64>)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(counted) = all.get(index) else {
                        return;
                    };
                    let figures = figures(program, &counted.words);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.insert(index, figures);
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.into_iter().zip(found.into_values()).collect()
}

/// Says each figure of `whose`, and returns those beyond their bounds.
fn over_budget(
    whose: &[&str],
    figures: &BTreeMap<String, f64>,
    bounds: &[(&str, Option<f64>)],
    is_expected: impl Fn(&str) -> bool,
) -> Vec<String> {
    let whose = whose.join(" ");
    let mut over = Vec::new();
    for &(what, bound) in bounds {
        let Some(&found) = figures.get(what) else {
            assert!(!is_expected(what), "{whose}: no {what}");
            say(&format!("{whose}: {what} skipped"));
            continue;
        };
        let limit = bound.map_or_else(|| "no budget".to_owned(), |bound| format!("budget {bound}"));
        let line = format!("{whose}: {found:.2} {what}, {limit}");
        say(&line);
        if bound.is_some_and(|bound| found > bound) {
            over.push(line);
        }
    }
    over
}

/// Past the test runner, which swallows what the printing macros of a passing test say.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error is open");
}

/// The example `contender`, built in the release profile.
fn release_program() -> String {
    let build = cargo()
        .expect("cargo runs the tests, so there is one")
        .args(["build", "--release", "--package", "pushbench-anatomy"])
        .args(["--example", "contender", "--message-format", "json"])
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&build.stdout);
    assert!(
        build.status.success(),
        "{}",
        String::from_utf8_lossy(&build.stderr)
    );
    let executable = said.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message["executable"].as_str()?.to_owned())
    });
    executable.expect("an example has an executable")
}

/// Figures of a contender, by name, as the program gives them for `words`.
fn figures(program: &str, words: &[&str]) -> BTreeMap<String, f64> {
    let count = Command::new(program)
        .args(words)
        .output()
        .expect("it was built");
    assert!(
        count.status.success(),
        "{}: {}",
        words.join(" "),
        String::from_utf8_lossy(&count.stderr)
    );
    let said = String::from_utf8_lossy(&count.stdout);
    said.lines()
        .filter_map(|line| {
            let [_, _, name, figure] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            Some((name.to_owned(), figure.parse().ok()?))
        })
        .collect()
}
