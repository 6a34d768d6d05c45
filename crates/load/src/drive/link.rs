//! A socket, with or without TLS above it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use pushbench_sys::tcp::receive;
use rustls::ClientConnection;

use super::place::Place;
use super::tls::{Security, words};

/// An open connection that does not block.
pub(super) struct Link {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What the socket has not taken yet; without TLS.
    unsent: Vec<u8>,
    /// Bytes read from and written to the socket.
    pub(super) down: u64,
    pub(super) up: u64,
}

/// Why a connection is of no more use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It ended.
    Ended,
    /// It failed.
    Io(ErrorKind, String),
    /// TLS failed.
    Tls(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind(), error.to_string())
    }
}

impl Link {
    pub(super) fn new(
        stream: TcpStream,
        place: &Place,
        security: Option<&Security>,
    ) -> Result<Self, Broken> {
        let tls = match security.filter(|_| place.tls) {
            Some(security) => Some(Box::new(security.connect(place).map_err(Broken::Tls)?)),
            None => None,
        };
        Ok(Self {
            stream,
            tls,
            unsent: Vec::new(),
            down: 0,
            up: 0,
        })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether TLS, if it is spoken, has been agreed on.
    pub(super) fn is_secured(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// Whether something waits for the socket to take it.
    pub(super) fn wants_write(&self) -> bool {
        !self.unsent.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Sends `bytes`, or keeps them for [`Self::flush`].
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.tls {
            // Kept by rustls, without a bound of ours: what we send is small.
            Some(tls) => tls.writer().write_all(bytes)?,
            None => self.unsent.extend_from_slice(bytes),
        }
        self.flush()
    }

    /// Gives the socket what it takes.
    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        loop {
            let written = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.stream),
                None if !self.unsent.is_empty() => self.stream.write(&self.unsent),
                _ => return Ok(()),
            };
            match written {
                Ok(0) => return Err(Broken::Ended),
                Ok(written) => {
                    self.up += written as u64;
                    if self.tls.is_none() {
                        self.unsent.drain(..written);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads once; hands on what came of it. [`Broken::Ended`] after the last of it.
    pub(super) fn read<E: From<Broken>>(
        &mut self,
        buffer: &mut [u8],
        take: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(tls) = &mut self.tls else {
            return match receive(&self.stream, buffer) {
                Ok(0) => Err(Broken::Ended.into()),
                Ok(read) => {
                    self.down += read as u64;
                    take(&mut buffer[..read])
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
                {
                    Ok(())
                }
                Err(error) => Err(Broken::from(error).into()),
            };
        };
        let ended = match tls.read_tls(&mut self.stream) {
            Ok(0) => true,
            Ok(read) => {
                self.down += read as u64;
                false
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(());
            }
            Err(error) => return Err(Broken::from(error).into()),
        };
        let state = tls
            .process_new_packets()
            .map(|_| ())
            .map_err(|error| Broken::Tls(words(&error)));
        if let Err(broken) = state {
            // The alert that tells the other side why.
            let _ = tls.write_tls(&mut self.stream);
            return Err(broken.into());
        }
        loop {
            let read = match tls.reader().read(buffer) {
                Ok(0) => return Err(Broken::Ended.into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The end without a close_notify.
                Err(_) => return Err(Broken::Ended.into()),
            };
            take(&mut buffer[..read])?;
        }
        if ended {
            return Err(if tls.is_handshaking() {
                Broken::Tls("the connection ended during the handshake".into()).into()
            } else {
                Broken::Ended.into()
            });
        }
        Ok(self.flush()?)
    }
}
