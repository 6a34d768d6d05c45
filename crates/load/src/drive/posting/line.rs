//! The connection on which messages are posted, one after the other: the next does not wait for the answer to the last. A server may end a
//! connection after some requests, and says so in its last answer; what it has not answered by then is posted again on the next one.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use super::LOOK;
use crate::LoadError;
use crate::drive::link::{Broken, Link};
use crate::drive::place::Place;
use crate::drive::tls::Security;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Requests whose memory is kept for later ones.
const SPARE: usize = 64;

/// One connection after the other.
pub(super) struct Line {
    place: Place,
    security: Option<Security>,
    /// None between two of them.
    link: Option<Link>,
    answers: Answers,
    /// Requests that were not answered.
    unanswered: VecDeque<Vec<u8>>,
    /// So many of them were sent on the present connection.
    sent: usize,
    /// Memory of requests that were answered.
    spare: Vec<Vec<u8>>,
    /// The present connection has answered something.
    has_answered: bool,
}

/// What the other side says to what is posted.
#[derive(Default)]
pub(super) struct Answers {
    head: HeadReader,
    body: Option<BodyDecoder>,
    status: u16,
    /// The answer being read is the last one of its connection.
    is_last: bool,
    /// Answers of 2xx.
    pub(super) accepted: u64,
    /// What else was answered, or became of a message, and how often.
    pub(super) refused: Vec<(String, u64)>,
}

/// Why reading stopped.
enum Halt {
    /// The last answer of the connection was read.
    Last,
    Broken(Broken),
    Http(String),
}

impl From<Broken> for Halt {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Line {
    /// Connects to `place`.
    pub(super) fn open(place: Place, security: Option<Security>) -> Result<Self, LoadError> {
        let link = connect(&place, security.as_ref())?;
        Ok(Self {
            place,
            security,
            link: Some(link),
            answers: Answers::default(),
            unanswered: VecDeque::new(),
            sent: 0,
            spare: Vec::new(),
            has_answered: false,
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// An empty buffer for a request.
    pub(super) fn blank(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Whether something that was sent is not answered.
    pub(super) fn waits(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// What was answered in all.
    pub(super) fn finish(self) -> Answers {
        self.answers
    }

    /// Sends a request, and takes the answers that are there.
    pub(super) fn push(&mut self, text: Vec<u8>, stop: &AtomicBool) -> Result<(), String> {
        // A server that has ended the connection has said so before.
        self.absorb()?;
        self.unanswered.push_back(text);
        self.take(stop)
    }

    /// Takes the answers that are there, and sends what they leave to be sent.
    pub(super) fn take(&mut self, stop: &AtomicBool) -> Result<(), String> {
        loop {
            self.send(stop)?;
            self.absorb()?;
            if self.sent == self.unanswered.len() || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }

    /// Sends what was not sent on the present connection, or on a new one; returns when the socket has taken it.
    fn send(&mut self, stop: &AtomicBool) -> Result<(), String> {
        while let Some(text) = self.unanswered.get(self.sent) {
            let link = match &mut self.link {
                Some(link) => link,
                none => {
                    let link = connect(&self.place, self.security.as_ref()).map_err(|error| {
                        format!("the publishing connection cannot be opened again: {error}")
                    })?;
                    self.has_answered = false;
                    self.answers.begin();
                    none.insert(link)
                }
            };
            self.sent += 1;
            let mut sent = link.send(text);
            while sent.is_ok()
                && let Some(link) = &mut self.link
                && (link.wants_write() || !link.is_secured())
            {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                thread::sleep(LOOK);
                sent = link.flush();
                self.absorb()?;
            }
            if let Err(broken) = sent {
                self.broken(&broken)?;
            }
        }
        Ok(())
    }

    /// Takes the answers that are there.
    fn absorb(&mut self) -> Result<(), String> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let Self {
            answers,
            unanswered,
            sent,
            spare,
            has_answered,
            ..
        } = self;
        let mut answered = || {
            *has_answered = true;
            *sent = sent.saturating_sub(1);
            if let Some(mut text) = unanswered.pop_front()
                && spare.len() < SPARE
            {
                text.clear();
                spare.push(text);
            }
        };
        let mut buffer = [0; 16 * 1024];
        let mut read =
            link.read::<Halt>(&mut buffer, &mut |bytes| answers.read(bytes, &mut answered));
        if matches!(read, Err(Halt::Broken(Broken::Ended))) && answers.end(&mut answered) {
            read = Err(Halt::Last);
        }
        match read {
            Ok(()) => Ok(()),
            Err(Halt::Http(why)) => Err(format!("the answer to a posted message: {why}")),
            Err(Halt::Last) => {
                (self.link, self.sent) = (None, 0);
                Ok(())
            }
            Err(Halt::Broken(broken)) => self.broken(&broken),
        }
    }

    /// The connection is of no more use: without a word of the server nobody knows whether it took what it has not answered.
    fn broken(&mut self, broken: &Broken) -> Result<(), String> {
        self.link = None;
        let lost = mem::take(&mut self.sent);
        if lost == 0 {
            return Ok(());
        }
        let how = match broken {
            Broken::Ended => "was ended by the server".to_owned(),
            Broken::Io(_, why) | Broken::Tls(why) => format!("failed: {why}"),
        };
        if !self.has_answered {
            return Err(format!("the publishing connection {how}"));
        }
        self.unanswered.drain(..lost.min(self.unanswered.len()));
        self.answers.refuse(
            format!("the publishing connection {how} before the answer"),
            lost as u64,
        );
        Ok(())
    }
}

impl Answers {
    /// On a new connection.
    fn begin(&mut self) {
        self.head = HeadReader::default();
        self.body = None;
    }

    /// The connection has ended; whether that was the end of an answer.
    fn end(&mut self, answered: &mut impl FnMut()) -> bool {
        let is_whole = self
            .body
            .take()
            .is_some_and(|mut body| body.finish().is_ok());
        if is_whole {
            answered();
            self.count();
        }
        is_whole
    }

    /// An answer is complete.
    fn count(&mut self) {
        if (200..300).contains(&self.status) {
            self.accepted += 1;
        } else {
            let status = self.status;
            self.refuse(format!("a posted message was answered with {status}"), 1);
        }
    }

    fn refuse(&mut self, text: String, more: u64) {
        match self.refused.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += more,
            None => self.refused.push((text, more)),
        }
    }

    /// Reads; calls `answered` for every answer that is complete.
    fn read(&mut self, mut bytes: &[u8], answered: &mut impl FnMut()) -> Result<(), Halt> {
        while !bytes.is_empty() || self.body.as_ref().is_some_and(BodyDecoder::is_done) {
            match &mut self.body {
                None => {
                    let fed = self.head.feed(bytes);
                    let Some((head, taken)) = fed.map_err(|error| Halt::Http(error.to_string()))?
                    else {
                        return Ok(());
                    };
                    bytes = &bytes[taken..];
                    if !head.is_interim() {
                        (self.status, self.is_last) = (head.status, head.close);
                        self.body = Some(BodyDecoder::new(head.framing()));
                    }
                }
                Some(body) if body.is_done() => {
                    self.body = None;
                    answered();
                    self.count();
                    if self.is_last {
                        return Err(Halt::Last);
                    }
                }
                Some(body) => {
                    let taken = body.feed::<BodyError>(bytes, &mut |_| Ok(()));
                    let taken = taken.map_err(|error| Halt::Http(error.to_string()))?;
                    bytes = &bytes[taken..];
                }
            }
        }
        Ok(())
    }
}

fn connect(place: &Place, security: Option<&Security>) -> Result<Link, LoadError> {
    let mut last = None;
    for address in &place.addresses {
        match TcpStream::connect_timeout(address, CONNECT) {
            Ok(stream) => {
                let ready = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_nonblocking(true));
                ready.map_err(LoadError::Worker)?;
                return Link::new(stream, place, security).map_err(|broken| LoadError::Target {
                    url: place.shown.clone(),
                    reason: match broken {
                        Broken::Tls(why) | Broken::Io(_, why) => why,
                        Broken::Ended => "it ended the connection".into(),
                    },
                });
            }
            Err(source) => last = Some((*address, source)),
        }
    }
    Err(match last {
        Some((address, source)) => LoadError::Connect { address, source },
        None => LoadError::Worker(io::Error::other("no address to publish to")),
    })
}

#[cfg(test)]
mod tests;
