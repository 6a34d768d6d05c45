//! How much a trial in slices is.

use std::path::Path;

use pushbench_model::scenario::Setting;

use super::*;
use crate::verify::tests::scenario;

fn config(subscribers: u32, bytes: usize) -> SliceConfig {
    made(subscribers, bytes).unwrap()
}

fn made(subscribers: u32, bytes: usize) -> Option<SliceConfig> {
    made_with(subscribers, bytes, Setting::default())
}

fn made_with(subscribers: u32, bytes: usize, setting: Setting) -> Option<SliceConfig> {
    let mut scenario = scenario();
    scenario.server = setting;
    let Workload::FanOut(fan_out) = &mut scenario.workload else {
        panic!("a fan-out is expected")
    };
    fan_out.subscribers = subscribers;
    scenario.payload.bytes = bytes;
    let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\", \"tcp\"]\ncommand = [\"x\"]\n\
                   publishes = \"schedule\"\nabout = \"\"\n";
    let servers = Server::parse(servers, Path::new("servers.toml")).unwrap();
    let servers = servers.into_iter().map(Arc::new).collect();
    SliceConfig::new(&Arc::new(scenario), servers, Profile::Quick, 7)
}

#[test]
fn a_slice_has_about_as_many_deliveries_whatever_the_scenario() {
    let messages = |subscribers, bytes| config(subscribers, bytes).messages;
    assert_eq!(messages(100, 128), 5);
    assert_eq!(messages(1000, 128), 1);
    assert_eq!(messages(10, 65_536), 6, "large ones cost more");
    assert_eq!(messages(1, 8), 64, "bounded below");
    assert_eq!(messages(MOST_SUBSCRIBERS, 8), 1, "and above");
}

#[test]
fn servers_that_are_set_have_no_slices() {
    for (heartbeat_s, flush_window_ms) in [(1, 0), (0, 5)] {
        let setting = Setting {
            heartbeat_s,
            flush_window_ms,
            ..Setting::default()
        };
        assert!(made_with(100, 8, setting).is_none(), "{setting:?}");
    }
}

#[test]
fn a_crowd_has_no_slices() {
    assert!(made(MOST_SUBSCRIBERS, 8).is_some());
    assert!(made(MOST_SUBSCRIBERS + 1, 8).is_none());
}

#[test]
fn an_estimate_has_the_starts_and_the_rounds() {
    assert_eq!(config(1, 1).estimate(), Duration::from_millis(1000 + 1000));
}

#[test]
fn cold_connections_have_no_slices() {
    let config = config(1, 1);
    let mut scenario = (*config.scenario).clone();
    let once = pushbench_model::profile::PerProfile {
        quick: 1,
        standard: 1,
        thorough: 1,
    };
    scenario.workload = Workload::Connect(pushbench_model::scenario::Connect {
        connections: once,
        warm_up: once,
        pace: pushbench_model::scenario::Pace::InFlight(1),
    });
    let made = SliceConfig::new(&Arc::new(scenario), config.servers, Profile::Quick, 7);
    assert!(made.is_none());
}
