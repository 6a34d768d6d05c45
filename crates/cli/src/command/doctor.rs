//! `pushbench doctor`: what this machine allows, and what to do about it.

use std::collections::BTreeMap;

use pushbench_harness::CoreSplit;
use pushbench_harness::environment::{self, Build};
use pushbench_model::environment::Environment;
use pushbench_sys::clock;

use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Good,
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
    advice: &'static str,
}

pub(crate) fn run(_options: &Options) -> anyhow::Result<Exit> {
    let environment = environment::capture(&Build::default(), BTreeMap::new());
    println!("{} · {}\n", environment.machine, environment.kernel);
    for Finding { level, what, found, advice } in findings(&environment) {
        let mark = match level {
            Level::Good => "ok  ",
            Level::Note => "note",
            Level::Bad => "BAD ",
        };
        println!("{mark}  {what:22} {found}");
        if level != Level::Good {
            println!("      {:22} {advice}", "");
        }
    }
    Ok(Exit::Done)
}

fn findings(environment: &Environment) -> Vec<Finding> {
    vec![
        cores(),
        hypervisor(environment),
        clock_source(environment),
        clock_cost(),
        timer(),
        counters(environment),
        open_files(),
        setting(environment, "net.ipv4.ip_local_port_range", |range| {
            let mut ends = range.split_whitespace().filter_map(|end| end.parse::<u32>().ok());
            ends.next().zip(ends.next()).is_none_or(|(low, high)| high - low >= 20_000)
        }, "fewer local ports limit connections from one address to one port: sysctl net.ipv4.ip_local_port_range=\"15000 60999\""),
        setting(environment, "net.core.somaxconn", |value| value.parse().unwrap_or(0) >= 1024,
            "short queue of connections to be accepted: sysctl net.core.somaxconn=4096"),
        setting(environment, "net.ipv4.tcp_congestion_control", |value| value != "bbr",
            "bbr paces its sending, which adds delay to bursts even on loopback: sysctl net.ipv4.tcp_congestion_control=cubic"),
        setting(environment, "net.ipv4.tcp_slow_start_after_idle", |value| value == "0",
            "a connection that paused starts slowly again; matters for large messages: sysctl net.ipv4.tcp_slow_start_after_idle=0"),
    ]
}

fn cores() -> Finding {
    let split = CoreSplit::of_this_machine();
    let found = format!("server on {:?}, load on {:?}", split.server, split.load);
    let level = if split.is_disjoint() { Level::Good } else { Level::Bad };
    let advice = "server and load generator share one core and slow each other down: give at least two";
    Finding { level, what: "cores", found, advice }
}

fn hypervisor(environment: &Environment) -> Finding {
    let (level, found) = match &environment.hypervisor {
        Some(name) => (Level::Note, format!("virtual machine ({name})")),
        None => (Level::Good, "none".into()),
    };
    let advice = "neighbours and the hypervisor disturb times: read time-based figures as indicative, trust counts";
    Finding { level, what: "hypervisor", found, advice }
}

fn clock_source(environment: &Environment) -> Finding {
    let found = environment.clock_source.clone();
    let fast = ["tsc", "kvm-clock", "arch_sys_counter"].contains(&found.as_str());
    let level = if fast { Level::Good } else { Level::Note };
    let advice = "reading this clock enters the kernel, which makes every time stamp dear";
    Finding { level, what: "clock source", found, advice }
}

fn clock_cost() -> Finding {
    const READS: u64 = 100_000;
    let start = clock::now();
    for _ in 1..READS {
        std::hint::black_box(clock::now());
    }
    let cost = (clock::now() - start) / READS;
    let level = if cost <= 100 { Level::Good } else { Level::Note };
    let advice = "each message is stamped once: the clock is part of what a delivery costs the load generator";
    Finding { level, what: "reading the clock", found: format!("{cost} ns"), advice }
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
            let level = if p99 <= 100_000 { Level::Good } else { Level::Note };
            (level, format!("late by p50 {} us, p99 {} us ({thread})", p50 / 1000, p99 / 1000))
        }
        Err(_) => (Level::Note, "could not be tried".into()),
    };
    let advice = "the schedule spins for the last 60 us (load --spin) to be on time; the lateness of every run is reported";
    Finding { level, what: "waking on time", found, advice }
}

fn counters(environment: &Environment) -> Finding {
    let (level, found) = match &environment.no_counters {
        Some(reason) => (Level::Note, reason.clone()),
        None => (Level::Good, "instructions and cycles can be counted".into()),
    };
    let advice = "without counters only processor time tells the cost of a delivery, and it is noisier";
    Finding { level, what: "hardware counters", found, advice }
}

fn open_files() -> Finding {
    let (soft, hard) = pushbench_sys::process::raise_nofile();
    let level = if soft >= 11_000 { Level::Good } else { Level::Bad };
    let found = format!("{soft} (hard limit {hard})");
    let advice = "each connection needs one on both sides: ulimit -n 65536, or raise the hard limit in limits.conf";
    Finding { level, what: "open files", found, advice }
}

fn setting(
    environment: &Environment,
    name: &'static str,
    good: impl Fn(&str) -> bool,
    advice: &'static str,
) -> Finding {
    let (level, found) = match environment.settings.get(name) {
        Some(value) if good(value) => (Level::Good, value.clone()),
        Some(value) => (Level::Note, value.clone()),
        None => (Level::Note, "not readable".into()),
    };
    let what = name.rsplit('.').next().unwrap_or(name);
    Finding { level, what, found, advice }
}
