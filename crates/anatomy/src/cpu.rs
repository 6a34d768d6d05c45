//! CPU time per delivery, user and kernel together.
//!
//! Contenders live at once and take turns in slices of some milliseconds, so that what the machine does meanwhile happens
//! to all of them. Each slice is divided by the floor's slice of the same turn. Where all of them together would hold
//! more than [`MOST_CONNECTIONS`], they are measured in groups, each with a floor of its own.

mod seat;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_model::anatomy::Quartiles;

use crate::contender::Contender;
use crate::trial::{Shape, cores};

pub(crate) use seat::End;
use seat::Seat;

/// Connections that live at once, on all contenders together.
const MOST_CONNECTIONS: usize = 30_000;

/// What a delivery costs a contender.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Nanoseconds of the slices.
    pub ns: Quartiles,
    /// Multiples of the floor's slice of the same turn; absent for the floor.
    pub times_floor: Option<Quartiles>,
    /// TCP payload bytes from server to client.
    pub bytes_down: f64,
    /// TCP payload bytes from client to server, where the peer sees them.
    pub bytes_up: Option<f64>,
    /// Median response time, nanoseconds, where a client records it.
    pub p50_ns: Option<u64>,
}

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Turns, after one that warms up.
    pub turns: usize,
    /// Batches of messages in a slice.
    pub batches: u64,
}

/// What became of one contender: its cost, or why there is none.
pub type Outcome = Result<Cost, String>;

/// Who takes turns together: all of `contenders`, or groups of them, each with the floor first.
#[must_use]
pub fn groups(
    contenders: &[&'static Contender],
    connections: usize,
) -> Vec<Vec<&'static Contender>> {
    let Some((&floor, others)) = contenders.split_first() else {
        return Vec::new();
    };
    if others.is_empty() {
        return vec![vec![floor]];
    }
    let together = (MOST_CONNECTIONS / connections.max(1))
        .saturating_sub(1)
        .max(1);
    let with_floor = |chunk: &[&'static Contender]| [&[floor], chunk].concat();
    others.chunks(together).map(with_floor).collect()
}

/// Measures a group, the first of which must be the floor. `None` when `stop` was set meanwhile.
///
/// # Errors
///
/// When the floor fails: without it nothing has a measure. Others that fail say so in their place.
pub fn per_delivery(
    group: &[&'static Contender],
    shape: Shape,
    length: Length,
    stop: &AtomicBool,
) -> io::Result<Option<Vec<Outcome>>> {
    let members: Vec<Member> = group
        .iter()
        .map(|&contender| Member {
            contender,
            shape,
            batches: length.batches,
            work: Work::Deliver,
        })
        .collect();
    let Some(played) = turns(&members, length.turns, stop) else {
        return Ok(None);
    };
    let floor = match played.first() {
        None => return Ok(Some(Vec::new())),
        Some(Err(reason)) => return Err(io::Error::other(format!("the floor failed: {reason}"))),
        Some(Ok(floor)) => floor.ns.clone(),
    };
    let deliveries = shape.deliveries(length.batches * (length.turns as u64 + 1));
    let cost = |(at, played): (usize, Result<Played, String>)| {
        let Played { ns, end } = played?;
        Ok(Cost {
            ns: quartiles(&ns),
            times_floor: (at > 0).then(|| quartiles(&ratios(&ns, &floor))),
            bytes_down: end.down as f64 / deliveries,
            bytes_up: end.up.map(|up| up as f64 / deliveries),
            p50_ns: end.received.map(|received| received.p50_ns),
        })
    };
    Ok(Some(played.into_iter().enumerate().map(cost).collect()))
}

/// One that takes turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) contender: &'static Contender,
    pub(crate) shape: Shape,
    /// Batches of a slice; connections where it sets up.
    pub(crate) batches: u64,
    pub(crate) work: Work,
}

/// What a member does in its slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Delivers.
    Deliver,
    /// Delivers, and takes the response times of each slice apart.
    DeliverApart,
    /// Has connections opened and closed.
    SetUp,
}

impl Member {
    /// By what the time of a slice is divided.
    fn parts(&self) -> f64 {
        match self.work {
            Work::Deliver | Work::DeliverApart => self.shape.deliveries(self.batches),
            Work::SetUp => self.batches as f64,
        }
    }
}

/// What one did in its turns.
pub(crate) struct Played {
    /// Nanoseconds per delivery, or per connection, in each slice but the first, which warms up.
    pub(crate) ns: Vec<f64>,
    pub(crate) end: End,
}

/// Lets `members` take `turns` turns after one that warms up, always in the same order: between the beginnings of two slices of each
/// then lies the same time. TCP acknowledges at once what comes after a pause, 16 times, which costs a server a sixth of a delivery, so that who had
/// rested longer than others would seem to cost more. `None` when `stop` was set meanwhile.
pub(crate) fn turns(
    members: &[Member],
    turns: usize,
    stop: &AtomicBool,
) -> Option<Vec<Result<Played, String>>> {
    // Before any thread is pinned.
    let _ = cores();
    let mut seats: Vec<Result<(Seat, Vec<f64>), String>> = members
        .iter()
        .map(|&member| match Seat::take(member) {
            Ok(seat) => Ok((seat, Vec::with_capacity(turns))),
            Err(error) => Err(error.to_string()),
        })
        .collect();
    for turn in 0..=turns {
        for at in 0..members.len() {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let Ok((seat, slices)) = &mut seats[at] else {
                continue;
            };
            match seat.slice(members[at].batches) {
                // Nothing can be told from it, and a floor of nothing makes multiples without end.
                Ok(0) => seats[at] = Err("a slice of it took no processor time".into()),
                Ok(used) if turn > 0 => slices.push(used as f64 / members[at].parts()),
                Ok(_) => {}
                Err(error) => seats[at] = Err(error.to_string()),
            }
        }
    }
    let end = |seat: Result<(Seat, Vec<f64>), String>| {
        let (seat, ns) = seat?;
        let end = seat.leave().map_err(|error| error.to_string())?;
        Ok(Played { ns, end })
    };
    Some(seats.into_iter().map(end).collect())
}

/// The first of each turn divided by the second of that turn.
pub(crate) fn ratios(over: &[f64], under: &[f64]) -> Vec<f64> {
    let pairs = over.iter().zip(under);
    pairs.map(|(over, under)| over / under).collect()
}

pub(crate) fn quartiles(values: &[f64]) -> Quartiles {
    let [low, median, high] = [0.25, 0.5, 0.75].map(|q| quantile(values, q));
    Quartiles { low, median, high }
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * q).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
