//! Which of several links packets take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pushbench_model::link::Link;

use crate::meter::Meter;

/// The links of a network, one of which packets take, and what counts them. Clones are of the same junction.
#[derive(Clone, Debug)]
pub struct Junction {
    links: Arc<[Link]>,
    taken: Arc<AtomicUsize>,
    meter: Meter,
}

impl Junction {
    /// At first packets take the first of `links`.
    pub(crate) fn new(links: &[Link], meter: Meter) -> Self {
        Self {
            links: links.into(),
            taken: Arc::default(),
            meter,
        }
    }

    /// Has packets that enter from now on take `link`; those on their way stay on theirs. Says whether it is one of the
    /// network's links; nothing changes if not.
    #[must_use]
    pub fn take(&self, link: &Link) -> bool {
        let found = self.links.iter().position(|known| known == link);
        if let Some(index) = found {
            self.taken.store(index, Ordering::Release);
        }
        found.is_some()
    }

    /// The number of the link that is taken, from 0.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// What crosses whichever link is taken.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_take_the_link_that_was_asked_for_last() {
        let links = ["rtt=1ms", "rtt=20ms", "lan"].map(|link| link.parse::<Link>().unwrap());
        let junction = Junction::new(&links, Meter::new());
        let other = junction.clone();
        assert_eq!(other.taken(), 0);
        assert!(junction.take(&links[2]));
        assert_eq!(other.taken(), 2);
        assert!(!junction.take(&"rtt=2ms".parse().unwrap()));
        assert_eq!(other.taken(), 2, "an unknown one changes nothing");
    }
}
