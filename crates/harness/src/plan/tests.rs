//! Plans of small runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use pushbench_model::scenario::Workload;

use super::*;

mod left_out;

const FAN_OUT: &str = r#"
name = "NAME"
models = ""
expected = ""
profiles = ["quick"]
payload = { bytes = 8 }
[fan-out]
subscribers = 100
rate = 50.0
arrivals = "constant"
warm-up-s = { quick = 0.5, standard = 1.0, thorough = 2.0 }
measure-s = { quick = 1.0, standard = 5.0, thorough = 30.0 }
"#;
const SERVERS: &str = r#"
[[server]]
stack = "reference"
transports = ["sse", "websocket", "long-poll"]
command = ["{pushbench}"]
publishes = "schedule"
about = "ours"
"#;

fn scenario(name: &str) -> Scenario {
    Scenario::parse(&FAN_OUT.replace("NAME", name), Path::new("x.toml")).unwrap()
}

fn plan(seed: u64) -> Plan {
    let servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    Plan::new(
        &[scenario("a"), scenario("b")],
        &servers,
        Profile::Quick,
        5,
        seed,
    )
}

fn arms(plan: &Plan) -> Vec<(u32, String, String, u64)> {
    let arm = |trial: &PlannedTrial| {
        let server = trial.server.label.to_string();
        (
            trial.repetition,
            trial.scenario.name.clone(),
            server,
            trial.seed,
        )
    };
    plan.trials.iter().map(arm).collect()
}

/// A slice of a transport whose messages wait for a clock would be waiting.
#[test]
fn who_is_asked_by_the_clock_has_no_slices() {
    let text = SERVERS.replace("\"long-poll\"", "\"short-poll\"");
    let servers = Server::parse(&text, Path::new("servers.toml")).unwrap();
    let plan = Plan::with_slices(&[scenario("a")], &servers, Profile::Quick, 1, 1);
    assert_eq!(plan.trials.len(), 3);
    assert!(!plan.slices.is_empty());
    for slices in &plan.slices {
        let names = slices.servers.iter().map(|server| &*server.label.transport);
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names, BTreeSet::from(["sse", "websocket"]));
    }
}

#[test]
fn every_block_contains_every_arm_once() {
    let plan = plan(1);
    assert_eq!(plan.trials.len(), 2 * 3 * 5);
    assert!(plan.trials.iter().map(|trial| trial.number).eq(1..=30));
    for (index, block) in plan.trials.chunks(6).enumerate() {
        assert!(
            block
                .iter()
                .all(|trial| trial.repetition == index as u32 + 1)
        );
        let distinct: BTreeSet<_> = block
            .iter()
            .map(|trial| (&trial.scenario.name, &trial.server.label))
            .collect();
        assert_eq!(distinct.len(), 6);
    }
}

#[test]
fn the_seed_decides_the_order() {
    assert_eq!(arms(&plan(1)), arms(&plan(1)));
    assert_ne!(arms(&plan(1)), arms(&plan(2)));
    let order = |block: &[PlannedTrial]| {
        let arm = |trial: &PlannedTrial| (trial.scenario.name.clone(), trial.server.label.clone());
        block.iter().map(arm).collect::<Vec<_>>()
    };
    let plan = plan(1);
    let orders: BTreeSet<_> = plan.trials.chunks(6).map(order).collect();
    assert!(orders.len() > 1, "each block is shuffled by itself");
}

fn sliced(seed: u64, servers: &[Server]) -> Plan {
    let scenarios = [scenario("a"), scenario("b")];
    Plan::with_slices(&scenarios, servers, Profile::Quick, 5, seed)
}

#[test]
fn slices_stand_between_the_other_trials_of_their_block() {
    let servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let plan = sliced(1, &servers);
    assert_eq!((plan.trials.len(), plan.slices.len()), (30, 10));
    let steps = plan.steps();
    assert!(steps.iter().map(Step::number).eq(1..=40));
    let mut places = BTreeSet::new();
    for (block, repetition) in steps.chunks(8).zip(1..) {
        for (place, step) in block.iter().enumerate() {
            match step {
                Step::Trial(trial) => assert_eq!(trial.repetition, repetition),
                Step::Slices(slices) => {
                    assert_eq!(slices.repetition, repetition);
                    assert_eq!(slices.servers.len(), 3);
                    let of_scenario = plan.trials.iter().find(|trial| {
                        trial.repetition == repetition
                            && trial.scenario.name == slices.scenario.name
                    });
                    assert_eq!(slices.seed, of_scenario.unwrap().seed);
                    places.insert(place);
                }
            }
        }
    }
    assert!(places.len() > 2, "at random: {places:?}");
    let expected: Duration = steps.iter().map(Step::estimate).sum();
    assert_eq!(plan.estimate(), expected);
    assert!(
        expected
            > Plan {
                slices: Vec::new(),
                ..plan
            }
            .estimate()
    );
}

/// Tunings are never compared, relays publish otherwise, and the threads of strangers are not known.
#[test]
fn slices_are_of_own_servers_of_one_tuning() {
    let mut servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    for server in &mut servers {
        server.label.tuning = Tuning::Equalised;
    }
    let mut defaults = servers.clone();
    for server in &mut defaults {
        server.label.tuning = Tuning::Defaults;
    }
    let mut floor = servers[0].clone();
    floor.label.tuning = Tuning::Fixed;
    let mut relay = servers[0].clone();
    relay.publisher = Publisher::Load;
    let mut stranger = servers[0].clone();
    stranger.command = vec!["node".into()];

    let all = [&servers[..], &defaults[..2], &[floor, relay, stranger]].concat();
    let plan = sliced(1, &all);
    assert_eq!(plan.slices.len(), 2 * 5 * 2);
    for slices in &plan.slices {
        let tunings: Vec<_> = slices.servers.iter().map(|s| s.label.tuning).collect();
        let defaults = [Tuning::Defaults; 2];
        use Tuning::{Equalised, Fixed};
        assert!(
            tunings == defaults || tunings == [Equalised, Equalised, Equalised, Fixed],
            "{tunings:?}"
        );
    }
    assert!(sliced(1, &servers[..1]).slices.is_empty(), "one alone");
}

/// Every server of such a trial would hold all of them at once.
#[test]
fn a_crowd_is_not_sliced() {
    let servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let mut crowd = scenario("a");
    let Workload::FanOut(fan_out) = &mut crowd.workload else {
        panic!("a fan-out")
    };
    fan_out.subscribers = 10_000;
    let plan = Plan::with_slices(&[crowd], &servers, Profile::Quick, 1, 1);
    assert_eq!((plan.trials.len(), plan.slices.len()), (3, 0));
}

/// Servers of a scenario meet the same schedule in a block; another block or scenario has another.
#[test]
fn a_seed_belongs_to_a_scenario_in_a_block() {
    let plan = plan(1);
    let groups: BTreeSet<_> = plan
        .trials
        .iter()
        .map(|trial| (trial.repetition, &trial.scenario.name, trial.seed))
        .collect();
    let seeds: BTreeSet<_> = plan.trials.iter().map(|trial| trial.seed).collect();
    assert_eq!((groups.len(), seeds.len()), (10, 10));
}

#[test]
fn fewer_scenarios_leave_the_seeds_as_they_were() {
    let servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let alone = Plan::new(&[scenario("b")], &servers, Profile::Quick, 1, 1);
    let with = plan(1);
    let same = with
        .trials
        .iter()
        .find(|trial| trial.scenario.name == "b")
        .unwrap();
    assert_eq!(alone.trials[0].seed, same.seed);
}

#[test]
fn estimates_add_up_the_phases() {
    let trial = &plan(1).trials[0];
    assert_eq!(trial.estimate, Duration::from_millis(400 + 10 + 500 + 1000));
    assert_eq!(plan(1).estimate(), trial.estimate * 30);
    assert!(budget(&trial.scenario, Profile::Quick) > Duration::from_millis(1500));
}

/// One message of a Poisson process with a mean gap of 1000 s is due after hours at times.
#[test]
fn the_budget_allows_for_random_gaps() {
    let slow = FAN_OUT
        .replace("rate = 50.0", "rate = 0.001")
        .replace("constant", "poisson");
    let slow = Scenario::parse(&slow.replace("NAME", "slow"), Path::new("x")).unwrap();
    assert!(budget(&slow, Profile::Quick) > Duration::from_secs(9_000));
}

/// The same messages over every link, which is known to take its time, and no slices.
#[test]
fn copies_over_links_share_their_seeds_and_have_no_slices() {
    let servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let links = ["rtt=20ms", "rtt=2s"].map(|link| link.parse().unwrap());
    let mut scenarios = scenario("a").over(&links);
    scenarios.push(scenario("b"));
    let plan = Plan::with_slices(&scenarios, &servers, Profile::Quick, 1, 7);
    assert!(plan.slices.iter().all(|slices| slices.scenario.name == "b"));
    assert!(!plan.slices.is_empty());
    let of = |name: &str| {
        let one = plan.trials.iter().find(|trial| trial.scenario.name == name);
        one.map(|trial| (trial.seed, trial.estimate)).unwrap()
    };
    let (near, far, other) = (of("a@rtt=20ms"), of("a@rtt=2s"), of("b"));
    assert_eq!(near.0, far.0);
    assert_ne!(near.0, other.0);
    assert_eq!(
        near.1 - other.1,
        Duration::from_millis(40),
        "two round trips"
    );
    assert_eq!(far.1 - other.1, Duration::from_secs(4));
    assert_eq!(
        budget(&scenarios[1], Profile::Quick) - budget(&scenarios[2], Profile::Quick),
        Duration::from_secs(12)
    );
}

/// Connections that come by a schedule take as long as it, and stay; they do not wait for one another's round trips.
#[test]
fn arrivals_take_as_long_as_their_schedule() {
    let text = "name = \"x\"\nmodels = \"\"\nexpected = \"\"\nprofiles = [\"quick\"]\n[payload]\nbytes = 1\n[connect]\n\
                connections = { quick = 600, standard = 600, thorough = 600 }\nwarm-up = { quick = 200, standard = 0, thorough = 0 }\n\
                rate = 200.0\narrivals = \"poisson\"\nstay-s = 2.0\n";
    let mut scenario = Scenario::parse(text, Path::new("x.toml")).unwrap();
    let seconds = |scenario: &Scenario, profile| estimate(scenario, profile).as_secs_f64();
    let processes = seconds(&scenario, Profile::Standard) - 5.0;
    assert!((0.0..1.0).contains(&processes), "{processes}");
    assert_eq!(seconds(&scenario, Profile::Quick) - processes, 8.0);
    // Both phases may take longer by chance, and a server may be behind in either.
    assert!(budget(&scenario, Profile::Quick) > Duration::from_secs(18));
    let without = seconds(&scenario, Profile::Quick);
    scenario.link = Some("rtt=100ms".parse().unwrap());
    let over = seconds(&scenario, Profile::Quick) - without;
    assert!((0.3..1.0).contains(&over), "{over}");
}
