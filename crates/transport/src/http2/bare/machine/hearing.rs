//! Frames of the client (RFC 9113 §6).

use crate::http2::frame::{
    self, FIRST_WINDOW, Frame, LARGEST, WIDEST_WINDOW, error, flag, kind, setting,
};
use crate::http2::head::LONGEST;

use super::super::site::Site;
use super::super::stream::Ending;
use super::{FLOW, Fault, Machine, PROTOCOL, SIZE, Unfinished};

/// Bytes taken after which a client may send as many more.
const OPENED_AFTER: u32 = FIRST_WINDOW / 2;

impl Machine {
    /// Deals with a frame.
    pub(super) fn hear(
        &mut self,
        frame: Frame<'_>,
        site: &mut Site,
        now: u64,
    ) -> Result<(), Fault> {
        let greets = frame.kind == kind::SETTINGS && frame.flags & flag::ACK == 0;
        if !self.settled && !greets {
            return Err(PROTOCOL);
        }
        if let Some(head) = &self.unfinished
            && (frame.kind, frame.stream) != (kind::CONTINUATION, head.stream)
        {
            return Err(PROTOCOL);
        }
        match frame.kind {
            kind::DATA => self.data(frame),
            kind::HEADERS => self.head(frame, site, now),
            kind::CONTINUATION => self.more_head(frame, site, now),
            kind::PRIORITY => self.priority(frame),
            kind::RST_STREAM => self.reset_by_client(frame),
            kind::SETTINGS => self.settings(frame),
            kind::PUSH_PROMISE => Err(PROTOCOL),
            kind::PING => self.ping(frame),
            kind::GOAWAY if frame.stream != 0 => Err(PROTOCOL),
            kind::GOAWAY if frame.content.len() < 8 => Err(SIZE),
            kind::WINDOW_UPDATE => self.window_update(frame),
            // What it has begun goes on, and what is not known is read over.
            _ => Ok(()),
        }
    }

    /// Where the stream `number` is.
    pub(super) fn index(&self, number: u32) -> Option<usize> {
        let found = self
            .streams
            .binary_search_by_key(&number, |stream| stream.number);
        found.ok()
    }

    /// Whether no stream of this number was ever begun: the client begins those with odd ones.
    pub(super) fn is_idle(&self, number: u32) -> bool {
        number.is_multiple_of(2) || number > self.last
    }

    /// Ends the stream `number` with an error; its client may not know.
    pub(super) fn reset(&mut self, number: u32, code: u32) {
        if let Some(index) = self.index(number) {
            self.streams.remove(index);
        }
        self.past.remember(number, Ending::Ours);
        frame::reset(number, code, &mut self.owed);
    }

    fn data(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        if self.is_idle(frame.stream) {
            return Err(PROTOCOL);
        }
        let content = plain(frame)?.len() as u64;
        // Padding counts. What is taken is thrown away, so nobody is ever short of a window.
        let len = frame.content.len() as u32;
        self.taken += len;
        give_back(&mut self.taken, 0, &mut self.owed);
        let number = frame.stream;
        let Some(index) = self.index(number) else {
            return match self.past.of(number) {
                // It was sent before the client knew.
                Some(Ending::Ours) => Ok(()),
                Some(Ending::Both) => Err(Fault(error::STREAM_CLOSED)),
                Some(Ending::Theirs) | None => {
                    self.reset(number, error::STREAM_CLOSED);
                    Ok(())
                }
            };
        };
        let stream = &mut self.streams[index];
        if stream.ended {
            self.reset(number, error::STREAM_CLOSED);
            return Ok(());
        }
        stream.taken += len;
        if let Some(length) = &mut stream.length {
            let Some(left) = length.checked_sub(content) else {
                self.reset(number, error::PROTOCOL_ERROR);
                return Ok(());
            };
            *length = left;
        }
        if frame.flags & flag::END_STREAM != 0 {
            self.ended(index);
        } else {
            give_back(&mut stream.taken, number, &mut self.owed);
        }
        Ok(())
    }

    /// The client has ended its side of a stream.
    pub(super) fn ended(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        stream.ended = true;
        if stream.length.is_some_and(|left| left > 0) {
            let number = stream.number;
            self.reset(number, error::PROTOCOL_ERROR);
        }
    }

    fn head(&mut self, frame: Frame<'_>, site: &mut Site, now: u64) -> Result<(), Fault> {
        if frame.stream.is_multiple_of(2) {
            return Err(PROTOCOL);
        }
        let block = plain(frame)?;
        let ends = frame.flags & flag::END_STREAM != 0;
        if frame.flags & flag::END_HEADERS != 0 {
            return self.block(frame.stream, ends, block, site, now);
        }
        self.unfinished = Some(Unfinished {
            stream: frame.stream,
            ends,
            block: block.to_vec(),
            cost: frame.len(),
        });
        Ok(())
    }

    fn more_head(&mut self, frame: Frame<'_>, site: &mut Site, now: u64) -> Result<(), Fault> {
        let mut head = self.unfinished.take().ok_or(PROTOCOL)?;
        head.cost += frame.len();
        // Frames with nothing in them count as well.
        if head.cost > LONGEST {
            return Err(Fault(error::ENHANCE_YOUR_CALM));
        }
        head.block.extend_from_slice(frame.content);
        if frame.flags & flag::END_HEADERS != 0 {
            return self.block(head.stream, head.ends, &head.block, site, now);
        }
        self.unfinished = Some(head);
        Ok(())
    }

    fn priority(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        if frame.stream == 0 {
            return Err(PROTOCOL);
        }
        if frame.content.len() != 5 {
            // An error of the stream, where there is one.
            if self.is_idle(frame.stream) {
                return Err(SIZE);
            }
            self.reset(frame.stream, error::FRAME_SIZE_ERROR);
        }
        Ok(())
    }

    fn reset_by_client(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        number(frame)?;
        if self.is_idle(frame.stream) {
            return Err(PROTOCOL);
        }
        if let Some(index) = self.index(frame.stream) {
            self.streams.remove(index);
            self.past.remember(frame.stream, Ending::Theirs);
        }
        Ok(())
    }

    fn settings(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        if frame.stream != 0 {
            return Err(PROTOCOL);
        }
        if frame.flags & flag::ACK != 0 {
            return frame.content.is_empty().then_some(()).ok_or(SIZE);
        }
        let (settings, rest) = frame.content.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(SIZE);
        }
        for &[a, b, value @ ..] in settings {
            self.set(u16::from_be_bytes([a, b]), u32::from_be_bytes(value))?;
        }
        self.settled = true;
        frame::frame(kind::SETTINGS, flag::ACK, 0, &[], &mut self.owed);
        Ok(())
    }

    fn set(&mut self, name: u16, value: u32) -> Result<(), Fault> {
        match name {
            setting::HEADER_TABLE_SIZE => {
                self.lowered |= value < self.table;
                self.table = value;
            }
            setting::ENABLE_PUSH if value > 1 => return Err(PROTOCOL),
            setting::INITIAL_WINDOW_SIZE => {
                if value > WIDEST_WINDOW {
                    return Err(FLOW);
                }
                let more = i64::from(value) - self.first_window;
                self.first_window = value.into();
                for stream in &mut self.streams {
                    stream.window += more;
                    if stream.window > WIDEST_WINDOW.into() {
                        return Err(FLOW);
                    }
                }
            }
            setting::MAX_FRAME_SIZE if !(LARGEST..1 << 24).contains(&(value as usize)) => {
                return Err(PROTOCOL);
            }
            _ => {}
        }
        Ok(())
    }

    fn ping(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        if frame.stream != 0 {
            return Err(PROTOCOL);
        }
        if frame.content.len() != 8 {
            return Err(SIZE);
        }
        if frame.flags & flag::ACK == 0 {
            frame::frame(kind::PING, flag::ACK, 0, frame.content, &mut self.owed);
        }
        Ok(())
    }

    fn window_update(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        // The highest bit is reserved.
        let more = number(frame)? & WIDEST_WINDOW;
        if frame.stream == 0 {
            if more == 0 {
                return Err(PROTOCOL);
            }
            self.window += i64::from(more);
            return (self.window <= WIDEST_WINDOW.into())
                .then_some(())
                .ok_or(FLOW);
        }
        if self.is_idle(frame.stream) {
            return Err(PROTOCOL);
        }
        // On one that has ended it may have been under way.
        let Some(index) = self.index(frame.stream) else {
            return Ok(());
        };
        if more == 0 {
            self.reset(frame.stream, error::PROTOCOL_ERROR);
            return Ok(());
        }
        let stream = &mut self.streams[index];
        stream.window += i64::from(more);
        if stream.window > WIDEST_WINDOW.into() {
            self.reset(frame.stream, error::FLOW_CONTROL_ERROR);
        }
        Ok(())
    }
}

/// The number that is all there is in a frame.
fn number(frame: Frame<'_>) -> Result<u32, Fault> {
    if frame.content.len() != 4 {
        return Err(SIZE);
    }
    Ok(frame.number()?)
}

/// The content among what surrounds it. More padding than there is room for is another error than a frame that is too short.
fn plain(frame: Frame<'_>) -> Result<&[u8], Fault> {
    frame.plain().map_err(|_| {
        let padded = frame.flags & flag::PADDED != 0;
        match frame.content.first() {
            Some(&padding) if padded && usize::from(padding) >= frame.content.len() => PROTOCOL,
            _ => SIZE,
        }
    })
}

/// Lets the client send more on a stream, or on the connection, once it has sent half of what it may.
fn give_back(taken: &mut u32, number: u32, out: &mut Vec<u8>) {
    if *taken >= OPENED_AFTER {
        frame::window_update(number, std::mem::take(taken), out);
    }
}
