//! A stage: processor time of all its contenders in turns, then what can be counted of each.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_model::anatomy::{Calls, Counting, LeftOut, Row, Rung, Side, Stage};

use super::{Found, Observer, Plan};
use crate::contender::Contender;
use crate::count::{self, Instructions, Tool};
use crate::cpu::{self, Cost};
use crate::trial::Shape;

/// Tools slow a process down by fifty times: with more subscribers than this only floor and framing are counted by them,
/// and no more than so many deliveries at once. What a library takes there follows from the counts at one and at a hundred:
/// a part that each pays, and a share in publishing.
const ALL_UNDER_TOOLS: u32 = 100;
const AT_ONCE_UNDER_TOOLS: u32 = 10_000;

/// Which stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) side: Side,
    pub(super) subscribers: u32,
    pub(super) batch: u32,
}

impl Load {
    fn shape(self) -> Shape {
        Shape {
            connections: self.subscribers as usize,
            batch: self.batch as usize,
        }
    }

    /// Whether tools count `contender` under it.
    fn is_for_tools(self, contender: &Contender) -> bool {
        let at_once = self.subscribers.saturating_mul(self.batch);
        self.subscribers <= ALL_UNDER_TOOLS
            || (contender.rung <= Rung::Framing && at_once <= AT_ONCE_UNDER_TOOLS)
    }

    fn left_out(self, name: &str, reason: &str) -> LeftOut {
        LeftOut {
            name: name.to_owned(),
            side: self.side,
            subscribers: Some(self.subscribers),
            reason: format!("at {} per wake: {reason}", self.batch),
        }
    }
}

/// Adds the stage of `load` to `found`, group by group and count by count. Ends early once `stop` is set.
pub(super) fn measure(
    plan: &Plan,
    load: Load,
    found: &mut Found,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> io::Result<()> {
    let Load {
        side,
        subscribers,
        batch,
    } = load;
    let contenders = plan.contenders(side);
    let length = plan.length(subscribers, batch);
    let mut rows: Vec<Row> = Vec::new();
    let at = found.stages.len();
    for group in cpu::groups(&contenders, subscribers as usize) {
        let outcomes = match cpu::per_delivery(&group, load.shape(), length, stop) {
            Ok(Some(outcomes)) => outcomes,
            Ok(None) => return Ok(()),
            Err(error) => {
                let reason = error.to_string();
                let unmeasured = group.iter().map(|one| load.left_out(one.name, &reason));
                found.left_out.extend(unmeasured);
                continue;
            }
        };
        for (contender, outcome) in group.into_iter().zip(outcomes) {
            // The floor of later groups serves only them.
            if rows.iter().any(|row| row.name == contender.name) {
                continue;
            }
            match outcome {
                Ok(cost) => rows.push(row(contender, cost)),
                Err(reason) => found.left_out.push(load.left_out(contender.name, &reason)),
            }
        }
        found.stages.truncate(at);
        found.stages.push(Stage {
            side,
            subscribers,
            batch,
            turns: Some(length.turns as u32),
            rows: rows.clone(),
        });
        observer.measured(found)?;
    }
    if found.stages.len() > at {
        count_all(plan, load, at, &contenders, found, observer, stop)?;
    }
    Ok(())
}

fn count_all(
    plan: &Plan,
    load: Load,
    at: usize,
    contenders: &[&'static Contender],
    found: &mut Found,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> io::Result<()> {
    for number in 0..found.stages[at].rows.len() {
        let name = &found.stages[at].rows[number].name;
        let Some(contender) = contenders.iter().find(|one| one.name == *name) else {
            continue;
        };
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let row = &mut found.stages[at].rows[number];
        match counts(plan, load, contender, &found.counting, found.calls_counted) {
            Ok((None, None)) => continue,
            Ok((instructions, calls)) => {
                row.user_instructions = instructions.map(|counted| counted.user);
                row.kernel_instructions = instructions.and_then(|counted| counted.kernel);
                row.cycles = instructions.and_then(|counted| counted.cycles);
                row.calls = calls;
            }
            Err(error) => {
                let reason = format!("measured but not counted: {error}");
                found.left_out.push(load.left_out(contender.name, &reason));
            }
        }
        observer.measured(found)?;
    }
    Ok(())
}

fn counts(
    plan: &Plan,
    load: Load,
    contender: &Contender,
    counting: &Counting,
    calls: bool,
) -> io::Result<(Option<Instructions>, Option<Calls>)> {
    let shape = load.shape();
    let few = plan.under_tools(load.subscribers);
    let by_tools = load.is_for_tools(contender);
    let instructions = match counting {
        Counting::Processor => {
            let batches = plan.length(load.subscribers, load.batch).batches;
            let counted = count::by_processor(contender, shape, batches)?;
            Some(counted.map_err(|unavailable| io::Error::other(unavailable.to_string()))?)
        }
        Counting::Callgrind { .. } if by_tools => {
            let counts = count::per_delivery(Tool::Callgrind, contender, shape, few)?;
            counts.get("instructions").map(|&user| Instructions {
                user,
                kernel: None,
                cycles: None,
            })
        }
        Counting::Callgrind { .. } | Counting::Nobody { .. } => None,
    };
    let calls = if calls && by_tools {
        let counts = count::per_delivery(Tool::Strace, contender, shape, few)?;
        Some(count::sorted(&counts))
    } else {
        None
    };
    Ok((instructions, calls))
}

fn row(contender: &Contender, cost: Cost) -> Row {
    Row {
        name: contender.name.to_owned(),
        transport: contender.transport.to_owned(),
        rung: contender.rung,
        about: contender.about.to_owned(),
        cpu_ns: cost.ns,
        times_floor: cost.times_floor,
        user_instructions: None,
        kernel_instructions: None,
        instructions: None,
        instructions_times_floor: None,
        cycles: None,
        bytes_down: Some(cost.bytes_down),
        bytes_up: cost.bytes_up,
        calls: None,
        p50_ns: cost.p50_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_count_libraries_for_few_and_what_is_ours_for_many() {
        let counted = |subscribers, batch| {
            let load = Load {
                side: Side::Server,
                subscribers,
                batch,
            };
            let contenders = Contender::present(Side::Server);
            let counted = contenders.iter().filter(|one| load.is_for_tools(one));
            counted.map(|one| one.rung).max()
        };
        assert_eq!(counted(100, 10), Some(Rung::Variant));
        assert_eq!(counted(1000, 10), Some(Rung::Framing));
        assert_eq!(counted(10_000, 1), Some(Rung::Framing));
        assert_eq!(counted(10_000, 10), None);
    }
}
