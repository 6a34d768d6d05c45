//! What is said of known changes.

use pushbench_model::record::Record;
use pushbench_model::tuning::Tuning;
use pushbench_report::compare::{Choice, Compared, Kind, Subject, compare, text};
use pushbench_report::tier::Tier;
use pushbench_stats::Verdict;

use crate::change::{again, baseline, changed, of, slow};
use crate::held;

fn verdict(compared: &Compared<'_>, scenario: &str, server: &str, kind: Kind) -> Verdict {
    let pairing = compared
        .pairings
        .iter()
        .find(|p| p.scenario == scenario && p.server.to_string() == server)
        .unwrap();
    let figure = pairing.figures.iter().find(|f| f.kind == kind).unwrap();
    figure.judgement.verdict
}

#[test]
fn known_changes_are_found_and_no_others_claimed() {
    let base = baseline();
    let change = changed(&base);
    let compared = held(&base, &change, &[]).unwrap();
    assert_eq!(compared.pairings.len(), 20, "two scenarios, ten servers");
    let v = |server, kind| verdict(&compared, "fan-out-small", server, kind);
    assert_eq!(v("sse/reference", Kind::P50), Verdict::More);
    assert_eq!(v("sse/reference", Kind::P99), Verdict::More);
    assert_eq!(v("websocket/reference", Kind::Cpu), Verdict::Less);
    assert_eq!(v("sse/express", Kind::Bytes), Verdict::More);
    let differences = compared.pairings.iter().flat_map(|pairing| {
        let figures = pairing.figures.iter();
        let differ =
            figures.filter(|f| matches!(f.judgement.verdict, Verdict::Less | Verdict::More));
        differ.map(|f| format!("{} {} {}", pairing.scenario, pairing.server, f.kind.label()))
    });
    let differences: Vec<String> = differences.collect();
    assert_eq!(
        differences,
        [
            "fan-out-small sse/reference p50",
            "fan-out-small sse/reference p99",
            "fan-out-small websocket/reference cpu",
            "fan-out-small sse/express bytes",
            "connect sse/reference p50",
            "connect websocket/reference cpu",
            "connect sse/express bytes",
        ]
    );
    assert_eq!(v("tcp/floor", Kind::P50), Verdict::NoDifference);
    assert_eq!(v("tcp/floor", Kind::Bytes), Verdict::NoDifference);
}

#[test]
fn a_change_of_the_order_turns_the_verdict() {
    let base = baseline();
    let change = changed(&base);
    let compared = held(&change, &base, &[]).unwrap();
    let p50 = verdict(&compared, "fan-out-small", "sse/reference", Kind::P50);
    assert_eq!(p50, Verdict::Less);
}

#[test]
fn fewer_than_six_pairs_are_too_few() {
    let base = baseline();
    let mut change = changed(&base);
    change.trials.retain(|t| t.trial.repetition != 2);
    let compared = held(&base, &change, &[]).unwrap();
    let figures = compared.pairings.iter().flat_map(|p| &p.figures);
    let mut seen = 0;
    for figure in figures {
        assert!(
            matches!(figure.judgement.verdict, Verdict::TooFew { .. }),
            "{figure:?}"
        );
        seen += 1;
    }
    assert!(seen > 80, "{seen}");
    assert_eq!(compared.pairings[0].candidate.missing, 1);
}

/// Invalid and failed trials are told and never used.
#[test]
fn spoilt_trials_are_not_used() {
    let base = baseline();
    let change = again(&base, 3);
    let spoilt = crate::support::record();
    let compared = held(&spoilt, &change, &[]).unwrap();
    let pairing = |scenario: &str, server: &str| {
        let mut all = compared.pairings.iter();
        all.find(|p| p.scenario == scenario && p.server.to_string() == server)
            .unwrap()
    };
    let invalid = pairing("fan-out-small", "sse/express");
    assert_eq!((invalid.baseline.valid, invalid.baseline.invalid), (5, 1));
    assert!(invalid.figures.iter().all(|f| f.pairs.len() <= 5));
    assert_eq!(invalid.lost, [Some(2.0), Some(0.0)], "12 in six trials");
    let failed = pairing("connect", "websocket/ws");
    assert_eq!((failed.baseline.valid, failed.baseline.failed), (5, 1));
    let said = text(&compared).notices.join("\n");
    assert!(
        said.contains("base: 118 valid trials entered the figures, and not 1 invalid, 1 failed."),
        "{said}"
    );
}

#[test]
fn several_candidates_are_each_held_against_the_first() {
    let base = baseline();
    let (same, change) = (again(&base, 5), changed(&base));
    let subject = |name, record| Subject { name, record };
    let subjects = [
        subject("a", &base),
        subject("b", &same),
        subject("c", &change),
    ];
    let compared = compare(&subjects, &Choice::default(), &[]).unwrap();
    assert_eq!(compared.pairings.len(), 40);
    let p50 = |at: usize| {
        let mut mine = compared.pairings.iter().filter(|p| p.candidate_at == at);
        let sse = mine
            .find(|p| p.server.to_string() == "sse/reference")
            .unwrap();
        sse.figures[0].judgement
    };
    assert!(!matches!(p50(1).verdict, Verdict::More | Verdict::Less));
    assert_eq!(p50(2).verdict, Verdict::More);
}

#[test]
fn choices_narrow_what_is_compared() {
    let base = baseline();
    let change = again(&base, 5);
    let subject = |name, record| Subject { name, record };
    let of = |scenarios: &[&str], servers: &[&str]| {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let choice = Choice {
            scenarios: own(scenarios),
            servers: own(servers),
        };
        let subjects = [subject("a", &base), subject("b", &change)];
        compare(&subjects, &choice, &[]).map(|c| c.pairings.len())
    };
    assert_eq!(of(&["connect"], &[]), Ok(10));
    assert_eq!(of(&["connect"], &["sse"]), Ok(3));
    assert_eq!(of(&[], &["reference", "tcp/floor"]), Ok(14));
    let message = of(&["conect"], &[]).unwrap_err().to_string();
    assert!(message.contains(
        "no scenario \"conect\" in any of the records; there are fan-out-small, connect"
    ));
    let message = of(&[], &["sse/koa"]).unwrap_err().to_string();
    assert!(
        message.contains("no server \"sse/koa\"") && message.contains("tcp/floor"),
        "{message}"
    );
}

/// On a machine of many cores, pinned, verdicts on times stand.
fn pinned(record: &mut Record) {
    record.run.environment.hypervisor = None;
    record.run.environment.cores = (0..8).collect();
    record.run.server_cores = vec![1, 2];
    record.run.load_cores = vec![3, 4];
}

#[test]
fn trust_depends_on_the_machines() {
    let mut base = baseline();
    let mut change = changed(&base);
    let words = |base: &Record, change: &Record| {
        let compared = held(base, change, &[]).unwrap();
        let said = text(&compared).notices.join("\n");
        (compared.trust, compared.indicative.len(), said)
    };
    let (trust, _, said) = words(&base, &change);
    assert_eq!(trust, Tier::Shared);
    assert!(
        said.contains("Trust tier T0") && said.contains("not interleaved"),
        "{said}"
    );
    pinned(&mut base);
    pinned(&mut change);
    assert_eq!(words(&base, &change).0, Tier::Pinned);
    assert_eq!(words(&base, &change).1, 0, "only the commit differs");
    change.run.environment.kernel = "Linux 6.13.0".into();
    let (trust, reasons, said) = words(&base, &change);
    assert_eq!((trust, reasons), (Tier::Pinned, 1));
    assert!(said.contains("(differing: kernel)"), "{said}");
    base.run.load_cores = vec![1];
    let (trust, _, said) = words(&base, &change);
    assert_eq!(trust, Tier::Shared);
    assert!(said.contains("no processors of their own (base)"), "{said}");
}

#[test]
fn a_floor_that_moved_is_told() {
    let base = baseline();
    let mut change = again(&base, 5);
    let said = text(&held(&base, &change, &[]).unwrap()).notices.join("\n");
    assert!(!said.contains("The floor itself moved"), "{said}");
    of(&mut change, "tcp/floor").for_each(|t| slow(t, 1.2));
    let compared = held(&base, &change, &[]).unwrap();
    assert_eq!(compared.floor.len(), 4, "p50 and cpu of two scenarios");
    let said = text(&compared).notices.join("\n");
    assert!(
        said.contains("The floor itself moved by more than the margin: fan-out-small p50 by +"),
        "{said}"
    );
    assert!(!said.contains("cpu by"), "{said}");
}

#[test]
fn tunings_are_not_mixed_and_what_is_alone_is_told() {
    let base = baseline();
    let mut change = again(&base, 5);
    let retune = |label: &mut pushbench_model::record::ServerLabel| {
        if label.name() == "sse/express" {
            label.tuning = Tuning::Defaults;
        }
    };
    change.run.servers.iter_mut().for_each(retune);
    for recorded in &mut change.trials {
        retune(&mut recorded.trial.server);
    }
    change.run.scenarios.retain(|s| s.name != "connect");
    change.trials.retain(|t| t.trial.scenario != "connect");
    let compared = held(&base, &change, &[]).unwrap();
    assert_eq!(compared.pairings.len(), 9);
    assert_eq!(
        compared.only_in,
        [
            "Scenario connect is in base and not in change.",
            "Server sse/express is in base and not in change.",
            "Server sse/express@defaults is in change and not in base.",
        ]
    );
}

#[test]
fn a_record_against_itself_is_refused() {
    let base = baseline();
    let said = held(&base, &base, &[]).unwrap_err().to_string();
    assert!(said.contains("base and change are the same run"), "{said}");
}
