//! Records kept under a name.

use std::fs;

use crate::common::{Stage, finish, root};
use crate::disk::{baseline, candidate, write};

#[test]
fn a_baseline_is_kept_and_found() {
    let stage = Stage::new();
    write(&baseline(), &stage.path("runs/one"));
    write(&candidate(1.5), &stage.path("runs/two"));
    fs::write(stage.path("runs/one/report.html"), "drawn").unwrap();
    let mut save = stage.pushbench(["compare", "--save", "main", "runs/one"]);
    let ended = finish(&mut save).with(0);
    assert_eq!(ended.stdout, "baseline main: reports/baselines/main\n");
    let kept = stage.path("reports/baselines/main");
    for name in ["run.json", "trials.jsonl"] {
        let (was, is) = (stage.path("runs/one").join(name), kept.join(name));
        assert_eq!(fs::read(was).unwrap(), fs::read(is).unwrap(), "{name}");
    }
    assert_eq!(fs::read_dir(kept.join("hlog")).unwrap().count(), 12);
    assert!(
        !kept.join("report.html").exists(),
        "a report is drawn, not kept"
    );
    // The record itself may go.
    fs::remove_dir_all(stage.path("runs/one")).unwrap();
    let ended = finish(&mut stage.pushbench(["compare", "main", "runs/two"])).with(0);
    assert!(
        ended.stdout.starts_with("two against main."),
        "{}",
        ended.stdout
    );

    let mut again = stage.pushbench(["compare", "--save", "main", "runs/two"]);
    let ended = finish(&mut again).with(1);
    ended.in_one_line(&["a baseline \"main\" already", "--force replaces it"]);
    let run = fs::read_to_string(kept.join("run.json")).unwrap();
    assert!(
        run.contains("2026-01-01T12:00:00Z"),
        "it was replaced without a word"
    );
    finish(again.arg("--force")).with(0);
    let run = fs::read_to_string(kept.join("run.json")).unwrap();
    assert!(run.contains("2026-01-02T12:00:00Z"));
    let left = fs::read_dir(stage.path("reports/baselines")).unwrap();
    assert_eq!(left.count(), 1, "nothing is left of the copying");
}

#[test]
fn elsewhere_and_by_what_names() {
    let stage = Stage::new();
    write(&baseline(), &stage.path("one"));
    let save = |name: &str| {
        let mut command =
            stage.pushbench(["compare", "--baselines", "kept", "--save", name, "one"]);
        finish(&mut command)
    };
    save("v1.0").with(0);
    assert!(stage.path("kept/v1.0/run.json").is_file() && !stage.path("reports").exists());
    for name in ["../x", "a b", "", ".hidden", "a/b"] {
        save(name)
            .with(1)
            .in_one_line(&["is no name for a baseline", "letters"]);
    }
    let mut command = stage.pushbench(["compare", "--baselines", "kept", "v1.1", "one"]);
    finish(&mut command).with(1).in_one_line(&[
        "\"v1.1\" is neither a baseline in kept",
        "there are baselines v1.0",
    ]);
    // A name that is both.
    write(&baseline(), &stage.path("v1.0"));
    let mut command = stage.pushbench(["compare", "--baselines", "kept", "v1.0", "one"]);
    finish(&mut command)
        .with(1)
        .in_one_line(&["is a baseline (kept/v1.0) and a record (./v1.0)"]);
    let mut command = stage.pushbench(["compare", "--baselines", "kept", "./v1.0", "one"]);
    finish(&mut command)
        .with(1)
        .in_one_line(&["v1.0 and one are the same run"]);
}

#[test]
fn what_is_no_baseline_is_left_alone() {
    let stage = Stage::new();
    write(&baseline(), &stage.path("one"));
    stage.write("reports/baselines/main/thesis.txt", "years of work");
    let mut command = stage.pushbench(["compare", "--save", "main", "--force", "one"]);
    finish(&mut command)
        .with(1)
        .in_one_line(&["reports/baselines/main is no baseline"]);
    assert!(stage.path("reports/baselines/main/thesis.txt").exists());
    fs::write(stage.path("one/trials.jsonl"), "{}\n").unwrap();
    let mut command = stage.pushbench(["compare", "--save", "other", "one"]);
    finish(&mut command)
        .with(1)
        .in_one_line(&["trials.jsonl, line 1"]);
    assert!(!stage.path("reports/baselines/other").exists());
    let mut command = stage.pushbench(["compare", "--save", "other", "one", "one"]);
    finish(&mut command)
        .with(2)
        .in_one_line(&["--save takes one record, 2 given"]);
}

/// Baselines are runs of one machine: they stay out of the repository.
#[test]
fn git_ignores_them() {
    let text = fs::read_to_string(root().join(".gitignore")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.contains(&"/reports/*"));
    assert!(
        !lines
            .iter()
            .any(|line| line.starts_with('!') && line.contains("baselines"))
    );
}
