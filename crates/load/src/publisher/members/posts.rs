//! The connections on which members post, and the thread that reads the answers.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_model::measurement::WireCount;
use pushbench_sys::poller::{Bell, EventFlags, Events, Poller};
use pushbench_sys::tcp::{receive, set_nodelay_checked};
use pushbench_transport::subscriber::{Progress, wire};

use super::super::answers::Answers;
use crate::answers::AnswerReader;
use crate::client::{connect, read};
use crate::target::Target;
use crate::{LoadError, Patience};

const BELL: u64 = u64::MAX;
/// Room for one read.
const READ: usize = 16 * 1024;
const REQUEST: &str = "GET /healthz";

/// One connection per member. The thread that reads ends when this is dropped.
pub(super) struct Posts {
    lines: Arc<[TcpStream]>,
    answers: Arc<Answers>,
    /// Requests and answers that made the connections warm, bytes.
    warm: (u64, u64),
    /// Ends the thread.
    bell: Arc<Bell>,
    reader: Option<JoinHandle<()>>,
}

impl Posts {
    /// Connects all of them, and has the server answer one request on each: from then on they are as warm as they get.
    pub(super) fn connect(
        control: &Target,
        members: u32,
        patience: Patience,
    ) -> Result<Self, LoadError> {
        let mut lines = Vec::with_capacity(members as usize);
        for _ in 0..members {
            let line = connect(control.address, patience.control)?;
            if !set_nodelay_checked(&line).map_err(LoadError::Worker)? {
                let refused = "TCP_NODELAY could not be set on a member's second connection";
                return Err(LoadError::Worker(io::Error::other(refused)));
            }
            lines.push(line);
        }
        let warm = warm_up(&lines, control, patience.control).map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    format!("no answer within {:?}", patience.control)
                }
                _ => error.to_string(),
            };
            LoadError::Control {
                request: REQUEST,
                address: control.address,
                reason,
            }
        })?;
        Self::listen(lines.into(), warm).map_err(LoadError::Worker)
    }

    /// Starts the thread that reads.
    fn listen(lines: Arc<[TcpStream]>, warm: (u64, u64)) -> io::Result<Self> {
        let poller = Poller::new()?;
        let bell = Arc::new(Bell::new()?);
        poller.add(&*bell, BELL, EventFlags::IN)?;
        for (line, token) in lines.iter().zip(0..) {
            line.set_nonblocking(true)?;
            poller.add(line, token, EventFlags::IN)?;
        }
        let answers = Arc::new(Answers::default());
        let reading = Reading {
            readers: lines.iter().map(|_| AnswerReader::default()).collect(),
            lines: Arc::clone(&lines),
            poller,
            answers: Arc::clone(&answers),
            buffer: vec![0; READ],
        };
        let reader = thread::Builder::new()
            .name("pb-answers".into())
            .spawn(move || reading.run())?;
        Ok(Self {
            lines,
            answers,
            warm,
            bell,
            reader: Some(reader),
        })
    }

    pub(super) fn lines(&self) -> Arc<[TcpStream]> {
        Arc::clone(&self.lines)
    }

    pub(super) fn answers(&self) -> Arc<Answers> {
        Arc::clone(&self.answers)
    }

    /// Messages accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.answers.accepted()
    }

    /// Bytes of their answers.
    pub(super) fn answer_bytes(&self) -> u64 {
        self.answers.bytes()
    }

    /// What the kernel counted so far, beside the `said` bytes that were written and what was read.
    pub(super) fn wire(&self, said: u64) -> WireCount {
        let mut sum = WireCount {
            expected_down: Some(self.warm.1 + self.answers.bytes()),
            expected_up: Some(self.warm.0 + said),
            ..WireCount::default()
        };
        for line in &*self.lines {
            match wire(line, &Progress::default()) {
                Ok(one) => sum.add(&one),
                Err(_) => (sum.expected_down, sum.expected_up) = (None, None),
            }
        }
        sum
    }
}

impl Drop for Posts {
    fn drop(&mut self) {
        self.bell.ring();
        if let Some(reader) = self.reader.take() {
            // One that panicked has said so.
            let _ = reader.join();
        }
    }
}

/// One request on each connection, all at once, and its answer. Returns the bytes of the requests and of the answers.
fn warm_up(lines: &[TcpStream], control: &Target, patience: Duration) -> io::Result<(u64, u64)> {
    let request = format!("{REQUEST} HTTP/1.1\r\nHost: {}\r\n\r\n", control.host);
    for mut line in lines {
        line.set_read_timeout(Some(patience))?;
        line.write_all(request.as_bytes())?;
    }
    let answers = Answers::default();
    let mut buffer = [0; 4096];
    for (mut line, wanted) in lines.iter().zip(1..) {
        let mut reader = AnswerReader::default();
        while answers.accepted() < wanted {
            let count = read(&mut line, &mut buffer)?;
            if count == 0 {
                return Err(io::Error::other("the server closed the connection"));
            }
            answers
                .read(&mut reader, &buffer[..count])
                .and_then(|()| answers.refused().map_or(Ok(()), Err))
                .map_err(io::Error::other)?;
        }
    }
    let up = request.len() as u64 * lines.len() as u64;
    Ok((up, answers.bytes()))
}

/// The thread that reads, from inside.
struct Reading {
    lines: Arc<[TcpStream]>,
    readers: Vec<AnswerReader>,
    poller: Poller,
    answers: Arc<Answers>,
    buffer: Vec<u8>,
}

impl Reading {
    fn run(mut self) {
        let mut events = Events::default();
        loop {
            let ready = match self.poller.wait(&mut events, None) {
                Ok(ready) => ready,
                Err(error) => {
                    let reason = format!("answers cannot be waited for: {error}");
                    return self.answers.refuse(reason);
                }
            };
            for (token, _) in ready {
                if token == BELL {
                    return;
                }
                let member = token as usize;
                if let Err(reason) = self.read(member) {
                    self.answers.refuse(reason);
                    // It would be ready for ever; one that is not watched any more cannot be removed, and need not.
                    let _ = self.poller.remove(&self.lines[member]);
                }
            }
        }
    }

    /// One read of what has come for a member.
    fn read(&mut self, member: usize) -> Result<(), String> {
        match receive(&self.lines[member], &mut self.buffer) {
            Ok(0) => Err("the server closed the connection on which a member posts".into()),
            Ok(count) => self
                .answers
                .read(&mut self.readers[member], &self.buffer[..count]),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
                _ => Err(format!(
                    "the connection on which a member posts failed: {error}"
                )),
            },
        }
    }
}
