//! The plan: every setting with every transport, the fast phase in turns.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_server::Server;
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

    fn server(&self, setting: &Setting, transport: &str) -> &Server {
        let beats = setting.idle.is_some_and(|seconds| seconds > 0);
        &if beats { &self.beating } else { &self.quiet }.0[transport]
    }

    /// A subscriber behind the proxy; `None` when that is not there.
    fn watch(
        &self,
        setting: &Setting,
        name: &'static str,
    ) -> Option<Result<Box<dyn Watch>, String>> {
        let server = self.server(setting, name);
        let beats = setting.idle.is_some_and(|seconds| seconds > 0);
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
        let after = server.hub().published();
        let opened: Result<Box<dyn Watch>, String> = if setting.gzip && name == "sse" {
            Inflating::open(address, after)
                .map(|watch| Box::new(watch) as _)
                .map_err(|error| error.to_string())
        } else if setting.http2 {
            Http2::open(name, address, after)
                .map(|watch| Box::new(watch) as _)
                .map_err(|error| error.to_string())
        } else {
            transport(name).and_then(|transport| {
                Ours::open(transport, address, after)
                    .map(|watch| Box::new(watch) as _)
                    .map_err(|error| error.to_string())
            })
        };
        Some(opened)
    }

    fn observe(
        &self,
        setting: &Setting,
        name: &'static str,
        load: Load,
    ) -> Option<Result<Seen, String>> {
        let watch = match self.watch(setting, name)? {
            Ok(watch) => watch,
            Err(why) => return Some(Err(why)),
        };
        let mut watch = watch;
        let seen = observe(self.server(setting, name).hub(), false, &mut *watch, load);
        Some(seen.map_err(|error| error.to_string()))
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
    for setting in SETTINGS.iter().filter(|setting| there(setting)) {
        for name in TRANSPORTS {
            // Compression is for the transport whose subscribers are asked to accept it here.
            if setting.gzip && name != "sse" {
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                visited.interrupted = true;
                return Ok(visited);
            }
            tell(&format!("{} · {name}", setting.name));
            visited.observed.push(first_look(&house, setting, name));
        }
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
            match house.observe(observed.setting, observed.transport, FAST) {
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

fn first_look(house: &House, setting: &'static Setting, name: &'static str) -> Observed {
    let mut observed = Observed {
        setting,
        transport: name,
        slow: None,
        fast: Vec::new(),
        idle: None,
        failed: None,
    };
    if setting.idle.is_some() {
        match house.watch(setting, name) {
            Some(Ok(mut watch)) => match idle(&mut *watch, IDLE) {
                Ok(end) => observed.idle = Some(end),
                Err(error) => observed.failed = Some(error.to_string()),
            },
            Some(Err(why)) => observed.failed = Some(why),
            None => {}
        }
        return observed;
    }
    match house.observe(setting, name, SLOW) {
        Some(Ok(seen)) => observed.slow = Some(seen),
        Some(Err(why)) => observed.failed = Some(why),
        None => {}
    }
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
