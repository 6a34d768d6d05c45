//! A child process: what it prints and how it ends arrive as events, and nothing of it is left behind.

mod group;
mod output;

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pushbench_sys::affinity;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, waitid};

use output::Tail;

/// The stop flag is looked at this often; a person who asked to stop waits no longer than that.
const LOOK: Duration = Duration::from_millis(50);
/// What an ended process printed last is read for this long; only an orphan that holds its pipe makes us wait.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Which process of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Load,
}

impl Role {
    /// How sentences name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "the server",
            Self::Load => "the load process",
        }
    }

    /// Beginning of the lines that mean something; all others are dropped as they are read.
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Server => &["READY"],
            Self::Load => &["PHASE ", "DEAD ", "RESULT "],
        }
    }
}

/// What a process did.
#[derive(Debug)]
pub(crate) enum Event {
    /// It printed a line that means something.
    Line(Role, String),
    /// It ended, and all it printed has been read.
    Ended(Role, Exit),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Whether it said that all went well.
    pub(crate) success: bool,
    /// `exit code 3`, `signal 9`.
    pub(crate) description: String,
}

/// Why no event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// The deadline passed.
    TimedOut,
    /// The stop flag was raised.
    Stopped,
}

/// The events of all processes of a trial, in the order they happened.
pub(crate) struct Events<'a> {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    stop: &'a AtomicBool,
}

impl<'a> Events<'a> {
    pub(crate) fn new(stop: &'a AtomicBool) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self {
            sender,
            receiver,
            stop,
        }
    }

    /// Waits for the next event.
    pub(crate) fn next(&self, deadline: Instant) -> Result<Event, Quiet> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Quiet::Stopped);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left.min(LOOK)) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) if left > LOOK => {}
                Err(_) => return Err(Quiet::TimedOut),
            }
        }
    }

    /// Waits for the end of one process, whatever else happens.
    pub(crate) fn end_of(&self, role: Role, deadline: Instant) -> Option<Exit> {
        loop {
            match self.next(deadline) {
                Ok(Event::Ended(ended, exit)) if ended == role => return Some(exit),
                Ok(_) => {}
                Err(Quiet::TimedOut | Quiet::Stopped) => return None,
            }
        }
    }
}

/// A running child in a process group of its own. Dropping it ends the whole group.
///
/// The group is of its own so that Ctrl-C in a terminal reaches only the harness, which then ends its children in
/// order; and so that workers which a server has started can be sampled and ended with it.
pub(crate) struct Process {
    child: Child,
    id: Pid,
    tail: Tail,
    waiter: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` on `cores`, which its threads and children inherit; on any if there are none in the list.
    pub(crate) fn start(
        command: &mut Command,
        cores: &[usize],
        role: Role,
        events: &Events<'_>,
    ) -> Result<Self, String> {
        let program = command.get_program().to_owned();
        // Only the spawn: the threads that read its output belong on no particular core.
        let started = if cores.is_empty() {
            Self::spawn(command)
        } else {
            affinity::with_affinity(cores, || Self::spawn(command)).and_then(|spawned| spawned)
        };
        let mut process = started.map_err(|error| {
            let program = program.to_string_lossy();
            format!("{} cannot be started: {program}: {error}", role.name())
        })?;
        let sender = events.sender.clone();
        // Nobody listens any more once the trial is over.
        process.listen(role.prefixes(), move |act| drop(sender.send(act.by(role))));
        Ok(process)
    }

    fn spawn(command: &mut Command) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = command.spawn()?;
        Ok(Self {
            id: Pid::from_child(&child),
            child,
            tail: Tail::default(),
            waiter: None,
        })
    }

    fn listen(
        &mut self,
        prefixes: &'static [&'static str],
        report: impl Fn(Act) + Clone + Send + 'static,
    ) {
        let (drained, all_read) = mpsc::channel::<()>();
        if let Some(stdout) = self.child.stdout.take() {
            let (report, drained) = (report.clone(), drained.clone());
            thread::spawn(move || {
                output::lines(stdout, prefixes, |line| report(Act::Printed(line)));
                drop(drained);
            });
        }
        if let Some(stderr) = self.child.stderr.take() {
            let tail = self.tail.clone();
            thread::spawn(move || {
                tail.follow(stderr);
                drop(drained);
            });
        }
        let id = self.id;
        self.waiter = Some(thread::spawn(move || {
            let exit = wait_without_reaping(id);
            // Nothing is ever sent: this ends when both readers have ended, or with the time.
            let _ = all_read.recv_timeout(LAST_WORDS);
            report(Act::Ended(exit));
        }));
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets a process that waits at a barrier go on. That it is gone shows as an event.
    pub(crate) fn release(&mut self) {
        self.say("");
    }

    /// The same, with a word on the way.
    pub(crate) fn say(&mut self, word: &str) {
        if let Some(stdin) = &mut self.child.stdin {
            let line = format!("{word}\n");
            let _ = stdin
                .write_all(line.as_bytes())
                .and_then(|()| stdin.flush());
        }
    }

    /// The last lines of its standard error.
    pub(crate) fn last_words(&self, lines: usize) -> String {
        self.tail.last_lines(lines)
    }

    /// Asks it to end, and waits for nothing.
    pub(crate) fn terminate(&self) {
        // It may have ended by itself. Its id cannot name another process: it has not been reaped.
        let _ = kill_process(self.id, Signal::TERM);
    }

    /// Closes its standard input, as the death of this process would.
    pub(crate) fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Asks it to end; it is killed if it has not by the deadline, or when a person cannot wait for it.
    pub(crate) fn stop(self, role: Role, events: &Events<'_>, grace: Duration) {
        self.terminate();
        events.end_of(role, Instant::now() + grace);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child is reaped below, so until then its id and the id of its group are nobody else's.
        group::end(self.id);
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
        let _ = self.child.wait();
    }
}

/// What a process does, before it has a role.
enum Act {
    Printed(String),
    Ended(Exit),
}

impl Act {
    fn by(self, role: Role) -> Event {
        match self {
            Self::Printed(line) => Event::Line(role, line),
            Self::Ended(exit) => Event::Ended(role, exit),
        }
    }
}

/// Waits for the end but leaves the process to be reaped, so that its id stays taken.
fn wait_without_reaping(id: Pid) -> Exit {
    let status = loop {
        match waitid(
            WaitId::Pid(id),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Err(Errno::INTR) => {}
            other => break other.ok().flatten(),
        }
    };
    let code = status.as_ref().and_then(WaitIdStatus::exit_status);
    let signal = status.as_ref().and_then(WaitIdStatus::terminating_signal);
    Exit {
        success: code == Some(0),
        description: match (code, signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        },
    }
}

/// Runs a short command to its end and returns what it printed: its output, or its error output if there is none.
pub(crate) fn first_words(command: &mut Command, limit: Duration) -> Result<String, String> {
    let (sender, acts) = mpsc::channel();
    let report = move |act| drop(sender.send(act));
    let mut process = Process::spawn(command).map_err(|error| error.to_string())?;
    process.listen(&[""], report);
    let deadline = Instant::now() + limit;
    let mut printed = String::new();
    loop {
        match acts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Act::Printed(line)) => printed = printed + &line + "\n",
            Ok(Act::Ended(exit)) if !exit.success => return Err(exit.description),
            Ok(Act::Ended(_)) if printed.is_empty() => return Ok(process.last_words(20)),
            Ok(Act::Ended(_)) => return Ok(printed),
            Err(_) => return Err(format!("it ran longer than {} s", limit.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests;
