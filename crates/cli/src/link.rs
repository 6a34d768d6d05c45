//! The network path that a command puts between server and load process.

use std::path::Path;
use std::process::{Command, Stdio};

use pushbench_link::{LinkError, Meter, Network};
use pushbench_model::link::Link;

use crate::exit::Wrong;

/// A link, and the network that this process is in because of it.
pub(crate) struct NetworkPath {
    link: Link,
    network: Network,
}

impl NetworkPath {
    /// What whoever runs trials needs of it.
    pub(crate) fn both(&self) -> (Link, Meter) {
        (self.link, self.network.meter().clone())
    }
}

/// Moves this process behind `link`, if there is to be one. To be called before any thread is started.
pub(crate) fn enter(link: Option<&Link>, seed: u64) -> anyhow::Result<Option<NetworkPath>> {
    let enter = |&link: &Link| {
        let network = pushbench_link::enter(&link, seed)?;
        Ok(NetworkPath { link, network })
    };
    let entered = link.map(enter).transpose();
    entered.map_err(|error: LinkError| Wrong(format!("--link: {error}")).into())
}

/// Whether a link can be made on this machine, tried in a process that ends at once; what is missing, if not.
pub(crate) fn can_be_made(pushbench: &Path) -> Result<(), String> {
    let tried = Command::new(pushbench)
        .args(["link", "--link", "rtt=0ms"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("it could not be tried: {error}"))?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let last = said.lines().last().unwrap_or("it was tried in vain");
    Err(last
        .trim_start_matches("pushbench: --link: ")
        .trim_start_matches("no link can be made here: ")
        .to_owned())
}
