use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use pushbench_transport::sse::source::{CHROMIUM_RETRY_MS, Source};

use super::*;
use crate::drive::plan::Asking;

/// What was heard; messages are numbers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ear {
    messages: Vec<Vec<u8>>,
    nothing: u64,
    subscribed: u32,
}

impl Sink for Ear {
    fn message(&mut self, body: &[u8]) -> Option<u64> {
        self.messages.push(body.to_vec());
        str::from_utf8(body).ok()?.parse().ok()
    }

    fn nothing(&mut self, count: u64) {
        self.nothing += count;
    }

    fn subscribed(&mut self) {
        self.subscribed += 1;
    }
}

fn ask(poll: PollStyle) -> Rc<Ask> {
    Rc::new(Ask {
        asking: Asking {
            poll,
            ..Asking::default()
        },
        contract: false,
        hold_ms: 20_000,
        usual: RefCell::default(),
    })
}

fn place() -> Rc<Place> {
    Rc::new(Place::parse("http://user:secret@127.0.0.1:9/poll?x=1").unwrap())
}

/// What a poll hears of `pieces`, what it sends, and how it ends.
fn converse<'a>(
    ask: &Rc<Ask>,
    place: &Rc<Place>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Ear, String, Result<(), Stop>) {
    let resume = Resume {
        source: Source::resuming(CHROMIUM_RETRY_MS, ""),
        after: None,
        validators: (None, None),
    };
    let (mut ear, mut out) = (Ear::default(), Vec::new());
    let mut poll = Poll::open(ask, place, &resume, &mut out);
    let mut done = Ok(());
    for piece in pieces {
        done = poll.receive(piece, &mut out, &mut ear);
        if done.is_err() {
            break;
        }
    }
    (ear, String::from_utf8(out).unwrap(), done)
}

fn answer(fields: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

#[test]
fn polls_follow_each_other_from_number_to_number() {
    let answers = ["9\n", "10\n11\n", "99\n", "100\n", "7"].map(|body| answer("", body));
    let (ear, out, done) = converse(
        &ask(PollStyle::Contract),
        &place(),
        answers.iter().map(String::as_bytes),
    );
    assert_eq!((ear.messages.len(), ear.subscribed, done), (6, 1, Ok(())));
    let paths: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("GET /poll?x=1&"))
        .collect();
    assert_eq!(
        paths,
        [
            "timeout=20000 HTTP/1.1",
            "after=9&timeout=20000 HTTP/1.1",
            "after=11&timeout=20000 HTTP/1.1",
            "after=99&timeout=20000 HTTP/1.1",
            "after=100&timeout=20000 HTTP/1.1",
            "after=7&timeout=20000 HTTP/1.1",
        ]
    );
    let rest = out.split("HTTP/1.1\r\n").skip(1);
    for rest in rest {
        assert!(
            rest.starts_with("Host: 127.0.0.1:9\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"),
            "{rest}"
        );
    }
}

/// Heads are known, and validators kept, where somebody looks for them.
#[test]
fn each_style_remembers_what_it_uses() {
    for style in [
        PollStyle::Contract,
        PollStyle::Conditional,
        PollStyle::Plain,
    ] {
        let (ask, answer) = (ask(style.clone()), answer("etag: a\r\n", "1\n"));
        let (mut ear, mut out) = (Ear::default(), Vec::new());
        let mut resume = Resume::new(&ask.asking);
        let mut poll = Poll::open(&ask, &place(), &resume, &mut out);
        poll.receive(answer.as_bytes(), &mut out, &mut ear).unwrap();
        poll.resume(&mut resume);
        let tag = (style == PollStyle::Conditional).then(|| "a".to_owned());
        assert_eq!(resume.validators, (None, tag), "{style:?}");
        let known = ask.usual.borrow_mut().head.at_start_of(answer.as_bytes());
        assert_eq!(known.is_some(), style == PollStyle::Contract, "{style:?}");
    }
}

#[test]
fn each_place_is_asked_by_its_own_name() {
    let ask = ask(PollStyle::Contract);
    let other = Rc::new(Place::parse("http://127.0.0.1:9/else").unwrap());
    for place in [place(), other, place()] {
        let answers = [answer("", "4\n"), answer("", "5\n")];
        let (_, out, _) = converse(&ask, &place, answers.iter().map(String::as_bytes));
        let asked = out.lines().filter(|line| line.starts_with("GET "));
        let asked: Vec<_> = asked.collect();
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|line| line.contains(&place.path)), "{out}");
    }
}

const BODIES: &[&str] = &[
    "1\n", "12\n", "2\n3\n", "4", "\n\n5\n", "", "x\n", "9\nx", "99\n",
];

const FIELDS: &[&str] = &[
    "",
    "date: Thu, 26 Nov 2026 03:00:00 GMT\r\n",
    "date: Thu, 26 Nov 2026 03:00:01 GMT\r\n",
    "etag: a\r\nlast-modified: b\r\n",
    "connection: close\r\n",
];

const OTHERS: &[&str] = &[
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n1\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n1\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n1\n",
];

fn answers() -> impl Strategy<Value = Vec<u8>> {
    // Most are usual, so that many follow one another.
    let fields = prop_oneof![8 => select(&FIELDS[..3]), 1 => select(FIELDS)];
    let usual = (fields, select(BODIES)).prop_map(|(fields, body)| answer(fields, body));
    prop_oneof![6 => usual, 1 => select(OTHERS).prop_map(str::to_owned)]
        .prop_map(String::into_bytes)
}

proptest! {
    /// An answer that comes whole, and may be known, is understood as one that comes byte by byte, which cannot be.
    #[test]
    fn known_answers_are_understood_as_unknown_ones(
        mut answers in vec(answers(), 1..12),
        damage in proptest::option::weighted(0.3, (any::<Index>(), any::<Index>(), any::<u8>())),
        style in select(&[PollStyle::Contract, PollStyle::Conditional, PollStyle::Plain][..]),
    ) {
        if let Some((which, place, byte)) = damage {
            let which = which.index(answers.len());
            let place = place.index(answers[which].len());
            answers[which][place] = byte;
        }
        let stream = answers.concat();
        let (shared, place) = (ask(style.clone()), place());
        let unknown = converse(&ask(style), &place, stream.chunks(1));
        for pieces in [
            converse(&shared, &place, answers.iter().map(Vec::as_slice)),
            // One that shares what the other has learnt, and is told all at once.
            converse(&shared, &place, [&stream[..]].into_iter()),
        ] {
            prop_assert_eq!(&pieces, &unknown);
        }
    }
}

/// Asked by validators that it does not give, a server of the contract would be asked for what is new, over and over.
#[test]
fn lines_without_validators_are_asked_for_otherwise() {
    let hear = |style: PollStyle, fields: &str| {
        let heard = answer(fields, "1\n");
        converse(&ask(style), &place(), [heard.as_bytes()].into_iter())
    };
    let lines = "content-type: application/x-ndjson\r\n";
    let (ear, _, done) = hear(PollStyle::Conditional, lines);
    let Err(stop) = done else { panic!("{ear:?}") };
    assert!(format!("{stop:?}").contains("--contract"), "{stop:?}");
    assert_eq!(ear, Ear::default());
    for (style, fields) in [
        (PollStyle::Contract, lines.to_owned()),
        (PollStyle::Plain, lines.to_owned()),
        (PollStyle::Conditional, format!("{lines}etag: \"7\"\r\n")),
        (
            PollStyle::Conditional,
            "content-type: text/plain\r\n".to_owned(),
        ),
    ] {
        let (ear, _, done) = hear(style, &fields);
        assert!(done.is_ok(), "{fields}");
        assert_eq!(ear.messages.len(), 1, "{fields}");
    }
}
