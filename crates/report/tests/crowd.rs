//! What the answer has of crowds and of large messages.

mod support;

use pushbench_model::measurement::CutCount;
use pushbench_model::record::Record;
use pushbench_model::scenario::Workload;
use pushbench_report::{csv, markdown};

/// The synthetic record with so many subscribers and bytes of payload in its first scenario. Every server has switched a hundred times
/// in each trial of two seconds, in which 500 messages were delivered.
fn record(subscribers: u32, payload: usize) -> Record {
    let mut record = support::record();
    let scenario = &mut record.run.scenarios[0];
    let Workload::FanOut(fan_out) = &mut scenario.workload else {
        panic!("the first scenario is a fan-out");
    };
    (fan_out.subscribers, fan_out.rate) = (subscribers, 10.0);
    scenario.payload.bytes = payload;
    let name = scenario.name.clone();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        if trial.scenario != name {
            continue;
        }
        if let Some(measured) = &mut trial.measurement {
            measured.concurrency = subscribers.into();
            measured.payload_bytes = payload as u64;
            measured.operations = 500;
            measured.published = 20;
            measured.elapsed_ns = 2_000_000_000;
            (measured.wire.bytes_down, measured.wire.bytes_up) = (900_000, 100_000);
        }
        if let Some(usage) = &mut trial.server_usage {
            usage.cost.context_switches = 100;
        }
    }
    record
}

/// The cells of the column `name` in the answer of the first scenario, those of valid servers.
fn column(record: &Record, name: &str) -> Option<Vec<String>> {
    let page = markdown(record);
    let title = format!("## {}", record.run.scenarios[0].name);
    let section = support::section(&page, &title);
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut lines = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().replace('\u{202f}', " "))
            .collect()
    };
    let place = cells(lines.next()?).iter().position(|cell| cell == name)?;
    let rows = lines.skip(1);
    let column: Vec<String> = rows.map(|line| cells(line)[place].clone()).collect();
    Some(column)
}

#[test]
fn a_crowd_has_memory_and_switches_and_few_have_not() {
    let crowd = record(1000, 128);
    let memory = column(&crowd, "server memory per connection, kB").unwrap();
    assert!(
        memory
            .iter()
            .any(|cell| cell.starts_with(|c: char| c.is_ascii_digit())),
        "{memory:?}"
    );
    let switches = column(&crowd, "server context switches, per s").unwrap();
    assert!(switches.contains(&"50.0".to_owned()), "{switches:?}");
    // A megabyte on a thousand streams for twenty messages, which is 50 B for each, ten times a second.
    let hour = column(&crowd, "an hour of a stream, kB").unwrap();
    assert!(
        hour.iter().any(|cell| cell.starts_with("1 800")),
        "{hour:?}"
    );
    let few = record(999, 128);
    for name in [
        "server context switches, per s",
        "an hour of a stream, kB",
        "server memory per connection, kB",
    ] {
        assert_eq!(column(&few, name), None, "{name}");
    }
}

/// Two messages 2.5 s apart are 0.4 a second, and not two in 2.5 s. Signs of life in between are as many as the time has room for.
#[test]
fn an_hour_is_of_the_rate_and_not_of_two_messages() {
    let mut few = record(1000, 128);
    let Workload::FanOut(fan_out) = &mut few.run.scenarios[0].workload else {
        panic!("the first scenario is a fan-out");
    };
    fan_out.rate = 0.4;
    for recorded in &mut few.trials {
        let server = recorded.trial.server.transport.clone();
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        measured.published = 2;
        measured.elapsed_ns = 2_500_000_000;
        measured.wire.bytes_up = 0;
        measured.wire.bytes_down = 2 * 250 * 1000;
        if server == "sse" {
            measured.heartbeats = Some(5000);
            measured.wire.bytes_down += 9 * 5000;
        }
    }
    let hour = column(&few, "an hour of a stream, kB").unwrap();
    // 250 B at 0.4 a second; on SSE besides a comment of 9 B twice a second.
    for kilobytes in ["360", "424.8"] {
        assert!(
            hour.iter().any(|cell| cell.starts_with(kilobytes)),
            "{kilobytes}: {hour:?}"
        );
    }
}

#[test]
fn large_messages_have_a_throughput() {
    let large = record(10, 64 * 1024);
    // 500 deliveries of 65,536 bytes in 2 s.
    let received = column(&large, "payload received, MB/s").unwrap();
    assert!(received.contains(&"16.4".to_owned()), "{received:?}");
    assert!(column(&large, "server CPU per MB of payload, µs").is_some());
    assert_eq!(
        column(&record(10, 64 * 1024 - 1), "payload received, MB/s"),
        None
    );
}

#[test]
fn attempts_that_failed_are_told_where_there_were_any() {
    const NAME: &str = "attempts to come back that failed";
    let mut one = record(10, 128);
    let cut = |record: &mut Record, failed| {
        for recorded in &mut record.trials {
            if let Some(measured) = &mut recorded.trial.measurement {
                measured.cuts = Some(CutCount {
                    cuts: 10,
                    recovered: 10,
                    failed,
                    ..CutCount::default()
                });
            }
        }
    };
    cut(&mut one, 0);
    assert_eq!(column(&one, NAME), None);
    cut(&mut one, 3);
    let failed = column(&one, NAME).unwrap();
    // Six trials of each server.
    assert!(failed.contains(&"18".to_owned()), "{failed:?}");
    let table = csv(&one);
    let head: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    for name in ["cuts", "failed_returns", "server_context_switches"] {
        assert!(head.contains(&name), "{name}");
    }
}
