//! Heads of the client: requests, and what may follow their bodies.

use http::StatusCode;
use pushbench_model::scenario::MOST_STREAMS;

use crate::http2::frame::{self, error};
use crate::http2::head::HeadError;

use super::super::request::{Unfit, Wanted};
use super::super::site::Site;
use super::super::stream::{Ending, Place, Stream};
use super::{Fault, Machine, PROTOCOL};

/// Begins a head: nothing is referred to from here on (RFC 7541 §6.3).
const NO_TABLE: &[u8] = &[0x20];

impl From<HeadError> for Fault {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Unreadable => Self(error::COMPRESSION_ERROR),
            HeadError::TooLong => Self(error::ENHANCE_YOUR_CALM),
        }
    }
}

impl Machine {
    /// A head that is whole.
    pub(super) fn block(
        &mut self,
        number: u32,
        ends: bool,
        block: &[u8],
        site: &mut Site,
        now: u64,
    ) -> Result<(), Fault> {
        if !self.is_idle(number) {
            return self.trailers(number, ends, block);
        }
        let wanted = Wanted::read(&mut self.heads, block)?;
        self.last = number;
        if self.streams.len() >= MOST_STREAMS as usize {
            self.reset(number, error::REFUSED_STREAM);
            return Ok(());
        }
        match wanted.and_then(|wanted| Ok((site.admit(&wanted)?, wanted.length))) {
            Ok((cursor, length)) => self.subscribe(number, ends, cursor, length, site, now),
            Err(Unfit::Reset(code)) => self.reset(number, code),
            Err(Unfit::Refused(status)) => self.refuse(number, ends, status, site, now),
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        number: u32,
        ends: bool,
        cursor: u64,
        length: Option<u64>,
        site: &mut Site,
        now: u64,
    ) {
        if ends && length.is_some_and(|length| length > 0) {
            return self.reset(number, error::PROTOCOL_ERROR);
        }
        let before = self.before_a_head();
        site.begin(number, before, now, &mut self.owed);
        self.streams.push(Stream {
            number,
            place: Place {
                greeted: site.endpoint.greeting.is_none(),
                cursor,
                offset: 0,
            },
            live_from: site.feed.next_seq(),
            window: self.first_window,
            ended: ends,
            taken: 0,
            length,
        });
    }

    fn refuse(&mut self, number: u32, ends: bool, status: StatusCode, site: &mut Site, now: u64) {
        let before = self.before_a_head();
        site.refuse(number, status, before, now, &mut self.owed);
        if ends {
            self.past.remember(number, Ending::Both);
        } else {
            // The answer is whole, and the body is of no use (RFC 9113 §8.1).
            frame::reset(number, error::NO_ERROR, &mut self.owed);
            self.past.remember(number, Ending::Ours);
        }
    }

    /// Fields behind the body of a request, or on a stream that has ended.
    fn trailers(&mut self, number: u32, ends: bool, block: &[u8]) -> Result<(), Fault> {
        // Whatever becomes of it: later heads may refer to it.
        let fit = Wanted::read_trailers(&mut self.heads, block)?;
        let Some(index) = self.index(number) else {
            return match self.past.of(number) {
                Some(Ending::Ours) => Ok(()),
                Some(Ending::Both) => Err(Fault(error::STREAM_CLOSED)),
                Some(Ending::Theirs) => {
                    self.reset(number, error::STREAM_CLOSED);
                    Ok(())
                }
                None => Err(PROTOCOL),
            };
        };
        if self.streams[index].ended {
            self.reset(number, error::STREAM_CLOSED);
        } else if !ends || !fit {
            self.reset(number, error::PROTOCOL_ERROR);
        } else {
            self.ended(index);
        }
        Ok(())
    }

    /// What a head begins with: a word to who has lowered the size of its table (RFC 9113 §4.3.1).
    fn before_a_head(&mut self) -> &'static [u8] {
        if std::mem::take(&mut self.lowered) {
            NO_TABLE
        } else {
            &[]
        }
    }
}
