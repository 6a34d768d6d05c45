//! A whole ladder, tiny: two subscribers, two turns, no tools. It starts itself again as the processes it measures.

#![allow(
    clippy::unwrap_used,
    reason = "a failure here is the outcome of the test"
)]

use std::io;
use std::sync::atomic::AtomicBool;

use pushbench_anatomy::contender::Contender;
use pushbench_anatomy::ladder::{Plan, measure};
use pushbench_anatomy::role;
use pushbench_anatomy::text::table;
use pushbench_model::anatomy::Side;

fn main() -> io::Result<()> {
    if role::play()? {
        return Ok(());
    }
    every_contender_of_every_stage_is_measured()?;
    a_stop_keeps_what_was_measured()?;
    println!("2 tests of the ladder passed");
    Ok(())
}

fn tiny() -> Plan {
    Plan {
        subscribers: vec![2],
        turns: 2,
        deliveries: 40,
        ..Plan::quick()
    }
}

fn every_contender_of_every_stage_is_measured() -> io::Result<()> {
    let mut told = Vec::new();
    let plan = tiny();
    let starts = &mut |side, subscribers, batch| told.push((side, subscribers, batch));
    let found = measure(&plan, starts, &AtomicBool::new(false))?;
    assert_eq!(told, plan.stages());
    assert_eq!(found.stages.len(), 4);
    assert!(!found.interrupted);
    for stage in &found.stages {
        let names: Vec<&str> = stage.rows.iter().map(|row| row.name.as_str()).collect();
        let present = Contender::present(stage.side);
        let present: Vec<&str> = present.iter().map(|one| one.name).collect();
        assert_eq!(names, present, "{:?}", found.left_out);
        for row in &stage.rows {
            assert!(row.cpu_ns.median > 0.0, "{row:?}");
            assert_eq!(row.times_floor.is_none(), row.name == "floor");
            // A message of 128 bytes in its envelope, and a frame around it.
            assert!(row.bytes_down.unwrap() > 128.0, "{row:?}");
            assert_eq!(row.p50_ns.is_some(), stage.side == Side::Client);
        }
        let widest = table(stage).lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 80, "{}", table(stage));
    }
    // The same frame for all that speak one transport.
    let server = &found.stages[0];
    let bytes = |name| server.row(name).unwrap().bytes_down;
    assert_eq!(bytes("floor"), bytes("tcp/reference"));
    Ok(())
}

fn a_stop_keeps_what_was_measured() -> io::Result<()> {
    let stop = AtomicBool::new(false);
    let mut started = 0;
    let starts = &mut |_, _, _| {
        started += 1;
        stop.store(started == 2, std::sync::atomic::Ordering::Relaxed);
    };
    let found = measure(&tiny(), starts, &stop)?;
    assert!(found.interrupted);
    assert_eq!(found.stages.len(), 1);
    Ok(())
}
