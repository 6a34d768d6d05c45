//! This process publishes through `POST /publish`, or another path of the control endpoint, for servers that only relay.
//!
//! Requests go out on one keep-alive connection when the schedule says so, without waiting for the answers, which are
//! read and counted by a second thread.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::payload::BodyMaker;
use pushbench_sys::tcp::set_nodelay_checked;

use super::Publish;
use super::answers::Answers;
use super::paced::{Paced, Voice, head, push_head};
use crate::answers::AnswerReader;
use crate::client::{connect, read};
use crate::target::Target;
use crate::{LoadError, Patience};

pub(super) struct Relay {
    paced: Paced,
    connection: TcpStream,
    control: Target,
}

impl Relay {
    pub(super) fn start(
        control: Target,
        carries_binary: bool,
        patience: Patience,
    ) -> Result<Self, LoadError> {
        let connection = connect(control.address, patience.control)?;
        let clone = || connection.try_clone().map_err(LoadError::Worker);
        let (out, input) = (clone()?, clone()?);
        if !set_nodelay_checked(&out).map_err(LoadError::Worker)? {
            let refused =
                io::Error::other("TCP_NODELAY could not be set on the publishing connection");
            return Err(LoadError::Worker(refused));
        }
        let answers = Arc::new(Answers::default());
        let counted = Arc::clone(&answers);
        thread::Builder::new()
            .name("pb-answers".into())
            .spawn(move || read_answers(input, &counted))
            .map_err(LoadError::Worker)?;
        let voice = Posting {
            out,
            control: control.clone(),
            head: String::new(),
            request: Vec::new(),
            said: 0,
            answers,
            patience: patience.drain,
        };
        Ok(Self {
            paced: Paced::start(voice, carries_binary)?,
            connection,
            control,
        })
    }
}

impl Publish for Relay {
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError> {
        self.paced.order(order)
    }

    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError> {
        self.paced.report(&self.control, patience)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.paced.end();
        // Wakes the reader of answers, which ends with the connection.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

struct Posting {
    out: TcpStream,
    control: Target,
    head: String,
    request: Vec<u8>,
    said: u64,
    answers: Arc<Answers>,
    /// For the answers to come, once everything is sent.
    patience: Duration,
}

impl Voice for Posting {
    fn begin(&mut self, maker: &BodyMaker, _seed: u64) {
        self.head = head(&self.control, maker);
    }

    fn compose(&mut self, len: usize, body: impl FnOnce(&mut Vec<u8>)) {
        self.request.clear();
        push_head(&self.head, len, &mut self.request);
        body(&mut self.request);
    }

    fn say(&mut self) -> io::Result<()> {
        self.said += 1;
        self.out.write_all(&self.request)
    }

    fn settle(&mut self) -> Result<(), String> {
        self.answers.wait(self.said, self.patience)
    }
}

/// Counts accepted messages until the connection ends.
fn read_answers(mut input: TcpStream, answers: &Answers) {
    let mut reader = AnswerReader::default();
    let mut buffer = [0; 16 * 1024];
    loop {
        let bytes = match read(&mut input, &mut buffer) {
            Ok(0) => return answers.refuse("the server closed the publishing connection".into()),
            Ok(n) => &buffer[..n],
            Err(error) => {
                return answers.refuse(format!("the publishing connection failed: {error}"));
            }
        };
        if let Err(error) = answers.read(&mut reader, bytes) {
            return answers.refuse(error);
        }
    }
}
