//! The whole measurement: every contender of a stage, stage by stage, and what needs turns of its own.

mod plan;
mod stage;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

pub use pushbench_model::anatomy::LeftOut;
use pushbench_model::anatomy::{Batching, Counting, Emulation, Instrument, SetUp, Side, Stage};

use crate::contender::CONTENDERS;
use crate::count::{self, Tool};
use crate::trial::Shape;
use crate::{batching, instrument, setup};

pub use plan::{Plan, Step};
use stage::Load;

/// The time, RFC 3339, UTC, whole seconds.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// What was found so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Who counted instructions.
    pub counting: Counting,
    /// Whether system calls were counted.
    pub calls_counted: bool,
    /// The emulated machine that counted, if it did.
    pub emulation: Option<Emulation>,
    /// Whether it has not come to its end, because it is under way or was stopped.
    pub interrupted: bool,
    /// Stages; the last may lack contenders and counts while it is under way or if it was stopped.
    pub stages: Vec<Stage>,
    /// Servers with several messages per wake against one.
    pub batching: Vec<Batching>,
    /// Our subscriber against raw receivers.
    pub instrument: Vec<Instrument>,
    /// Connections that were opened and closed.
    pub setups: Vec<SetUp>,
    /// Who did not take part.
    pub left_out: Vec<LeftOut>,
}

/// Whoever wants to know how far a measurement is.
pub trait Observer {
    /// `step` starts.
    fn starts(&mut self, step: &Step);

    /// `step` comes to a part of it.
    fn comes_to(&mut self, _step: &Step, _part: &str) {}

    /// More was found.
    ///
    /// # Errors
    ///
    /// When it cannot be kept, which ends the measurement.
    fn measured(&mut self, found: &Found) -> io::Result<()>;

    /// `step` came to its end; it left out `left_out`.
    fn ended(&mut self, step: &Step, left_out: &[LeftOut]);
}

/// Measures `plan` until `stop` is set.
///
/// # Errors
///
/// When the observer does.
pub fn measure(plan: &Plan, observer: &mut dyn Observer, stop: &AtomicBool) -> io::Result<Found> {
    measure_steps(plan, plan.steps(), observer, stop)
}

/// The same, for some of the steps of a plan.
pub(crate) fn measure_steps(
    plan: &Plan,
    steps: Vec<Step>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> io::Result<Found> {
    let mut found = Found {
        counting: counting(plan)?,
        calls_counted: plan.tools && Tool::Strace.is_installed(),
        emulation: None,
        interrupted: true,
        stages: Vec::new(),
        batching: Vec::new(),
        instrument: Vec::new(),
        setups: Vec::new(),
        left_out: absentees(plan),
    };
    for step in steps {
        let known = found.left_out.len();
        observer.starts(&step);
        take(plan, step, &mut found, observer, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(found);
        }
        observer.measured(&found)?;
        observer.ended(&step, &found.left_out[known..]);
    }
    found.interrupted = false;
    Ok(found)
}

fn take(
    plan: &Plan,
    step: Step,
    found: &mut Found,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> io::Result<()> {
    match step {
        Step::Stage {
            side,
            subscribers,
            batch,
        } => {
            let load = Load {
                side,
                subscribers,
                batch,
            };
            stage::measure(plan, load, found, observer, stop)?;
        }
        Step::Batching { subscribers, batch } => {
            let servers = plan.contenders(Side::Server);
            let length = plan.batching(subscribers);
            let measured = batching::measure(&servers, subscribers, batch, length, stop);
            if let Some((pairs, left_out)) = measured {
                found.batching.extend(pairs);
                found.left_out.extend(left_out);
            }
        }
        Step::SetUp => set_up(plan, found, observer, stop)?,
        Step::Emulated => {
            if let Some(emulator) = &plan.emulator {
                emulator.count(plan, found, observer, stop)?;
            }
        }
        Step::Instrument { subscribers } => {
            let length = plan.instrument(subscribers);
            let takes = |one: &_| plan.takes(one);
            let measured = instrument::measure(takes, subscribers, length, stop);
            if let Some((instruments, left_out)) = measured {
                found.instrument.extend(instruments);
                found.left_out.extend(left_out);
            }
        }
    }
    Ok(())
}

/// Processor time of all servers in turns, then counts of all contenders, one by one.
fn set_up(
    plan: &Plan,
    found: &mut Found,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> io::Result<()> {
    let servers = plan.contenders(Side::Server);
    let Some((setups, left_out)) = setup::measure(&servers, plan.set_up(), stop) else {
        return Ok(());
    };
    found.setups = setups;
    found.left_out.extend(left_out);
    if !plan.tools {
        return Ok(());
    }
    let contenders = Side::ALL.into_iter().flat_map(|side| plan.contenders(side));
    for contender in contenders {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if let Err(left_out) = setup::count(contender, &mut found.setups) {
            found.left_out.push(left_out);
        }
        observer.measured(found)?;
    }
    Ok(())
}

fn counting(plan: &Plan) -> io::Result<Counting> {
    let floor = &CONTENDERS[0];
    let shape = Shape {
        connections: 1,
        batch: 1,
    };
    let Err(because) = count::by_processor(floor, shape, 1)? else {
        return Ok(Counting::Processor);
    };
    let because = because.to_string();
    Ok(if plan.tools && Tool::Callgrind.is_installed() {
        Counting::Callgrind { because }
    } else {
        Counting::Nobody { because }
    })
}

fn absentees(plan: &Plan) -> Vec<LeftOut> {
    let planned = CONTENDERS.iter().filter(|one| plan.takes(one));
    planned
        .filter_map(|one| {
            Some(LeftOut {
                name: one.name.to_owned(),
                side: one.side,
                subscribers: None,
                reason: one.absent()?,
            })
        })
        .collect()
}
