//! What our subscriber adds to the response times that it measures: its percentiles against those of a raw epoll receiver
//! that reads the same bytes, sent by the same loop. Both live at once and take turns.

use std::sync::atomic::AtomicBool;

use pushbench_model::anatomy::{Compared, Instrument, LeftOut, Side};

use crate::client::Delay;
use crate::contender::{CONTENDERS, Contender, RAW, Start};
use crate::cpu::{Length, Member, Played, Work, quartiles, ratios, turns};
use crate::trial::Shape;

/// Measures every transport for which `takes` says yes. `None` when `stop` was set meanwhile.
#[must_use]
pub fn measure(
    takes: impl Fn(&Contender) -> bool,
    subscribers: u32,
    length: Length,
    stop: &AtomicBool,
) -> Option<(Vec<Instrument>, Vec<LeftOut>)> {
    let ours = |raw: &Contender| {
        CONTENDERS.iter().find(|one| {
            one.transport == raw.transport && matches!(one.start, Start::Own) && takes(one)
        })
    };
    let pairs: Vec<(&'static Contender, &'static Contender)> = RAW
        .iter()
        .filter_map(|raw| Some((ours(raw)?, raw)))
        .collect();
    let shape = Shape {
        connections: subscribers as usize,
        batch: 1,
    };
    let member = |contender| Member {
        contender,
        shape,
        batches: length.batches,
        work: Work::DeliverApart,
    };
    let members: Vec<Member> = pairs
        .iter()
        .flat_map(|&(ours, raw)| [member(ours), member(raw)])
        .collect();
    let mut played = turns(&members, length.turns, stop)?
        .into_iter()
        .map(|played| played.and_then(|played| delays(played, length.turns)));
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (contender, _) in pairs {
        let (Some(ours), Some(raw)) = (played.next(), played.next()) else {
            break;
        };
        match (ours, raw) {
            (Ok(ours), Ok(raw)) => found.push(Instrument {
                transport: contender.transport.to_owned(),
                subscribers,
                deliveries: length.batches * u64::from(subscribers),
                p50: compared(&ours, &raw, |delay| delay.p50_ns),
                p99: compared(&ours, &raw, |delay| delay.p99_ns),
            }),
            (Err(reason), _) | (_, Err(reason)) => left_out.push(LeftOut {
                name: contender.name.to_owned(),
                side: Side::Client,
                subscribers: Some(subscribers),
                reason: format!("response times against a raw receiver: {reason}"),
            }),
        }
    }
    Some((found, left_out))
}

/// Those of all slices but the first, which warms up.
fn delays(played: Played, turns: usize) -> Result<Vec<Delay>, String> {
    let mut slices = played
        .end
        .received
        .map_or_else(Vec::new, |received| received.slices);
    if slices.len() != turns + 1 {
        return Err(format!(
            "it reported {} slices of {}",
            slices.len(),
            turns + 1
        ));
    }
    slices.remove(0);
    Ok(slices)
}

fn compared(ours: &[Delay], raw: &[Delay], of: fn(&Delay) -> u64) -> Compared {
    let figures = |delays: &[Delay]| {
        delays
            .iter()
            .map(|delay| of(delay) as f64)
            .collect::<Vec<_>>()
    };
    let (ours, raw) = (figures(ours), figures(raw));
    Compared {
        ours_ns: quartiles(&ours),
        raw_ns: quartiles(&raw),
        ratio: quartiles(&ratios(&ours, &raw)),
    }
}
