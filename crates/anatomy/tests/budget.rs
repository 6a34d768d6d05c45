//! A budget: what a delivery may cost in instructions of the program and in system calls. It guards the hot paths of
//! servers and load generators against growing unnoticed, in any continuous integration that has valgrind: unlike
//! times, these figures repeat within a few percent on any machine.
//!
//! The bounds are the figures of the day they were written plus about 15 %, for other compilers and C libraries; what is
//! inlined where can move a figure by half of that from build to build. They are for the release profile: the program
//! that is counted is built in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;

use pushbench_anatomy::count::Tool;

/// Instructions per delivery at 100 subscribers, one message at a time: half, stack, bound.
const INSTRUCTIONS: [(&str, &str, f64); 13] = [
    ("server", "floor", 45.0),
    ("server", "tcp/bare", 105.0),
    ("server", "sse/bare", 115.0),
    ("server", "websocket/bare", 105.0),
    ("server", "long-poll/bare", 650.0),
    ("server", "tcp/reference", 980.0),
    ("server", "websocket/reference", 1_870.0),
    ("server", "sse/reference", 2_740.0),
    ("server", "long-poll/reference", 12_200.0),
    ("client", "floor", 375.0),
    ("client", "tcp/pushbench", 510.0),
    ("client", "websocket/pushbench", 730.0),
    ("client", "sse/pushbench", 930.0),
];

/// Writes per delivery of a server and reads per delivery of a load generator: one each. The rest is the publishing,
/// and what the tool's slowness tears apart.
const CALLS: f64 = 1.05;

const CONNECTIONS: &str = "100";
const MESSAGES: &str = "60";

#[test]
fn deliveries_stay_within_their_budget() {
    if !Tool::Callgrind.is_installed() {
        skipped("instructions per delivery are not counted, valgrind is not installed");
        return;
    }
    if !Tool::Strace.is_installed() {
        skipped("system calls per delivery are not counted, strace is not installed");
    }
    let program = release_program();
    let mut over = Vec::new();
    for half in ["server", "client"] {
        let figures = figures(&program, half);
        let figure = |stack: &str, name: &str| figures.get(&(stack.to_owned(), name.to_owned()));
        for (_, stack, bound) in INSTRUCTIONS.iter().filter(|(of, ..)| *of == half) {
            let found = *figure(stack, "instructions").expect("every stack is counted");
            println!("{half} {stack}: {found:.0} instructions, budget {bound}");
            if found > *bound {
                over.push(format!(
                    "{half} {stack}: {found:.0} instructions of at most {bound}"
                ));
            }
            let call = if half == "server" { "writes" } else { "reads" };
            if let Some(&calls) = figure(stack, call)
                && calls > CALLS
            {
                over.push(format!(
                    "{half} {stack}: {calls:.2} {call} of at most {CALLS}"
                ));
            }
        }
    }
    assert!(
        over.is_empty(),
        "per delivery, {over:#?}\nFind out where with\n  \
         cargo run --release -p pushbench-anatomy --example contender -- HALF STACK 100 100 profile.out\n  \
         callgrind_annotate profile.out"
    );
}

/// Past the test runner, which swallows what the printing macros of a passing test say.
fn skipped(what: &str) {
    writeln!(
        std::io::stderr(),
        "skipped: {what} (scripts/install-extras)"
    )
    .expect("standard error is open");
}

/// The example `contender`, built in the release profile.
fn release_program() -> String {
    let build = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "pushbench-anatomy"])
        .args(["--example", "contender", "--message-format", "json"])
        .output()
        .expect("cargo runs the tests, so there is one");
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

/// Figures of all contenders that have a bound, by name and figure.
fn figures(program: &str, half: &str) -> BTreeMap<(String, String), f64> {
    let bounded = INSTRUCTIONS.iter().filter(|(of, ..)| *of == half);
    let mut figures = BTreeMap::new();
    for (_, contender, _) in bounded {
        let count = Command::new(program)
            .args([half, contender, CONNECTIONS, MESSAGES])
            .output()
            .expect("it was built");
        assert!(
            count.status.success(),
            "{}",
            String::from_utf8_lossy(&count.stderr)
        );
        let said = String::from_utf8_lossy(&count.stdout);
        figures.extend(said.lines().filter_map(|line| {
            let [_, stack, name, figure] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            Some(((stack.to_owned(), name.to_owned()), figure.parse().ok()?))
        }));
    }
    figures
}
