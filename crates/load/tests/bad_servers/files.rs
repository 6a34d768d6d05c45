//! A machine whose limits are below what a scenario needs.

use std::process::Command;

use pushbench_model::measurement::Publisher;

use crate::fake::{PATIENT, Trial, nobody};

const CROWD: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 10
[fan-out]
subscribers = 1000
rate = 1000.0
arrivals = "constant"
warm-up-s = { quick = 0.0, standard = 0.0, thorough = 0.0 }
measure-s = { quick = 0.01, standard = 1.0, thorough = 1.0 }
"#;

/// In a process of its own, because a hard limit that was lowered stays low.
#[test]
fn too_few_files_are_said_before_anything_is_tried() {
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "files::helper", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let expected = "this scenario needs 1064 open files and the limit is 100; raise it (ulimit -n 1064) or ask for \
                    fewer subscribers; `pushbench doctor` shows the limits";
    assert!(text.contains(expected), "{text}");
}

#[test]
#[ignore = "a process of too_few_files_are_said_before_anything_is_tried"]
fn helper() {
    let trial = Trial {
        scenario: CROWD,
        transport: "tcp",
        target: nobody(),
        control: nobody(),
        publisher: Publisher::Server,
        patience: PATIENT,
    };
    println!("{}", trial.error());
}
