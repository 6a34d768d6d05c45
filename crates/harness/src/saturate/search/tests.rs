//! The state machine against servers whose limit is a number.

use pushbench_model::search::ProbeVerdict::{Failed, Held, Void};

use super::*;

const RANGE: SearchRange = SearchRange {
    from: 100.0,
    to: 1e6,
    resolution: 0.05,
};

/// Runs a search to its end; `answer` gets the rate and how often something was tried before.
fn run(
    range: SearchRange,
    answer: impl Fn(f64, usize) -> ProbeVerdict,
) -> (Found, Vec<(f64, Purpose)>) {
    let mut search = Bisection::new(range);
    let mut probes = Vec::new();
    while let Some((rate, purpose)) = search.next() {
        assert!(rate > 0.0 && rate.is_finite());
        search.tell(answer(rate, probes.len()));
        probes.push((rate, purpose));
        assert!(probes.len() <= 150, "no end");
    }
    (search.found(), probes)
}

fn below(limit: f64) -> impl Fn(f64, usize) -> ProbeVerdict {
    move |rate, _| if rate <= limit { Held } else { Failed }
}

fn rates(probes: &[(f64, Purpose)], wanted: Purpose) -> Vec<f64> {
    let of = probes.iter().filter(|(_, purpose)| *purpose == wanted);
    of.map(|(rate, _)| *rate).collect()
}

#[test]
fn a_limit_is_bracketed_bisected_and_confirmed() {
    let (found, probes) = run(RANGE, below(1000.0));
    assert_eq!(
        rates(&probes, Purpose::Bracket),
        [100.0, 200.0, 400.0, 800.0, 1600.0]
    );
    let sustained = found.sustained.unwrap();
    assert!((950.0..=1000.0).contains(&sustained), "{found:?}");
    assert!(found.failed_at.unwrap() <= sustained * 1.051 && found.end == End::Found);
    assert_eq!(rates(&probes, Purpose::Confirm), [sustained; 3]);
    assert_eq!(rates(&probes, Purpose::Above), [round(sustained * 1.05); 2]);
    let curve: Vec<f64> = rates(&probes, Purpose::Curve);
    let shares: Vec<f64> = curve
        .iter()
        .map(|rate| (rate / sustained * 100.0).round())
        .collect();
    assert_eq!(shares, [10.0, 30.0, 50.0, 70.0, 80.0, 90.0, 110.0, 120.0]);
}

#[test]
fn every_limit_is_found_within_the_resolution() {
    for resolution in [0.01, 0.05, 0.2] {
        let range = SearchRange {
            resolution,
            ..RANGE
        };
        for limit in [1.7, 33.0, 99.9, 100.0, 101.0, 777.0, 12_345.0, 999_000.0] {
            let (found, probes) = run(range, below(limit));
            let sustained = found.sustained.unwrap();
            let error = limit / sustained;
            assert!(
                (1.0..=1.0 + resolution.max(0.051)).contains(&error),
                "{limit}: {found:?}"
            );
            assert!(probes.len() < 50 && found.end == End::Found, "{found:?}");
        }
    }
}

#[test]
fn a_first_rate_that_fails_is_halved() {
    let (found, probes) = run(RANGE, below(30.0));
    assert_eq!(rates(&probes, Purpose::Bracket), [100.0, 50.0, 25.0]);
    assert!((28.0..=30.0).contains(&found.sustained.unwrap()));
}

#[test]
fn nothing_holds() {
    let (found, probes) = run(RANGE, below(0.0));
    assert_eq!((found.sustained, found.end), (None, End::Nothing));
    assert_eq!(probes.len(), 11);
    assert!(
        found.ended.contains("down to 0.09765 messages/s"),
        "{}",
        found.ended
    );
}

#[test]
fn the_highest_rate_allowed_is_a_lower_bound() {
    let range = SearchRange { to: 300.0, ..RANGE };
    let (found, probes) = run(range, below(1000.0));
    assert_eq!(
        (found.sustained, found.failed_at, found.end),
        (Some(300.0), None, End::Range)
    );
    assert_eq!(rates(&probes, Purpose::Confirm), [300.0; 3]);
    assert!(probes.iter().all(|(rate, _)| *rate <= 300.0));
    assert_eq!(rates(&probes, Purpose::Curve).len(), 6);
    assert!(found.ended.contains("at least 300"), "{}", found.ended);
}

#[test]
fn a_confirmation_that_fails_steps_down() {
    // The first rate to be confirmed holds once and fails at its second confirmation.
    let first = run(RANGE, below(1000.0)).0.sustained.unwrap();
    let at = run(RANGE, below(1000.0)).1;
    let second = 1 + at.iter().position(|(_, p)| *p == Purpose::Confirm).unwrap();
    let (found, probes) = run(RANGE, |rate, n| {
        if n == second || rate >= first {
            if n >= second {
                Failed
            } else {
                below(1000.0)(rate, n)
            }
        } else {
            Held
        }
    });
    let lower = round(first / 1.05);
    assert_eq!(found.sustained, Some(lower), "{found:?}");
    assert_eq!(
        rates(&probes, Purpose::Confirm),
        [first, first, lower, lower, lower]
    );
    assert_eq!(found.end, End::Found);
}

#[test]
fn a_rate_above_that_holds_becomes_the_one_to_confirm() {
    // What failed in the bisection was bad luck: the limit is at 2000, and the bracket failed at 1600 once.
    let (found, _) = run(RANGE, |rate, n| match n {
        4 => Failed,
        n => below(2000.0)(rate, n),
    });
    let sustained = found.sustained.unwrap();
    assert!((1900.0..=2000.0).contains(&sustained), "{found:?}");
    assert!(found.failed_at.unwrap() > 2000.0);
}

#[test]
fn what_says_nothing_is_repeated_and_then_ends_the_search() {
    // Every third probe says nothing: no harm.
    let (found, _) = run(RANGE, |rate, n| {
        if n % 3 == 1 {
            Void
        } else {
            below(1000.0)(rate, n)
        }
    });
    assert_eq!(found.sustained, run(RANGE, below(1000.0)).0.sustained);

    let (found, probes) = run(RANGE, |rate, _| if rate > 500.0 { Void } else { Held });
    assert_eq!(
        (found.sustained, found.failed_at, found.end),
        (Some(400.0), None, End::Generator)
    );
    assert_eq!(rates(&probes, Purpose::Bracket)[3..], [800.0; 4]);
    assert!(found.ended.contains("at least 400"), "{}", found.ended);

    let (found, probes) = run(RANGE, |_, _| Void);
    assert_eq!(
        (found.sustained, found.end, probes.len()),
        (None, End::Generator, 4)
    );
    assert!(found.ended.contains("nothing is known"), "{}", found.ended);
}

#[test]
fn a_fickle_server_does_not_keep_it_for_ever() {
    // Whatever was tried before: neither a confirmed rate nor a low one is ever final here.
    for seed in 0..200u64 {
        let (found, probes) = run(RANGE, |_, n| {
            match (n as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 {
                0 => Void,
                1 | 2 => Failed,
                _ => Held,
            }
        });
        assert_ne!(found.end, End::Unfinished);
        assert!(probes.len() <= 80 + 8 * 4, "{}", probes.len());
    }
}
