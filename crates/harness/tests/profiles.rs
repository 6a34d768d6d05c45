//! How long the profiles take with nothing installed but Pushbench itself.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::path::Path;

use pushbench_harness::{Plan, Server};
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;

fn benches() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches"))
}

fn scenarios(profile: Profile) -> Vec<Scenario> {
    let files = benches().join("scenarios").read_dir().unwrap();
    let texts = files.map(|file| {
        let path = file.unwrap().path();
        (std::fs::read_to_string(&path).unwrap(), path)
    });
    let scenarios = texts.map(|(text, path)| Scenario::parse(&text, &path).unwrap());
    scenarios
        .filter(|scenario| scenario.profiles.contains(&profile))
        // They are left out without a link.
        .filter(|scenario| !scenario.lacks_a_link())
        .collect()
}

/// Servers that need nothing but this program.
fn own(profile: Profile) -> Vec<Server> {
    let servers = Server::read(&benches().join("servers.toml")).unwrap();
    let own = |server: &Server| server.command.first().unwrap() == "{pushbench}";
    let servers = servers.into_iter().filter(own);
    servers
        .filter(|server| server.left_out_of(profile).is_none())
        .collect()
}

fn plan(profile: Profile) -> Plan {
    let scenarios = scenarios(profile);
    Plan::with_slices(&scenarios, &own(profile), profile, profile.repetitions(), 1)
}

#[test]
fn quick_takes_three_minutes_standard_twenty_and_thorough_fifteen_hours() {
    let limits = [
        (Profile::Quick, 200),
        (Profile::Standard, 1300),
        (Profile::Thorough, 55_800),
    ];
    for (profile, seconds) in limits {
        let plan = plan(profile);
        let estimate = plan.estimate().as_secs();
        assert!(
            estimate < seconds,
            "{profile}: {} trials, {estimate} s",
            plan.len()
        );
    }
}

/// Verdicts need six pairs, both stacks and both tunings.
#[test]
fn every_profile_has_what_decisions_need() {
    for profile in Profile::ALL {
        assert!(profile.repetitions() >= 6);
        let plan = plan(profile);
        for transport in ["sse", "websocket", "long-poll"] {
            for name in ["reference", "reference@defaults", "bare"] {
                let name = format!("{transport}/{name}");
                let has = |trial: &pushbench_harness::PlannedTrial| {
                    trial.scenario.name == "fan-out" && trial.server.label.to_string() == name
                };
                assert!(plan.trials.iter().any(has), "{profile}: {name}");
            }
        }
    }
}

/// What a scenario is not about is not measured in it, and is not told as left out either.
#[test]
fn polling_is_about_those_who_poll() {
    let plan = plan(Profile::Standard);
    let polling = plan.trials.iter().filter(|t| t.scenario.name == "polling");
    let mut transports: Vec<_> = polling.map(|t| t.server.label.transport.clone()).collect();
    transports.sort_unstable();
    transports.dedup();
    assert_eq!(transports, ["long-poll", "short-poll"]);
    let sliced = plan.slices.iter().any(|s| s.scenario.name == "polling");
    assert!(!sliced, "polls between messages are in no slice");
}
