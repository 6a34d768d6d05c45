//! What a connection costs a server: processor time for accepting, answering and letting go, every server by turns.

use std::sync::atomic::AtomicBool;

use pushbench_model::anatomy::{LeftOut, SetUp};

use crate::contender::Contender;
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
                    side: server.side,
                    name: server.name.to_owned(),
                    transport: server.transport.to_owned(),
                    rung: server.rung,
                    cpu_ns: Some(quartiles(&played.ns)),
                    times_floor: times.map(|floor| quartiles(&ratios(&played.ns, floor))),
                    user_instructions: None,
                    allocations: None,
                    calls: None,
                });
            }
            Err(reason) => left_out.push(LeftOut {
                name: server.name.to_owned(),
                side: server.side,
                subscribers: None,
                reason: format!("opening and closing connections: {reason}"),
            }),
        }
    }
    Some((found, left_out))
}
