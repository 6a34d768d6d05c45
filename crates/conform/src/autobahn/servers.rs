//! The suite's client against our servers.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;

use super::{AutobahnError, Plan, Suite, Tested, line, report, text, write_spec};

/// What the suite prints when it begins a case.
const RUNNING: &str = "Running test case ID ";

pub(super) fn run(
    suite: &Suite,
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Tested>, AutobahnError> {
    let out = plan.out.join("servers");
    let mut servers = Vec::new();
    let mut listed = Vec::new();
    for &stack in &plan.stacks {
        let server = crate::own::echo(stack)?;
        let url = format!("ws://{}/ws", server.data_addr());
        listed.push(json!({ "agent": stack.label(), "url": url }));
        servers.push(server);
    }
    let spec = json!({
        "outdir": text(&out)?,
        "servers": listed,
        "cases": plan.cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let spec = write_spec(&out, "spec.json", &spec)?;
    let mut child = suite.start(&[
        text(&suite.program)?,
        "-m",
        "fuzzingclient",
        "-s",
        text(&spec)?,
    ])?;
    while let Some(line) = line(&mut child, stop)? {
        if let Some(case) = line.strip_prefix(RUNNING) {
            let words: Vec<_> = case.split(' ').collect();
            if let [case, "for", "agent", agent, ..] = words.as_slice() {
                progress(&format!("Autobahn: {agent} {case}"));
            }
        }
    }
    match child.wait(Duration::from_secs(30)) {
        Ok(status) if status.success() => {}
        ended => {
            let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(AutobahnError::Suite {
                what: format!("ended early ({how})"),
                said: child.errors(),
            });
        }
    }
    let agents = plan.stacks.iter().map(|stack| stack.label());
    agents.map(|agent| report::read(&out, agent)).collect()
}
