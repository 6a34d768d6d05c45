//! The network paths that a command puts between server and load process.

use std::path::Path;
use std::process::{Command, Stdio};

use pushbench_link::{Junction, LinkError, Network};
use pushbench_model::link::{Link, LinkBy};
use pushbench_model::scenario::Scenario;

use crate::exit::{Wrong, wrong};

/// The network that this process is in because of the links of its scenarios.
pub(crate) struct NetworkPath(Network);

impl NetworkPath {
    /// What whoever runs trials needs of it.
    pub(crate) fn junction(&self) -> Junction {
        self.0.junction().clone()
    }
}

/// Moves this process behind the links of `scenarios`, if any has one, emulated as was `asked` for. To be called before any
/// thread is started.
pub(crate) fn enter(
    scenarios: &[Scenario],
    asked: Option<LinkBy>,
    seed: u64,
) -> anyhow::Result<Option<NetworkPath>> {
    let Some(by) = emulated_by(scenarios, asked)? else {
        return Ok(None);
    };
    let mut links: Vec<Link> = Vec::new();
    for link in scenarios.iter().filter_map(|scenario| scenario.link) {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    let entered = pushbench_link::enter(&links, by, seed).map(NetworkPath);
    let entered = entered.map_err(|error: LinkError| Wrong(error.to_string()));
    Ok(Some(entered?))
}

/// Who emulates the links of `scenarios` where somebody was `asked` for or nobody; absent where there is none. Refused is what
/// would have no effect, and what cannot be had.
pub(crate) fn emulated_by(
    scenarios: &[Scenario],
    asked: Option<LinkBy>,
) -> anyhow::Result<Option<LinkBy>> {
    let links = || scenarios.iter().filter_map(|scenario| scenario.link);
    if links().next().is_none() {
        if let Some(by) = asked {
            wrong!(
                "--link-by {by} says how a link is made, and there is none: add one, such as --link rtt=80ms"
            );
        }
        return Ok(None);
    }
    let by = asked.unwrap_or_default();
    match links().find_map(|link| by.refuses(&link)) {
        Some(why) => Err(Wrong(why).into()),
        None => Ok(Some(by)),
    }
}

/// Scenarios over `links`, each over all of them; those that bring one of their own keep it.
pub(crate) fn over(scenarios: Vec<Scenario>, links: &[Link]) -> anyhow::Result<Vec<Scenario>> {
    for (index, link) in links.iter().enumerate() {
        if links[..index].contains(link) {
            wrong!("--link {link} is given twice");
        }
    }
    let over = scenarios
        .into_iter()
        .flat_map(|scenario| scenario.over(links));
    Ok(over.collect())
}

/// Whether a link can be made on this machine in this way, tried in a process that ends at once; what is missing, if not.
pub(crate) fn can_be_made(pushbench: &Path, by: LinkBy) -> Result<(), String> {
    let tried = Command::new(pushbench)
        .args(["link", "--link", "rtt=0ms", "--link-by", by.label()])
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
