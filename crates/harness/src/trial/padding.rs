//! Environments of different lengths.
//!
//! The environment lies on the stack of a new process, so its length moves everything that comes after it, and a
//! program can be some percent faster or slower for that alone (Mytkowicz et al., ASPLOS 2009; method rule 15). No length
//! is the right one. With another one in every trial, what it does is part of the spread between trials, which the
//! intervals know, and not of all of them alike.

use std::process::Command;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use crate::process::Role;

/// Name of the variable that is there for its length.
pub(super) const VARIABLE: &str = "PUSHBENCH_PADDING";
/// Bytes; a page of memory holds as many.
const LONGEST: usize = 4096;

/// Makes the environment of `command` as long as the seed of its trial says.
pub(super) fn pad(command: &mut Command, seed: u64, role: Role) {
    command.env(VARIABLE, "x".repeat(length(seed, role)));
}

/// The same for every server of a scenario within a block, because their trials share a seed.
fn length(seed: u64, role: Role) -> usize {
    let stream = match role {
        Role::Server => 0x7061_6464,
        Role::Load => 0x696e_6721,
    };
    Pcg64Mcg::seed_from_u64(seed ^ stream).random_range(0..=LONGEST)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_seed_decides_and_every_length_may_come() {
        let lengths = |role| -> Vec<usize> { (0..500).map(|seed| length(seed, role)).collect() };
        for role in [Role::Server, Role::Load] {
            assert_eq!(lengths(role), lengths(role));
            let distinct: BTreeSet<_> = lengths(role).into_iter().collect();
            assert!(distinct.len() > 400, "{}", distinct.len());
            assert!(distinct.first() < Some(&100) && distinct.last() > Some(&4000));
        }
        assert_ne!(lengths(Role::Server), lengths(Role::Load));
    }
}
