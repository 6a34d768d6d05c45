//! Which of several links packets take.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pushbench_model::link::Link;

use crate::meter::Meter;
use crate::senders::Senders;
use crate::shaper::Shaper;

/// The links of a network, one of which packets take, and what counts them. Clones are of the same junction.
#[derive(Clone, Debug)]
pub struct Junction {
    links: Arc<[Link]>,
    taken: Arc<AtomicUsize>,
    meter: Meter,
    /// Who has to be told.
    shaper: Option<Arc<Shaper>>,
    /// Who else has to be.
    senders: Option<Arc<Senders>>,
}

/// Why packets do not take a link.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is none of the network's.
    #[error("the network of this run has no link {0}")]
    Unknown(Link),
    /// The kernel does not do it.
    #[error("netem cannot be made the link {0}: {1}")]
    Netem(Link, #[source] io::Error),
    /// Senders cannot be told.
    #[error("senders cannot be told what they are to use over the link {0}: {1}")]
    Senders(Link, #[source] io::Error),
}

impl Junction {
    /// At first packets take the first of `links`.
    pub(crate) fn new(
        links: &[Link],
        shaper: Option<Arc<Shaper>>,
        senders: Option<Senders>,
    ) -> Self {
        Self {
            links: links.into(),
            taken: Arc::default(),
            meter: Meter::new(shaper.clone()),
            shaper,
            senders: senders.map(Arc::new),
        }
    }

    /// Has packets that enter from now on take `link`; those on their way stay on theirs, or are lost with it where netem
    /// is the link. Connections that are opened or accepted from now on use its congestion control.
    ///
    /// # Errors
    ///
    /// When it is none of the network's links: nothing changes. When netem cannot be set for it: there may be no link at
    /// all then.
    pub fn take(&self, link: &Link) -> Result<(), NotTaken> {
        let found = self.links.iter().position(|known| known == link);
        let index = found.ok_or(NotTaken::Unknown(*link))?;
        if let Some(shaper) = &self.shaper
            && index != self.taken()
        {
            shaper
                .change(link)
                .map_err(|error| NotTaken::Netem(*link, error))?;
        }
        if let Some(senders) = &self.senders {
            let told = senders.follow(link);
            told.map_err(|error| NotTaken::Senders(*link, error))?;
        }
        self.taken.store(index, Ordering::Release);
        Ok(())
    }

    /// From now on connections that are opened or accepted use the congestion control that they usually do: what comes next
    /// takes no link. Where packets would go stays as it is.
    ///
    /// # Errors
    ///
    /// When senders cannot be told.
    pub fn leave(&self) -> io::Result<()> {
        self.senders
            .as_ref()
            .map_or(Ok(()), |senders| senders.rest())
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
        let junction = Junction::new(&links, None, None);
        let other = junction.clone();
        assert_eq!(other.taken(), 0);
        junction.take(&links[2]).unwrap();
        assert_eq!(other.taken(), 2);
        let unknown = junction.take(&"rtt=2ms".parse().unwrap()).unwrap_err();
        assert!(unknown.to_string().contains("rtt=2ms"));
        assert_eq!(other.taken(), 2, "an unknown one changes nothing");
    }
}
