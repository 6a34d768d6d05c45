//! What proofs do to a trial while it runs.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_harness::{Meddler, Sides};
use pushbench_sys::clock;
use rustix::process::{Pid, Signal, kill_process};

use crate::proxy::Proxy;

/// Which process of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Load,
}

impl Side {
    fn of(self, sides: Sides) -> u32 {
        match self {
            Self::Server => sides.server,
            Self::Load => sides.load,
        }
    }
}

/// A process that stands still until this is dropped.
struct Still(Pid);

impl Still {
    /// Nothing where there is no such process any more.
    fn new(id: u32) -> Option<Self> {
        let id = Pid::from_raw(i32::try_from(id).ok()?)?;
        kill_process(id, Signal::STOP).ok()?;
        Some(Self(id))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

fn sleep(lasting: Duration) {
    let lasting = u64::try_from(lasting.as_nanos()).unwrap_or(u64::MAX);
    clock::sleep_until(clock::now().saturating_add(lasting), 0);
}

/// Lets one process stand still once, some time into the measured phase.
pub(crate) struct Pause {
    pub(crate) side: Side,
    pub(crate) after: Duration,
    pub(crate) lasting: Duration,
    /// How long it was, nanoseconds, once it is over.
    pub(crate) lasted_ns: u64,
}

impl Meddler for Pause {
    fn measuring(&mut self, sides: Sides) {
        sleep(self.after);
        let begin = clock::now();
        if let Some(still) = Still::new(self.side.of(sides)) {
            sleep(self.lasting);
            drop(still);
            self.lasted_ns = clock::now() - begin;
        }
    }
}

/// Lets one process stand still half of the time, for as long as the measured phase lasts.
pub(crate) struct Throttle<'a> {
    pub(crate) side: Side,
    /// Of every standing still, and of every time between.
    pub(crate) half: Duration,
    pub(crate) lasting: Duration,
    pub(crate) stop: &'a AtomicBool,
}

impl Meddler for Throttle<'_> {
    fn measuring(&mut self, sides: Sides) {
        let turns = self.lasting.as_nanos() / (2 * self.half.as_nanos()).max(1);
        for _ in 0..turns {
            let still = Still::new(self.side.of(sides));
            sleep(self.half);
            if still.is_none() || self.stop.load(Ordering::Relaxed) {
                return;
            }
            drop(still);
            sleep(self.half);
        }
    }
}

/// Puts a proxy between server and load process that holds every byte from the server for a while.
pub(crate) struct Detour {
    delay: Duration,
    cores: Vec<usize>,
    proxy: Option<Proxy>,
}

impl Detour {
    /// One that works on `cores`.
    pub(crate) fn new(delay: Duration, cores: &[usize]) -> Self {
        Self {
            delay,
            cores: cores.into(),
            proxy: None,
        }
    }
}

impl Meddler for Detour {
    fn data_url(&mut self, url: &str) -> Result<String, String> {
        let parsed = url.split_once("://").and_then(|(scheme, rest)| {
            let authority = rest.split('/').next()?;
            let address: SocketAddr = authority.parse().ok()?;
            Some((scheme, address, &rest[authority.len()..]))
        });
        let (scheme, server, path) =
            parsed.ok_or_else(|| format!("no proxy can stand before {url}"))?;
        let proxy = Proxy::start(server, self.delay, &self.cores)
            .map_err(|error| format!("the delay proxy cannot be started: {error}"))?;
        let url = format!("{scheme}://{}{path}", proxy.address());
        self.proxy = Some(proxy);
        Ok(url)
    }
}

/// Gives up soon on messages that are known not to come.
pub(crate) struct Impatient {
    options: Vec<String>,
}

impl Impatient {
    pub(crate) fn new(drain: Duration) -> Self {
        Self {
            options: vec!["--drain".into(), format!("{}ms", drain.as_millis())],
        }
    }
}

impl Meddler for Impatient {
    fn load_options(&self) -> &[String] {
        &self.options
    }
}

/// Other programs that keep every core busy until this is dropped, and in no case for more than 20 s of processor time
/// each.
pub(crate) struct Neighbours(Vec<Child>);

impl Neighbours {
    const BUSY: &'static str = "ulimit -t 20; while :; do :; done";

    /// # Errors
    ///
    /// Where there is no shell that can be kept busy.
    pub(crate) fn on(cores: usize) -> std::io::Result<Self> {
        let mut neighbours = Self(Vec::new());
        for _ in 0..cores {
            let child = Command::new("sh")
                .args(["-c", Self::BUSY])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            neighbours.0.push(child);
        }
        Ok(neighbours)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    /// The state letter of a process: `T` stands still.
    fn state(id: u32) -> char {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        let after = stat.rsplit_once(") ").unwrap().1;
        after.chars().next().unwrap()
    }

    fn becomes(id: u32, wanted: impl Fn(char) -> bool) -> bool {
        (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(2));
            wanted(state(id))
        })
    }

    #[test]
    fn who_stood_still_goes_on() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = child.id();
        let still = Still::new(id).unwrap();
        assert!(becomes(id, |state| state == 'T'));
        drop(still);
        assert!(becomes(id, |state| state != 'T'));
        let stop = AtomicBool::new(true);
        Throttle {
            side: Side::Load,
            half: Duration::from_millis(1),
            lasting: Duration::from_secs(60),
            stop: &stop,
        }
        .measuring(Sides {
            server: u32::MAX,
            load: id,
        });
        assert!(becomes(id, |state| state != 'T'), "interrupted");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Still::new(id).is_none() && Still::new(u32::MAX).is_none());
    }

    #[test]
    fn only_addresses_have_a_detour() {
        let mut detour = Detour::new(Duration::ZERO, &pushbench_sys::affinity::online_cores());
        assert!(detour.data_url("http://example.org/").is_err());
        let url = detour.data_url("ws://127.0.0.1:9/path").unwrap();
        assert!(
            url.starts_with("ws://127.0.0.1:") && url.ends_with("/path") && !url.contains(":9/")
        );
    }
}
