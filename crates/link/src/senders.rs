//! Which congestion control those use that send over a link: a setting of the network that they are in.

use std::fs;
use std::io;

use pushbench_model::link::{Congestion, Link};

/// What connections of this network use that are opened or accepted from now on.
const USED: &str = "/proc/sys/net/ipv4/tcp_congestion_control";
/// What may be used by whoever is no root of the machine.
const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";

/// The senders of this network, where some link says what they are to use.
#[derive(Debug)]
pub(crate) struct Senders {
    /// What they use otherwise.
    usual: String,
}

/// Senders cannot use it.
#[derive(Debug, thiserror::Error)]
#[error(
    "senders cannot use {wanted} in a network of their own here ({error}); they can use {allowed} \
     (sysctl net.ipv4.tcp_allowed_congestion_control, to which root may add outside of containers), or leave out congestion"
)]
pub struct NotAllowed {
    wanted: Congestion,
    allowed: String,
    error: io::Error,
}

impl Senders {
    /// Those of this network, if one of `links` says what they are to use. All of that is tried; what they use is what it was.
    pub(crate) fn new(links: &[Link]) -> Result<Option<Self>, NotAllowed> {
        let mut senders = None;
        for link in links {
            let Some(wanted) = link.congestion else {
                continue;
            };
            let tried = read(USED).map(|usual| senders.get_or_insert(Self { usual }));
            let tried = tried.and_then(|senders| {
                senders.follow(link)?;
                senders.rest()
            });
            tried.map_err(|error| NotAllowed {
                wanted,
                allowed: read(ALLOWED).unwrap_or_else(|_| "what nobody knows".to_owned()),
                error,
            })?;
        }
        Ok(senders)
    }

    /// They use what `link` says, and what they usually do where it says nothing.
    pub(crate) fn follow(&self, link: &Link) -> io::Result<()> {
        match link.congestion {
            Some(congestion) => fs::write(USED, congestion.label()),
            None => self.rest(),
        }
    }

    /// They use what they usually do.
    pub(crate) fn rest(&self) -> io::Result<()> {
        fs::write(USED, &self.usual)
    }
}

fn read(file: &str) -> io::Result<String> {
    Ok(fs::read_to_string(file)?.trim().to_owned())
}
