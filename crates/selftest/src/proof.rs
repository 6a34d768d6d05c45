//! The proofs, one file each.

mod a_a_simulated;
mod a_a_trials;
mod arrivals;
mod calibration;
mod coverage;
mod detectability;
mod instrument_cost;
mod intended_time;
mod interference;
mod interleaving;
mod link;
mod merging;
mod percentiles;
mod redraw;
mod saturated_generator;
mod saturation;
mod sequence;
mod sliced;
mod slices;
mod timer;
mod unused_trials;
mod verdict;
mod warm_up;
mod wire;

use crate::Proof;

pub(crate) use sliced::Sliced;

/// All proofs, in the order they run and are shown.
pub static PROOFS: &[&dyn Proof] = &[
    &intended_time::REAL,
    &calibration::REAL,
    &link::REAL,
    &link::NETEM,
    &sequence::REAL,
    &saturated_generator::REAL,
    &timer::REAL,
    &interference::REAL,
    &instrument_cost::REAL,
    &arrivals::REAL,
    &percentiles::REAL,
    &merging::REAL,
    &coverage::REAL,
    &interleaving::REAL,
    &a_a_simulated::REAL,
    &verdict::REAL,
    &warm_up::REAL,
    &unused_trials::REAL,
    &redraw::REAL,
    &a_a_trials::REAL,
    &slices::REAL,
    &detectability::REAL,
    &wire::REAL,
    &saturation::REAL,
];

/// `0.0523` as `5.2 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Standard errors by which a simulated share may exceed the promised one: by chance once in two thousand times.
const CHANCE: f64 = 3.3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_rules() {
        let ids: BTreeSet<_> = PROOFS.iter().map(|proof| proof.about().id).collect();
        assert_eq!(ids.len(), PROOFS.len());
        for proof in PROOFS {
            let about = proof.about();
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(about.id.chars().all(plain), "{}", about.id);
            assert!(about.rules.iter().all(|rule| (1..=40).contains(rule)));
            assert!(
                !about.rules.is_empty() && about.rule.ends_with('.'),
                "{}",
                about.id
            );
        }
    }
}
