//! What a delivery costs as a multiple of the floor: CPU time, instructions and system calls of every server, with one
//! receiver for all of them, and of every client, with one sender.

use std::io;
use std::sync::atomic::AtomicBool;

use pushbench_anatomy::ladder::{Found, LeftOut, Observer, Plan, Step, measure};
use pushbench_anatomy::role;
use pushbench_anatomy::text::table;
use pushbench_benches::is_smoke_test;
use pushbench_sys::process::raise_nofile;

/// Waits for the end.
struct Nobody;

impl Observer for Nobody {
    fn starts(&mut self, _: &Step) {}

    fn measured(&mut self, _: &Found) -> io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, _: &Step, _: &[LeftOut]) {}
}

fn main() -> io::Result<()> {
    // A trial starts this program again as the process that it measures.
    if role::play()? {
        return Ok(());
    }
    let plan = if is_smoke_test() {
        Plan {
            subscribers: vec![3],
            batches: vec![1],
            turns: 2,
            deliveries: 12,
            ..Plan::quick()
        }
    } else {
        Plan {
            subscribers: vec![1, 100, 1000],
            batches: vec![1],
            ..Plan::full()
        }
    };
    // A limit too low shows as connections that fail.
    let _ = raise_nofile();
    let found = measure(&plan, &mut Nobody, &AtomicBool::new(false))?;
    println!("Instructions: {:?}", found.counting);
    for stage in &found.stages {
        println!("\n{}", table(stage));
    }
    for left_out in &found.left_out {
        let side = left_out.side.label();
        println!("left out: {side} {}: {}", left_out.name, left_out.reason);
    }
    println!(
        "\nCPU: user and kernel; times the floor: median of {} turns [quartiles]. One subscriber pays for the publishing \
         alone, which in our servers is a thread of its own.",
        plan.turns
    );
    Ok(())
}
