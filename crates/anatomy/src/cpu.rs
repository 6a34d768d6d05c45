//! CPU time per delivery, user and kernel together.
//!
//! All contenders live at once and take turns in slices of some milliseconds, so that what the machine does meanwhile
//! happens to all of them. Each slice is divided by the floor's slice of the same turn; of the quotients the median is
//! the figure and the middle half is its spread.

use std::io;

use pushbench_sys::affinity;
use pushbench_sys::process::cpu_time_ns;

use crate::contender::{Contender, Half};
use crate::trial::{Trial, cores, plain};

/// What a delivery costs a contender.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Nanoseconds: median of the slices.
    pub ns: f64,
    /// As a multiple of the floor: first quartile, median, third quartile.
    pub multiple: [f64; 3],
}

/// Measures `contenders`, the first of which must be the floor, in `turns` turns of `messages` messages each.
///
/// # Errors
///
/// When a trial fails.
pub fn per_delivery(
    contenders: &[Contender],
    half: Half,
    connections: usize,
    turns: usize,
    messages: u64,
) -> io::Result<Vec<Cost>> {
    affinity::with_affinity(&[cores().1], || {
        let mut trials = contenders
            .iter()
            .map(|&contender| Trial::start(contender, half, connections, plain))
            .collect::<io::Result<Vec<_>>>()?;
        let mut slices = vec![Vec::with_capacity(turns); trials.len()];
        for turn in 0..=turns {
            for (trial, slices) in trials.iter_mut().zip(&mut slices) {
                let before = cpu_time_ns(trial.pid())?;
                trial.deliver(messages)?;
                let used = cpu_time_ns(trial.pid())? - before;
                // The first turn warms up.
                if turn > 0 {
                    slices.push(used as f64 / (messages * connections as u64) as f64);
                }
            }
        }
        for trial in trials {
            trial.finish()?;
        }
        Ok(slices
            .iter()
            .map(|own| {
                let multiples = own.iter().zip(&slices[0]).map(|(own, floor)| own / floor);
                let multiples: Vec<f64> = multiples.collect();
                Cost {
                    ns: quantile(own, 0.5),
                    multiple: [0.25, 0.5, 0.75].map(|q| quantile(&multiples, q)),
                }
            })
            .collect())
    })?
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
