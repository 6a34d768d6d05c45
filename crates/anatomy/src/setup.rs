//! What a connection costs: processor time of servers for accepting, answering and letting go, every server by turns; and
//! what tools count of both sides.

use std::sync::atomic::AtomicBool;

use pushbench_model::anatomy::{LeftOut, SetUp};

use crate::contender::Contender;
use crate::count;
use crate::cpu::{Length, Member, Work, quartiles, ratios, turns};
use crate::trial::Shape;

/// Measures `servers`, the first of which must be the floor, with `length.batches` connections in a slice. `None` when
/// `stop` was set meanwhile.
#[must_use]
pub fn measure(
    servers: &[&'static Contender],
    length: Length,
    stop: &AtomicBool,
) -> Option<(Vec<SetUp>, Vec<LeftOut>)> {
    let member = |&contender| Member {
        contender,
        shape: Shape {
            connections: 1,
            batch: 1,
        },
        batches: length.batches,
        work: Work::SetUp,
    };
    let members: Vec<Member> = servers.iter().map(member).collect();
    let played = turns(&members, length.turns, stop)?;
    let floor = played
        .first()
        .and_then(|floor| Some(floor.as_ref().ok()?.ns.clone()));
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (at, (server, played)) in servers.iter().zip(played).enumerate() {
        match played {
            Ok(played) => {
                let times = floor.as_ref().filter(|_| at > 0);
                found.push(SetUp {
                    cpu_ns: Some(quartiles(&played.ns)),
                    times_floor: times.map(|floor| quartiles(&ratios(&played.ns, floor))),
                    ..nothing(server)
                });
            }
            Err(reason) => left_out.push(without(server, &reason)),
        }
    }
    Some((found, left_out))
}

/// Adds to the row of `contender` in `setups`, or to a new one, what the installed tools count.
///
/// # Errors
///
/// When a tool or a connection fails: what to tell of it.
pub fn count(contender: &Contender, setups: &mut Vec<SetUp>) -> Result<(), LeftOut> {
    let counted =
        count::setup(contender).map_err(|error| without(contender, &error.to_string()))?;
    let is = |one: &SetUp| (one.side, one.name.as_str()) == (contender.side, contender.name);
    let at = setups.iter().position(is).unwrap_or_else(|| {
        setups.push(nothing(contender));
        setups.len() - 1
    });
    let row = &mut setups[at];
    row.user_instructions = counted.instructions;
    row.allocations = counted.allocations;
    row.calls = counted.system_calls();
    Ok(())
}

/// A row of which nothing is known yet.
fn nothing(contender: &Contender) -> SetUp {
    SetUp {
        side: contender.side,
        name: contender.name.to_owned(),
        transport: contender.transport.to_owned(),
        rung: contender.rung,
        cpu_ns: None,
        times_floor: None,
        user_instructions: None,
        instructions: None,
        instructions_times_floor: None,
        allocations: None,
        calls: None,
    }
}

fn without(contender: &Contender, reason: &str) -> LeftOut {
    LeftOut {
        name: contender.name.to_owned(),
        side: contender.side,
        subscribers: None,
        reason: format!("opening and closing connections: {reason}"),
    }
}
