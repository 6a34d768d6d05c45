//! What a message costs in company: a server that has several messages ready each time it wakes against itself with one
//! at a time. Both take turns, which two stages do not.

use std::sync::atomic::AtomicBool;

use pushbench_model::anatomy::{Batching, LeftOut, Rung, Side};

use crate::contender::Contender;
use crate::cpu::{Member, Played, Work, quartiles, ratios, turns};
use crate::trial::Shape;

/// Measures the floor and every server of `contenders` that only frames, with `batch` messages per wake against one.
/// `None` when `stop` was set meanwhile.
#[must_use]
pub fn measure(
    contenders: &[&'static Contender],
    subscribers: u32,
    batch: u32,
    length: crate::cpu::Length,
    stop: &AtomicBool,
) -> Option<(Vec<Batching>, Vec<LeftOut>)> {
    let frames = |one: &&&'static Contender| {
        one.side == Side::Server && matches!(one.rung, Rung::Floor | Rung::Framing)
    };
    let servers: Vec<&'static Contender> = contenders.iter().filter(frames).copied().collect();
    let member = |contender, batch: u32| Member {
        contender,
        shape: Shape {
            connections: subscribers as usize,
            batch: batch as usize,
        },
        batches: length.batches,
        work: Work::Deliver,
    };
    let members: Vec<Member> = servers
        .iter()
        .flat_map(|&server| [member(server, 1), member(server, batch)])
        .collect();
    let mut played = turns(&members, length.turns, stop)?.into_iter();
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for server in servers {
        let (Some(alone), Some(together)) = (played.next(), played.next()) else {
            break;
        };
        match (alone, together) {
            (Ok(Played { ns: alone, .. }), Ok(Played { ns: together, .. })) => {
                found.push(Batching {
                    name: server.name.to_owned(),
                    subscribers,
                    batch,
                    alone_ns: quartiles(&alone),
                    together_ns: quartiles(&together),
                    ratio: quartiles(&ratios(&together, &alone)),
                });
            }
            (Err(reason), _) | (_, Err(reason)) => left_out.push(LeftOut {
                name: server.name.to_owned(),
                side: Side::Server,
                subscribers: Some(subscribers),
                reason: format!("one message per wake against {batch}: {reason}"),
            }),
        }
    }
    Some((found, left_out))
}
