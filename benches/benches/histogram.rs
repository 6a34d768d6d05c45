//! The real suite in its quick profile: starts the `pushbench` binary, which writes a record and its HTML report. It
//! takes about three minutes; as a smoke test it runs one tiny scenario once.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use pushbench_benches::is_smoke_test;
use pushbench_sys::process::cargo;

/// The least that exercises every part: one scenario, our own servers, one trial each.
const TINY: &str = r#"
name = "smoke"
profiles = ["quick"]
models = "Nothing: it shows that the suite runs."
expected = "A report."

[payload]
bytes = 128
kind = "text"

[fan-out]
subscribers = 2
rate = 200.0
arrivals = "constant"
warm-up-s = { quick = 0.1, standard = 0.1, thorough = 0.1 }
measure-s = { quick = 0.2, standard = 0.2, thorough = 0.2 }
"#;

fn main() -> io::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut arguments: Vec<OsString> = ["run", "--profile", "quick"].map(Into::into).into();
    if is_smoke_test() {
        let place = env::temp_dir().join(format!("pushbench-smoke-{}", std::process::id()));
        fs::create_dir_all(&place)?;
        let scenario = place.join("smoke.toml");
        fs::write(&scenario, TINY)?;
        arguments.extend(
            [
                "--repetitions",
                "1",
                "--no-progress",
                "--server",
                "sse/reference",
            ]
            .map(Into::into),
        );
        arguments.extend([
            "--scenario".into(),
            scenario.into(),
            "--out".into(),
            place.clone().into(),
        ]);
        let code = run(&root, &arguments);
        fs::remove_dir_all(&place)?;
        return code;
    }
    run(&root, &arguments)
}

/// Runs the suite. It prints where its report is as its last words.
fn run(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    let status = program(root)?.args(arguments).current_dir(root).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The binary, brought up to date by the cargo that runs this bench; without one, as it was built beside this bench.
fn program(root: &Path) -> io::Result<Command> {
    if let Some(mut command) = cargo() {
        command.args(["run", "--quiet", "--release", "--"]);
        return Ok(command);
    }
    // target/release/deps/histogram-HASH
    let own = env::current_exe()?;
    let built = own.ancestors().nth(2).unwrap_or(root).join("pushbench");
    Ok(Command::new(built))
}
