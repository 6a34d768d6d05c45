//! A program that is run beside us, line by line, and of which nothing is left behind.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child as StdChild, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes of standard error that are kept, the last ones.
const KEPT: usize = 4096;
/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long the last words of a program that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Between two looks at whether a program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// A running program in a process group of its own. Dropping it ends the group: by a request, then by force.
#[derive(Debug)]
pub struct Child {
    child: StdChild,
    lines: Receiver<String>,
    errors: Arc<Mutex<Vec<u8>>>,
    /// Reads them to their end.
    reader: Option<JoinHandle<()>>,
    ended: Option<ExitStatus>,
    ended_at: Option<Instant>,
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// None came in time.
    TimedOut,
    /// Standard output is closed: none will come.
    Closed,
}

impl Child {
    /// Starts `command`; its standard output is read line by line, and the end of its standard error is kept. Its standard input
    /// is closed, unless `command` says otherwise before.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || read_lines(output, &sender));
        }
        let errors = Arc::<Mutex<Vec<u8>>>::default();
        let reader = child.stderr.take().map(|output| {
            let kept = Arc::clone(&errors);
            thread::spawn(move || keep_end(output, &kept))
        });
        Ok(Self {
            child,
            lines,
            errors,
            reader,
            ended: None,
            ended_at: None,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output, without its end.
    ///
    /// # Errors
    ///
    /// [`NoLine`].
    pub fn line(&self, timeout: Duration) -> Result<String, NoLine> {
        self.lines
            .recv_timeout(timeout)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => NoLine::TimedOut,
                RecvTimeoutError::Disconnected => NoLine::Closed,
            })
    }

    /// Writes `line` and its end to its standard input.
    ///
    /// # Errors
    ///
    /// When `command` gave it no pipe for that, or it has closed its end.
    pub fn tell(&mut self, line: &str) -> io::Result<()> {
        let input = self.child.stdin.as_mut();
        let input = input.ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(format!("{line}\n").as_bytes())
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when it goes on.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended {
                return Ok(status);
            }
            self.ended = self.child.try_wait()?;
            if self.ended.is_some() {
                self.ended_at = Some(Instant::now());
            } else {
                if Instant::now() >= deadline {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                thread::sleep(LOOK);
            }
        }
    }

    /// Sends `signal` to its group.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok();
        if let Some(group) = id.and_then(Pid::from_raw) {
            // One that has ended needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }

    /// The end of what it wrote to standard error so far; all of it once it was waited for and has ended, unless something it
    /// started goes on writing.
    #[must_use]
    pub fn errors(&self) -> String {
        let is_read = || self.reader.as_ref().is_none_or(JoinHandle::is_finished);
        let deadline = self.ended_at.map(|at| at + LAST_WORDS);
        while !is_read() && deadline.is_some_and(|deadline| Instant::now() < deadline) {
            thread::sleep(LOOK);
        }
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&errors).trim().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.wait(GRACE);
        // What it started may live on without it.
        self.signal(Signal::KILL);
        let _ = self.wait(GRACE);
    }
}

fn read_lines(output: impl Read, lines: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = output.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        if lines
            .send(text.trim_end_matches(['\n', '\r']).to_owned())
            .is_err()
        {
            return;
        }
        line.clear();
    }
}

fn keep_end(mut output: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = output.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Child {
        Child::start(Command::new("sh").args(["-c", script]).stdin(Stdio::null())).unwrap()
    }

    #[test]
    fn lines_errors_and_the_end() {
        let mut child = shell("echo one; printf two; echo bad >&2; exit 3");
        assert_eq!(child.line(LONG).as_deref(), Ok("one"));
        assert_eq!(child.line(LONG).as_deref(), Ok("two"));
        assert_eq!(child.line(LONG), Err(NoLine::Closed));
        assert_eq!(child.wait(LONG).unwrap().code(), Some(3));
        assert_eq!(child.errors(), "bad");
    }

    /// However late its words are read.
    #[test]
    fn last_words_are_heard() {
        for _ in 0..50 {
            let mut child =
                shell("exec 1>&-; head -c 60000 /dev/zero | tr '\\0' x >&2; echo end >&2");
            child.wait(LONG).unwrap();
            assert!(child.errors().ends_with("xend"));
        }
    }

    /// A grandchild that holds standard error open does not hold up who asks.
    #[test]
    fn who_never_stops_talking_is_not_waited_for() {
        let mut child = shell("echo bad >&2; sleep 1000 & exit 1");
        child.wait(LONG).unwrap();
        assert_eq!(child.errors(), "bad");
    }

    #[test]
    fn it_hears_what_it_is_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "read -r line; echo got $line"]);
        let mut child = Child::start(command.stdin(Stdio::piped())).unwrap();
        child.tell("this").unwrap();
        assert_eq!(child.line(LONG).as_deref(), Ok("got this"));
        assert!(shell("true").tell("nothing").is_err());
    }

    #[test]
    fn nothing_is_left_behind() {
        let child = shell("sleep 1000 & echo $!; wait");
        let grandchild: u32 = child.line(LONG).unwrap().parse().unwrap();
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        assert!(alive());
        drop(child);
        let deadline = Instant::now() + LONG;
        while alive() && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        assert!(!alive());
    }

    #[test]
    fn one_that_does_not_end_is_waited_for_only_so_long() {
        let mut child = shell("exec sleep 1000");
        let error = child.wait(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
