//! The arrows between the crates, as the manifests and as docs/ARCHITECTURE.md have them.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};
use common::root;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The law: who may know whom.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("sys", &[]),
    ("model", &[]),
    ("link", &["model", "sys"]),
    ("transport", &["model", "sys"]),
    ("server", &["model", "sys", "transport"]),
    ("load", &["model", "sys", "transport"]),
    ("anatomy", &["model", "server", "sys", "transport"]),
    ("field", &["load", "model", "server", "sys", "transport"]),
    ("conform", &["model", "server", "sys", "transport"]),
    ("harness", &["link", "model", "stats", "sys"]),
    ("stats", &["model"]),
    ("report", &["model", "stats"]),
    (
        "selftest",
        &["harness", "link", "model", "report", "stats", "sys"],
    ),
    (
        "cli",
        &[
            "anatomy",
            "conform",
            "field",
            "harness",
            "link",
            "load",
            "model",
            "report",
            "selftest",
            "server",
            "stats",
            "sys",
            "transport",
        ],
    ),
    ("benches", &[]),
];

/// A crate goes by its directory.
fn arrows(wanted: fn(DependencyKind) -> bool) -> Arrows {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .unwrap();
    let directory = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let packages = metadata.packages.iter().map(|package| {
        let to = package
            .dependencies
            .iter()
            .filter(|dependency| wanted(dependency.kind));
        let to =
            to.filter_map(|dependency| Some(directory(dependency.path.as_ref()?.as_std_path())));
        (
            directory(package.manifest_path.parent().unwrap().as_std_path()),
            to.collect(),
        )
    });
    packages.collect()
}

#[test]
fn arrows_point_where_they_may() {
    let allowed: Arrows = ALLOWED
        .into_iter()
        .map(|(from, to)| {
            (
                from.to_owned(),
                to.iter().map(ToString::to_string).collect(),
            )
        })
        .collect();
    assert_eq!(arrows(|kind| kind == DependencyKind::Normal), allowed);
}

/// Tests may look at more, but nothing may look up at the program.
#[test]
fn nothing_depends_on_the_program() {
    for (from, to) in arrows(|_| true) {
        assert!(
            !to.contains("cli") && !to.contains("benches"),
            "{from} depends on {to:?}"
        );
    }
}

/// One line per crate, `a` -> `b`, `c`, in a block fenced as `arrows`.
fn documented(text: &str) -> Arrows {
    let block = text
        .split("\n```arrows\n")
        .nth(1)
        .expect("no block ```arrows in docs/ARCHITECTURE.md");
    let lines = block.split("\n```").next().unwrap().lines();
    let quoted = |text: &str| -> BTreeSet<String> {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let arrows = lines.filter(|line| !line.trim().is_empty()).map(|line| {
        let (from, to) = line
            .split_once(" -> ")
            .unwrap_or_else(|| panic!("no arrow in {line:?}"));
        let from = quoted(from)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no crate in {line:?}"));
        (from, quoted(to))
    });
    arrows.collect()
}

#[test]
fn the_document_is_true() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    assert_eq!(
        documented(&text),
        arrows(|kind| kind == DependencyKind::Normal)
    );
}

#[test]
fn a_document_reads_back() {
    let text = "x\n```arrows\n`a` -> nothing\n\n`b` -> `a`, `c`\n```\n`d` -> `a`\n";
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    assert_eq!(
        documented(text),
        Arrows::from([("a".into(), set(&[])), ("b".into(), set(&["a", "c"]))])
    );
}

/// All crates but `sys` take over the lints of the workspace, which forbid unsafe code; `sys` says at each place why.
#[test]
fn unsafe_code_is_in_sys_alone() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let mut sources = Vec::new();
    for name in arrows(|_| true).into_keys() {
        let directory = root().join(if name == "benches" {
            name.clone()
        } else {
            format!("crates/{name}")
        });
        let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap();
        assert_eq!(
            manifest.contains("[lints]\nworkspace = true"),
            name != "sys",
            "{name}"
        );
        if name != "sys" {
            rust_files(&directory, &mut sources);
        }
    }
    assert!(sources.len() > 100, "{}", sources.len());
    for source in sources {
        let text = fs::read_to_string(&source).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for form in ["{", "fn", "impl", "extern", "trait"].map(|what| format!("unsafe {what}")) {
            assert!(
                !code.clone().any(|line| contains_word(line, &form)),
                "{form} in {}",
                source.display()
            );
        }
    }
}

/// Not within a text: a quote before it means that it is one.
fn contains_word(line: &str, word: &str) -> bool {
    line.split_once(word)
        .is_some_and(|(before, _)| !before.contains('"'))
}

fn rust_files(directory: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // What other tools have put there is not ours.
        if path.is_dir() && !["target", "node_modules", "corpus", "artifacts"].contains(&name) {
            rust_files(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}
