#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::sse::source::{Answer, Ending, Next, ReadyState, Source};
use pushbench_transport_fuzz::Input;

// Every piece is one connection: its first byte says how it is answered and how it ends, the rest is its body. What is closed
// stays closed, and an id that is sent can stand in a header.
fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    let mut source = Source::new(3_000);
    let mut closed = None;
    for piece in input.pieces() {
        let Some((&how, body)) = piece.split_first() else {
            continue;
        };
        let content_type = String::from_utf8_lossy(body);
        let answer = Answer {
            status: if how & 1 == 0 { 200 } else { 200 + u16::from(how) },
            content_type: Some(if how & 2 == 0 { "text/event-stream" } else { &content_type }),
            location: (how & 4 == 0).then_some("/"),
        };
        let mut next = source.answered(&answer);
        if next == Next::Open {
            let mut decoder = source.decoder(input.max_message);
            let whole = decoder.feed(body, &mut |_| {}).is_ok();
            let ending = if whole { Ending::Complete } else { Ending::Broken };
            next = source.ended(ending, Some(&decoder));
        }
        let id = source.last_event_id().unwrap_or_default();
        assert!(!id.contains(['\0', '\r', '\n']));
        if let Some(before) = closed {
            assert_eq!(next, before);
        }
        if let Next::Closed(_) = next {
            closed = Some(next);
        }
        assert_eq!(closed.is_some(), source.ready_state() == ReadyState::Closed);
    }
});
