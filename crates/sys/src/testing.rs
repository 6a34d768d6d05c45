//! Child processes for the tests: the test binary runs itself again, as one of its ignored tests.

use std::io::BufReader;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Starts the ignored test `name` in a process of its own, with pipes to talk through.
pub(crate) fn helper(name: &str) -> Child {
    command(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The same, writing to the output of this process.
pub(crate) fn helper_sharing_output(name: &str) -> Child {
    command(name).spawn().unwrap()
}

pub(crate) fn output(child: &mut Child) -> BufReader<ChildStdout> {
    BufReader::new(child.stdout.take().unwrap())
}

fn command(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        name,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
}
