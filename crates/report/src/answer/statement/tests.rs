//! What is said of small, large and missing differences.

use super::*;
use crate::metric::Side;
use crate::results::Results;
use crate::sample;

/// A statement about server CPU after `cost` has set it for (server, repetition); `None` makes the trial fail.
fn statement(cost: impl Fn(&str, u32) -> Option<u64>) -> Statement {
    let mut record = sample::record();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        let operations = trial.measurement.as_ref().map_or(0, |m| m.operations);
        let wanted = cost(&trial.server.to_string(), trial.repetition);
        match (wanted, &mut trial.server_usage) {
            (Some(each), Some(usage)) => usage.cost.cpu_ns = each * operations,
            _ => trial.measurement = None,
        }
    }
    Statement::of(&Results::new(&record).groups[0], Metric::Cpu(Side::Server))
}

/// Costs 1000 with a little noise, websocket/ws `factor` times that.
fn with_factor(factor: f64) -> Statement {
    statement(|server, repetition| {
        let noise = 1.0 + 0.001 * f64::from(repetition % 3);
        let own = 1.0 + 0.002 * (server.len() as f64) * f64::from(repetition % 2);
        let factor = if server == "websocket/ws" {
            factor
        } else {
            1.0
        };
        Some((100_000.0 * factor * noise * own) as u64)
    })
}

#[test]
fn a_difference_is_a_factor_with_its_interval() {
    let said = with_factor(2.0);
    let Finding::Factor { highest, ratio, .. } = &said.finding else {
        panic!("{said:?}");
    };
    assert_eq!((highest.as_str(), ratio.n), ("websocket/ws", 6));
    assert!((1.9..2.1).contains(&ratio.value));
    assert_eq!(
        said.aside,
        [
            "tcp/floor (the floor)",
            "sse/express (5 valid repetitions of 6 needed)"
        ]
    );
    let sentence = said.sentence();
    assert!(
        sentence.starts_with("Server CPU per delivery (indicative): websocket/ws costs a factor "),
        "{sentence}"
    );
    assert!(
        sentence
            .ends_with(", the highest against the lowest of 5 servers (published differently)."),
        "{sentence}"
    );
}

#[test]
fn small_differences_are_not_called_differences() {
    let said = with_factor(1.0);
    assert!(
        matches!(said.finding, Finding::NoDifference { .. }),
        "{said:?}"
    );
    assert!(
        said.sentence().contains("no difference"),
        "{}",
        said.sentence()
    );
    let said = statement(|server, _| {
        Some(if server == "websocket/ws" {
            103_000
        } else {
            100_000
        })
    });
    assert!(
        said.sentence()
            .contains("no difference beyond 5\u{202f}% shown"),
        "{}",
        said.sentence()
    );
    let said = statement(|_, _| Some(100_000));
    assert!(
        said.sentence()
            .contains("no difference shown between the lowest"),
        "{}",
        said.sentence()
    );
}

#[test]
fn too_few_repetitions_say_so() {
    let said = statement(|server, repetition| match (server, repetition) {
        (_, 4..) => None,
        ("sse/reference", _) => Some(1),
        _ => Some(1000),
    });
    assert!(
        matches!(said.finding, Finding::TooFew { pairs: 3, .. }),
        "{said:?}"
    );
    let sentence = said.sentence();
    assert!(sentence.contains("sse/reference was lowest"), "{sentence}");
    assert!(
        sentence.contains("both valid in 3 repetitions, and 6 are needed"),
        "{sentence}"
    );
}

#[test]
fn one_or_none_are_not_compared() {
    let said = statement(|server, _| (server == "sse/reference").then_some(5));
    assert_eq!(
        said.finding,
        Finding::Alone {
            server: "sse/reference".into()
        }
    );
    assert_eq!(statement(|_, _| None).finding, Finding::Nothing);
}
