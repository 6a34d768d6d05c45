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

use seat::Seat;

/// Connections that live at once, on all contenders together.
const MOST_CONNECTIONS: usize = 20_000;

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

/// Measures `contenders`, the first of which must be the floor. `None` when `stop` was set meanwhile.
///
/// # Errors
///
/// When the floor fails: without it nothing has a measure. Others that fail say so in their place.
pub fn per_delivery(
    contenders: &[&'static Contender],
    shape: Shape,
    length: Length,
    stop: &AtomicBool,
) -> io::Result<Option<Vec<Outcome>>> {
    // Before any thread is pinned.
    let _ = cores();
    let Some((&floor, others)) = contenders.split_first() else {
        return Ok(Some(Vec::new()));
    };
    let together = (MOST_CONNECTIONS / shape.connections.max(1))
        .saturating_sub(1)
        .max(1);
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(contenders.len());
    if others.is_empty() {
        return group(&[floor], shape, length, stop);
    }
    for chunk in others.chunks(together) {
        let members: Vec<_> = std::iter::once(floor)
            .chain(chunk.iter().copied())
            .collect();
        let Some(found) = group(&members, shape, length, stop)? else {
            return Ok(None);
        };
        // The floor of later groups serves only them.
        let known = usize::from(!outcomes.is_empty());
        outcomes.extend(found.into_iter().skip(known));
    }
    Ok(Some(outcomes))
}

fn group(
    members: &[&'static Contender],
    shape: Shape,
    length: Length,
    stop: &AtomicBool,
) -> io::Result<Option<Vec<Outcome>>> {
    let mut seats: Vec<Result<Seat, String>> = members
        .iter()
        .map(|&contender| Seat::take(contender, shape).map_err(|error| error.to_string()))
        .collect();
    let mut slices = vec![Vec::with_capacity(length.turns); members.len()];
    for turn in 0..=length.turns {
        for (place, slices) in seats.iter_mut().zip(&mut slices) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Ok(seat) = place else { continue };
            match seat.slice(length.batches) {
                // The first turn warms up.
                Ok(used) if turn > 0 => slices.push(used as f64 / shape.deliveries(length.batches)),
                Ok(_) => {}
                Err(error) => *place = Err(error.to_string()),
            }
        }
        if let Some(Err(reason)) = seats.first() {
            return Err(io::Error::other(format!("the floor failed: {reason}")));
        }
    }
    let deliveries = shape.deliveries(length.batches * (length.turns as u64 + 1));
    let floor = slices[0].clone();
    let outcomes = seats.into_iter().zip(&slices).enumerate();
    Ok(Some(
        outcomes
            .map(|(at, (seat, own))| {
                let end = seat?.leave().map_err(|error| error.to_string())?;
                let multiples: Vec<f64> = own
                    .iter()
                    .zip(&floor)
                    .map(|(own, floor)| own / floor)
                    .collect();
                Ok(Cost {
                    ns: quartiles(own),
                    times_floor: (at > 0).then(|| quartiles(&multiples)),
                    bytes_down: end.down as f64 / deliveries,
                    bytes_up: end.up.map(|up| up as f64 / deliveries),
                    p50_ns: end.p50_ns,
                })
            })
            .collect(),
    ))
}

fn quartiles(values: &[f64]) -> Quartiles {
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
