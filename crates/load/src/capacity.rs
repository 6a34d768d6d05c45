//! How many connections fit: into a table of file descriptors, and between two addresses; and how a crowd that is too
//! large for one of either is spread over several.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::Builder;

use pushbench_model::profile::Profile;
use pushbench_model::scenario::{Connect, Scenario};
use pushbench_sys::process::{raise_nofile, spawn_with_own_files};

use crate::LoadError;

/// File descriptors of a table beside those of connections: pollers, bells, control, standard streams.
pub const SPARE_FILES: u64 = 64;

/// Most tables of file descriptors that one process takes. Each is a thread, and more threads than this on a few cores
/// would show in what they measure.
pub const MOST_TABLES: u64 = 16;

/// Where the kernel says which ports it gives to connections.
const PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// What that is on an untouched system, 32768 to 60999 (ip(7)).
const USUAL_PORTS: u64 = 28_232;

/// Where it says whether ports of connections that were closed are given to others: 1 does everywhere, 2 on loopback (ip-sysctl).
const TIME_WAIT_REUSE: &str = "/proc/sys/net/ipv4/tcp_tw_reuse";

/// Seconds for which Linux keeps them otherwise.
const TIME_WAIT_S: f64 = 60.0;

/// Most loopback addresses to connect from: 127.0.0.1 to 127.0.0.250.
const MOST_ADDRESSES: u64 = 250;

/// What this machine allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files of one table of descriptors (`RLIMIT_NOFILE`), after raising it as far as allowed.
    pub files: u64,
    /// Whether threads can have tables of their own, each with that limit.
    pub own_tables: bool,
    /// Ports that connections get by themselves: those from one address to one destination differ in them.
    pub ports: u64,
}

/// How connections are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Tables of file descriptors, each with a worker thread; 0 when the common one suffices.
    pub own_tables: u64,
    /// Loopback addresses to connect from, from 127.0.0.1 on; 1 when the system chooses one.
    pub addresses: u64,
}

impl Limits {
    /// Raises the limit of open files and looks at the others.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let probe = spawn_with_own_files(Builder::new(), |own| own.is_ok());
        let own_tables = probe.is_ok_and(|thread| thread.join().unwrap_or(false));
        let ports = fs::read_to_string(PORT_RANGE).ok();
        Self {
            files: raise_nofile().0,
            own_tables,
            ports: ports.and_then(|range| count(&range)).unwrap_or(USUAL_PORTS),
        }
    }

    /// Connections that fit into one table of file descriptors.
    #[must_use]
    pub fn per_table(&self) -> u64 {
        self.files.saturating_sub(SPARE_FILES)
    }

    /// Connections that go from one address to one destination without a long search for a free port: seven sixteenths
    /// of the range. The kernel tries every second port first and looks at each that is taken, so that beyond half of the
    /// range every connection would pass thousands of them.
    #[must_use]
    pub fn per_address(&self) -> u64 {
        self.ports * 7 / 16
    }

    /// How `connections` connections to `target` are spread.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooFewFiles`] and [`LoadError::TooFewPorts`] when they do not fit.
    pub fn spread(&self, connections: u64, target: SocketAddr) -> Result<Spread, LoadError> {
        Ok(Spread {
            own_tables: self.tables(connections)?,
            addresses: self.addresses(connections, target)?,
        })
    }

    fn tables(&self, connections: u64) -> Result<u64, LoadError> {
        if connections <= self.per_table() {
            return Ok(0);
        }
        let tables = match self.per_table() {
            0 => u64::MAX,
            per_table => connections.div_ceil(per_table),
        };
        if self.own_tables && tables <= MOST_TABLES {
            return Ok(tables);
        }
        Err(LoadError::TooFewFiles {
            needed: connections.saturating_add(SPARE_FILES),
            limit: self.files,
        })
    }

    fn addresses(&self, connections: u64, target: SocketAddr) -> Result<u64, LoadError> {
        if connections <= self.per_address() {
            return Ok(1);
        }
        let addresses = connections.div_ceil(self.per_address().max(1));
        match target.ip() {
            IpAddr::V4(ip) if ip.is_loopback() && addresses <= MOST_ADDRESSES => Ok(addresses),
            // They fit, if nothing else wants a port.
            _ if connections <= self.ports => Ok(1),
            _ => Err(LoadError::TooFewPorts {
                needed: connections,
                ports: self.ports,
                target,
            }),
        }
    }
}

impl Spread {
    /// Where connection number `number` comes from; `None` leaves it to the system.
    #[must_use]
    pub fn source(&self, number: u64) -> Option<IpAddr> {
        let last = 1 + number % self.addresses.clamp(1, MOST_ADDRESSES);
        let last = u8::try_from(last).ok()?;
        (self.addresses > 1).then(|| Ipv4Addr::new(127, 0, 0, last).into())
    }
}

/// Whether one table of file descriptors holds what subscribers need who speak: one thread writes for all of them.
pub(crate) fn one_table(scenario: &Scenario) -> Result<(), LoadError> {
    let (wanted, limits) = (u64::from(scenario.connections()), Limits::of_this_machine());
    if wanted <= limits.per_table() {
        return Ok(());
    }
    Err(LoadError::TooFewFiles {
        needed: wanted.saturating_add(SPARE_FILES),
        limit: limits.files,
    })
}

/// Whether there are ports for connections that come by a schedule: those that were closed keep theirs for a minute (TIME_WAIT), but on
/// loopback, or where the system lets others have them.
pub(crate) fn ports_last(
    connect: &Connect,
    profile: Profile,
    target: SocketAddr,
) -> Result<(), LoadError> {
    let reused = fs::read_to_string(TIME_WAIT_REUSE).is_ok_and(|text| text.trim() == "1");
    let needed = connect.arriving().map_or(0, |arriving| {
        let minute = arriving
            .rate
            .mul_add(TIME_WAIT_S, connect.most_open().into());
        let all = [connect.warm_up, connect.connections].map(|phase| u64::from(phase.at(profile)));
        (minute.ceil() as u64).min(all.iter().sum())
    });
    let ports = Limits::of_this_machine().ports;
    if target.ip().is_loopback() || reused || needed <= ports {
        return Ok(());
    }
    Err(LoadError::TooFewPorts {
        needed,
        ports,
        target,
    })
}

/// Ports of a range: its first and last one.
fn count(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last + 1).checked_sub(first)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pushbench_model::scenario::Workload;

    use super::*;

    const LIMITS: Limits = Limits {
        files: 20_000,
        own_tables: true,
        ports: USUAL_PORTS,
    };

    fn loopback() -> SocketAddr {
        "127.0.0.1:80".parse().unwrap()
    }

    #[test]
    fn what_fits_is_not_spread() {
        let spread = |connections| LIMITS.spread(connections, loopback()).unwrap();
        let alone = Spread {
            own_tables: 0,
            addresses: 1,
        };
        assert_eq!(spread(1), alone);
        assert_eq!(spread(12_351), alone);
        assert_eq!(alone.source(7), None);
        let addresses = Spread {
            own_tables: 0,
            addresses: 2,
        };
        assert_eq!(spread(12_352), addresses);
        assert_eq!(spread(20_000 - SPARE_FILES), addresses);
        let both = Spread {
            own_tables: 3,
            addresses: 5,
        };
        assert_eq!(spread(50_000), both);
        let sources: Vec<_> = (3..7).map(|number| both.source(number).unwrap()).collect();
        let expected = [4, 5, 1, 2].map(|last| IpAddr::from([127, 0, 0, last]));
        assert_eq!(sources, expected);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let forbidden = Limits {
            own_tables: false,
            ..LIMITS
        };
        let error = forbidden.spread(20_000, loopback()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("this scenario needs 20064 open files and the limit is 20000"),
            "{error}"
        );
        let few = Limits {
            files: 10,
            ..LIMITS
        };
        assert!(matches!(
            few.spread(1, loopback()),
            Err(LoadError::TooFewFiles { .. })
        ));
        for target in ["192.0.2.1:80", "[::1]:80"] {
            let target = target.parse().unwrap();
            assert_eq!(LIMITS.spread(28_000, target).unwrap().addresses, 1);
            let error = LIMITS.spread(30_000, target).unwrap_err().to_string();
            assert!(
                error.contains("30000 connections to")
                    && error.contains("28232")
                    && error.contains("net.ipv4.ip_local_port_range"),
                "{error}"
            );
        }
    }

    #[test]
    fn ports_that_were_used_are_kept_for_a_minute() {
        let text = |rate: u32, connections: u32| {
            format!(
                "name = \"x\"\nmodels = \"\"\nexpected = \"\"\nprofiles = []\n[payload]\nbytes = 1\n[connect]\n\
                 connections = {{ quick = {connections}, standard = 1, thorough = 1 }}\n\
                 warm-up = {{ quick = 0, standard = 0, thorough = 0 }}\nrate = {rate}.0\narrivals = \"constant\"\n"
            )
        };
        let last = |rate, connections, target: &str| {
            let scenario = Scenario::parse(&text(rate, connections), Path::new("x.toml")).unwrap();
            let Workload::Connect(connect) = scenario.workload else {
                panic!("connect expected")
            };
            ports_last(&connect, Profile::Quick, target.parse().unwrap())
        };
        let reused = fs::read_to_string(TIME_WAIT_REUSE).is_ok_and(|text| text.trim() == "1");
        // No machine has more ports than 65535: 120 000 in a minute do not last, and as many in an hour do.
        let far = "192.0.2.1:80";
        assert_eq!(last(2000, 1_000_000, far).is_ok(), reused);
        assert!(last(30, 1_000_000, far).is_ok());
        assert!(last(2000, 1000, far).is_ok());
        assert!(last(2000, 1_000_000, "127.0.0.1:80").is_ok());
    }

    #[test]
    fn a_range_has_both_its_ends() {
        assert_eq!(count("32768\t60999\n"), Some(USUAL_PORTS));
        assert_eq!(count("5 4"), Some(0));
        for odd in ["9 1", "", "1", "a b"] {
            assert_eq!(count(odd), None, "{odd}");
        }
    }

    #[test]
    fn this_machine_has_limits() {
        let limits = Limits::of_this_machine();
        assert!(limits.files > 0 && limits.ports > 0);
        assert!(limits.per_address() <= limits.ports);
    }
}
