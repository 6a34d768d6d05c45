//! Every exhibit goes wrong as it says, and its fix works.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use pushbench_field::fetch::Ending;
use pushbench_field::museum::run::Hall;
use pushbench_field::museum::{EXHIBITS, Form, Outcome};

/// What arrives of the faulty forms.
const FAULTY: &[(&str, &[&str])] = &[
    ("no-prefix", &[]),
    (
        "lost-spaces",
        &[
            "lol: \"a\"",
            "lol: \"\"",
            "lol: \"b\"",
            "lol: \"\"",
            "lol: \"c\"",
        ],
    ),
    (
        "glued-fields",
        &[
            "test: \"hello\"",
            "message: \"hello\"",
            "message: \"hello\"",
            "message: \"hello\"",
        ],
    ),
    ("no-line-ends", &[]),
    (
        "never-ends",
        &["message: \"1\"", "message: \"2\"", "message: \"3\""],
    ),
    ("comment-done", &["message: \"the answer\""]),
    (
        "koa-ok",
        &[
            "message: \"{\\\"count\\\":1}\"",
            "message: \"{\\\"count\\\":2}\"",
            "message: \"{\\\"count\\\":3}\"",
        ],
    ),
    (
        "half-characters",
        &[
            "message: \"o\"",
            "message: \"k\"",
            "message: \" \"",
            "message: \"\u{fffd}\"",
            "message: \"\u{fffd}\"",
        ],
    ),
    ("posts-again", &["5 POSTs, and no end in sight"]),
];

fn hall() -> Option<Hall> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/museum");
    match Hall::open(&directory) {
        Ok(hall) => Some(hall),
        Err(absent) => {
            eprintln!(
                "skipped: {}; to install it: {}",
                absent.reason, absent.install
            );
            None
        }
    }
}

#[test]
fn every_exhibit_goes_wrong_and_its_fix_works() {
    let Some(hall) = hall() else { return };
    for exhibit in EXHIBITS {
        if let Some(absent) = hall.missing(exhibit) {
            eprintln!(
                "skipped: {}: {}; to install it: {}",
                exhibit.name, absent.reason, absent.install
            );
            continue;
        }
        let faulty = hall.show(exhibit, Form::Faulty).unwrap();
        assert!(!faulty.is_as_meant(exhibit), "{}: {faulty:?}", exhibit.name);
        let expected = FAULTY.iter().find(|(name, _)| *name == exhibit.name);
        if let Some((_, arrived)) = expected {
            assert_eq!(faulty.arrived, *arrived, "{}", exhibit.name);
        }
        details(exhibit.name, &faulty);
        let fixed = hall.show(exhibit, Form::Fixed).unwrap();
        assert!(fixed.is_as_meant(exhibit), "{}: {fixed:?}", exhibit.name);
    }
}

fn details(name: &str, faulty: &Outcome) {
    match name {
        "no-line-ends" => {
            let crash = faulty.crash.as_deref().unwrap();
            assert!(crash.contains("ClearInterval is not defined"), "{crash}");
        }
        "never-ends" => assert_eq!(faulty.ending, Some(Ending::Open)),
        "koa-ok" => assert!(faulty.sent.ends_with(b":done\n\nOK")),
        "cut-decoder" => assert!(
            faulty.arrived[0].contains('\u{fffd}'),
            "{:?}",
            faulty.arrived
        ),
        "read-again" => {
            // Reads may join events, so the factor is below 100 and far above one.
            let words = &faulty.arrived[0];
            let times: f64 = words.split(' ').nth(5).unwrap().parse().unwrap();
            assert!(words.starts_with("200 events") && times > 5.0, "{words}");
        }
        _ => {}
    }
}

#[test]
fn exhibits_are_told_apart() {
    let mut names: Vec<&str> = EXHIBITS.iter().map(|exhibit| exhibit.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EXHIBITS.len());
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/museum/exhibits");
    for name in names {
        assert!(scripts.join(format!("{name}.js")).is_file(), "{name}");
    }
}
