//! A measured process.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::{fs, thread};

use pushbench_sys::{affinity, machine};

use super::{cores, no_line};

/// A process that ends with this value.
pub(super) struct Child {
    child: process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Read only when it fails: a process that works says nothing here.
    stderr: Option<ChildStderr>,
    pid: u32,
    /// The state files of its threads.
    states: Vec<String>,
}

impl Child {
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C is for the program that measures; it ends its trials in order.
        command.process_group(0);
        let mut child = affinity::with_affinity(&[cores().0], || command.spawn())??;
        let stdout = child.stdout.take().ok_or_else(|| no_line("anything"))?;
        Ok(Self {
            pid: child.id(),
            stdin: child.stdin.take(),
            stdout: BufReader::new(stdout),
            stderr: child.stderr.take(),
            child,
            states: Vec::new(),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("it is open until the end")
    }

    /// Waits for the ready line. Returns the address in it.
    pub(super) fn ready(&mut self) -> io::Result<Option<SocketAddr>> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        if words.next() != Some("ready") {
            return Err(no_line("that it is ready"));
        }
        // A tool in front of the process may be its parent.
        self.pid = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| no_line("its process id"))?;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let name = thread?.file_name();
            let tid = name.to_string_lossy();
            if machine::is_ours() {
                first(&tid)?;
            }
            self.states
                .push(format!("/proc/{}/task/{tid}/stat", self.pid));
        }
        Ok(words.next().and_then(|word| word.parse().ok()))
    }

    /// Fails once the process has ended.
    pub(super) fn check_alive(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(_) => Err(io::Error::other("it ended before it was connected")),
        }
    }

    /// Waits until every thread sleeps: then all that it was given is done. Data wakes a sleeping reader before the
    /// write of the sender returns, so a thread that has work never looks asleep.
    pub(super) fn wait_until_asleep(&mut self) -> io::Result<()> {
        let mut stat = Vec::new();
        for state in &self.states {
            loop {
                stat.clear();
                fs::File::open(state)?.read_to_end(&mut stat)?;
                // The name before the state is in parentheses and may hold any byte.
                let name_end = stat.iter().rposition(|&byte| byte == b')').unwrap_or(0);
                match stat.get(name_end + 2) {
                    Some(b'S') => break,
                    None | Some(b'Z' | b'X') => {
                        return Err(io::Error::other("it ended before its last message"));
                    }
                    Some(_) => thread::yield_now(),
                }
            }
        }
        Ok(())
    }

    /// `error`, and if the process has ended: how, and the last it had to say.
    pub(super) fn why(&mut self, error: io::Error) -> io::Error {
        // The end of a process shows in its connections before it shows in its state.
        for _ in 0..1000 {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    let said = self.complaint();
                    return io::Error::other(format!(
                        "{error}; the measured process: {status}{said}"
                    ));
                }
                Ok(None) => thread::yield_now(),
                Err(_) => break,
            }
        }
        error
    }

    /// The last line of its standard error, for the end of a sentence.
    fn complaint(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(mut stderr) = self.stderr.take() {
            // What was read until then is all that can be told.
            let _ = stderr.read_to_end(&mut text);
        }
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.map_or_else(String::new, |line| format!(", {line}"))
    }

    /// Closes its input, waits for its end, and returns the last it said.
    pub(super) fn end(mut self) -> io::Result<String> {
        drop(self.stdin.take());
        let mut last = String::new();
        self.stdout.read_to_string(&mut last)?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(last)
        } else {
            let said = self.complaint();
            Err(io::Error::other(format!(
                "the measured process: {status}{said}"
            )))
        }
    }
}

/// Where there is one processor for a thread of the measured process and its peers, it is this thread's whenever it has work, as a
/// processor of its own would be. Otherwise a server is taken off it by some of the clients that it wakes and not by others, and a
/// client sometimes comes only when many messages are there; both change what a delivery costs.
fn first(tid: &str) -> io::Result<()> {
    let tid = tid.parse().map_err(io::Error::other)?;
    machine::go_first(tid)
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail after `end`, which is the usual way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
