use proptest::prelude::*;

use super::{Answer, CHROMIUM_RETRY_MS, Ending, MAX_REDIRECTS, Next, ReadyState, Source, Why};
use super::{Decoder, is_event_stream};

const STREAM: Answer<'_> = Answer {
    status: 200,
    content_type: Some("text/event-stream"),
    location: None,
};

fn status(status: u16) -> Answer<'static> {
    Answer { status, ..STREAM }
}

const fn reconnect(after_ms: u64) -> Next {
    Next::Reconnect { after_ms }
}

/// A source that has read `stream` on a connection that then ended completely.
fn after(source: &mut Source, stream: &str) -> Next {
    assert_eq!(source.answered(&STREAM), Next::Open);
    let mut decoder = source.decoder(1000);
    decoder.feed(stream.as_bytes(), &mut |_| {}).unwrap();
    source.ended(Ending::Complete, Some(&decoder))
}

#[test]
fn every_ending_of_a_connection_reconnects() {
    for ending in [Ending::Unreachable, Ending::Broken, Ending::Complete] {
        let mut source = Source::new(CHROMIUM_RETRY_MS);
        assert_eq!(source.ended(ending, None), reconnect(3_000));
        assert_eq!(source.answered(&STREAM), Next::Open);
        assert_eq!(source.ready_state(), ReadyState::Open);
        assert_eq!(source.ended(ending, None), reconnect(3_000));
        assert_eq!(source.ready_state(), ReadyState::Connecting);
    }
}

#[test]
fn any_status_but_200_is_final() {
    for code in [201, 204, 205, 206, 300, 304, 400, 404, 408, 429, 500, 503] {
        let mut source = Source::new(1);
        assert_eq!(
            source.answered(&status(code)),
            Next::Closed(Why::Status(code))
        );
        assert_eq!(source.ready_state(), ReadyState::Closed);
        // Whatever happens later.
        assert_eq!(source.answered(&STREAM), Next::Closed(Why::Status(code)));
        let ended = source.ended(Ending::Complete, None);
        assert_eq!(ended, Next::Closed(Why::Status(code)));
    }
}

#[test]
fn a_status_is_final_when_connecting_again_too() {
    let mut source = Source::new(1);
    assert_eq!(after(&mut source, "data: a\n\n"), reconnect(1));
    assert_eq!(
        source.answered(&status(503)),
        Next::Closed(Why::Status(503))
    );
}

#[test]
fn redirects_are_followed_up_to_a_limit() {
    let redirect = |code| Answer {
        location: Some("/elsewhere"),
        ..status(code)
    };
    for code in [301, 302, 303, 307, 308] {
        let mut source = Source::new(7);
        for _ in 0..MAX_REDIRECTS {
            assert_eq!(source.answered(&redirect(code)), Next::Follow);
            assert_eq!(source.ready_state(), ReadyState::Connecting);
        }
        // More is a network error, and those reconnect.
        assert_eq!(source.answered(&redirect(code)), reconnect(7));
        assert_eq!(source.answered(&redirect(code)), Next::Follow);
        let nowhere = Source::new(7).answered(&status(code));
        assert_eq!(nowhere, Next::Closed(Why::Status(code)));
    }
    // Whatever it was before: it has no stream now.
    let mut source = Source::new(7);
    assert_eq!(source.answered(&STREAM), Next::Open);
    assert_eq!(source.answered(&redirect(302)), Next::Follow);
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    for code in [300, 304, 305, 306] {
        let answer = Source::new(7).answered(&redirect(code));
        assert_eq!(answer, Next::Closed(Why::Status(code)));
    }
}

#[test]
fn another_content_type_is_final() {
    for content_type in [None, Some(""), Some("text/plain"), Some("text/x-bogus")] {
        let answer = Answer {
            content_type,
            ..STREAM
        };
        let mut source = Source::new(7);
        assert_eq!(source.answered(&answer), Next::Closed(Why::ContentType));
    }
}

#[test]
fn content_types() {
    for yes in [
        "text/event-stream",
        "TEXT/Event-Stream",
        " text/event-stream ",
        "text/event-stream;charset=utf-8",
        "text/event-stream;charset=windows-1252",
        "text/event-stream ; charset=\"utf-8\"",
        "text/event-stream;",
        "text/event-stream;;x",
        "text/html, text/event-stream",
        "text/event-stream, */*",
        "text/event-stream, nonsense",
        "text/html;a=\",\\\",\", text/event-stream",
    ] {
        assert!(is_event_stream(yes), "{yes:?}");
    }
    for no in [
        "",
        ",",
        "text",
        "text/",
        "/event-stream",
        "text /event-stream",
        "text/event-stream x",
        "text/event-stream2",
        "text/event-stream, text/html",
        "text/html;a=\", text/event-stream",
        "\u{a0}text/event-stream",
    ] {
        assert!(!is_event_stream(no), "{no:?}");
    }
}

#[test]
fn ids_last_until_they_are_changed() {
    let mut source = Source::new(1);
    assert_eq!(source.last_event_id(), None);
    for (stream, expected) in [
        ("id: 1\ndata: a\n\n", Some("1")),
        ("data: b\n\n", Some("1")),
        ("", Some("1")),
        // What the end of the stream cuts does not count.
        ("id: 2\ndata: c\n", Some("1")),
        ("id: 3\0\n\n", Some("1")),
        // No event, and an id all the same.
        ("id: grüße …\n\n", Some("grüße …")),
        ("id\n\n", None),
        ("data: d\n\n", None),
    ] {
        after(&mut source, stream);
        assert_eq!(source.last_event_id(), expected, "{stream:?}");
    }
}

#[test]
fn a_source_may_begin_where_another_was() {
    let mut source = Source::resuming(5, "41");
    assert_eq!(source.last_event_id(), Some("41"));
    assert_eq!(after(&mut source, "data: a\n\n"), reconnect(5));
    assert_eq!(source.last_event_id(), Some("41"));
    assert_eq!(Source::resuming(5, "").last_event_id(), None);
}

#[test]
fn an_event_after_a_reconnect_carries_the_earlier_id() {
    let mut source = Source::new(1);
    after(&mut source, "id: 1\ndata: a\n\n");
    let mut ids = Vec::new();
    source
        .decoder(1000)
        .feed(b"data: b\n\nid\ndata: c\n\n", &mut |event| {
            ids.push(event.last_event_id.to_owned());
        })
        .unwrap();
    assert_eq!(ids, ["1", ""]);
}

#[test]
fn the_reconnection_time_lasts() {
    let mut source = Source::new(3_000);
    assert_eq!(after(&mut source, "retry: 10\n"), reconnect(10));
    assert_eq!(after(&mut source, "retry: ten\n"), reconnect(10));
    assert_eq!(after(&mut source, "retry: 0\n"), reconnect(0));
    assert_eq!(source.ended(Ending::Unreachable, None), reconnect(0));
}

#[test]
fn giving_up_and_closing() {
    let mut source = Source::new(1);
    let futile = source.ended(Ending::Futile, None);
    assert_eq!(futile, Next::Closed(Why::Futile));
    source.close();
    assert_eq!(source.why(), Some(Why::Futile), "the first reason stays");

    let mut source = Source::new(1);
    source.answered(&STREAM);
    source.close();
    assert_eq!(source.ready_state(), ReadyState::Closed);
    let ended = source.ended(Ending::Complete, Some(&Decoder::resuming(9, "5")));
    assert_eq!(ended, Next::Closed(Why::Closed));
    assert_eq!(source.last_event_id(), None);
}

fn anything() -> impl Strategy<Value = (u16, Option<String>, bool, u8)> {
    let kind = prop_oneof![
        3 => Just(Some("text/event-stream".to_owned())),
        1 => Just(None),
        1 => "[a-z/;, \"]{0,30}".prop_map(Some),
    ];
    (
        prop_oneof![3 => Just(200), 1 => 300..309_u16, 1 => 100..600_u16],
        kind,
        any::<bool>(),
        0..8_u8,
    )
}

proptest! {
    /// What is closed stays closed, and nothing else says so.
    #[test]
    fn closed_is_for_good(happenings in proptest::collection::vec(anything(), 0..40)) {
        let mut source = Source::new(5);
        let mut closed = None;
        for (status, content_type, moved, ending) in happenings {
            let answer = Answer {
                status,
                content_type: content_type.as_deref(),
                location: moved.then_some("/x"),
            };
            let next = match ending {
                0 => source.ended(Ending::Complete, None),
                1 => source.ended(Ending::Broken, None),
                2 => source.ended(Ending::Unreachable, None),
                _ => source.answered(&answer),
            };
            if closed.is_some() {
                prop_assert_eq!(Some(next), closed);
            }
            if matches!(next, Next::Closed(_)) {
                closed = Some(next);
            }
            prop_assert_eq!(closed.is_some(), source.ready_state() == ReadyState::Closed);
            prop_assert_eq!(matches!(next, Next::Open), source.ready_state() == ReadyState::Open);
        }
    }
}
