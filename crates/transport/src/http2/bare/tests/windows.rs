//! Windows, against a model of a client that allows now this and now that.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Ask,
    /// Of a stream, or of none.
    Reset(usize),
    First(u32),
    Open(usize, u32),
    OpenAll(u32),
    /// A write that takes so many bytes.
    Write(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_usize..200).prop_map(Step::Publish),
        1 => (10_000_usize..40_000).prop_map(Step::Publish),
        2 => Just(Step::Ask),
        1 => (0_usize..9).prop_map(Step::Reset),
        1 => (0_u32..30_000).prop_map(Step::First),
        3 => ((0_usize..9), 1_u32..20_000).prop_map(|(stream, more)| Step::Open(stream, more)),
        3 => (1_u32..40_000).prop_map(Step::OpenAll),
        4 => (0_usize..300).prop_map(Step::Write),
        4 => (0_usize..80_000).prop_map(Step::Write),
    ]
}

/// What a client has allowed and has got.
#[derive(Default)]
struct Client {
    connection: i64,
    first: i64,
    last: u32,
    /// What each may be sent, and how much it has got.
    streams: BTreeMap<u32, (i64, usize)>,
    read: Vec<u8>,
    published: Vec<u8>,
}

impl Client {
    fn nth(&self, index: usize) -> Option<u32> {
        self.streams.keys().copied().nth(index)
    }

    /// Reads whole frames.
    fn read(&mut self, bytes: &[u8]) {
        self.read.extend_from_slice(bytes);
        let mut rest = &self.read[..];
        while let Some((frame, behind)) = Frame::split(rest).unwrap() {
            if frame.kind == kind::DATA
                && let Some((_, got)) = self.streams.get_mut(&frame.stream)
            {
                let expected = &self.published[*got..];
                assert!(expected.starts_with(frame.content), "out of order");
                *got += frame.content.len();
            }
            assert_ne!(frame.kind, kind::GOAWAY);
            rest = behind;
        }
        self.read = rest.to_vec();
    }
}

/// A write of which the socket takes `most` bytes: it may be much less than there is for it.
fn write(bench: &mut Bench, client: &mut Client, most: usize) -> usize {
    bench
        .machine
        .fill(&bench.site, &mut bench.parcel, turns::AT_ONCE);
    // All of it, as if all of it were sent: no window is exceeded.
    let mut connection = client.connection;
    let mut windows: BTreeMap<u32, i64> = client
        .streams
        .iter()
        .map(|(number, (window, _))| (*number, *window))
        .collect();
    let parcel = &bench.parcel;
    let mut begun = Vec::new();
    let mut start = parcel.owed;
    let taken = most.min(parcel.bytes.len());
    for said in frames(&parcel.bytes[parcel.owed..]) {
        let (_, _, number, content) = &said;
        assert_eq!(said.0, kind::DATA);
        assert!(!content.is_empty() && content.len() <= LARGEST);
        let window = windows.get_mut(number).expect("a stream that is open");
        *window -= content.len() as i64;
        connection -= content.len() as i64;
        assert!(*window >= 0 && connection >= 0, "a window is exceeded");
        if start < taken {
            begun.push((*number, content.len() as i64));
        }
        start += 9 + content.len();
    }
    for (number, len) in begun {
        client.connection -= len;
        client.streams.get_mut(&number).unwrap().0 -= len;
    }
    client.read(&parcel.bytes[..taken]);
    bench.machine.sent(&bench.parcel, taken);
    taken
}

proptest! {
    #[test]
    fn windows_are_never_exceeded_and_nothing_is_lost(steps in proptest::collection::vec(step(), 1..120)) {
        let mut bench = Bench::begun();
        let first = i64::from(FIRST_WINDOW);
        let mut client = Client { connection: first, first, ..Client::default() };
        for step in steps {
            match step {
                Step::Publish(len) => {
                    let body: Vec<u8> = (0..len).map(|at| (at + client.published.len()) as u8).collect();
                    bench.publish(&body);
                    client.published.extend(body);
                }
                Step::Ask => {
                    let number = client.last + if client.last == 0 { 1 } else { 2 };
                    client.last = number;
                    bench.hear(&ask(number, "/sse?after=0"));
                    client.streams.insert(number, (client.first, 0));
                }
                Step::Reset(index) => if let Some(number) = client.nth(index) {
                    client.streams.remove(&number);
                    bench.hear(&written(|out| frame::reset(number, 8, out)));
                }
                Step::First(first) => {
                    bench.hear(&written(|out| frame::settings(&[(setting::INITIAL_WINDOW_SIZE, first)], out)));
                    for (window, _) in client.streams.values_mut() {
                        *window += i64::from(first) - client.first;
                    }
                    client.first = first.into();
                }
                Step::Open(index, more) => if let Some(number) = client.nth(index) {
                    bench.hear(&written(|out| frame::window_update(number, more, out)));
                    client.streams.get_mut(&number).unwrap().0 += i64::from(more);
                }
                Step::OpenAll(more) => {
                    bench.hear(&written(|out| frame::window_update(0, more, out)));
                    client.connection += i64::from(more);
                }
                Step::Write(most) => { write(&mut bench, &mut client, most); }
            }
        }
        // What is allowed is used: nobody waits but for a window.
        while write(&mut bench, &mut client, 50_000) > 0 {}
        for (window, got) in client.streams.values() {
            let waits = client.connection == 0 || *window <= 0;
            prop_assert!(waits || *got == client.published.len());
        }
        // With windows as wide as can be everybody gets everything.
        bench.hear(&written(|out| frame::window_update(0, 1 << 30, out)));
        client.connection += 1 << 30;
        let numbers: Vec<_> = client.streams.keys().copied().collect();
        for number in numbers {
            bench.hear(&written(|out| frame::window_update(number, 1 << 30, out)));
            client.streams.get_mut(&number).unwrap().0 += 1 << 30;
        }
        while write(&mut bench, &mut client, 50_000) > 0 {}
        prop_assert!(client.read.is_empty());
        for (_, got) in client.streams.values() {
            prop_assert_eq!(*got, client.published.len());
        }
    }
}

#[test]
fn a_stream_that_waits_does_not_hold_up_its_neighbours() {
    let mut bench = Bench::begun();
    for stream in [1, 3, 5] {
        bench.answers(&ask(stream, "/sse"));
    }
    let window = (setting::INITIAL_WINDOW_SIZE, 100);
    bench.hear(&written(|out| frame::settings(&[window], out)));
    for stream in [1, 5] {
        bench.hear(&written(|out| frame::window_update(stream, 10_000, out)));
    }
    bench.said();
    bench.publish(&[b'x'; 250]);
    bench.publish(&[b'y'; 250]);
    let lens =
        |said: &[Said]| -> Vec<_> { said.iter().map(|said| (said.2, said.3.len())).collect() };
    let said = frames(&bench.said());
    assert_eq!(
        lens(&said),
        [(1, 250), (3, 100), (5, 250), (1, 250), (5, 250)]
    );
    // Lowered below what was used, it is shut until more was allowed than that.
    let lower = written(|out| frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 0)], out));
    assert_eq!(lens(&bench.answers(&lower)), [(0, 0)]);
    let more = |more| written(move |out| frame::window_update(3, more, out));
    assert_eq!(bench.answers(&more(100)), []);
    assert_eq!(lens(&bench.answers(&more(300))), [(3, 150), (3, 150)]);
}

#[test]
fn a_window_beyond_the_widest_is_an_error() {
    let wide = frame::WIDEST_WINDOW - FIRST_WINDOW;
    let mut bench = Bench::begun();
    bench.answers(&ask(1, "/sse"));
    let more = |stream, more| written(move |out| frame::window_update(stream, more, out));
    assert_eq!(bench.answers(&more(1, wide)), []);
    assert_eq!(
        bench.answers(&more(1, 1)),
        [reset(1, error::FLOW_CONTROL_ERROR)]
    );
    assert_eq!(bench.answers(&more(1, 1)), []);
    assert_eq!(bench.answers(&more(0, wide)), []);
    assert_eq!(
        bench.answers(&more(0, 1)),
        [goaway(1, error::FLOW_CONTROL_ERROR)]
    );
    let mut bench = Bench::begun();
    bench.answers(&ask(1, "/sse"));
    bench.answers(&more(1, wide));
    let first = (setting::INITIAL_WINDOW_SIZE, FIRST_WINDOW + 1);
    let said = bench.answers(&written(|out| frame::settings(&[first], out)));
    assert_eq!(said, [goaway(1, error::FLOW_CONTROL_ERROR)]);
}

/// Of a connection's window that is too small for all each has its part.
#[test]
fn streams_take_turns() {
    let mut bench = Bench::begun();
    for stream in [1, 3, 5] {
        bench.answers(&ask(stream, "/sse"));
    }
    let mut left = FIRST_WINDOW as usize;
    while left > 0 {
        bench.publish(&vec![b'x'; left.div_ceil(3)]);
        left -= frames(&bench.said())
            .iter()
            .map(|said| said.3.len())
            .sum::<usize>();
    }
    for _ in 0..10 {
        bench.publish(b"ten bytes.");
    }
    let mut got = [0; 3];
    for _ in 0..9 {
        let said = bench.answers(&written(|out| frame::window_update(0, 5, out)));
        for (_, _, number, content) in said {
            got[number as usize / 2] += content.len();
        }
    }
    assert_eq!(got.iter().sum::<usize>(), 45);
    assert!(got.iter().all(|&got| got >= 10), "{got:?}");
}
