//! What a link between the two processes changes in a trial.

use pushbench_link::{FAR, NEAR, Until};
use pushbench_model::deaths;
use pushbench_model::link::LinkCounts;
use pushbench_model::record::Flag;
use pushbench_model::scenario::Scenario;

use super::conversation::Address;
use super::{Abort, ProcessRunner};

/// Packets may leave this late, nanoseconds, or by this part of the round trip, before it is said.
const UNNOTICED_NS: u64 = 300_000;
const UNNOTICED_PART: u64 = 100;

impl ProcessRunner<'_> {
    /// Has packets take the link of the scenario, and subscribers connect to its far end; without a link all stays on
    /// loopback. Control stays on loopback: who orders a schedule or publishes
    /// is beside the server. Subscribers that speak are not: what they post crosses the link as what they hear does.
    pub(super) fn through_link(
        &self,
        scenario: &Scenario,
        address: &mut Address,
    ) -> Result<(), Abort> {
        if let Some(link) = &scenario.link {
            let links = self.links.as_ref().ok_or_else(|| {
                Abort::Failed(format!(
                    "this run has no network, and the scenario runs over the link {link}"
                ))
            })?;
            let taken = links.take(link);
            taken.map_err(|error| Abort::Failed(error.to_string()))?;
            let near = through(&address.data).map_err(Abort::Failed)?;
            let is_http = near.base.starts_with("http");
            address.control = address.control.take().or(is_http.then_some(near.base));
            address.data = near.far;
            if scenario.is_two_way()
                && let Some(control) = &mut address.control
            {
                *control = through(control).map_err(Abort::Failed)?.far;
            }
        }
        Ok(())
    }

    /// Takes their network away from those that a load process names, each from its time on.
    pub(super) fn take_network(&self, words: &str) -> Result<Until, String> {
        let deaths = deaths::parse(words)
            .map_err(|error| format!("the load process named who is to die: {error}"))?;
        let Some(links) = &self.links else {
            return Err(
                "subscribers are to lose their network, which takes a link: --link rtt=1ms"
                    .to_owned(),
            );
        };
        Ok(links.meter().outage().begin(deaths))
    }
}

/// Whether the link was worse than it was made to be.
pub(super) fn slow_link(scenario: &Scenario, crossed: Option<&LinkCounts>) -> Option<Flag> {
    let (link, counts) = scenario.link.as_ref().zip(crossed)?;
    let unnoticed = (link.rtt_us * 1000 / UNNOTICED_PART).max(UNNOTICED_NS);
    let late_ns = counts.late_p99_ns;
    // Of netem only what the device lost is known.
    let late = late_ns.is_some_and(|late_ns| late_ns > unnoticed);
    (counts.missed > 0 || late).then_some(Flag::SlowLink {
        missed: counts.missed,
        late_ns,
    })
}

/// A URL of this side, in two ways.
#[derive(Debug, PartialEq, Eq)]
struct Near {
    /// The same at the far end of the link.
    far: String,
    /// Scheme, host and port.
    base: String,
}

fn through(url: &str) -> Result<Near, String> {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.rsplit_once(':')?;
        let is_near = host == NEAR.to_string() || host == "localhost" || host == "0.0.0.0";
        is_near.then_some((scheme, port, path))
    });
    let Some((scheme, port, path)) = parts else {
        return Err(format!(
            "the server listens at {url}, and a link leads to {NEAR} and a port: have it listen there"
        ));
    };
    Ok(Near {
        far: format!("{scheme}://{FAR}:{port}{path}"),
        base: format!("{scheme}://{NEAR}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What userspace let go of late is said; of netem, which tells no lateness, only what was missed.
    #[test]
    fn a_link_is_slow_where_it_is_known_to_be() {
        let mut scenario = crate::verify::tests::scenario();
        scenario.link = "rtt=20ms".parse().ok();
        let of = |missed, late_p99_ns| {
            let counts = LinkCounts {
                missed,
                late_p99_ns,
                ..LinkCounts::default()
            };
            slow_link(&scenario, Some(&counts))
        };
        assert_eq!(of(0, Some(UNNOTICED_NS)), None);
        assert_eq!(of(0, None), None);
        for (missed, late_ns) in [(0, Some(UNNOTICED_NS + 1)), (1, Some(0)), (1, None)] {
            let flag = Flag::SlowLink { missed, late_ns };
            assert_eq!(of(missed, late_ns), Some(flag));
        }
    }

    #[test]
    fn only_the_host_changes() {
        for (url, far, base) in [
            (
                "http://127.0.0.1:80",
                "http://10.77.0.2:80",
                "http://127.0.0.1:80",
            ),
            (
                "http://localhost:80/a:b?c",
                "http://10.77.0.2:80/a:b?c",
                "http://127.0.0.1:80",
            ),
            (
                "tcp://0.0.0.0:5/",
                "tcp://10.77.0.2:5/",
                "tcp://127.0.0.1:5",
            ),
        ] {
            let (far, base) = (far.to_owned(), base.to_owned());
            assert_eq!(through(url), Ok(Near { far, base }));
        }
    }

    #[test]
    fn a_server_elsewhere_is_out_of_reach() {
        for url in [
            "http://192.0.2.1:80",
            "http://[::1]:80/",
            "127.0.0.1:80",
            "http://localhost",
        ] {
            let error = through(url).unwrap_err();
            assert!(
                error.contains(url) && error.contains("127.0.0.1"),
                "{error}"
            );
        }
    }
}
