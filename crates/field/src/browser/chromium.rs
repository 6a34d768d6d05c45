//! Chromium, headless, with a profile that is made for it and removed with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::{self, Child};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::devtools::{BrowserError, DevTools};
use crate::program;

/// Names under which it is installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How long it may take to start: a busy machine, files that are read for the first time.
const START: Duration = Duration::from_secs(60);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(30);
/// How long it may take to end when it is asked.
const GOODBYE: Duration = Duration::from_secs(5);
/// Tries to remove its profile: processes that were ended by force may still be writing.
const TRIES: u32 = 50;
/// Between two looks at whether it listens.
const LOOK: Duration = Duration::from_millis(20);
/// Nothing of its own on the network; tabs in the background as quick as the one in front.
const FLAGS: [&str; 18] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    // The page comes from here, and so from no address; it would have to ask a person for WebSockets to loopback.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    "--remote-debugging-port=0",
];
/// Path of the page, at whatever server it is opened; the browser never asks the server for it.
const PATH: &str = "/pushbench-page";
/// The page. Its icon is in it, so that none is asked for.
const HTML: &str =
    "<!doctype html><meta charset=utf-8><title>Pushbench</title><link rel=icon href=data:,>";
/// What the page does.
const SCRIPT: &str = include_str!("page.js");

/// Where it is.
///
/// # Errors
///
/// Chromium as absent, with the command that installs it.
pub fn find() -> Result<PathBuf, AbsentSystem> {
    NAMES
        .iter()
        .find_map(|name| program::find(name))
        .ok_or_else(|| AbsentSystem {
            name: "Chromium".into(),
            reason: format!("none of {} is on the PATH", NAMES.join(", ")),
            install: "apt-get install -y chromium".into(),
        })
}

/// A running browser. Dropping it ends all its processes and removes its profile.
pub struct Browser {
    /// Its name and version, as it says them.
    pub version: String,
    devtools: DevTools,
    child: Child,
    // Removed after the processes have ended: fields are dropped in this order.
    _profile: Folder,
}

/// A tab with our page in it.
#[derive(Debug)]
pub struct Tab {
    session: String,
    target: String,
}

impl Browser {
    /// Starts the browser at `path` with an empty profile in the folder for temporary files. What it is asked ends early when `stop`
    /// is set.
    ///
    /// # Errors
    ///
    /// When it does not start, or does not say where it listens.
    pub fn start(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, BrowserError> {
        let profile = Folder::new("chromium")?;
        let mut command = Command::new(path);
        command
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.0.display()))
            // Its socket goes there, and so goes with it.
            .env("TMPDIR", &profile.0);
        if rustix::process::geteuid().is_root() {
            // It refuses to run for root with one.
            command.arg("--no-sandbox");
        }
        let child =
            Child::start(command.arg("about:blank").stdin(Stdio::null())).map_err(|source| {
                BrowserError::Io {
                    what: format!("cannot start {}", path.display()),
                    source,
                }
            })?;
        let (port, path) = listening(&child, &profile.0.join("DevToolsActivePort"), stop)?;
        let mut devtools = DevTools::connect(port, &path, Arc::clone(stop))?;
        let version = devtools.call("", "Browser.getVersion", &json!({}), COMMAND)?;
        Ok(Self {
            version: version["product"].as_str().unwrap_or("?").to_owned(),
            devtools,
            child,
            _profile: profile,
        })
    }

    /// Opens our page as one of the server at `origin` (`http://HOST:PORT`), lets `work` use it, and closes it.
    ///
    /// # Errors
    ///
    /// When there is no page, or `work` fails.
    pub fn with_tab<T>(
        &mut self,
        origin: &str,
        work: impl FnOnce(&mut Self, &Tab) -> Result<T, BrowserError>,
    ) -> Result<T, BrowserError> {
        let target = self.devtools.call(
            "",
            "Target.createTarget",
            &json!({"url": "about:blank"}),
            COMMAND,
        )?;
        let target = words(&target["targetId"]);
        let done = self.page(&target, origin).and_then(|tab| work(self, &tab));
        let closed = self.devtools.call(
            "",
            "Target.closeTarget",
            &json!({"targetId": target}),
            COMMAND,
        );
        // What went wrong first says more.
        let done = done?;
        closed?;
        Ok(done)
    }

    /// Loads the page. It is put in the place of an answer of the server: that way it is of the same origin as what it subscribes
    /// to, and isolated from other origins, which makes its clock finer.
    fn page(&mut self, target: &str, origin: &str) -> Result<Tab, BrowserError> {
        let attach = json!({"targetId": target, "flatten": true});
        let session = self
            .devtools
            .call("", "Target.attachToTarget", &attach, COMMAND)?;
        let tab = Tab {
            session: words(&session["sessionId"]),
            target: target.to_owned(),
        };
        let session = &tab.session;
        let patterns = json!({"patterns": [{"urlPattern": format!("*{PATH}")}]});
        self.devtools
            .call(session, "Fetch.enable", &patterns, COMMAND)?;
        let url = json!({"url": format!("{origin}{PATH}")});
        let navigation = self.devtools.send(session, "Page.navigate", &url)?;
        let paused = self
            .devtools
            .event(session, "Fetch.requestPaused", COMMAND)?;
        let answer = json!({
            "requestId": paused["requestId"],
            "responseCode": 200,
            "responseHeaders": [
                {"name": "Content-Type", "value": "text/html; charset=utf-8"},
                {"name": "Cross-Origin-Opener-Policy", "value": "same-origin"},
                {"name": "Cross-Origin-Embedder-Policy", "value": "require-corp"},
            ],
            "body": STANDARD.encode(HTML),
        });
        self.devtools
            .call(session, "Fetch.fulfillRequest", &answer, COMMAND)?;
        self.devtools.answer(navigation, "Page.navigate", COMMAND)?;
        self.devtools
            .call(session, "Fetch.disable", &json!({}), COMMAND)?;
        self.evaluate::<Value>(&tab, SCRIPT, COMMAND)?;
        Ok(tab)
    }

    /// Evaluates `expression` in a tab, waits for what it promises, and returns it.
    ///
    /// # Errors
    ///
    /// When it throws, takes longer than `limit`, or is something else than was expected.
    pub fn evaluate<T: DeserializeOwned>(
        &mut self,
        tab: &Tab,
        expression: &str,
        limit: Duration,
    ) -> Result<T, BrowserError> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self
            .devtools
            .call(&tab.session, "Runtime.evaluate", &params, limit)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let details = thrown["exception"]["description"].as_str();
            let text = details.or(thrown["text"].as_str()).unwrap_or("?");
            return Err(BrowserError::Script(text.to_owned()));
        }
        serde_json::from_value(answer["result"]["value"].take())
            .map_err(|error| BrowserError::Script(error.to_string()))
    }

    /// Certificates are not checked by a tab from now on.
    ///
    /// # Errors
    ///
    /// When it has gone.
    pub fn trust_anybody(&mut self, tab: &Tab) -> Result<(), BrowserError> {
        let ignore = json!({"ignore": true});
        self.devtools
            .call(
                &tab.session,
                "Security.setIgnoreCertificateErrors",
                &ignore,
                COMMAND,
            )
            .map(drop)
    }

    /// Brings a tab to the front.
    ///
    /// # Errors
    ///
    /// When it has gone.
    pub fn show(&mut self, tab: &Tab) -> Result<(), BrowserError> {
        let target = json!({"targetId": tab.target});
        self.devtools
            .call("", "Target.activateTarget", &target, COMMAND)
            .map(drop)
    }

    /// Whether a person wants no end.
    ///
    /// # Errors
    ///
    /// [`BrowserError::Interrupted`].
    pub fn go_on(&self) -> Result<(), BrowserError> {
        self.devtools.go_on()
    }

    /// CPU time of all its processes so far, nanoseconds.
    #[must_use]
    pub fn cpu_ns(&self) -> u64 {
        process::group(self.child.id())
            .into_iter()
            .filter_map(|pid| process::cpu_time_ns(pid).ok())
            .sum()
    }

    /// The group of its processes.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It tidies up when it is asked; what does not end then is ended with its group.
        let _ = self.devtools.send("", "Browser.close", &json!({}));
        let _ = self.child.wait(GOODBYE);
    }
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Port and path at which it listens, from the file that it writes when it does.
fn listening(child: &Child, file: &Path, stop: &AtomicBool) -> Result<(u16, String), BrowserError> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if stop.load(Ordering::Relaxed) {
            return Err(BrowserError::Interrupted);
        }
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && path.starts_with('/')
            && let Ok(port) = port.parse()
        {
            return Ok((port, path.trim_end().to_owned()));
        }
        thread::sleep(LOOK);
    }
    Err(BrowserError::Silent {
        limit_s: START.as_secs(),
        said: child.errors(),
    })
}

/// A folder for files of a program, and not one of a person.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(program: &str) -> Result<Self, BrowserError> {
        static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let name = format!(
            "pushbench-{program}-{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|source| BrowserError::Io {
            what: format!("cannot make the folder {}", path.display()),
            source,
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in a place for such things.
        let mut tries = 0..TRIES;
        while fs::remove_dir_all(&self.0).is_err() && self.0.exists() && tries.next().is_some() {
            thread::sleep(LOOK);
        }
    }
}
