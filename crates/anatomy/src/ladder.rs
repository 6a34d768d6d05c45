//! The whole measurement: every contender of a stage, stage by stage.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_model::anatomy::{Calls, Counting, LeftOut, Row, Rung, Side, Stage};

use crate::contender::{CONTENDERS, Contender};
use crate::count::{self, Instructions, Tool};
use crate::cpu::{self, Cost, Length};
use crate::trial::Shape;

/// Above this, tools that slow a process down by fifty times are left out.
const MOST_UNDER_TOOLS: u32 = 1000;

/// More batches in a slice than this add nothing.
const MOST_BATCHES: u64 = 500;

/// What to measure, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Connections, a stage each.
    pub subscribers: Vec<u32>,
    /// Messages that are published together, a stage each.
    pub batches: Vec<u32>,
    /// Transports besides the floor; all if empty.
    pub transports: Vec<String>,
    /// Slices of every contender.
    pub turns: u32,
    /// Deliveries of a slice.
    pub deliveries: u64,
    /// Whether valgrind and strace count, which takes minutes.
    pub tools: bool,
}

impl Plan {
    /// A look, without tools.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            subscribers: vec![100],
            turns: 9,
            tools: false,
            ..Self::full()
        }
    }

    /// All of it.
    #[must_use]
    pub fn full() -> Self {
        Self {
            subscribers: vec![1, 100, 1000, 10_000],
            batches: vec![1, 10],
            transports: Vec::new(),
            turns: 15,
            deliveries: 10_000,
            tools: true,
        }
    }

    /// Its stages in order.
    #[must_use]
    pub fn stages(&self) -> Vec<(Side, u32, u32)> {
        let mut stages = Vec::new();
        for side in Side::ALL {
            for &subscribers in &self.subscribers {
                stages.extend(self.batches.iter().map(|&batch| (side, subscribers, batch)));
            }
        }
        stages
    }

    fn takes(&self, contender: &Contender) -> bool {
        let known = |name: &String| name == contender.transport;
        contender.rung == Rung::Floor
            || self.transports.is_empty()
            || self.transports.iter().any(known)
    }
}

/// The time, RFC 3339, UTC, whole seconds.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Who counted instructions.
    pub counting: Counting,
    /// Whether system calls were counted.
    pub calls_counted: bool,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Stages that were measured to their end.
    pub stages: Vec<Stage>,
    /// Who did not take part.
    pub left_out: Vec<LeftOut>,
}

/// Measures `plan` until `stop` is set; `starts` is told of every stage before it starts.
///
/// # Errors
///
/// When the floor fails.
pub fn measure(
    plan: &Plan,
    starts: &mut dyn FnMut(Side, u32, u32),
    stop: &AtomicBool,
) -> io::Result<Found> {
    let mut found = Found {
        counting: counting(plan)?,
        calls_counted: plan.tools && Tool::Strace.is_installed(),
        interrupted: false,
        stages: Vec::new(),
        left_out: absentees(plan),
    };
    for (side, subscribers, batch) in plan.stages() {
        starts(side, subscribers, batch);
        let Some(rows) = stage(plan, &mut found, side, subscribers, batch, stop)? else {
            found.interrupted = true;
            break;
        };
        found.stages.push(Stage {
            side,
            subscribers,
            batch,
            rows,
        });
    }
    Ok(found)
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

/// `None` when it was stopped.
fn stage(
    plan: &Plan,
    found: &mut Found,
    side: Side,
    subscribers: u32,
    batch: u32,
    stop: &AtomicBool,
) -> io::Result<Option<Vec<Row>>> {
    let mut contenders = Contender::present(side);
    contenders.retain(|one| plan.takes(one));
    let shape = Shape {
        connections: subscribers as usize,
        batch: batch as usize,
    };
    let per_batch = u64::from(subscribers) * u64::from(batch);
    let length = Length {
        turns: plan.turns as usize,
        batches: (plan.deliveries / per_batch.max(1)).clamp(1, MOST_BATCHES),
    };
    let Some(outcomes) = cpu::per_delivery(&contenders, shape, length, stop)? else {
        return Ok(None);
    };
    let mut rows = Vec::with_capacity(outcomes.len());
    for (contender, outcome) in contenders.into_iter().zip(outcomes) {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let counted = outcome.and_then(|cost| {
            let counts = counts(found, contender, shape, length.batches);
            let (instructions, calls) = counts.map_err(|error| error.to_string())?;
            Ok(row(contender, cost, instructions, calls))
        });
        match counted {
            Ok(row) => rows.push(row),
            Err(reason) => found.left_out.push(LeftOut {
                name: contender.name.to_owned(),
                side,
                subscribers: Some(subscribers),
                reason: format!("at {batch} per wake: {reason}"),
            }),
        }
    }
    Ok(Some(rows))
}

fn counts(
    found: &Found,
    contender: &Contender,
    shape: Shape,
    batches: u64,
) -> io::Result<(Option<Instructions>, Option<Calls>)> {
    // Their peers live in this thread's table of files.
    if shape.connections > MOST_UNDER_TOOLS as usize {
        return Ok((None, None));
    }
    let instructions = match found.counting {
        Counting::Processor => Some(
            count::by_processor(contender, shape, batches)?
                .map_err(|unavailable| io::Error::other(unavailable.to_string()))?,
        ),
        Counting::Callgrind { .. } => {
            let counts = count::per_delivery(Tool::Callgrind, contender, shape, batches)?;
            counts.get("instructions").map(|&user| Instructions {
                user,
                kernel: None,
                cycles: None,
            })
        }
        Counting::Nobody { .. } => None,
    };
    let calls = if found.calls_counted {
        let counts = count::per_delivery(Tool::Strace, contender, shape, batches)?;
        Some(count::sorted(&counts))
    } else {
        None
    };
    Ok((instructions, calls))
}

fn row(
    contender: &Contender,
    cost: Cost,
    instructions: Option<Instructions>,
    calls: Option<Calls>,
) -> Row {
    Row {
        name: contender.name.to_owned(),
        transport: contender.transport.to_owned(),
        rung: contender.rung,
        about: contender.about.to_owned(),
        cpu_ns: cost.ns,
        times_floor: cost.times_floor,
        user_instructions: instructions.map(|counted| counted.user),
        kernel_instructions: instructions.and_then(|counted| counted.kernel),
        cycles: instructions.and_then(|counted| counted.cycles),
        bytes_down: Some(cost.bytes_down),
        bytes_up: cost.bytes_up,
        calls,
        p50_ns: cost.p50_ns,
    }
}
