//! Any event stream.

use std::rc::Rc;

use pushbench_model::drive::FaultKind;
use pushbench_transport::http1::body::BodyDecoder;
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::{DecodeError, Decoder};
use pushbench_transport::sse::source::{Answer, Ending, Next, Source, Why};

use super::http::{broken, cut, ended, headers, refused, request};
use super::{Ask, Resume, Sink, Stop};
use crate::drive::place::Place;

pub(in crate::drive) struct Sse {
    state: State,
    source: Source,
}

enum State {
    Head(HeadReader),
    Stream {
        body: BodyDecoder,
        events: Decoder,
        /// What carried no data and was told.
        without_data: u64,
    },
}

impl Sse {
    pub(super) fn open(ask: &Rc<Ask>, place: &Place, resume: &Resume, out: &mut Vec<u8>) -> Self {
        let asking = &ask.asking;
        // What a server sent as an id is its own word. Where it sent none, the number of a message of the contract is one.
        let after = resume
            .after
            .filter(|_| ask.contract)
            .map(|after| after.to_string());
        let known_id = resume.source.last_event_id().or(after.as_deref());
        let method = if asking.method.is_empty() {
            "GET"
        } else {
            &asking.method
        };
        let ours = [
            ("Accept", "text/event-stream"),
            ("Cache-Control", "no-cache"),
            ("Last-Event-ID", known_id.unwrap_or_default()),
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
            source: resume.source.clone(),
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
            let answer = Answer {
                status: head.status,
                content_type: head.content_type,
                location: head.location,
            };
            match self.source.answered(&answer) {
                Next::Open => {}
                Next::Closed(Why::ContentType) => {
                    let found = head.content_type.map_or_else(
                        || "without a Content-Type".to_owned(),
                        |found| format!("with Content-Type {found:?}"),
                    );
                    let text =
                        format!("the server answered {found}, expected \"text/event-stream\"");
                    return Err(Stop::Fault(FaultKind::ContentType, text));
                }
                // How many redirects are followed is the plan's to say.
                _ => return Err(refused(&head)),
            }
            let body = BodyDecoder::new(head.framing());
            sink.subscribed();
            self.state = State::Stream {
                body,
                events: self.source.decoder(MAX_MESSAGE),
                without_data: 0,
            };
        }
        let State::Stream {
            body,
            events,
            without_data,
        } = &mut self.state
        else {
            return Ok(());
        };
        // The usual case, without the general one's detours: whole events in whole chunks.
        while !bytes.is_empty()
            && let Some((block, taken)) = body.whole_chunk(bytes)
            && let Some(data) = events.whole_event(block)
        {
            sink.message(data);
            bytes = &bytes[taken..];
        }
        if bytes.is_empty() {
            return Ok(());
        }
        body.feed::<Halt>(bytes, &mut |data| {
            events.feed(data, &mut |event| {
                sink.message(event.data);
            })?;
            Ok(())
        })
        .map_err(|Halt(stop)| stop)?;
        let more = events.without_data() - *without_data;
        if more > 0 {
            *without_data += more;
            sink.nothing(more);
        }
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
                Err(_) => cut(),
            },
        }
    }

    pub(super) fn resume(&self, resume: &mut Resume) {
        resume.source.clone_from(&self.source);
        if let State::Stream { events, .. } = &self.state {
            // What the stream has set stays, however it ended; how that was decides what comes next.
            resume.source.ended(Ending::Complete, Some(events));
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
