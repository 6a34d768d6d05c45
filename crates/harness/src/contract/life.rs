//! How a server starts and ends, and everything in between.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pushbench_model::scenario::Setting;

use super::site::Site;
use super::subscriber::Cursor;
use super::{
    Finding, Outcome, Subject, Verdict, broken, control, delivery, finding, instead_of, rules_of,
};
use crate::process::{Events, Process, Role};
use crate::servers::Server;
use crate::trial::{Abort, Deadlines, ready};

const READY: &str = "life: prints its ready line";
const TERM: &str = "life: ends on SIGTERM, with a subscriber connected";
const ORPHAN: &str = "life: ends when its standard input closes, with a subscriber connected";

/// Connections that a server is told to expect. A rule has few at a time, which need no preparations.
const CONNECTIONS: u32 = 1;

/// A server that has said its ready line.
struct Started<'a> {
    process: Process,
    events: Events<'a>,
    subject: Subject,
}

impl<'a> Started<'a> {
    fn new(server: &Server, pushbench: &Path, stop: &'a AtomicBool) -> Result<Self, Abort> {
        let events = Events::new(stop);
        let mut arguments = server
            .arguments(pushbench, &[], CONNECTIONS, Setting::default())
            .into_iter();
        // A server that was parsed has a command; an empty name cannot be started and says so.
        let mut command = Command::new(arguments.next().unwrap_or_default());
        command.args(arguments).env_remove("PORT");
        if let Some(directory) = &server.directory {
            command.current_dir(directory);
        }
        let process = Process::start(&mut command, &[], Role::Server, &events)?;
        let address = ready(&process, &events, Deadlines::default().ready)?;
        let subject = Subject::of(server, &address.data, address.control.as_deref());
        Ok(Self {
            process,
            events,
            subject,
        })
    }

    /// Subscribes, so that a server must end with a connection open, and waits for what `how` brings about.
    fn end(mut self, how: impl FnOnce(&mut Process), grace: Duration) -> Outcome {
        let site = Site::new(&self.subject).map_err(instead_of("a URL that can be used"))?;
        // A server that serves nobody has broken other rules.
        let subscriber = site.subscribe(Cursor::Now);
        how(&mut self.process);
        let end = self.events.end_of(Role::Server, Instant::now() + grace);
        drop(subscriber);
        match end {
            Some(_) => Ok(()),
            None => Err(broken(
                format!("the end of the process within {} s", grace.as_secs()),
                "it still ran",
            )),
        }
    }
}

/// All rules. What was found until then, when a person asks to stop.
pub(super) fn verify(
    server: &Server,
    pushbench: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Finding>, String> {
    let transport = &server.label.transport;
    let grace = Deadlines::default().stop;
    let mut findings = Vec::new();
    let started = match Started::new(server, pushbench, stop) {
        Ok(started) => started,
        Err(Abort::Failed(came)) => {
            let expected = "READY DATA_URL [CONTROL_URL] on standard output";
            findings.push(finding(READY, transport, Err(broken(expected, came))));
            return Ok(findings);
        }
        Err(Abort::Interrupted) => return Ok(findings),
    };
    findings.push(finding(READY, transport, Ok(())));
    let site = Site::new(&started.subject)?;
    for (name, look) in rules_of(transport) {
        if stop.load(Ordering::Relaxed) {
            return Ok(findings);
        }
        findings.push(finding(name, transport, look(&site)));
    }
    findings.push(finding(
        TERM,
        transport,
        started.end(|process| process.terminate(), grace),
    ));
    match Started::new(server, pushbench, stop) {
        Ok(again) => {
            let outcome = again.end(Process::close_input, grace);
            findings.push(finding(ORPHAN, transport, outcome));
        }
        Err(Abort::Failed(came)) => {
            let outcome = Err(broken("a second start like the first", came));
            findings.push(finding(ORPHAN, transport, outcome));
        }
        Err(Abort::Interrupted) => {}
    }
    Ok(findings)
}

/// Health, a post, its delivery. A person who asks to stop is told nothing.
pub(super) fn precheck(server: &Server, pushbench: &Path, stop: &AtomicBool) -> Result<(), String> {
    let started = match Started::new(server, pushbench, stop) {
        Ok(started) => started,
        Err(Abort::Failed(reason)) => return Err(reason),
        Err(Abort::Interrupted) => return Ok(()),
    };
    let site = Site::new(&started.subject)?;
    let one = |site: &Site| -> Outcome {
        let mut subscriber = site.subscribe(Cursor::Now)?;
        let posted = site.small(1);
        site.publish(&posted)?;
        subscriber.expect(site, &posted)
    };
    let checked = control::health(&site).map_err(|verdict| (control::RULES[0].0, verdict));
    let checked =
        checked.and_then(|()| one(&site).map_err(|verdict| (delivery::RULES[0].0, verdict)));
    let Started {
        process, events, ..
    } = started;
    process.stop(Role::Server, &events, Deadlines::default().stop);
    checked.map_err(|(rule, verdict)| {
        let rule = rule.replace("{transport}", site.transport);
        match verdict {
            Verdict::Failed { expected, came } => format!(
                "it does not keep the contract (docs/PROTOCOL.md): {rule}: expected {expected}, came {came}; \
                 `pushbench verify {}` checks all of it",
                server.label.name()
            ),
            Verdict::Passed | Verdict::NotApplicable { .. } => rule,
        }
    })
}
