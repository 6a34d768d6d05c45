use bytes::Bytes;
use pushbench_model::scenario::MOST_STREAMS;
use pushbench_model::theory::http2 as theory;

use super::machine::{Awaits, Machine};
use super::*;
use crate::http2::PREFACE;
use crate::http2::frame::{self, FIRST_WINDOW, Frame, LARGEST, error, flag, kind, setting};
use crate::http2::head::{self, field, name};

mod cuts;
mod fairness;
mod hostile;
mod ours;
mod windows;

/// A machine, and what it stands among.
struct Bench {
    hub: Arc<Hub>,
    site: Site,
    machine: Machine,
    parcel: Parcel,
}

impl Bench {
    fn new() -> Self {
        Self::with(ServeOptions::default(), None)
    }

    fn with(options: ServeOptions, greeting: Option<Bytes>) -> Self {
        let hub = Hub::new(Box::new(|message, out| out.extend_from_slice(message.body)));
        let feed = Feed::new(Arc::clone(&hub), |frame| frame.bytes.clone());
        let endpoint = Endpoint {
            path: "/sse",
            content_type: "text/event-stream",
            greeting,
            takes: |_, _, _| false,
        };
        let common = Common {
            options: Arc::new(options),
            date: Date::new(),
        };
        Self {
            hub,
            site: Site::new(endpoint, common, feed),
            machine: Machine::new(),
            parcel: Parcel::default(),
        }
    }

    /// One whose client has begun the connection, and has read what that was answered with.
    fn begun() -> Self {
        let mut bench = Self::new();
        bench.hear(&preface(&[]));
        bench.said();
        bench
    }

    fn publish(&mut self, body: &[u8]) {
        self.hub.publish(body, false);
        self.site.feed.pull();
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.machine.receive(bytes, &mut self.site, 0);
    }

    /// All that it says, to a socket that takes it all.
    fn said(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            self.machine.fill(&self.site, &mut self.parcel, 1 << 16);
            if self.parcel.bytes.is_empty() {
                return said;
            }
            said.extend_from_slice(&self.parcel.bytes);
            self.machine.sent(&self.parcel, self.parcel.bytes.len());
        }
    }

    /// What it says to `bytes`, frame by frame.
    fn answers(&mut self, bytes: &[u8]) -> Vec<Said> {
        self.hear(bytes);
        frames(&self.said())
    }
}

/// A frame: its type, its flags, its stream and its content.
type Said = (u8, u8, u32, Vec<u8>);

fn frames(mut bytes: &[u8]) -> Vec<Said> {
    let mut frames = Vec::new();
    while let Some((frame, rest)) = Frame::split(bytes).unwrap() {
        let content = frame.content.to_vec();
        frames.push((frame.kind, frame.flags, frame.stream, content));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the rest of a frame");
    frames
}

fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut out = PREFACE.to_vec();
    frame::settings(settings, &mut out);
    out
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn frame_of(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    written(|out| frame::frame(kind, flags, stream, content, out))
}

fn block(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    head::named(b":method", method.as_bytes(), &mut block);
    block.push(field::HTTP);
    head::literal(name::AUTHORITY, b"x", &mut block);
    head::literal(name::PATH, path.as_bytes(), &mut block);
    for (name, value) in more {
        head::named(name.as_bytes(), value.as_bytes(), &mut block);
    }
    block
}

fn ask(stream: u32, path: &str) -> Vec<u8> {
    let flags = flag::END_HEADERS | flag::END_STREAM;
    written(|out| frame::frame(kind::HEADERS, flags, stream, &block("GET", path, &[]), out))
}

fn reset(stream: u32, code: u32) -> Said {
    (kind::RST_STREAM, 0, stream, code.to_be_bytes().to_vec())
}

fn goaway(last: u32, code: u32) -> Said {
    let content = [last.to_be_bytes(), code.to_be_bytes()].concat();
    (kind::GOAWAY, 0, 0, content)
}

/// The status in a head, and the other fields but the date.
fn head(said: &Said) -> (u16, Vec<(String, String)>) {
    assert_eq!(said.0, kind::HEADERS);
    let mut fields = Vec::new();
    let read = head::Heads::default().read(&said.3, &mut |name, value| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.push((text(name), text(value)));
    });
    read.unwrap();
    let (name, status) = fields.remove(0);
    assert_eq!(name, ":status");
    let date = fields.pop().unwrap();
    assert_eq!((date.0.as_str(), date.1.len()), ("date", 29));
    (status.parse().unwrap(), fields)
}

#[test]
fn a_connection_begins_with_settings_and_costs_what_the_formulas_say() {
    let mut bench = Bench::new();
    let first = frames(&bench.said());
    let most = [&[0, 3][..], &MOST_STREAMS.to_be_bytes()].concat();
    assert_eq!(first, [(kind::SETTINGS, 0, 0, most)]);
    assert_eq!(bench.machine.awaits(), (Awaits::Head, 0));
    let wide = (setting::INITIAL_WINDOW_SIZE, 1 << 24);
    bench.hear(&preface(&[wide]));
    assert_eq!(bench.said().len() as u64, theory::settings(0));
    bench.hear(&written(|out| frame::window_update(0, 1 << 24, out)));
    let answers = bench.answers(&ask(1, "/sse"));
    assert_eq!(bench.machine.awaits(), (Awaits::Nothing, 1));
    let [answer] = &answers[..] else {
        panic!("{answers:?}");
    };
    let fields = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(head(answer), (200, fields.to_vec()));
    for len in [1, 64, 1024, LARGEST, LARGEST + 1, 65_536, 100_000] {
        bench.publish(&vec![b'x'; len]);
        let said = bench.said();
        assert_eq!(said.len() as u64, theory::data(len as u64, LARGEST as u64));
        assert!(
            frames(&said)
                .iter()
                .all(|said| (said.0, said.1, said.2) == (kind::DATA, 0, 1))
        );
    }
}

/// A write for all streams, however many messages are ready, if they are not very long.
#[test]
fn one_write_has_what_is_ready_for_all_streams() {
    let mut bench = Bench::begun();
    for number in 0..100 {
        bench.answers(&ask(2 * number + 1, "/sse"));
    }
    for body in [&b"one"[..], b"two", b"three"] {
        bench.publish(body);
    }
    bench
        .machine
        .fill(&bench.site, &mut bench.parcel, turns::AT_ONCE);
    let said = frames(&bench.parcel.bytes);
    let numbers: Vec<_> = said.iter().map(|said| said.2).collect();
    let each: Vec<_> = (0..100).map(|number| 2 * number + 1).collect();
    assert_eq!(numbers, each.repeat(3), "in turn");
    assert!(said[100..200].iter().all(|said| said.3 == b"two"));
    bench.machine.sent(&bench.parcel, bench.parcel.bytes.len());
    assert!(bench.said().is_empty());
}

#[test]
fn requests_are_answered_each_on_its_stream() {
    let mut bench = Bench::begun();
    for number in 1..=3 {
        bench.publish(format!("{number}").as_bytes());
    }
    let ask = |stream, method, path, more: &[_], flags| {
        let block = block(method, path, more);
        written(|out| frame::frame(kind::HEADERS, flags, stream, &block, out))
    };
    let both = flag::END_HEADERS | flag::END_STREAM;
    let mut status = |bytes: Vec<u8>| {
        let answers = bench.answers(&bytes);
        let (status, fields) = head(&answers[0]);
        (status, fields, answers[0].1 == both, answers[1..].to_vec())
    };
    let allow = vec![("allow".to_owned(), "GET".to_owned())];
    assert_eq!(
        status(ask(1, "GET", "/", &[], both)),
        (404, vec![], true, vec![])
    );
    assert_eq!(
        status(ask(3, "GET", "sse", &[], both)),
        (400, vec![], true, vec![])
    );
    assert_eq!(
        status(ask(5, "GET", "/sse?after=x", &[], both)),
        (400, vec![], true, vec![])
    );
    for (stream, method) in [(7, "POST"), (9, "HEAD"), (11, "DELETE")] {
        let answer = status(ask(stream, method, "/sse", &[], both));
        assert_eq!(answer, (405, allow.clone(), true, vec![]), "{method}");
    }
    // A body is of no use.
    let answer = status(ask(13, "POST", "/sse", &[], flag::END_HEADERS));
    assert_eq!(answer.3, [reset(13, error::NO_ERROR)]);
    // Cursors.
    let data = |stream, text: &str| (kind::DATA, 0, stream, text.as_bytes().to_vec());
    let answer = status(ask(15, "GET", "/sse?after=1", &[], both));
    assert_eq!((answer.0, answer.2), (200, false));
    assert_eq!(answer.3, [data(15, "2"), data(15, "3")]);
    let answer = status(ask(
        17,
        "GET",
        "/sse?after=1",
        &[("last-event-id", "2")],
        both,
    ));
    assert_eq!(answer.3, [data(17, "3")]);
    let answer = status(ask(19, "GET", "/sse", &[("last-event-id", "")], both));
    assert_eq!(answer.3, []);
    let answer = status(ask(21, "GET", "/sse", &[("last-event-id", "x")], both));
    assert_eq!(answer.0, 400);
    bench.publish(b"4");
    let all = [data(15, "4"), data(17, "4"), data(19, "4")];
    let mut said = frames(&bench.said());
    said.sort();
    assert_eq!(said, all);
}

#[test]
fn a_greeting_comes_before_all_messages() {
    let mut bench = Bench::with(ServeOptions::default(), Some(Bytes::from_static(b"retry")));
    bench.publish(b"one");
    bench.hear(&preface(&[(setting::INITIAL_WINDOW_SIZE, 3)]));
    bench.hear(&ask(1, "/sse?after=0"));
    let said = frames(&bench.said());
    assert_eq!(said.last().unwrap(), &(kind::DATA, 0, 1, b"ret".to_vec()));
    let said = bench.answers(&written(|out| frame::window_update(1, 100, out)));
    let data = |text: &[u8]| (kind::DATA, 0, 1, text.to_vec());
    assert_eq!(said, [data(b"ry"), data(b"one")]);
}

#[test]
fn who_lowers_its_table_is_told_that_it_is_not_used() {
    let mut bench = Bench::new();
    bench.hear(&preface(&[(setting::HEADER_TABLE_SIZE, 4096)]));
    bench.said();
    assert_eq!(bench.answers(&ask(1, "/sse"))[0].3[0], field::OK);
    bench.answers(&written(|out| {
        frame::settings(&[(setting::HEADER_TABLE_SIZE, 0)], out);
    }));
    assert_eq!(
        bench.answers(&ask(3, "/x"))[0].3[..2],
        [0x20, field::NOT_FOUND]
    );
    assert_eq!(bench.answers(&ask(5, "/sse"))[0].3[0], field::OK);
}

#[test]
fn a_stream_that_the_ring_has_run_past_is_found() {
    let options = ServeOptions {
        queue: 5,
        ..ServeOptions::default()
    };
    let mut bench = Bench::with(options, None);
    for _ in 0..10 {
        bench.publish(b"old");
    }
    bench.hear(&preface(&[(setting::INITIAL_WINDOW_SIZE, 0)]));
    // What it asks for of what was there before does not count.
    bench.hear(&ask(1, "/sse?after=0"));
    for waiting in 0..=6 {
        bench.said();
        assert!(bench.machine.waits());
        assert_eq!(bench.machine.behind(&bench.site).is_some(), waiting > 5);
        bench.publish(b"new");
    }
    for _ in 0..5000 {
        bench.publish(b"new");
    }
    bench.site.common.options = Arc::default();
    let lagged = bench.machine.behind(&bench.site).unwrap();
    assert_eq!((lagged.wanted, lagged.oldest), (1, 5017 - 4096 + 1));
    bench.machine.end(error::ENHANCE_YOUR_CALM);
    let last = frames(&bench.said()).pop().unwrap();
    assert_eq!(last, goaway(1, error::ENHANCE_YOUR_CALM));
}
