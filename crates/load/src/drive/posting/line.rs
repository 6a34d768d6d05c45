//! The connection on which messages are posted, one after the other: the next does not wait for the answer to the last. A server may end a
//! connection after some requests, and says so in its last answer; what it has not answered by then is posted again on the next one.

mod answers;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::LOOK;
use crate::LoadError;
use crate::drive::link::{Broken, Link};
use crate::drive::place::Place;
use crate::drive::tls::Security;
use answers::{Answers, Halt};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Requests whose memory is kept for later ones.
const SPARE: usize = 64;
/// Bytes of requests that are not answered; who posts more waits for answers.
const MOST: usize = 16 * 1024 * 1024;

/// One connection after the other.
pub(super) struct Line {
    place: Place,
    security: Option<Security>,
    /// None between two of them.
    link: Option<Link>,
    answers: Answers,
    /// Requests that were not answered.
    unanswered: VecDeque<Vec<u8>>,
    /// Their bytes.
    held: usize,
    /// So many of them were sent on the present connection.
    sent: usize,
    /// Memory of requests that were answered.
    spare: Vec<Vec<u8>>,
    /// The present connection has answered something.
    has_answered: bool,
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
            held: 0,
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

    /// Sends a request, and takes the answers that are there; waits while too much is not answered. Whether it was taken on: not if
    /// `stop` was set before there was room.
    pub(super) fn push(&mut self, text: Vec<u8>, stop: &AtomicBool) -> Result<bool, String> {
        // A server that has ended the connection has said so before.
        self.absorb()?;
        while self.waits() && self.held + text.len() > MOST {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.take(stop)?;
            thread::sleep(LOOK);
        }
        self.held += text.len();
        self.unanswered.push_back(text);
        self.take(stop)?;
        Ok(true)
    }

    /// Takes the answers that are there, and sends what they leave to be sent. Once `stop` is set it does not wait for a socket that
    /// takes no more.
    pub(super) fn take(&mut self, stop: &AtomicBool) -> Result<(), String> {
        loop {
            self.send(stop)?;
            // One that ends the connection would have the others again on the next.
            self.absorb()?;
            let waits = self.link.as_ref().is_none_or(is_busy);
            if self.sent == self.unanswered.len() || (waits && stop.load(Ordering::Relaxed)) {
                return Ok(());
            }
        }
    }

    /// Sends the next of what was not sent on the present connection, or on a new one; returns when the socket has taken it, or with its
    /// rest still to be sent once `stop` is set.
    fn send(&mut self, stop: &AtomicBool) -> Result<(), String> {
        let mut sent = match (&mut self.link, self.unanswered.get(self.sent)) {
            (Some(link), _) if is_busy(link) => link.flush(),
            (_, None) => return Ok(()),
            (link, Some(text)) => {
                let link = match link {
                    Some(link) => link,
                    none => {
                        let opened = connect(&self.place, self.security.as_ref());
                        self.has_answered = false;
                        self.answers.begin();
                        none.insert(opened.map_err(|error| {
                            format!("the publishing connection cannot be opened again: {error}")
                        })?)
                    }
                };
                self.sent += 1;
                link.send(text)
            }
        };
        while sent.is_ok()
            && let Some(link) = &mut self.link
            && is_busy(link)
        {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(LOOK);
            sent = link.flush();
            self.absorb()?;
        }
        match sent {
            Ok(()) => Ok(()),
            Err(broken) => self.unsent(&broken),
        }
    }

    /// The connection takes no more. What it has answered before is there all the same.
    fn unsent(&mut self, broken: &Broken) -> Result<(), String> {
        let mut known = None;
        while let Some(link) = &self.link
            && known != Some(link.down)
        {
            known = Some(link.down);
            self.absorb()?;
        }
        match self.link {
            Some(_) => self.broken(broken),
            None => Ok(()),
        }
    }

    /// Takes the answers that are there.
    fn absorb(&mut self) -> Result<(), String> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let Self {
            answers,
            unanswered,
            held,
            sent,
            spare,
            has_answered,
            ..
        } = self;
        let mut answered = || {
            *has_answered = true;
            *sent = sent.saturating_sub(1);
            if let Some(mut text) = unanswered.pop_front() {
                *held -= text.len();
                if spare.len() < SPARE {
                    text.clear();
                    spare.push(text);
                }
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
        let dropped = self.unanswered.drain(..lost.min(self.unanswered.len()));
        self.held -= dropped.map(|text| text.len()).sum::<usize>();
        self.answers.refuse(
            format!("the publishing connection {how} before the answer"),
            lost as u64,
        );
        Ok(())
    }
}

/// Whether the other side has yet to agree on TLS, or the socket to take something.
fn is_busy(link: &Link) -> bool {
    link.wants_write() || !link.is_secured()
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
