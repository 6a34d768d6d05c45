//! The plan: every setting with every transport, the fast phase in turns.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_server::Server;
use pushbench_transport::hub::Hub;
use pushbench_transport::transport::{ServeOptions, Transport, by_name};

use super::TRANSPORTS;
use super::http2::Http2;
use super::observe::{Load, Seen, idle, observe};
use super::proxy::{NoProxy, Proxy, Upstreams};
use super::setting::{Program, SETTINGS, Setting};
use super::watch::{Inflating, Ours, Watch};
use crate::own;

/// Ten events that a person would see come.
pub const SLOW: Load = Load {
    messages: 10,
    interval_ns: 200_000_000,
};
/// Two hundred for figures.
pub const FAST: Load = Load {
    messages: 200,
    interval_ns: 5_000_000,
};
/// Idle streams are watched for so long: twice the timeouts of the settings, and some.
pub const IDLE: Duration = Duration::from_secs(5);

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Turns of every setting in the fast phase.
    pub rounds: u32,
    /// Seed of their order.
    pub seed: u64,
}

/// A setting with a transport.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The setting.
    pub setting: &'static Setting,
    /// The transport.
    pub transport: &'static str,
    /// Ten events.
    pub slow: Option<Seen>,
    /// Two hundred, each turn.
    pub fast: Vec<Seen>,
    /// What became of an idle stream: its end, or that it outlived the watch.
    pub idle: Option<Option<(u64, String)>>,
    /// Why there is nothing, or nothing more.
    pub failed: Option<String>,
}

/// What was seen on a visit.
#[derive(Debug, Default)]
pub struct Visited {
    /// All that was observed, in the order of [`SETTINGS`].
    pub observed: Vec<Observed>,
    /// Versions of the proxies.
    pub versions: BTreeMap<String, String>,
    /// Those that are not installed.
    pub absent: Vec<AbsentSystem>,
    /// Those that did not start, in sentences.
    pub failed: Vec<String>,
    /// Somebody stopped it.
    pub interrupted: bool,
}

/// Our servers, one for each transport.
struct Servers(BTreeMap<&'static str, Server>);

impl Servers {
    fn start(heartbeat_s: Option<u32>) -> Result<Self, String> {
        let mut servers = BTreeMap::new();
        for name in TRANSPORTS {
            let options = ServeOptions {
                heartbeat_s,
                ..ServeOptions::default()
            };
            let server =
                own::start(transport(name)?, options).map_err(|error| error.to_string())?;
            servers.insert(name, server);
        }
        Ok(Self(servers))
    }

    fn upstreams(&self) -> Upstreams {
        Upstreams {
            sse: self.0["sse"].data_addr(),
            websocket: self.0["websocket"].data_addr(),
            long_poll: self.0["long-poll"].data_addr(),
        }
    }
}

fn transport(name: &str) -> Result<&'static dyn Transport, String> {
    by_name(name).map_err(|error| error.to_string())
}

/// Servers with and without heartbeats, and the proxies in front of them.
struct House {
    quiet: Servers,
    beating: Servers,
    /// By program, and whether its servers have heartbeats.
    proxies: Vec<(Program, bool, Proxy)>,
}

impl House {
    /// Visits begin here; files of proxies go to `directory`.
    fn open(directory: &Path, visited: &mut Visited) -> Result<Self, String> {
        let (quiet, beating) = (Servers::start(None)?, Servers::start(Some(1))?);
        let mut proxies = Vec::new();
        for program in [Program::Nginx, Program::HaProxy] {
            for beats in [false, true] {
                let upstreams = if beats { &beating } else { &quiet }.upstreams();
                let place = directory.join(format!("{program:?}-{beats}"));
                std::fs::create_dir_all(&place)
                    .map_err(|error| format!("{}: {error}", place.display()))?;
                match Proxy::start(program, upstreams, &place) {
                    Ok(proxy) => {
                        visited
                            .versions
                            .insert(format!("{program:?}").to_lowercase(), proxy.version.clone());
                        proxies.push((program, beats, proxy));
                    }
                    Err(NoProxy::Absent(absent)) => {
                        if !visited.absent.contains(&absent) {
                            visited.absent.push(absent);
                        }
                    }
                    Err(NoProxy::Failed(why)) => visited.failed.push(why),
                }
            }
        }
        Ok(Self {
            quiet,
            beating,
            proxies,
        })
    }

    /// The way to `transport` behind the proxy; `None` when that is not there.
    fn way(&self, setting: &'static Setting, transport: &'static str) -> Option<Way<'_>> {
        let beats = setting.idle.is_some_and(|seconds| seconds > 0);
        let server = &if beats { &self.beating } else { &self.quiet }.0[transport];
        let address = match setting.program {
            Program::Direct => server.data_addr(),
            program => {
                let mut found = self
                    .proxies
                    .iter()
                    .filter(|(p, b, _)| *p == program && *b == beats);
                found.next()?.2.address(setting)?
            }
        };
        Some(Way {
            setting,
            transport,
            address,
            hub: server.hub(),
        })
    }
}

/// The way to a transport behind a proxy.
#[derive(Clone, Copy)]
struct Way<'a> {
    setting: &'static Setting,
    transport: &'static str,
    address: SocketAddr,
    /// Of the server at its end.
    hub: &'a Hub,
}

impl Way<'_> {
    /// A subscriber at its beginning.
    fn watch(self) -> Result<Box<dyn Watch>, String> {
        let Self {
            setting,
            transport: name,
            address,
            hub,
        } = self;
        let after = hub.published();
        if setting.gzip && name == "sse" {
            Inflating::open(address, after)
                .map(|watch| Box::new(watch) as _)
                .map_err(|error| error.to_string())
        } else if setting.http2 {
            Http2::open(name, address, after)
                .map(|watch| Box::new(watch) as _)
                .map_err(|error| error.to_string())
        } else {
            Ours::open(transport(name)?, address, after)
                .map(|watch| Box::new(watch) as _)
                .map_err(|error| error.to_string())
        }
    }

    fn observe(self, load: Load) -> Result<Seen, String> {
        let mut watch = self.watch()?;
        observe(self.hub, false, &mut *watch, load).map_err(|error| error.to_string())
    }
}

/// Observes every setting with every transport. `tell` is told what comes next; `stop` ends the visit early.
///
/// # Errors
///
/// A sentence, when our own servers cannot be started.
pub fn visit(
    plan: Plan,
    directory: &Path,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<Visited, String> {
    let mut visited = Visited::default();
    let house = House::open(directory, &mut visited)?;
    let there = |setting: &Setting| {
        setting.program == Program::Direct
            || house
                .proxies
                .iter()
                .any(|(program, ..)| *program == setting.program)
    };
    // Idle streams are watched all at once: there is no figure that one could spoil for another. Of every other setting the
    // transports are, each with a server of its own.
    let beside = |a: &Setting, b: &Setting| a.idle.is_some() && b.idle.is_some();
    for settings in SETTINGS.chunk_by(beside) {
        if stop.load(Ordering::Relaxed) {
            visited.interrupted = true;
            return Ok(visited);
        }
        let settings: Vec<_> = settings.iter().filter(|setting| there(setting)).collect();
        for setting in &settings {
            tell(setting.name);
        }
        visited.observed.extend(first_looks(&house, &settings));
    }
    let mut turns: Vec<usize> = (0..visited.observed.len())
        .filter(|&index| {
            visited.observed[index].setting.idle.is_none() && worked(&visited.observed[index])
        })
        .collect();
    let mut order = plan.seed | 1;
    for round in 1..=plan.rounds {
        shuffle(&mut turns, &mut order);
        tell(&format!("figures, round {round} of {}", plan.rounds));
        for &index in &turns {
            if stop.load(Ordering::Relaxed) {
                visited.interrupted = true;
                return Ok(visited);
            }
            let observed = &mut visited.observed[index];
            let way = house.way(observed.setting, observed.transport);
            match way.map(|way| way.observe(FAST)) {
                Some(Ok(seen)) => observed.fast.push(seen),
                Some(Err(why)) => observed.failed = Some(why),
                None => {}
            }
        }
    }
    Ok(visited)
}

/// Whether the first look saw anything that a second one could measure.
fn worked(observed: &Observed) -> bool {
    observed.failed.is_none()
        && observed
            .slow
            .as_ref()
            .is_some_and(|seen| seen.ended.is_none())
}

/// The first look at every transport behind each of `settings`, in their order, all at the same time.
fn first_looks(house: &House, settings: &[&'static Setting]) -> Vec<Observed> {
    let pairs = settings.iter().flat_map(|&setting| {
        // Compression is for the transport whose subscribers are asked to accept it here.
        let names = TRANSPORTS.into_iter();
        names.filter_map(move |name| (!setting.gzip || name == "sse").then_some((setting, name)))
    });
    thread::scope(|scope| {
        let looks: Vec<_> = pairs
            .map(|(setting, transport)| {
                let way = house.way(setting, transport);
                scope.spawn(move || first_look(setting, transport, way))
            })
            .collect();
        looks
            .into_iter()
            .map(|look| look.join().expect("a look does not panic"))
            .collect()
    })
}

fn first_look(
    setting: &'static Setting,
    transport: &'static str,
    way: Option<Way<'_>>,
) -> Observed {
    let mut observed = Observed {
        setting,
        transport,
        slow: None,
        fast: Vec::new(),
        idle: None,
        failed: None,
    };
    let Some(way) = way else {
        return observed;
    };
    let seen = if setting.idle.is_some() {
        way.watch().and_then(|mut watch| {
            let end = idle(&mut *watch, IDLE).map_err(|error| error.to_string())?;
            observed.idle = Some(end);
            Ok(())
        })
    } else {
        way.observe(SLOW).map(|seen| observed.slow = Some(seen))
    };
    observed.failed = seen.err();
    observed
}

/// Fisher and Yates, by SplitMix64.
fn shuffle(turns: &mut [usize], state: &mut u64) {
    for last in (1..turns.len()).rev() {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let other = (z ^ (z >> 31)) % (last as u64 + 1);
        turns.swap(last, usize::try_from(other).unwrap_or(0));
    }
}
