//! Bakes in what a record must say about the build: the commit and the compiler.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=../../.git/HEAD");
    println!("cargo:rerun-if-changed=../../.git/index");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../benches/scenarios");
    println!("cargo:rerun-if-changed=../../benches/servers.toml");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = output(&rustc, &["--version"]).unwrap_or_default();
    println!("cargo:rustc-env=PUSHBENCH_RUSTC={version}");
    println!(
        "cargo:rustc-env=PUSHBENCH_COMMIT={}",
        commit().unwrap_or_default()
    );
}

/// Outside a checkout, or without git, there is none.
fn commit() -> Option<String> {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"])?;
    // Without the lock nothing is written to the index, which would have the next build begin anew.
    let status = [
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
    ];
    let changes = output("git", &status)?;
    Some(if changes.is_empty() {
        commit
    } else {
        format!("{commit}-dirty")
    })
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
