//! A whole ladder, tiny: two subscribers, two turns, no tools; and how contenders fail. The test starts itself again as the processes it measures.

#![allow(
    clippy::unwrap_used,
    reason = "a failure here is the outcome of the test"
)]

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_anatomy::contender::Contender;
use pushbench_anatomy::ladder::{self, Found, Observer, Plan, Step};
use pushbench_anatomy::role;
use pushbench_anatomy::text::table;
use pushbench_anatomy::trial::{Shape, Trial, plain};
use pushbench_model::anatomy::{LeftOut, Side};
use rustix::process::{Pid, Signal, kill_process};

fn main() -> io::Result<()> {
    if role::play()? {
        return Ok(());
    }
    every_contender_of_every_stage_is_measured()?;
    a_stop_keeps_what_was_measured()?;
    a_contender_that_dies_is_an_error_with_its_reason()?;
    println!("3 tests of the ladder passed");
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

/// Notes what it is told, and stops with the `stop_at`th step.
struct Notes {
    started: Vec<Step>,
    ended: Vec<Step>,
    kept: Vec<Found>,
    stop_at: usize,
    stop: Arc<AtomicBool>,
}

impl Notes {
    fn until(stop_at: usize) -> Self {
        Self {
            started: Vec::new(),
            ended: Vec::new(),
            kept: Vec::new(),
            stop_at,
            stop: Arc::default(),
        }
    }
}

impl Observer for &mut Notes {
    fn starts(&mut self, step: &Step) {
        self.started.push(*step);
        self.stop
            .store(self.started.len() == self.stop_at, Ordering::Relaxed);
    }

    fn measured(&mut self, found: &Found) -> io::Result<()> {
        assert!(found.interrupted, "it has not come to its end");
        self.kept.push(found.clone());
        Ok(())
    }

    fn ended(&mut self, step: &Step, left_out: &[LeftOut]) {
        assert_eq!(left_out, []);
        self.ended.push(*step);
    }
}

fn measure(plan: &Plan, notes: &mut Notes) -> io::Result<Found> {
    let stop = Arc::clone(&notes.stop);
    ladder::measure(plan, &mut &mut *notes, &stop)
}

fn every_contender_of_every_stage_is_measured() -> io::Result<()> {
    let plan = tiny();
    let mut notes = Notes::until(usize::MAX);
    let found = measure(&plan, &mut notes)?;
    assert_eq!(notes.started, plan.steps());
    assert_eq!(notes.ended, plan.steps());
    assert_eq!(found.stages.len(), 4);
    assert!(!found.interrupted);
    let kept = notes.kept.last().unwrap();
    assert_eq!(
        (&kept.stages, &kept.instrument),
        (&found.stages, &found.instrument)
    );
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
    let together: Vec<&str> = found.batching.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        together,
        [
            "floor",
            "tcp/bare",
            "sse/bare",
            "websocket/bare",
            "long-poll/bare"
        ]
    );
    let compared: Vec<(&str, u32)> = found
        .instrument
        .iter()
        .map(|one| (one.transport.as_str(), one.subscribers))
        .collect();
    assert_eq!(compared, [("tcp", 1), ("sse", 1), ("websocket", 1)]);
    let servers = Contender::present(Side::Server);
    assert_eq!(found.setups.len(), servers.len());
    for one in &found.setups {
        assert!(one.cpu_ns.unwrap().median > 0.0, "{one:?}");
        assert_eq!(one.times_floor.is_none(), one.name == "floor");
    }
    for one in &found.instrument {
        assert_eq!(one.deliveries, 4);
        for percentile in [one.p50, one.p99] {
            assert!(percentile.ours_ns.median > 0.0 && percentile.raw_ns.median > 0.0);
        }
        assert!(one.p50.ours_ns.low <= one.p99.ours_ns.low);
    }
    Ok(())
}

fn a_stop_keeps_what_was_measured() -> io::Result<()> {
    let mut notes = Notes::until(2);
    let found = measure(&tiny(), &mut notes)?;
    assert!(found.interrupted);
    assert_eq!(found.stages.len(), 1);
    assert_eq!((notes.started.len(), notes.ended.len()), (2, 1));
    Ok(())
}

/// A process that dies says why, and its peer does not wait for it.
fn a_contender_that_dies_is_an_error_with_its_reason() -> io::Result<()> {
    let shape = Shape {
        connections: 2,
        batch: 1,
    };
    for (side, name) in [
        (Side::Server, "sse/bare"),
        (Side::Client, "websocket/tungstenite"),
    ] {
        let contender = Contender::by_name(side, name).unwrap();
        let dies = |_: &[String]| {
            let mut command = Command::new("sh");
            command.args(["-c", "echo something happened >&2; exit 7"]);
            command
        };
        let Err(error) = Trial::start(contender, shape, dies) else {
            panic!("{name} lives");
        };
        let error = error.to_string();
        assert!(
            error.contains("exit status: 7, something happened"),
            "{error}"
        );

        let mut trial = Trial::start(contender, shape, plain)?;
        trial.deliver(2)?;
        let pid = Pid::from_raw(i32::try_from(trial.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::KILL)?;
        let error = trial.deliver(1000).unwrap_err().to_string();
        assert!(error.contains("signal: 9"), "{error}");
    }
    Ok(())
}
