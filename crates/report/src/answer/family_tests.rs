//! What is said of small, large and missing differences, and what is refused.

use pushbench_model::record::Record;
use pushbench_model::tuning::Tuning;

use super::super::{Finding, Statement, sentences, transports};
use super::*;
use crate::metric::P50;
use crate::results::Results;
use crate::sample;

const CPU: Metric = Metric::Cpu(Side::Server);

/// The sample without slices, its server CPU set for (server, repetition); `None` makes the trial fail.
fn costing(cost: impl Fn(&str, u32) -> Option<f64>) -> Record {
    let mut record = sample::record();
    record.slices.clear();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        let operations = trial.measurement.as_ref().map_or(0, |m| m.operations);
        let wanted = cost(&trial.server.name(), trial.repetition);
        match (wanted, &mut trial.server_usage) {
            (Some(each), Some(usage)) => usage.cost.cpu_ns = (each * operations as f64) as u64,
            _ => trial.measurement = None,
        }
    }
    record
}

/// Everything costs 100 µs with half a percent of noise, websocket `factor` times that.
fn websocket_at(factor: f64) -> Record {
    costing(move |server, repetition| {
        let noise = 1.0 + 0.0001 * f64::from((repetition * 7 + server.len() as u32) % 5);
        let factor = if server.starts_with("websocket") {
            factor
        } else {
            1.0
        };
        Some(1e5 * factor * noise)
    })
}

fn transports_say(record: &Record, metric: Metric) -> Option<String> {
    let results = Results::new(record);
    let group = &results.groups[0];
    transports::on_the_same_stack(group, &Verdicts::of(group), metric)
}

fn statement(record: &Record) -> Statement {
    let results = Results::new(record);
    let group = &results.groups[0];
    Statement::of(group, &Verdicts::of(group), CPU)
}

#[test]
fn the_outcomes_in_words() {
    for (factor, wanted) in [
        (
            1.3,
            "same software (reference): websocket needs more than sse: factor 1.30",
        ),
        (0.8, "websocket needs less than sse: factor 0.800"),
        (
            1.02,
            "no difference shown between websocket and sse (within ±5\u{202f}%): factor 1.02",
        ),
        (1.05, "websocket against sse is undecided: factor 1.05"),
    ] {
        let said = transports_say(&websocket_at(factor), CPU).unwrap();
        assert!(said.contains(wanted), "{factor}: {said}");
        assert!(
            said.starts_with("Server CPU per delivery (T0, indicative), "),
            "{said}"
        );
    }
    let few = costing(|_, repetition| (repetition <= 4).then_some(1e5));
    let said = transports_say(&few, CPU).unwrap();
    assert!(
        said.contains("no verdict on websocket against sse: 4 of 6 pairs"),
        "{said}"
    );
}

#[test]
fn undecided_names_how_many_more() {
    let record = costing(|server, repetition| {
        let noise = 0.05 * (f64::from(repetition) - 3.5);
        Some(if server.starts_with("websocket") {
            1e5 * (0.04 + noise).exp()
        } else {
            1e5
        })
    });
    let said = transports_say(&record, CPU).unwrap();
    assert!(
        said.contains("is undecided: factor 1.04 (")
            && said.contains("more repetitions would decide"),
        "{said}"
    );
}

/// A difference that one comparison alone would show is not claimed in a family of many.
#[test]
fn the_family_asks_for_more() {
    let record = costing(|server, repetition| {
        let noise = 0.03 * (f64::from(repetition) - 3.5);
        let more = if server == "websocket/reference" {
            0.12
        } else {
            0.0
        };
        let scatter = f64::from((repetition * 5 + server.len() as u32 * 3) % 7) * 0.01;
        Some(1e5 * (more + scatter + noise * more / 0.12).exp())
    });
    let results = Results::new(&record);
    let group = &results.groups[0];
    let verdicts = Verdicts::of(group);
    let compared = verdicts.find(1, 0, CPU).unwrap();
    let (_, comparison) = group.comparison(&group.arms[1], &group.arms[0], CPU);
    let alone = judge(&[comparison])[0].verdict;
    assert_eq!(alone, Verdict::More, "{comparison:?}");
    assert!(
        matches!(compared.verdict, Some(Verdict::Undecided { .. })),
        "{compared:?}"
    );
}

#[test]
fn counted_bytes_have_no_margin() {
    let mut record = sample::record();
    for recorded in &mut record.trials {
        let websocket = recorded.trial.server.transport == "websocket";
        if let Some(measured) = &mut recorded.trial.measurement {
            measured.wire.bytes_up = 0;
            measured.wire.bytes_down = measured.operations * if websocket { 201 } else { 200 };
        }
    }
    let said = transports_say(&record, Metric::Bytes).unwrap();
    assert!(said.starts_with("Bytes per message (T0), same"), "{said}");
    assert!(
        said.contains("websocket needs more than sse: factor 1.0050;"),
        "{said}"
    );
    assert!(
        said.contains("no difference shown between long-poll and sse (equal in every pair)"),
        "{said}"
    );
}

#[test]
fn slices_lead_where_there_are_enough_of_them() {
    let mut record = sample::record();
    let said = transports_say(&record, CPU).unwrap();
    assert!(
        said.contains("websocket against sse is undecided: factor 0.9")
            && said.contains("by slices")
            || said.contains("needs less than sse: factor 0.9") && said.contains("by slices"),
        "{said}"
    );
    let p50 = transports_say(&record, Metric::Percentile(Series::Response, P50));
    assert!(!p50.unwrap().contains("by slices"));
    record.slices.truncate(5);
    let said = transports_say(&record, CPU).unwrap();
    assert!(!said.contains("by slices"), "{said}");
}

#[test]
fn tunings_stand_apart_and_fixed_servers_in_both() {
    let record = sample::record();
    let results = Results::new(&record);
    let tunings: Vec<Tuning> = results.groups.iter().map(|g| g.tuning).collect();
    assert_eq!(
        tunings,
        [
            Tuning::Equalised,
            Tuning::Defaults,
            Tuning::Equalised,
            Tuning::Defaults
        ]
    );
    for group in &results.groups {
        assert_eq!(group.arms.len(), 7);
        let other = |s: Tuning| s != group.tuning && s != Tuning::Fixed;
        assert!(!group.arms.iter().any(|arm| other(arm.server.tuning)));
        assert!(group.refusal.is_none());
    }
}

#[test]
fn one_tuning_alone_gets_no_verdict() {
    let mut record = sample::record();
    record
        .trials
        .retain(|t| t.trial.server.to_string() != "sse/reference@defaults");
    let results = Results::new(&record);
    for group in &results.groups {
        let verdicts = Verdicts::of(group);
        let said = sentences(group, &verdicts);
        assert_eq!(
            said[0],
            "No verdict: defaults was not measured for sse/reference. The figures stand, side by side."
        );
        let said = said.join(" ");
        for word in ["needs", "no difference", "undecided"] {
            assert!(!said.contains(word), "{word}: {said}");
        }
        let table = super::super::same_stack(group, &verdicts).unwrap();
        let small = table.rows.iter().flat_map(|row| &row.cells);
        let small: Vec<&String> = small.flat_map(|cell| &cell.small).collect();
        assert!(!small.iter().any(|s| ["less", "more"].contains(&s.as_str())));
    }
}

#[test]
fn a_run_without_tunings_is_not_refused() {
    let mut record = sample::record();
    record.run.servers.retain(|s| s.tuning == Tuning::Fixed);
    record
        .trials
        .retain(|t| t.trial.server.tuning == Tuning::Fixed);
    let results = Results::new(&record);
    assert!(results.groups.iter().all(|g| g.tuning == Tuning::Fixed));
    assert!(results.groups.iter().all(|g| g.refusal.is_none()));
}

#[test]
fn the_highest_is_held_against_the_lowest() {
    let record = costing(|server, repetition| {
        let own = 1.0 + 0.0001 * f64::from((repetition * 7 + server.len() as u32) % 5);
        Some(if server == "websocket/ws" { 2e5 } else { 1e5 } * own)
    });
    let said = statement(&record);
    let Finding::Extremes(extremes) = &said.finding else {
        panic!("{said:?}");
    };
    assert_eq!(
        (extremes.highest.as_str(), extremes.of),
        ("websocket/ws", 5)
    );
    assert_eq!(extremes.compared.verdict, Some(Verdict::More));
    assert_eq!(
        said.aside,
        [
            "tcp/floor (the floor)",
            "sse/express (5 valid repetitions of 6 needed)"
        ]
    );
    let sentence = said.sentence();
    assert!(
        sentence
            .starts_with("Server CPU per delivery (T0, indicative): websocket/ws needs more than "),
        "{sentence}"
    );
    assert!(
        sentence.contains(
            ", the highest and the lowest of 5 servers, published differently: factor 2.00"
        ),
        "{sentence}"
    );
}

#[test]
fn one_or_none_are_not_compared() {
    let one = costing(|server, _| (server == "sse/reference").then_some(5.0));
    assert_eq!(
        statement(&one).finding,
        Finding::Alone {
            server: "sse/reference".into()
        }
    );
    assert_eq!(statement(&costing(|_, _| None)).finding, Finding::Nothing);
    let two = costing(|server, _| server.ends_with("floor").then_some(5.0));
    assert!(statement(&two).sentence().contains("only tcp/floor has it"));
}

#[test]
fn an_inverse_is_the_same_said_from_the_other_side() {
    let record = websocket_at(1.3);
    let results = Results::new(&record);
    let verdicts = Verdicts::of(&results.groups[0]);
    let (one, other) = (
        verdicts.find(1, 0, CPU).unwrap(),
        verdicts.find(0, 1, CPU).unwrap(),
    );
    assert_eq!(
        (one.verdict, other.verdict),
        (Some(Verdict::More), Some(Verdict::Less))
    );
    let (one, other) = (one.ratio.unwrap(), other.ratio.unwrap());
    assert!((one.value * other.value - 1.0).abs() < 1e-12);
    let (one, other) = (one.interval.unwrap(), other.interval.unwrap());
    assert!((one.low * other.high - 1.0).abs() < 1e-12 && other.low < other.high);
    assert_eq!(verdicts.find(3, 0, CPU), None, "the floor has no say");
}
