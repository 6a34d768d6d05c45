//! `pushbench doctor`: what this machine allows, and what to do about it.

mod crowd;

use std::collections::BTreeMap;

use pushbench_harness::CoreSplit;
use pushbench_harness::environment::{self, Build};
use pushbench_model::environment::Environment;
use pushbench_model::link::LinkBy;
use pushbench_sys::clock;

use crate::exit::Exit;
use crate::output::{self, hanging};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Good,
    /// It cannot be used here, and changes no figure.
    Missing,
    /// It widens or bends figures; measuring is possible.
    Note,
    /// Something cannot be measured.
    Bad,
}

/// One thing looked at.
struct Finding {
    level: Level,
    what: &'static str,
    found: String,
    /// What follows from it and what to do, unless it is good.
    advice: &'static str,
}

pub(crate) fn run(_options: &Options) -> anyhow::Result<Exit> {
    let environment = environment::capture(&Build::default(), BTreeMap::new());
    let findings = findings(&environment);
    let mut text = format!("{}, {}\n\n", environment.machine, environment.kernel);
    for finding in &findings {
        text += &finding.lines();
    }
    text += &format!("\n{}", hanging("", &verdict(&findings)));
    output::print(&text)?;
    Ok(Exit::Done)
}

impl Finding {
    fn lines(&self) -> String {
        let mark = match self.level {
            Level::Good => "ok",
            Level::Missing => "--",
            Level::Note => "note",
            Level::Bad => "BAD",
        };
        let mut text = hanging(&format!("{mark:5} {:19} ", self.what), &self.found);
        if self.level != Level::Good {
            text += &hanging(&format!("{:5} {:19} -> ", "", ""), self.advice);
        }
        text
    }
}

fn verdict(findings: &[Finding]) -> String {
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    match (count(Level::Bad), count(Level::Note)) {
        (0, 0) => "Nothing here disturbs a measurement.".into(),
        (0, notes) => {
            format!("Measuring is possible. Notes on what widens or bends the figures: {notes}.")
        }
        (bad, _) => {
            format!("BAD: {bad}. Until that is changed, figures are wrong or cannot be had.")
        }
    }
}

fn findings(environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![
        build(),
        cores(),
        hypervisor(environment),
        clock_source(environment),
        clock_cost(),
        timer(),
        counters(environment),
        setting(
            environment,
            ("accept queue", "net.core.somaxconn"),
            |value| value.parse().unwrap_or(0) >= 1024,
            "connections that come all at once are dropped and tried again: sysctl net.core.somaxconn=4096",
        ),
        setting(
            environment,
            ("congestion control", "net.ipv4.tcp_congestion_control"),
            |value| value != "bbr",
            "bbr paces what it sends, which delays bursts even on loopback: \
             sysctl net.ipv4.tcp_congestion_control=cubic",
        ),
        setting(
            environment,
            ("slow start if idle", "net.ipv4.tcp_slow_start_after_idle"),
            |value| value == "0",
            "a connection that paused starts slowly again, which large messages feel: \
             sysctl net.ipv4.tcp_slow_start_after_idle=0",
        ),
    ];
    findings.push(link(
        LinkBy::Userspace,
        "network link",
        "can be made (run --link)",
        "without it everything is measured over loopback, which has no round trip, loss or rate",
    ));
    findings.push(link(
        LinkBy::Netem,
        "link by netem",
        "can be made (run --link-by netem)",
        "links are emulated by a thread of this program, as they are unless netem is asked for",
    ));
    findings.extend(crowd::findings());
    findings
}

/// Whether `--link` can be used with this emulator: tried in a process of its own, which enters another network and ends.
fn link(by: LinkBy, what: &'static str, can: &str, advice: &'static str) -> Finding {
    let tried = std::env::current_exe()
        .map_err(|error| error.to_string())
        .and_then(|pushbench| crate::link::can_be_made(&pushbench, by));
    let (level, found) = match tried {
        Ok(()) => (Level::Good, can.into()),
        Err(missing) => (Level::Missing, missing),
    };
    Finding {
        level,
        what,
        found,
        advice,
    }
}

fn build() -> Finding {
    let (level, found) = if cfg!(debug_assertions) {
        (Level::Bad, "debug")
    } else {
        (Level::Good, "release")
    };
    let advice = "no time or processor time measured with it means anything: cargo build --release";
    Finding {
        level,
        what: "build",
        found: found.into(),
        advice,
    }
}

fn cores() -> Finding {
    let split = CoreSplit::of_this_machine();
    let list = |cores: &[usize]| {
        cores
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let found = format!(
        "server on core {}, load on core {}",
        list(&split.server),
        list(&split.load)
    );
    let level = if split.is_disjoint() {
        Level::Good
    } else {
        Level::Bad
    };
    let advice =
        "server and load generator share one core and slow each other down: give at least two";
    Finding {
        level,
        what: "cores",
        found,
        advice,
    }
}

fn hypervisor(environment: &Environment) -> Finding {
    let (level, found) = match &environment.hypervisor {
        Some(name) => (
            Level::Note,
            format!("this is a virtual machine ({name} hypervisor)"),
        ),
        None => (Level::Good, "none".into()),
    };
    let advice = "neighbours and the hypervisor disturb times: read time-based figures as indicative, trust counts";
    Finding {
        level,
        what: "hypervisor",
        found,
        advice,
    }
}

fn clock_source(environment: &Environment) -> Finding {
    let found = environment.clock_source.clone();
    let fast = ["tsc", "kvm-clock", "arch_sys_counter"].contains(&found.as_str());
    let level = if fast { Level::Good } else { Level::Note };
    let advice = "reading this clock enters the kernel, which makes every time stamp dear";
    Finding {
        level,
        what: "clock source",
        found,
        advice,
    }
}

fn clock_cost() -> Finding {
    const READS: u64 = 100_000;
    let start = clock::now();
    for _ in 1..READS {
        std::hint::black_box(clock::now());
    }
    let cost = (clock::now() - start) / READS;
    let level = if cost <= 100 {
        Level::Good
    } else {
        Level::Note
    };
    let advice = "each message is stamped once: the clock is part of what a delivery costs the load generator";
    Finding {
        level,
        what: "clock reading",
        found: format!("{cost} ns"),
        advice,
    }
}

/// How late a thread wakes that asked for a time, over 200 sleeps of 1 ms.
fn timer() -> Finding {
    let late = std::thread::spawn(|| {
        let thread = pushbench_sys::pacer::prepare_thread();
        let mut late: Vec<u64> = (0..200)
            .map(|_| {
                let due = clock::now() + 1_000_000;
                clock::sleep_until(due, 0) - due
            })
            .collect();
        late.sort_unstable();
        (late[100], late[198], thread)
    });
    let (level, found) = match late.join() {
        Ok((p50, p99, thread)) => {
            let level = if p99 <= 100_000 {
                Level::Good
            } else {
                Level::Note
            };
            (
                level,
                format!(
                    "p50 {} µs late, p99 {} µs ({thread})",
                    p50 / 1000,
                    p99 / 1000
                ),
            )
        }
        Err(_) => (Level::Note, "could not be tried".into()),
    };
    let advice = "publishers spin for the last 100 µs (trial --spin) to be on time; every report shows how late they were";
    Finding {
        level,
        what: "waking on time",
        found,
        advice,
    }
}

fn counters(environment: &Environment) -> Finding {
    let (level, found) = match &environment.no_counters {
        Some(reason) => (Level::Note, reason.clone()),
        None => (Level::Good, "instructions and cycles can be counted".into()),
    };
    let advice =
        "without counters only processor time tells the cost of a delivery, and it is noisier";
    Finding {
        level,
        what: "hardware counters",
        found,
        advice,
    }
}

fn setting(
    environment: &Environment,
    (what, name): (&'static str, &'static str),
    good: impl Fn(&str) -> bool,
    advice: &'static str,
) -> Finding {
    let (level, found) = match environment.settings.get(name) {
        Some(value) => {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let level = if good(&value) {
                Level::Good
            } else {
                Level::Note
            };
            (level, format!("{value} ({name})"))
        }
        None => (Level::Note, format!("{name} cannot be read")),
    };
    Finding {
        level,
        what,
        found,
        advice,
    }
}
