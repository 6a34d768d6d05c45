//! Any event stream.

use std::rc::Rc;

use pushbench_model::drive::FaultKind;
use pushbench_transport::http1::body::BodyDecoder;
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::{DecodeError, Decoder};

use super::http::{broken, ended, headers, refused, request};
use super::{Ask, Resume, Sink, Stop};
use crate::drive::place::Place;

pub(in crate::drive) struct Sse {
    state: State,
    /// The last event id of attempts before.
    known_id: Option<String>,
}

enum State {
    Head(HeadReader),
    Stream { body: BodyDecoder, events: Decoder },
}

impl Sse {
    pub(super) fn open(ask: &Rc<Ask>, place: &Place, resume: &Resume, out: &mut Vec<u8>) -> Self {
        let asking = &ask.asking;
        let after = resume
            .after
            .filter(|_| ask.contract)
            .map(|after| after.to_string());
        let known_id = resume
            .event_id
            .clone()
            .or(after)
            .or_else(|| asking.last_event_id.clone());
        let method = if asking.method.is_empty() {
            "GET"
        } else {
            &asking.method
        };
        let ours = [
            ("Accept", "text/event-stream"),
            ("Cache-Control", "no-cache"),
            ("Last-Event-ID", known_id.as_deref().unwrap_or_default()),
        ];
        request(
            method,
            &place.path,
            &headers(&asking.headers, place, &ours),
            &asking.body,
            out,
        );
        Self {
            state: State::Head(HeadReader::default()),
            known_id,
        }
    }

    pub(super) fn receive(&mut self, mut bytes: &[u8], sink: &mut impl Sink) -> Result<(), Stop> {
        while let State::Head(reader) = &mut self.state {
            let Some((head, taken)) = reader.feed(bytes).map_err(|error| broken(&error))? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
            if head.is_interim() {
                continue;
            }
            if head.status != 200 {
                return Err(refused(&head));
            }
            let found = head.content_type.unwrap_or_default();
            let essence = found.split(';').next().unwrap_or_default().trim();
            if !essence.eq_ignore_ascii_case("text/event-stream") {
                return Err(Stop::Fault(
                    FaultKind::ContentType,
                    format!(
                        "the server answered with Content-Type {found:?}, expected \"text/event-stream\""
                    ),
                ));
            }
            let body = BodyDecoder::new(head.framing());
            sink.subscribed();
            self.state = State::Stream {
                body,
                events: Decoder::new(MAX_MESSAGE),
            };
        }
        let State::Stream { body, events } = &mut self.state else {
            return Ok(());
        };
        // The usual case, without the general one's detours: whole events in whole chunks.
        while let Some((block, taken)) = body.whole_chunk(bytes)
            && let Some(data) = events.whole_event(block)
        {
            sink.message(data);
            bytes = &bytes[taken..];
        }
        body.feed::<Halt>(bytes, &mut |data| {
            events.feed(data, &mut |event| {
                sink.message(event.data);
            })?;
            Ok(())
        })
        .map_err(|Halt(stop)| stop)?;
        if body.is_done() {
            return Err(ended("after a complete response"));
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Stop {
        match &mut self.state {
            State::Head(_) => ended("before it had answered"),
            State::Stream { body, .. } => match body.finish() {
                Ok(()) => ended("of the event stream"),
                Err(error) => broken(&error),
            },
        }
    }

    pub(super) fn resume(&self, resume: &mut Resume) {
        let last = match &self.state {
            State::Stream { events, .. } => {
                Some(events.last_event_id()).filter(|id| !id.is_empty())
            }
            State::Head(_) => None,
        };
        resume.event_id = last.map(str::to_owned).or_else(|| self.known_id.clone());
    }

    pub(super) fn retry_ms(&self) -> Option<u64> {
        match &self.state {
            State::Stream { events, .. } => events.retry_ms(),
            State::Head(_) => None,
        }
    }
}

/// Errors of both decoders on their way out.
struct Halt(Stop);

impl From<pushbench_transport::http1::body::BodyError> for Halt {
    fn from(error: pushbench_transport::http1::body::BodyError) -> Self {
        Self(broken(&error))
    }
}

impl From<DecodeError> for Halt {
    fn from(error: DecodeError) -> Self {
        Self(broken(&error))
    }
}
