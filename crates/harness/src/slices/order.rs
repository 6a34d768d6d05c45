//! Whose turn it is.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

/// Rounds in pairs: a random order, then the same backwards. So everybody has every place as often as its mirror image,
/// and whatever changes evenly over two rounds meets all alike (with two: ABBA or BAAB).
pub(super) struct Order {
    random: Pcg64Mcg,
    order: Vec<usize>,
    mirrored: bool,
}

impl Order {
    pub(super) fn new(arms: usize, seed: u64) -> Self {
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            order: (0..arms).collect(),
            mirrored: true,
        }
    }

    pub(super) fn next_round(&mut self) -> &[usize] {
        if self.mirrored {
            self.order.shuffle(&mut self.random);
        } else {
            self.order.reverse();
        }
        self.mirrored = !self.mirrored;
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn rounds(arms: usize, seed: u64) -> Vec<Vec<usize>> {
        let mut order = Order::new(arms, seed);
        (0..40).map(|_| order.next_round().to_vec()).collect()
    }

    #[test]
    fn every_round_has_everybody_and_every_second_is_a_mirror_image() {
        for arms in [1, 2, 5] {
            for pair in rounds(arms, 7).chunks(2) {
                let mut first = pair[0].clone();
                assert!(pair[1].iter().rev().eq(&first));
                first.sort_unstable();
                assert!(first.into_iter().eq(0..arms));
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(rounds(4, 1), rounds(4, 1));
        assert_ne!(rounds(4, 1), rounds(4, 2));
        let distinct: BTreeSet<_> = rounds(4, 1).into_iter().collect();
        assert!(distinct.len() > 10, "{distinct:?}");
    }
}
