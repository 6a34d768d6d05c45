//! How many connections a browser opens, and what becomes of those beyond.

use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::chromium::{Browser, Tab};
use super::delivery::start;
use super::devtools::BrowserError;

/// Streams that a page asks for.
pub const STREAMS: u64 = 10;
/// WebSockets that a page asks for.
pub const CROWD: u64 = 300;
/// How long a request may take that has nothing to wait for, milliseconds.
const PROMPT_MS: u64 = 1000;
/// How long a stream may take to open when another was closed, milliseconds.
const HANDOVER_MS: u64 = 10_000;
/// Longest wait for a word of the page.
const ANSWER: Duration = Duration::from_secs(30);
/// Between two looks at how many are open.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing more opens when nothing has changed for so long. Chromium spaces handshakes of WebSockets.
const QUIET: Duration = Duration::from_secs(3);
/// Whatever changes, this is the end.
const ENOUGH: Duration = Duration::from_secs(120);

/// What became of the connections of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Tally {
    /// Open.
    pub open: u64,
    /// Refused or ended.
    pub failed: u64,
    /// Neither.
    pub waiting: u64,
}

/// Something that was asked of the browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What.
    pub asked_for: &'static str,
    /// What became of it.
    pub tally: Tally,
    /// How long it took, where that says something, milliseconds.
    pub after_ms: Option<f64>,
    /// What is to be learned from it.
    pub shows: &'static str,
}

/// A step of the survey.
pub type Step = fn(&mut Browser) -> Result<Vec<Limit>, BrowserError>;

/// All of them, with what each is about.
pub const STEPS: [(&str, Step); 4] = [
    ("six connections per host", streams),
    ("fetch streams", fetches),
    ("two tabs", tabs),
    ("300 WebSockets", crowd),
];

impl Limit {
    pub(super) fn of(asked_for: &'static str, tally: Tally, shows: &'static str) -> Self {
        Self {
            asked_for,
            tally,
            after_ms: None,
            shows,
        }
    }

    /// One request that was answered after so many milliseconds, or waits.
    pub(super) fn answer(
        asked_for: &'static str,
        after_ms: Option<f64>,
        shows: &'static str,
    ) -> Self {
        let open = u64::from(after_ms.is_some());
        let tally = Tally {
            open,
            failed: 0,
            waiting: 1 - open,
        };
        Self {
            after_ms,
            ..Self::of(asked_for, tally, shows)
        }
    }
}

/// How long a plain request takes to be answered, milliseconds; `None` when it waits.
pub(super) fn answered(browser: &mut Browser, tab: &Tab) -> Result<Option<f64>, BrowserError> {
    let fetch = format!("pushbench.answered('/none', {PROMPT_MS})");
    browser.evaluate(tab, &fetch, ANSWER)
}

/// Opens `count` connections of a kind and waits until no more of them open. What has become of all that the page has asked for of that kind.
pub(super) fn hold(
    browser: &mut Browser,
    tab: &Tab,
    kind: &str,
    count: u64,
    path: &str,
) -> Result<Tally, BrowserError> {
    let hold = format!("pushbench.hold({kind:?}, {count}, {path:?})");
    browser.evaluate::<()>(tab, &hold, ANSWER)?;
    let begun = Instant::now();
    let (mut last, mut changed) = (Tally::default(), begun);
    loop {
        let tally: Tally = browser.evaluate(tab, &format!("pushbench.tally({kind:?})"), ANSWER)?;
        if tally != last {
            (last, changed) = (tally, Instant::now());
        }
        let settled = tally.waiting == 0 || changed.elapsed() >= QUIET;
        if settled || begun.elapsed() >= ENOUGH {
            return Ok(tally);
        }
        thread::sleep(LOOK);
    }
}

fn streams(browser: &mut Browser) -> Result<Vec<Limit>, BrowserError> {
    let (server, other, sockets) = (start("sse")?, start("sse")?, start("websocket")?);
    let address = server.data_addr();
    let mut found = Vec::new();
    browser.with_tab(&format!("http://{address}"), |browser, tab| {
        found.push(Limit::of(
            "ten EventSources in a page",
            hold(browser, tab, "EventSource", STREAMS, "/sse")?,
            "the others wait, no error",
        ));
        found.push(Limit::answer(
            "a plain fetch meanwhile",
            answered(browser, tab)?,
            "waits as well",
        ));
        let greet = format!("pushbench.greeted('ws://{address}/none', {PROMPT_MS})");
        found.push(Limit::answer(
            "a WebSocket to that port meanwhile",
            browser.evaluate(tab, &greet, ANSWER)?,
            "answered: outside the six",
        ));
        let url = format!("ws://{}/ws", sockets.data_addr());
        found.push(Limit::of(
            "ten WebSockets meanwhile",
            hold(browser, tab, "WebSocket", STREAMS, &url)?,
            "nor a six of their own",
        ));
        let origin = format!("http://{}", other.data_addr());
        let more = browser.with_tab(&origin, |browser, tab| {
            hold(browser, tab, "EventSource", STREAMS, "/sse")
        })?;
        found.push(Limit::of(
            "ten at another port",
            more,
            "another port is another host",
        ));
        let origin = format!("http://localhost:{}", address.port());
        let more = browser.with_tab(&origin, |browser, tab| {
            hold(browser, tab, "EventSource", STREAMS, "/sse")
        })?;
        found.push(Limit::of(
            "ten at another name of the server",
            more,
            "the name counts, not the address",
        ));
        let handover = format!("pushbench.handover({HANDOVER_MS})");
        found.push(Limit::answer(
            "the seventh, when one is closed",
            browser.evaluate(tab, &handover, ANSWER)?,
            "opens when there is room",
        ));
        Ok(())
    })?;
    Ok(found)
}

fn fetches(browser: &mut Browser) -> Result<Vec<Limit>, BrowserError> {
    let server = start("sse")?;
    let origin = format!("http://{}", server.data_addr());
    let tally = browser.with_tab(&origin, |browser, tab| {
        hold(browser, tab, "fetch stream", STREAMS, "/sse")
    })?;
    Ok(vec![Limit::of(
        "ten fetch streams in a page",
        tally,
        "not EventSource is limited",
    )])
}

fn tabs(browser: &mut Browser) -> Result<Vec<Limit>, BrowserError> {
    let server = start("sse")?;
    let origin = format!("http://{}", server.data_addr());
    let (first, second) = browser.with_tab(&origin, |browser, tab| {
        let first = hold(browser, tab, "EventSource", 4, "/sse")?;
        let second = browser.with_tab(&origin, |browser, tab| {
            hold(browser, tab, "EventSource", 4, "/sse")
        })?;
        Ok((first, second))
    })?;
    Ok(vec![
        Limit::of("four EventSources in a tab", first, "below the limit"),
        Limit::of("four more in a second tab", second, "tabs share the six"),
    ])
}

fn crowd(browser: &mut Browser) -> Result<Vec<Limit>, BrowserError> {
    let server = start("websocket")?;
    let origin = format!("http://{}", server.data_addr());
    let url = format!("ws://{}/ws", server.data_addr());
    let tally = browser.with_tab(&origin, |browser, tab| {
        hold(browser, tab, "WebSocket", CROWD, &url)
    })?;
    Ok(vec![Limit::of(
        "300 WebSockets in a page",
        tally,
        "those beyond fail",
    )])
}
