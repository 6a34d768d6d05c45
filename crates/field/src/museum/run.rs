//! Showing an exhibit.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::{Child, NoLine};
use serde_json::Value;

use super::exhibit::{Exhibit, Form, Kind, Outcome};
use crate::fetch::{Limits, fetch, get};
use crate::program;

/// A program that takes longer to start is not going to.
const START: Duration = Duration::from_secs(20);
/// Longest an exhibit may take.
const WHOLE: Duration = Duration::from_secs(20);
/// A crash follows the last byte by less.
const AFTERMATH: Duration = Duration::from_millis(500);
/// Bytes of a body that are kept.
const KEPT: usize = 4096;
/// The command that installs what exhibits need.
const INSTALL: &str = "npm ci --prefix benches/museum";

/// Exhibits pause 20 ms between pieces; one that has been quiet for so long says no more.
const LIMITS: Limits = Limits {
    total: WHOLE,
    quiet: Duration::from_millis(1500),
    bytes: 1 << 20,
};

/// Where exhibits are run.
#[derive(Clone, Debug)]
pub struct Hall {
    node: PathBuf,
    directory: PathBuf,
}

impl Hall {
    /// The exhibits in `directory` (`benches/museum`).
    ///
    /// # Errors
    ///
    /// What is missing: Node, or the directory.
    pub fn open(directory: &Path) -> Result<Self, AbsentSystem> {
        let node = program::need("the museum", "node", "apt-get install -y nodejs npm")?;
        let script = directory.join("run.js");
        if !script.is_file() {
            return Err(AbsentSystem {
                name: "the museum".into(),
                reason: format!("there is no {}", script.display()),
                install:
                    "run it in a checkout of Pushbench, or name benches/museum of one with --museum"
                        .into(),
            });
        }
        Ok(Self {
            node,
            directory: directory.into(),
        })
    }

    /// The version of Node.
    #[must_use]
    pub fn node_version(&self) -> Option<String> {
        program::version(&self.node, "--version")
    }

    /// What `exhibit` needs that is not there.
    #[must_use]
    pub fn missing(&self, exhibit: &Exhibit) -> Option<AbsentSystem> {
        let modules = self.directory.join("node_modules");
        let missing = exhibit
            .modules
            .iter()
            .find(|module| !modules.join(module).exists())?;
        Some(AbsentSystem {
            name: exhibit.name.into(),
            reason: format!("the npm package {missing} is not installed"),
            install: INSTALL.into(),
        })
    }

    /// Runs one form of `exhibit`.
    ///
    /// # Errors
    ///
    /// A sentence, when it cannot be shown: that is no part of the exhibit.
    pub fn show(&self, exhibit: &Exhibit, form: Form) -> Result<Outcome, String> {
        match exhibit.kind {
            Kind::Server => self.serves(exhibit, form),
            Kind::Client { serve, read } => self.is_served(exhibit, form, serve, read),
        }
    }

    fn start(&self, exhibit: &Exhibit, form: Form, url: Option<&str>) -> Result<Child, String> {
        let mut command = Command::new(&self.node);
        command
            .arg("run.js")
            .args([exhibit.name, form.argument()])
            .args(url)
            .current_dir(&self.directory)
            .stdin(Stdio::piped());
        Child::start(&mut command)
            .map_err(|error| format!("{}: node cannot be started: {error}", exhibit.name))
    }

    fn serves(&self, exhibit: &Exhibit, form: Form) -> Result<Outcome, String> {
        let mut child = self.start(exhibit, form, None)?;
        let address = ready(exhibit, &child)?;
        let seen = fetch(address, &get(address, "/"), &LIMITS)
            .map_err(|error| format!("{}: no answer from {address}: {error}", exhibit.name))?;
        let crash = child
            .wait(AFTERMATH)
            .ok()
            .map(|status| last_error(&child, &status.to_string()));
        let mut sent = seen.body.clone();
        if sent.len() > KEPT {
            sent.truncate(KEPT);
        }
        Ok(Outcome {
            arrived: seen.events(),
            ending: Some(seen.ending),
            crash,
            sent,
        })
    }

    fn is_served(
        &self,
        exhibit: &Exhibit,
        form: Form,
        serve: fn(&TcpListener) -> usize,
        read: fn(&Value, usize) -> Vec<String>,
    ) -> Result<Outcome, String> {
        let io = |error: std::io::Error| format!("{}: {error}", exhibit.name);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let (served, requests) = mpsc::channel();
        let door = listener.try_clone().map_err(io)?;
        thread::spawn(move || {
            // Nobody waits any more when the client failed.
            let _ = served.send(serve(&door));
        });
        let mut child = self.start(exhibit, form, Some(&format!("http://{address}/")))?;
        let line = child.line(WHOLE);
        let ended = child.wait(WHOLE);
        // Whoever serves and still waits for a client gets one that says nothing.
        drop(std::net::TcpStream::connect(address));
        let requests = requests
            .recv_timeout(WHOLE)
            .map_err(|_| format!("{}: its server did not end", exhibit.name))?;
        match (line, ended) {
            (Ok(line), Ok(_)) => {
                let seen = serde_json::from_str(&line).map_err(|error| {
                    format!("{}: the client printed {line:?}: {error}", exhibit.name)
                })?;
                Ok(Outcome {
                    arrived: read(&seen, requests),
                    ending: None,
                    crash: None,
                    sent: Vec::new(),
                })
            }
            (Err(NoLine::TimedOut), _) | (_, Err(_)) => Err(format!(
                "{}: the client went on for {} s",
                exhibit.name,
                WHOLE.as_secs()
            )),
            (Err(NoLine::Closed), Ok(status)) => Err(format!(
                "{}: the client failed: {}",
                exhibit.name,
                last_error(&child, &status.to_string())
            )),
        }
    }
}

fn ready(exhibit: &Exhibit, child: &Child) -> Result<SocketAddr, String> {
    let line = child
        .line(START)
        .map_err(|_| format!("{}: it does not start: {}", exhibit.name, child.errors()))?;
    line.strip_prefix("READY http://")
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| {
            format!(
                "{}: it printed {line:?}, expected READY and a URL",
                exhibit.name
            )
        })
}

/// The line of a stack trace that names the error.
fn last_error(child: &Child, otherwise: &str) -> String {
    let errors = child.errors();
    errors
        .lines()
        .find(|line| line.contains("Error: "))
        .unwrap_or(otherwise)
        .trim()
        .to_owned()
}
