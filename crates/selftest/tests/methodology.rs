//! docs/METHODOLOGY.md and the proofs speak of one another.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pushbench_selftest::PROOFS;

/// The numbered rows of the table of rules: number, and the names in backticks of its last column.
fn rules() -> BTreeMap<u32, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METHODOLOGY.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix('|')?
            .strip_suffix('|')?
            .split('|')
            .collect();
        let number = cells.first()?.trim().parse().ok()?;
        let names = cells.last()?.split('`').skip(1).step_by(2);
        Some((number, names.map(str::to_owned).collect()))
    });
    rows.collect()
}

#[test]
fn all_forty_rules_are_there() {
    assert!(rules().keys().copied().eq(1..=40));
}

/// A rule names the proofs that name it, and no others.
#[test]
fn rules_and_proofs_name_each_other() {
    let mut proofs: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for proof in PROOFS {
        let about = proof.about();
        for &rule in about.rules {
            proofs.entry(rule).or_default().insert(about.id.to_owned());
        }
    }
    let known: BTreeSet<&str> = PROOFS.iter().map(|proof| proof.about().id).collect();
    for (rule, named) in rules() {
        for name in &named {
            assert!(known.contains(name.as_str()), "rule {rule} names {name}");
        }
        let proving = proofs.remove(&rule).unwrap_or_default();
        let unnamed: Vec<_> = proving.difference(&named).collect();
        assert!(unnamed.is_empty(), "rule {rule} does not name {unnamed:?}");
        // A proof may show something of a rule that it does not claim to prove.
    }
}
