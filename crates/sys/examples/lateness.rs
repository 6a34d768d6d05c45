//! Prints how late the pacer is on this machine: 2000 ticks at 1 kHz per way of pacing.
//!
//! `cargo run --release -p pushbench-sys --example lateness`

use std::sync::atomic::AtomicBool;
use std::thread;

use pushbench_sys::{clock, pacer};

const TICKS: u64 = 2_000;
const PERIOD_NS: u64 = 1_000_000;

fn main() {
    println!("lateness in us         p50      p99      max");
    report("plain", 0, || "untouched thread".into());
    report("slack 1 ns", 0, || {
        format!("{:?}", clock::set_timer_slack_min())
    });
    report("prepared (nice)", 0, || {
        format!("{:?}", pacer::prepare_thread())
    });
    report("prepared, spin 60 us", 60_000, || {
        format!("{:?}", pacer::prepare_thread())
    });
}

/// Each way on a thread of its own, because what a thread obtained stays with it.
fn report(name: &str, spin_ns: u64, prepare: fn() -> String) {
    let (prepared, mut lateness) = thread::spawn(move || {
        let prepared = prepare();
        let mut lateness = Vec::with_capacity(TICKS as usize);
        let start = clock::now() + PERIOD_NS;
        pacer::Pacer { start, spin_ns }.run(
            (0..TICKS).map(|tick| tick * PERIOD_NS),
            &AtomicBool::new(false),
            |tick| lateness.push(tick.lateness_ns()),
        );
        (prepared, lateness)
    })
    .join()
    .expect("the pacer does not panic");
    lateness.sort_unstable();
    let us = |share: f64| lateness[((lateness.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!(
        "{name:<20} {:>7.1}  {:>7.1}  {:>7.1}   {prepared}",
        us(0.5),
        us(0.99),
        us(1.0)
    );
}
