//! The binary, scenarios that take no time, and files to work in.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "part of tests but not in a test function; each test uses a part of it"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes a fraction of this, even on a busy machine. It turns a hang into a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(100);

/// Five subscribers, ten messages.
pub(crate) const FAN_OUT: &str = r#"name = "tiny"
profiles = ["quick", "standard", "thorough"]
models = "A test."
expected = "It works."

[payload]
bytes = 128
kind = "text"

[fan-out]
subscribers = 5
rate = 100.0
arrivals = "poisson"
warm-up-s = { quick = 0.05, standard = 0.05, thorough = 0.05 }
measure-s = { quick = 0.1, standard = 0.1, thorough = 0.1 }
"#;

/// Twenty connections.
pub(crate) const CONNECT: &str = r#"name = "dial"
profiles = ["quick", "standard", "thorough"]
models = "Another test."
expected = "It works, too."

[payload]
bytes = 128
kind = "text"

[connect]
connections = { quick = 20, standard = 20, thorough = 20 }
warm-up = { quick = 2, standard = 2, thorough = 2 }
in-flight = 2
"#;

/// Says that a test, or a part of it, is skipped.
#[allow(
    clippy::explicit_write,
    reason = "what `eprintln!` prints is shown of failed tests only"
)]
pub(crate) fn skipped(reason: &str) {
    writeln!(std::io::stderr(), "skipped: {reason}").unwrap();
}

/// Head and body of the next request; none when there is no further one.
pub(crate) fn next_request(input: &mut impl BufRead) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let field = line.to_ascii_lowercase();
        length = field
            .strip_prefix("content-length:")
            .map_or(length, |n| n.trim().parse().unwrap());
        head += &line;
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

/// Root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A directory to work in, with `tiny.toml` and `dial.toml` in `scenarios`.
pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        stage.write("scenarios/tiny.toml", FAN_OUT);
        stage.write("scenarios/dial.toml", CONNECT);
        stage
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `pushbench` with these arguments, started in the directory; its standard input is empty.
    pub(crate) fn pushbench<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushbench"));
        command.args(arguments);
        self.place(&mut command);
        command
    }

    /// The same under a limit of the shell, such as `ulimit -n 64`.
    pub(crate) fn limited(&self, limit: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit}; exec \"$@\""), "sh"]);
        command.arg(env!("CARGO_BIN_EXE_pushbench")).args(arguments);
        self.place(&mut command);
        command
    }

    fn place(&self, command: &mut Command) {
        command
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        // The width of texts must not depend on who runs the test.
        command.env("COLUMNS", "100").env_remove("RUST_BACKTRACE");
    }

    /// A list of one server, `sse/fake`, that runs `script` and relays.
    pub(crate) fn fake_server(&self, script: &str) {
        let command = serde_json::to_string(&["sh", "-c", script]).unwrap();
        let text = format!(
            "[[server]]\nstack = \"fake\"\ntransports = [\"sse\"]\ncommand = {command}\npublishes = \"relay\"\n\
             about = \"A script.\"\n"
        );
        self.write("servers.toml", &text);
    }

    /// The only record in `reports`.
    pub(crate) fn record(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.path("reports")).unwrap();
        let record = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none(), "more than one record");
        record
    }
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit code, and that nothing panicked on the way.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        for panic in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(
                !self.stderr.contains(panic) && !self.stdout.contains(panic),
                "{self:#?}"
            );
        }
        self
    }

    /// Asserts that the whole of the standard error is one line of the program, which contains all of `wanted` and says
    /// nothing twice.
    #[track_caller]
    pub(crate) fn in_one_line(&self, wanted: &[&str]) {
        let line = self.stderr.strip_suffix('\n').unwrap_or_default();
        assert!(
            line.starts_with("pushbench: ") && !line.contains('\n'),
            "{self:#?}"
        );
        for wanted in wanted {
            assert!(line.contains(wanted), "{wanted:?} is missing in {line}");
        }
        assert!(line.matches("(os error").count() <= 1, "{line}");
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Ended {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    wait(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Whether a link can be made here; says so if not, for a test that is skipped must not look like one that passed.
pub(crate) fn link_is_possible() -> bool {
    let tried = finish(&mut Stage::new().pushbench(["link", "--link", "rtt=0ms"]));
    if !tried.status.success() {
        assert!(
            tried.stderr.contains("no link can be made here"),
            "{tried:#?}"
        );
        skipped(tried.with(2).stderr.trim());
        return false;
    }
    true
}

/// Waits for the end of a process; one that takes too long is killed.
#[track_caller]
pub(crate) fn wait(child: Child) -> Ended {
    let id = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        // Nobody listens any more after the deadline.
        let _ = sender.send(Ended {
            status: output.status,
            stdout,
            stderr,
        });
    });
    let Ok(ended) = receiver.recv_timeout(DEADLINE) else {
        // The waiter has not reaped it, so the id is still its own.
        let _ = kill_process(id, Signal::KILL);
        panic!("still running after {DEADLINE:?}");
    };
    waiter.join().unwrap();
    ended
}

/// Kills its process when dropped: a test that fails leaves nothing behind.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
