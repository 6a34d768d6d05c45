//! Publishes through `POST /publish`, each message when it is asked for.

use std::io::{self, Write as _};
use std::net::TcpStream;

use pushbench_model::message::Stamp;
use pushbench_model::payload::BodyMaker;
use pushbench_sys::clock;
use pushbench_sys::tcp::set_nodelay_checked;

use super::paced::{head, push_head};
use crate::answers::{Answer, AnswerReader};
use crate::client::{connect, read};
use crate::target::Target;
use crate::{Config, LoadError};

const REQUEST: &str = "POST /publish";

/// One keep-alive connection, one request at a time.
pub(crate) struct OneAtATime {
    connection: TcpStream,
    control: Target,
    maker: BodyMaker,
    /// Head of every request: all bodies have the same length.
    head: String,
    request: Vec<u8>,
    published: u64,
}

impl OneAtATime {
    pub(crate) fn connect(config: &Config) -> Result<Self, LoadError> {
        let control = config.control.clone();
        let patience = config.patience.control;
        let connection = connect(control.address, patience)?;
        let prepared = connection
            .set_read_timeout(Some(patience))
            .and_then(|()| connection.set_write_timeout(Some(patience)))
            .and_then(|()| set_nodelay_checked(&connection));
        if !prepared.map_err(LoadError::Worker)? {
            let refused =
                io::Error::other("TCP_NODELAY could not be set on the publishing connection");
            return Err(LoadError::Worker(refused));
        }
        let carries_binary = config.transport.carries_binary();
        let maker = BodyMaker::new(config.scenario.payload, carries_binary, config.seed);
        let head = head(&control, &maker);
        Ok(Self {
            connection,
            control,
            maker,
            head,
            request: Vec::new(),
            published: 0,
        })
    }

    /// Messages accepted so far.
    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// Bytes of a message, its envelope included.
    pub(crate) fn body_len(&self) -> usize {
        self.maker.body_len()
    }

    /// Publishes the next message, due now, and waits until the server has accepted it.
    pub(crate) fn publish(&mut self) -> Result<(), LoadError> {
        self.exchange().map_err(|error| {
            let reason = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".into(),
                _ => error.to_string(),
            };
            LoadError::Control {
                request: REQUEST,
                address: self.control.address,
                reason,
            }
        })?;
        self.published += 1;
        Ok(())
    }

    fn exchange(&mut self) -> io::Result<()> {
        self.request.clear();
        push_head(&self.head, self.maker.body_len(), &mut self.request);
        let now = clock::now();
        let stamp = Stamp {
            seq: self.published + 1,
            intended: now,
            published: now,
        };
        self.maker.body(stamp, &mut self.request);
        self.connection.write_all(&self.request)?;
        let answer = self.answer()?;
        if answer.is_good() {
            return Ok(());
        }
        let status = answer.status;
        Err(io::Error::other(format!("status {status}, expected 2xx")))
    }

    /// Reads one answer to its end.
    fn answer(&mut self) -> io::Result<Answer> {
        let mut reader = AnswerReader::default();
        let mut buffer = [0; 4096];
        loop {
            let mut bytes = match read(&mut self.connection, &mut buffer)? {
                0 => return Err(io::Error::other("the server closed the connection")),
                n => &buffer[..n],
            };
            if let Some(answer) = reader.next(&mut bytes).map_err(io::Error::other)? {
                return Ok(answer);
            }
        }
    }
}
