//! Records that are not compared, and the field that says so.

use pushbench_model::link::LinkBy;
use pushbench_model::measurement::{LoopModel, Publisher};
use pushbench_model::payload::PayloadKind;
use pushbench_model::profile::Profile;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Connect, FanOut, Pace, Scenario, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_report::compare::{Choice, Refusal, Subject, compare};

use crate::change::{again, baseline, of};
use crate::held;

fn fan_out(scenario: &mut Scenario) -> &mut FanOut {
    match &mut scenario.workload {
        Workload::FanOut(fan_out) => fan_out,
        other => panic!("{other:?} is no fan-out"),
    }
}

fn connect(scenario: &mut Scenario) -> &mut Connect {
    match &mut scenario.workload {
        Workload::Connect(connect) => connect,
        other => panic!("{other:?} is no connect"),
    }
}

/// One link made in two ways is two links; a record that does not say was made by userspace.
#[test]
fn links_made_by_others_are_not_compared() {
    let over = |mut record: Record, by| {
        record.run.environment.link_by = by;
        for scenario in &mut record.run.scenarios {
            scenario.link = "rtt=1ms".parse().ok();
        }
        record
    };
    let base = baseline();
    let refusal = |one, other| {
        let (one, other) = (over(base.clone(), one), over(again(&base, 5), other));
        held(&one, &other, &[]).err().map(|error| error.to_string())
    };
    for silent in [None, Some(LinkBy::Userspace)] {
        let said = refusal(silent, Some(LinkBy::Netem)).unwrap();
        let words = "`link-by` is userspace in base and netem in change";
        assert!(said.contains(words), "{said}");
        assert_eq!(refusal(silent, None), None);
    }
    let netem = Some(LinkBy::Netem);
    assert_eq!(refusal(netem, netem), None);
}

#[test]
fn what_was_not_measured_alike_names_the_field_and_both_values() {
    type Spoil = fn(&mut Record);
    let in_fan_out = "scenario \"fan-out-small\", field";
    let cases: [(Spoil, &str, &str, &str); 21] = [
        (
            |r| r.run.scenarios[0].link = "rtt=80ms,loss=1%".parse().ok(),
            "`link`",
            "loopback",
            "rtt=80ms,loss=1%",
        ),
        (
            |r| r.run.profile = Profile::Standard,
            "field `profile`",
            "quick",
            "standard",
        ),
        (
            |r| r.run.scenarios[0].payload.bytes = 256,
            "`payload.bytes`",
            "128",
            "256",
        ),
        (
            |r| r.run.scenarios[0].payload.kind = PayloadKind::Binary,
            "`payload.kind`",
            "text",
            "binary",
        ),
        (
            |r| fan_out(&mut r.run.scenarios[0]).rate = 51.0,
            "`rate`",
            "50",
            "51",
        ),
        (
            |r| fan_out(&mut r.run.scenarios[0]).subscribers = 99,
            "`subscribers`",
            "100",
            "99",
        ),
        (
            |r| fan_out(&mut r.run.scenarios[0]).arrivals = Arrivals::Constant,
            "`arrivals`",
            "poisson",
            "constant",
        ),
        (
            |r| fan_out(&mut r.run.scenarios[0]).measure_s.quick = 3.0,
            "`measure-s`",
            "2",
            "3",
        ),
        (
            |r| fan_out(&mut r.run.scenarios[0]).warm_up_s.quick = 1.0,
            "`warm-up-s`",
            "0.5",
            "1",
        ),
        (
            |r| connect(&mut r.run.scenarios[1]).connections.quick = 9,
            "`connections`",
            "400",
            "9",
        ),
        (
            |r| connect(&mut r.run.scenarios[1]).warm_up.quick = 9,
            "`warm-up`",
            "20",
            "9",
        ),
        (
            |r| connect(&mut r.run.scenarios[1]).pace = Pace::InFlight(9),
            "`in-flight`",
            "4",
            "9",
        ),
        (
            |r| r.run.scenarios[0].margins.p50 = 0.06,
            "`margin.p50`",
            "0.05",
            "0.06",
        ),
        (
            |r| r.run.scenarios[0].margins.p99 = 0.2,
            "`margin.p99`",
            "0.1",
            "0.2",
        ),
        (
            |r| r.run.scenarios[0].margins.cpu = 0.2,
            "`margin.cpu`",
            "0.05",
            "0.2",
        ),
        (
            |r| {
                r.run.environment.link_by = Some(LinkBy::Netem);
                r.run.scenarios[0].link = "rtt=1ms".parse().ok();
            },
            "`link`",
            "loopback",
            "rtt=1ms",
        ),
        (
            |r| r.run.scenarios[0].margins.instructions = 0.2,
            "`margin.instructions`",
            "0.02",
            "0.2",
        ),
        (
            |r| r.run.scenarios[0].margins.memory = 0.2,
            "`margin.memory`",
            "0.05",
            "0.2",
        ),
        (
            |r| r.run.scenarios[0].margins.rate = 0.2,
            "`margin.rate`",
            "0.05",
            "0.2",
        ),
        (
            |r| r.run.scenarios[0].workload = r.run.scenarios[1].workload.clone(),
            "`workload`",
            "fan-out",
            "connect",
        ),
        (
            |r| {
                for t in of(r, "sse/reference") {
                    t.trial.measurement.as_mut().unwrap().publisher = Publisher::Load;
                }
            },
            "server sse/reference, field `publisher`",
            "server",
            "load",
        ),
    ];
    let base = baseline();
    for (spoil, field, first, second) in cases {
        let mut change = again(&base, 5);
        spoil(&mut change);
        let refusal = held(&base, &change, &[])
            .map(|_| ())
            .unwrap_err()
            .to_string();
        let values = format!("is {first} in base and {second} in change");
        assert!(
            refusal.contains(field) && refusal.contains(&values),
            "{field}: {refusal}"
        );
        let is_fan_out = field.starts_with('`')
            && !["connections", "warm-up`", "in-flight"]
                .iter()
                .any(|f| field.contains(f));
        assert_eq!(refusal.contains(in_fan_out), is_fan_out, "{refusal}");
    }
}

#[test]
fn another_loop_model() {
    let base = baseline();
    let mut change = again(&base, 5);
    for t in of(&mut change, "websocket/ws") {
        t.trial.measurement.as_mut().unwrap().loop_model = LoopModel::Closed;
    }
    let refusal = held(&base, &change, &[])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    let wanted = "server websocket/ws, field `loop_model` is open in base and closed in change";
    assert!(refusal.contains(wanted), "{refusal}");
}

#[test]
fn windows_of_other_profiles_do_not_matter() {
    let base = baseline();
    let mut change = again(&base, 5);
    fan_out(&mut change.run.scenarios[0]).measure_s.thorough = 61.0;
    assert!(held(&base, &change, &[]).is_ok());
}

#[test]
fn nothing_in_common() {
    let base = baseline();
    let mut change = again(&base, 5);
    for scenario in &mut change.run.scenarios {
        scenario.name += "-x";
    }
    let refusal = held(&base, &change, &[])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("no scenario is in the baseline and in another record; base has fan-out-small, connect, and change has fan-out-small-x, connect-x"),
        "{refusal}"
    );
    let mut change = again(&base, 5);
    change.run.servers.retain(|s| s.stack == "ws");
    change.trials.retain(|t| t.trial.server.stack == "ws");
    let mut base = base;
    base.run.servers.retain(|s| s.stack != "ws");
    base.trials.retain(|t| t.trial.server.stack != "ws");
    let refusal = held(&base, &change, &[])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("no server of a common scenario")
            && refusal.contains("change has websocket/ws"),
        "{refusal}"
    );
}

#[test]
fn a_search_is_no_baseline() {
    let base = baseline();
    let mut change = again(&base, 5);
    for (trial, rate) in change.trials.iter_mut().zip([500.0, 1000.0]) {
        trial.trial.rate = Some(rate);
    }
    let refusal = held(&base, &change, &[])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("change cannot be compared: field `rate`")
            && refusal.contains("(500, 1000 messages"),
        "{refusal}"
    );
}

#[test]
fn one_record_is_too_few() {
    let base = baseline();
    let one = [Subject {
        name: "base",
        record: &base,
    }];
    for subjects in [&[][..], &one] {
        let refusal = compare(subjects, &Choice::default(), &[])
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            refusal,
            Refusal::TooFew {
                given: subjects.len()
            }
        );
    }
}
