//! Chromium in front of our servers. Where it is not installed, the tests say so and test nothing.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::sync::Arc;

use pushbench_field::browser::chromium::{Browser, find};
use pushbench_field::browser::clock::Clock;
use pushbench_field::browser::delivery::{WAYS, turn};
use pushbench_field::browser::endings::{Case, watch};
use pushbench_field::browser::http2;
use pushbench_field::browser::limits::STEPS;
use pushbench_sys::process::group;

/// The browser, or a word that there is none.
fn browser() -> Option<Browser> {
    match find() {
        Ok(path) => Some(Browser::start(&path, &Arc::default()).unwrap()),
        Err(absent) => {
            eprintln!("skipped: {}; {}", absent.reason, absent.install);
            None
        }
    }
}

#[test]
fn every_way_delivers_every_message_once() {
    let Some(mut browser) = browser() else { return };
    let clock = Clock::start().unwrap();
    for way in WAYS {
        let turn = turn(&mut browser, &clock, way).unwrap();
        assert_eq!(turn.trouble, None, "{}", way.name);
        for load in [&turn.slow, &turn.fast] {
            assert_eq!((load.lost(), load.again), (0, 0), "{}", way.name);
            assert!(load.cpu_ns > 0);
        }
        assert!(turn.resolution.isolated, "{}", way.name);
        // Nothing arrives before it was due, by more than the clocks may differ.
        let earliest = turn
            .slow
            .delays
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        assert!(earliest > -turn.offset.uncertainty_ns, "{earliest}");
    }
    let id = browser.group();
    assert!(group(id).len() > 1, "{:?}", group(id));
    drop(browser);
    assert_eq!(group(id), Vec::<u32>::new());
}

#[test]
fn connections_beyond_the_limits_wait_or_fail() {
    let Some(mut browser) = browser() else { return };
    let mut found = Vec::new();
    for (_, step) in STEPS {
        found.extend(step(&mut browser).unwrap());
    }
    let tallies: Vec<(u64, u64, u64)> = found
        .iter()
        .map(|limit| (limit.tally.open, limit.tally.waiting, limit.tally.failed))
        .collect();
    let expected = [
        (6, 4, 0),
        (0, 1, 0),
        (1, 0, 0),
        (10, 0, 0),
        (6, 4, 0),
        (6, 4, 0),
        (1, 0, 0),
        (6, 4, 0),
        (4, 0, 0),
        (2, 2, 0),
        (255, 0, 45),
    ];
    assert_eq!(tallies, expected, "{found:#?}");
}

/// More than six are open at once, and as many as the server takes.
#[test]
fn over_http2_the_server_sets_the_limit() {
    let Some(mut browser) = browser() else { return };
    let found = match http2::streams(&mut browser).unwrap() {
        Ok(found) => found,
        Err(absent) => return eprintln!("skipped: {}; {}", absent.reason, absent.install),
    };
    let tallies: Vec<(u64, u64, u64)> = found
        .iter()
        .map(|limit| (limit.tally.open, limit.tally.waiting, limit.tally.failed))
        .collect();
    let (first, all) = (http2::STREAMS, http2::STREAMS + http2::MORE);
    let expected = [
        (first, 0, 0),
        (1, 0, 0),
        (http2::MOST - first, all - http2::MOST, 0),
    ];
    assert_eq!(tallies, expected, "{found:#?}");
}

/// Chromium refuses a stream that names a charset other than UTF-8; the standard reads it.
#[test]
fn ends_of_streams_are_as_the_standard_asks_but_one() {
    let Some(mut browser) = browser() else { return };
    for case in Case::all() {
        let did = watch(&mut browser, case).unwrap();
        let (right, words) = did.judged(case);
        assert_eq!(right, case != Case::Charset, "{}: {words}", case.label());
    }
}
