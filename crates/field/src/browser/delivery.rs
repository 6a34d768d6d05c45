//! Messages from a server of ours to the handler of a page, by every way that a page has.

use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_server::Server;
use pushbench_sys::clock;
use pushbench_transport::hub::Hub;
use pushbench_transport::transport::{ServeOptions, by_name};
use serde::Deserialize;

use super::chromium::{Browser, Tab};
use super::clock::Clock;
use super::devtools::BrowserError;
use crate::own;

/// Bytes of payload of every message.
pub const PAYLOAD: usize = 64;
/// Questions to the clock before messages, and again after them.
const QUESTIONS: u32 = 300;
/// Longest wait for a subscription, a clock or a list of arrivals.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a message that has been sent is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at how many have come; each costs the browser time, so they are few.
const LOOK: Duration = Duration::from_millis(100);
/// Before each due time the publisher stops sleeping and spins, nanoseconds.
const SPIN_NS: u64 = 50_000;

/// A way in which a page subscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Its name in tables and in the page.
    pub name: &'static str,
    /// The transport of the server.
    pub transport: &'static str,
}

/// All of them.
pub const WAYS: [Way; 4] = [
    Way {
        name: "EventSource",
        transport: "sse",
    },
    Way {
        name: "fetch stream",
        transport: "sse",
    },
    Way {
        name: "WebSocket",
        transport: "websocket",
    },
    Way {
        name: "long-poll",
        transport: "long-poll",
    },
];

/// Messages at constant intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many.
    pub messages: u64,
    /// Between two of them, nanoseconds.
    pub interval_ns: u64,
}

/// Before anything is noted: scripts are compiled when they have run for a while.
const WARM_UP: Load = Load {
    messages: 50,
    interval_ns: 20_000_000,
};
/// For latency.
pub const SLOW: Load = Load {
    messages: 200,
    interval_ns: 20_000_000,
};
/// For the cost of a message.
pub const FAST: Load = Load {
    messages: 2000,
    interval_ns: 1_000_000,
};

/// What arrived of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrived {
    /// Messages sent.
    pub sent: u64,
    /// From due time to handler, nanoseconds, of each message that came for the first time, in the order of arrival.
    pub delays: Vec<f64>,
    /// Messages that came again.
    pub again: u64,
    /// Messages whose checksum is not that of their content, or that are none.
    pub damaged: u64,
    /// CPU time of all processes of the browser meanwhile, nanoseconds.
    pub cpu_ns: u64,
}

/// The clock of a page against CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offset {
    /// What is added to a time of the page, nanoseconds.
    pub ns: f64,
    /// How far off that may be: half of the round trip, nanoseconds.
    pub uncertainty_ns: f64,
}

/// How fine the clock of a page is.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Resolution {
    /// Whether the page is isolated from other origins.
    pub isolated: bool,
    /// The smallest step, milliseconds.
    pub step_ms: f64,
}

/// One turn of one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// At the rate for latency.
    pub slow: Arrived,
    /// At the rate for cost.
    pub fast: Arrived,
    /// The clock.
    pub offset: Offset,
    /// Its steps.
    pub resolution: Resolution,
    /// What broke.
    pub trouble: Option<String>,
}

impl Offset {
    /// From a question: when the page asked, what the clock said, and when the page knew it.
    #[must_use]
    pub fn of((asked_ms, said_ns, answered_ms): (f64, f64, f64)) -> Self {
        Self {
            ns: said_ns - (asked_ms + answered_ms) / 2.0 * 1e6,
            uncertainty_ns: (answered_ms - asked_ms) / 2.0 * 1e6,
        }
    }

    /// The surer one of two.
    #[must_use]
    pub fn surer(self, other: Self) -> Self {
        if other.uncertainty_ns < self.uncertainty_ns {
            other
        } else {
            self
        }
    }
}

impl Arrived {
    /// From what the page noted.
    #[must_use]
    pub fn of(sent: u64, noted: &Noted, offset: Offset) -> Self {
        let mut seen = std::collections::HashSet::new();
        let mut arrived = Self {
            sent,
            damaged: noted.damaged,
            ..Self::default()
        };
        for &(seq, intended, at_ms) in &noted.intact {
            if seen.insert(seq) {
                arrived.delays.push(at_ms * 1e6 + offset.ns - intended);
            } else {
                arrived.again += 1;
            }
        }
        arrived
    }

    /// Messages that never came. One that is damaged has come.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent
            .saturating_sub(self.delays.len() as u64 + self.damaged)
    }

    /// Whether each message came once, as it was made.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lost() + self.again + self.damaged == 0
    }

    /// The delay that the share `q` of all messages did not exceed (nearest rank); lost ones count as the longest.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let mut sorted = self.delays.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (q * self.sent as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).copied()
    }

    /// CPU time of the browser per message that came, nanoseconds.
    #[must_use]
    pub fn cpu_per_message(&self) -> Option<f64> {
        let came = self.delays.len() as f64 + (self.again + self.damaged) as f64;
        (came > 0.0).then(|| self.cpu_ns as f64 / came)
    }
}

/// What the page noted of messages, read when all were there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Noted {
    /// Sequence number, due time (nanoseconds) and time of arrival (milliseconds of the page) of those that are intact.
    pub intact: Vec<(u64, f64, f64)>,
    /// How many others there were.
    pub damaged: u64,
}

#[derive(Deserialize)]
struct State {
    arrived: u64,
    trouble: Option<String>,
}

/// A turn: a server, a page, a subscription, both loads.
///
/// # Errors
///
/// When the browser fails, or the subscription is refused.
pub fn turn(browser: &mut Browser, clock: &Clock, way: Way) -> Result<Turn, BrowserError> {
    let server = start(way.transport)?;
    let origin = format!("http://{}", server.data_addr());
    browser.with_tab(&origin, |browser, tab| {
        let resolution = browser.evaluate(tab, "pushbench.resolution()", ANSWER)?;
        let before = offset(browser, tab, clock)?;
        subscribe(browser, tab, way, server.hub())?;
        load(browser, tab, server.hub(), WARM_UP)?;
        let (slow, slow_cpu) = load(browser, tab, server.hub(), SLOW)?;
        let (fast, fast_cpu) = load(browser, tab, server.hub(), FAST)?;
        let state: State = browser.evaluate(tab, "pushbench.state()", ANSWER)?;
        browser.evaluate::<()>(tab, "pushbench.unsubscribe()", ANSWER)?;
        let offset = before.surer(offset(browser, tab, clock)?);
        let arrived = |load: Load, noted: &Noted, cpu_ns| Arrived {
            cpu_ns,
            ..Arrived::of(load.messages, noted, offset)
        };
        Ok(Turn {
            slow: arrived(SLOW, &slow, slow_cpu),
            fast: arrived(FAST, &fast, fast_cpu),
            offset,
            resolution,
            trouble: state.trouble,
        })
    })
}

/// Subscribes to what follows the newest message; returns when messages can come.
fn subscribe(browser: &mut Browser, tab: &Tab, way: Way, hub: &Hub) -> Result<(), BrowserError> {
    let path = by_name(way.transport)
        .map(|transport| transport.endpoint().1)
        .unwrap_or_default();
    let after = hub.published();
    let subscribe = format!("pushbench.subscribe({:?}, {path:?}, {after})", way.name);
    browser.evaluate(tab, &subscribe, ANSWER)
}

/// A server of ours, as a failure of the browser's house.
pub(super) fn start(transport: &str) -> Result<Server, BrowserError> {
    start_with(transport, ServeOptions::default())
}

/// The same, as it is told.
pub(super) fn start_with(transport: &str, options: ServeOptions) -> Result<Server, BrowserError> {
    let failed = |what: String| BrowserError::Io {
        what,
        source: std::io::ErrorKind::Other.into(),
    };
    let transport = by_name(transport).map_err(|error| failed(error.to_string()))?;
    own::start(transport, options).map_err(|error| failed(error.to_string()))
}

fn offset(browser: &mut Browser, tab: &Tab, clock: &Clock) -> Result<Offset, BrowserError> {
    let ask = format!("pushbench.ask({:?}, {QUESTIONS})", clock.url());
    browser.evaluate(tab, &ask, ANSWER).map(Offset::of)
}

/// Publishes a load and waits for it. What the page noted, and the CPU time of the browser meanwhile.
fn load(
    browser: &mut Browser,
    tab: &Tab,
    hub: &Hub,
    load: Load,
) -> Result<(Noted, u64), BrowserError> {
    let cpu = browser.cpu_ns();
    publish(hub, load, browser)?;
    wait(browser, tab, load.messages)?;
    let cpu = browser.cpu_ns().saturating_sub(cpu);
    let noted = browser.evaluate(tab, "pushbench.collect()", ANSWER)?;
    Ok((noted, cpu))
}

/// Waits until so many messages have come, something broke, or patience has ended.
fn wait(browser: &mut Browser, tab: &Tab, messages: u64) -> Result<(), BrowserError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        thread::sleep(LOOK);
        let state: State = browser.evaluate(tab, "pushbench.state()", ANSWER)?;
        if state.arrived >= messages || state.trouble.is_some() || Instant::now() > deadline {
            return Ok(());
        }
    }
}

fn publish(hub: &Hub, load: Load, browser: &Browser) -> Result<(), BrowserError> {
    let payload = Payload {
        bytes: PAYLOAD,
        kind: PayloadKind::Text,
    };
    let maker = BodyMaker::new(payload, false, 1);
    let first = clock::now() + 50_000_000;
    for index in 0..load.messages {
        let intended = first + index * load.interval_ns;
        browser.go_on()?;
        clock::sleep_until(intended, SPIN_NS);
        hub.publish_with(|seq, out| {
            let stamp = Stamp {
                seq,
                intended,
                published: clock::now(),
            };
            maker.body(stamp, out);
            maker.is_binary()
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
