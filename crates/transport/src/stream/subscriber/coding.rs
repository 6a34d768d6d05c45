//! Whether a stream is compressed, which is known when a loop is compiled: one that is not pays nothing for it.

use pushbench_model::theory;

use super::Reader;
use crate::deflate::gzip::Header;
use crate::deflate::{Inflater, Room};
use crate::http1::body::BodyDecoder;
use crate::subscriber::SubscribeError;

/// How the content of a response is coded.
pub(crate) trait Coding: Default {
    /// What the subscriptions of a thread share.
    type Room: Default;

    /// What a request says of it, with its line end.
    const OFFER: &'static str;

    /// Checks what the head says.
    fn check(content_encoding: Option<&str>) -> Result<(), SubscribeError>;

    /// Takes bytes of the body as they were read, and hands on every message that they complete. The body is in chunks, or not.
    fn read<R: Reader>(
        &mut self,
        room: &mut Self::Room,
        body: (&mut BodyDecoder, bool),
        messages: &mut R,
        bytes: &[u8],
        expected_down: &mut u64,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError>;
}

/// As it is.
#[derive(Debug, Default)]
pub(crate) struct Identity;

impl Coding for Identity {
    type Room = ();

    const OFFER: &'static str = "";

    fn check(_: Option<&str>) -> Result<(), SubscribeError> {
        Ok(())
    }

    #[inline]
    fn read<R: Reader>(
        &mut self,
        (): &mut (),
        (body, chunked): (&mut BodyDecoder, bool),
        messages: &mut R,
        mut bytes: &[u8],
        expected_down: &mut u64,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while let Some((chunk, taken)) = body.whole_chunk(bytes)
            && let Some(message) = messages.whole(chunk)
        {
            *expected_down += theory::chunk(chunk.len() as u64);
            deliver(message);
            bytes = &bytes[taken..];
        }
        if bytes.is_empty() {
            return Ok(());
        }
        body.feed::<SubscribeError>(bytes, &mut |data| {
            messages.feed(data, &mut |message, cost| {
                *expected_down += if chunked { theory::chunk(cost) } else { cost };
                deliver(message);
            })
        })?;
        Ok(())
    }
}

/// `Content-Encoding: gzip`.
///
/// What is expected is the content as it came, whose length follows from no formula, with the framing of chunks by formula: that of
/// each chunk, since a compressor has its own mind about where one ends.
#[derive(Debug, Default)]
pub(crate) struct Gzip {
    header: Header,
    inflater: Inflater,
    /// Bytes of the chunk that is being read.
    chunk: u64,
}

impl Gzip {
    /// Takes content of the body.
    fn inflate<R: Reader>(
        &mut self,
        room: &mut Room,
        messages: &mut R,
        mut content: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        if !self.header.is_done() {
            let used = self.header.feed(content)?;
            content = &content[used..];
        }
        if content.is_empty() {
            return Ok(());
        }
        self.inflater.feed(content, room, &mut |text| {
            if let Some(message) = messages.whole(text) {
                deliver(message);
                return Ok(());
            }
            messages.feed(text, &mut |message, _| deliver(message))
        })
    }
}

impl Coding for Gzip {
    type Room = Room;

    const OFFER: &'static str = "Accept-Encoding: gzip\r\n";

    fn check(content_encoding: Option<&str>) -> Result<(), SubscribeError> {
        let found = content_encoding.unwrap_or_default();
        if ["gzip", "x-gzip"]
            .iter()
            .any(|known| found.eq_ignore_ascii_case(known))
        {
            return Ok(());
        }
        Err(SubscribeError::NotCompressed {
            found: found.to_owned(),
        })
    }

    fn read<R: Reader>(
        &mut self,
        room: &mut Room,
        (body, chunked): (&mut BodyDecoder, bool),
        messages: &mut R,
        bytes: &[u8],
        expected_down: &mut u64,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        let mut rest = bytes;
        while !rest.is_empty() && !body.is_done() {
            if let Some((content, taken)) = body.whole_chunk(rest) {
                *expected_down += theory::chunk(content.len() as u64);
                self.inflate(room, messages, content, deliver)?;
                rest = &rest[taken..];
                continue;
            }
            // No further than to where the content of this chunk ends, or begins.
            let piece = match body.left_in_chunk() {
                Some(left) => usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len())),
                None if chunked => 1,
                None => rest.len(),
            };
            let taken = body.feed::<SubscribeError>(&rest[..piece], &mut |content| {
                if chunked {
                    self.chunk += content.len() as u64;
                } else {
                    *expected_down += content.len() as u64;
                }
                self.inflate(room, messages, content, deliver)
            })?;
            if self.chunk > 0 && body.left_in_chunk().is_none() {
                *expected_down += theory::chunk(std::mem::take(&mut self.chunk));
            }
            rest = &rest[taken..];
        }
        Ok(())
    }
}
