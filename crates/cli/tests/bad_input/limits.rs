//! Limits of the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use pushbench_model::record::Record;

use crate::common::{Ended, Stage, finish, skipped};
use crate::contains;

/// The error is the last line; what was recorded before it can be read and reported.
#[track_caller]
fn the_record_ran_full(stage: &Stage, ended: &Ended, record: &Path, wanted: &str) {
    let last = ended.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("pushbench: cannot write reports/"),
        "{ended:#?}"
    );
    contains(last, &[wanted, "free some space", "can be read"]);
    assert_eq!(last.matches("(os error").count(), 1, "{last}");
    let read = Record::read(record).unwrap();
    let made = read.trials.len();
    assert!(
        made > 0 && (made as u32) < read.run.planned,
        "{made} trials"
    );
    assert!(
        read.trials
            .iter()
            .all(|trial| trial.trial.outcome.is_valid())
    );
    let mut report = stage.pushbench(["report"]);
    let reported = finish(report.arg(record).args(["--out", "elsewhere"])).with(0);
    contains(
        &reported.stdout,
        &[&format!("Stopped after {made} of 200 trials")],
    );
}

const LONG_RUN: [&str; 7] = [
    "run",
    "--scenario",
    "scenarios/tiny.toml",
    "--server",
    "tcp",
    "--repetitions",
    "200",
];

/// The signal that comes with it must not end the program without a word.
#[test]
fn files_that_may_not_grow() {
    let stage = Stage::new();
    let ended = finish(&mut stage.limited("ulimit -f 16", &LONG_RUN)).with(1);
    the_record_ran_full(
        &stage,
        &ended,
        &stage.record(),
        "trials.jsonl: File too large",
    );
}

#[test]
fn a_full_disk() {
    let private = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !private.is_ok_and(|output| output.status.success()) {
        skipped("no small file system can be mounted here (needs root and `unshare`)");
        return;
    }
    let stage = Stage::new();
    fs::create_dir(stage.path("reports")).unwrap();
    fs::create_dir(stage.path("kept")).unwrap();
    // The file system is gone when its processes are: what it holds is copied first.
    let script = "mount -t tmpfs -o size=48k none reports && { \"$@\"; code=$?; cp -r reports/* kept; exit $code; }";
    let mut full = Command::new("unshare");
    full.args([
        "-m",
        "sh",
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_pushbench"),
    ])
    .args(LONG_RUN);
    full.current_dir(stage.path(".")).stdin(Stdio::null());
    let ended = finish(&mut full).with(1);
    let record = fs::read_dir(stage.path("kept"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    the_record_ran_full(&stage, &ended, &record, "No space left on device");
}

#[test]
fn too_few_open_files() {
    let run = [
        "run",
        "--scenario",
        "scenarios/tiny.toml",
        "--server",
        "tcp",
        "--repetitions",
        "1",
    ];
    for (limit, wanted) in [
        (
            "ulimit -n 64",
            &["needs 69 open files and the limit is 64", "ulimit -n 69"][..],
        ),
        ("ulimit -n 8", &["cannot be started", "Too many open files"]),
    ] {
        let stage = Stage::new();
        let ended = finish(&mut stage.limited(limit, &run)).with(3);
        contains(&ended.stderr, wanted);
        assert_eq!(Record::read(&stage.record()).unwrap().trials.len(), 1);
    }
    let stage = Stage::new();
    let ended = finish(&mut stage.limited("ulimit -n 8", &["serve", "--transport", "sse"])).with(1);
    ended.in_one_line(&["Too many open files"]);
}

#[test]
fn a_place_that_cannot_be_written() {
    let stage = Stage::new();
    stage.write("file", "");
    let run = |out: &str| {
        let mut command = stage.pushbench([
            "run",
            "--scenario",
            "scenarios/tiny.toml",
            "--server",
            "tcp",
        ]);
        command.args(["--repetitions", "1", "--out", out]);
        command
    };
    finish(&mut run("file/sub")).with(1).in_one_line(&[
        "cannot write file/sub: Not a directory",
        "choose a directory",
    ]);
    finish(&mut run("file"))
        .with(1)
        .in_one_line(&["cannot write file", "File exists"]);

    fs::create_dir(stage.path("locked")).unwrap();
    fs::set_permissions(stage.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(stage.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = run("locked");
    if rustix::process::geteuid().is_root() {
        // Nothing is locked for root.
        const NOBODY: u32 = 65534;
        command.uid(NOBODY).gid(NOBODY);
        let reachable = stage
            .pushbench(["--version"])
            .uid(NOBODY)
            .gid(NOBODY)
            .output();
        if !reachable.is_ok_and(|output| output.status.success()) {
            skipped("nobody but root can start the binary where it is");
            return;
        }
    }
    finish(&mut command).with(1).in_one_line(&[
        "cannot write locked/",
        "Permission denied",
        "that you may write to",
    ]);
}
