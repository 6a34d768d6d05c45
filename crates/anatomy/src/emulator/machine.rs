//! A machine that runs.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_sys::process;

use super::{PROGRAM, Said, archive};

/// The longest that a machine may say nothing of what it does, whatever else is said there.
const SILENCE: Duration = Duration::from_secs(1200);

/// Lines that others say there which are kept, for the case that it fails.
const LAST: usize = 3;

/// First argument of a process that becomes the emulator.
const KEEPER: &str = "pushbench-emulator";

/// What a machine is made of, besides its kernel and its files. String instructions are not among those that count as one, whatever
/// they move, and there are none for hashes, which not every version of the program has.
const MACHINE: [&str; 18] = [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-serial",
    "stdio",
    "-m",
    "3072",
    "-smp",
    "1",
    "-cpu",
    "max,-erms,-fsrm,-sha-ni",
    "-accel",
    "tcg,thread=single",
    "-icount",
    "shift=0,sleep=off",
    "-append",
];

/// What its kernel is told: to say nothing, to believe its clock, to count interrupts as part of what they interrupt, as processor time
/// is counted elsewhere, and to end the machine when something goes wrong.
const TOLD: &str = "console=ttyS0 loglevel=0 tsc=reliable tsc=noirqtime mitigations=off random.trust_cpu=on panic=-1";

/// What a kernel is told for this program, with `libraries`, to be run with `arguments`. Libraries are loaded by their paths, since
/// they may be asked for by other names than those of their files.
pub(super) fn told(libraries: &[String], arguments: &[String]) -> String {
    let program = archive::PROGRAM;
    let (libraries, arguments) = (libraries.join(":"), arguments.join(" "));
    format!("{TOLD} LD_PRELOAD={libraries} rdinit={program} -- {arguments}")
}

/// A machine that runs; it ends with this value, and with this process.
pub(super) struct Machine {
    process: Child,
    lines: Receiver<String>,
    /// The last that others have said there.
    last: VecDeque<String>,
}

impl Machine {
    /// Boots `kernel` with `files`, and tells it what it is `told`.
    pub(super) fn boot(kernel: &Path, files: &Path, told: &str) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(KEEPER)
            .args(MACHINE)
            .arg(told)
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (say, lines) = channel();
        let said = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        thread::spawn(move || {
            // Whatever of it is no text is no line of ours.
            for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            process,
            lines,
            last: VecDeque::new(),
        })
    }

    /// What it says next; nothing when `stop` is set. To end is an error.
    pub(super) fn says(&mut self, stop: &AtomicBool) -> io::Result<Option<Said>> {
        let begin = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            if begin.elapsed() > SILENCE {
                return Err(io::Error::other(format!(
                    "it has said nothing for {} s",
                    SILENCE.as_secs()
                )));
            }
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => match Said::read(&line) {
                    Some(said) => return Ok(Some(said?)),
                    None => self.keep(line),
                },
                Err(RecvTimeoutError::Disconnected) => return Err(self.failure()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(None)
    }

    fn keep(&mut self, line: String) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Why it ended before it was to.
    fn failure(&mut self) -> io::Error {
        let mut complaint = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            // What it has not said is missing in the message.
            let _ = stderr.read_to_string(&mut complaint);
        }
        let status = self.process.wait();
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let last: Vec<&str> = self.last.iter().map(|line| line.trim()).collect();
        let said = [complaint.trim(), &last.join(" / ")].join(" ");
        io::Error::other(format!("it ended early ({status}): {}", said.trim()))
    }

    /// Waits until it has turned itself off.
    pub(super) fn ends(mut self, stop: &AtomicBool) -> io::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < SILENCE && !stop.load(Ordering::Relaxed) {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(io::Error::other(format!("it ended with {status}"))),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Becomes the emulator, if the arguments of this process ask for it: one that ends when the process does that has asked. Returns
/// whether they do.
pub(crate) fn keeper(arguments: &[&str]) -> io::Result<bool> {
    let [KEEPER, rest @ ..] = arguments else {
        return Ok(false);
    };
    // Where the system forbids it, the machine ends with its work.
    let _ = process::die_with_parent();
    Err(Command::new(PROGRAM).args(rest).exec())
}
