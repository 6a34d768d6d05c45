use pushbench_model::message;
use pushbench_model::tokens::{Done, Gaps, Pace, Session, Whole};

use super::*;

const MS: u64 = 1_000_000;
const HOLD: u64 = 2000 * MS;

/// Tokens are due 10, 11, 12 .. ms after the question.
fn ask(stream: bool, tokens: u32) -> Ask {
    Ask {
        stream,
        tokens,
        pace: Pace {
            answer: 3,
            asked: 1,
            seed: 7,
            first_ms: 10.0,
            gaps: Gaps::RecordedMs(vec![1.0]),
        },
        session: Some(Session { id: 5, last: false }),
        prompt: "Well?".into(),
    }
}

/// Numbers of the tokens that are fetched, and the end if it is with them.
fn fetch(
    shelf: &Shelf,
    name: u64,
    after: u64,
    now: u64,
) -> Result<(Vec<u64>, Option<Done>), Refusal> {
    let mut body = Vec::new();
    let fetched = shelf.fetch(name, after, HOLD, now, &mut body)?;
    assert_eq!(fetched == Fetched::Lines, !body.is_empty(), "{fetched:?}");
    let mut lines: Vec<&[u8]> = body
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let done = lines.last().and_then(|line| Done::parse(line));
    lines.truncate(lines.len() - usize::from(done.is_some()));
    let numbers = lines.iter().map(|line| message::parse(line).unwrap().seq);
    Ok((numbers.collect(), done))
}

#[test]
fn all_that_is_due_comes_together_and_the_end_with_the_last() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(true, 4), HOLD, 0).unwrap();
    let mut body = Vec::new();
    let early = shelf.fetch(name, 0, HOLD, 9 * MS, &mut body);
    assert_eq!(early, Ok(Fetched::NotYet(10 * MS)));
    assert_eq!(fetch(&shelf, name, 0, 11 * MS), Ok((vec![1, 2], None)));
    assert_eq!(shelf.ledger.running(), 1);
    let text: usize = ask(true, 4)
        .pace
        .tokens()
        .take(4)
        .map(|token| token.text.len())
        .sum();
    let done = Done {
        tokens: 4,
        context: 5 + text as u64,
    };
    assert_eq!(
        fetch(&shelf, name, 2, 13 * MS),
        Ok((vec![3, 4], Some(done)))
    );
    assert_eq!(shelf.ledger.running(), 0);
    assert_eq!(shelf.ledger.report().sessions, 1);
    // Whoever did not get that asks again, and nothing is kept twice.
    assert_eq!(fetch(&shelf, name, 3, 14 * MS), Ok((vec![4], Some(done))));
    assert_eq!(fetch(&shelf, name, 4, 15 * MS), Ok((vec![], Some(done))));
    assert_eq!(shelf.ledger.context(5) as u64, done.context);
    assert!(shelf.ledger.report().stopped.is_empty());
}

#[test]
fn what_was_not_acknowledged_comes_again_and_other_numbers_are_refused() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(true, 40), HOLD, 0).unwrap();
    assert_eq!(fetch(&shelf, name, 0, 14 * MS).unwrap().0, [1, 2, 3, 4, 5]);
    assert_eq!(fetch(&shelf, name, 2, 15 * MS).unwrap().0, [3, 4, 5, 6]);
    for after in [0, 1, 7, u64::MAX] {
        let reason = format!("after must be from 2 to 6, not {after}");
        let refused = fetch(&shelf, name, after, 16 * MS);
        assert_eq!(refused, Err(Refusal::Number(reason)));
    }
    assert_eq!(fetch(&shelf, name ^ 1, 2, 16 * MS), Err(Refusal::Unknown));
}

#[test]
fn one_that_comes_at_once_comes_when_its_last_token_is_due() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(false, 4), HOLD, 0).unwrap();
    let mut body = Vec::new();
    let early = shelf.fetch(name, 0, HOLD, 12 * MS, &mut body);
    assert_eq!((early, body.len()), (Ok(Fetched::NotYet(13 * MS)), 0));
    for _ in 0..2 {
        body.clear();
        let whole = shelf.fetch(name, 0, HOLD, 13 * MS, &mut body);
        assert_eq!(whole, Ok(Fetched::Whole));
        let whole: Whole = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (whole.tokens, whole.context),
            (4, 5 + whole.text.len() as u64)
        );
    }
    assert_eq!(shelf.rows().bytes, 0);
}

/// What is made is what was due, whether or not it was fetched.
#[test]
fn one_that_is_stopped_says_what_was_made_of_it_and_is_gone() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(true, 40), HOLD, 0).unwrap();
    fetch(&shelf, name, 0, 11 * MS).unwrap();
    let mut body = Vec::new();
    assert!(shelf.stop(name, 15 * MS, &mut body));
    assert_eq!(
        Done::parse(&body),
        Some(Done {
            tokens: 6,
            context: 0
        })
    );
    assert!(!shelf.stop(name, 15 * MS, &mut body));
    assert_eq!(fetch(&shelf, name, 2, 15 * MS), Err(Refusal::Unknown));
    let report = shelf.ledger.report();
    assert_eq!((report.running, report.sessions), (0, 0));
    assert_eq!((report.stopped[0].answer, report.stopped[0].sent), (3, 6));
}

#[test]
fn one_that_nobody_asks_for_is_let_go() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(true, 1000), HOLD, 0).unwrap();
    let other = shelf.begin(ask(true, 1000), HOLD, 0).unwrap();
    assert_ne!(name, other);
    // Who asks is waited for anew.
    fetch(&shelf, name, 0, 1000 * MS).unwrap();
    assert_eq!(fetch(&shelf, other, 0, 2 * HOLD), Err(Refusal::Unknown));
    assert_eq!(fetch(&shelf, name, 500, 2 * HOLD).unwrap().0[0], 501);
    let rows = shelf.rows();
    assert_eq!((rows.by_name.len(), rows.deadlines.len()), (1, 1));
    drop(rows);
    let stopped = shelf.ledger.report().stopped;
    assert_eq!((stopped.len(), stopped[0].sent), (1, 1000));
}

#[test]
fn there_is_room_for_so_many_bytes_of_questions() {
    let shelf = Shelf::default();
    let long = Ask {
        prompt: "x".repeat(MOST_BYTES / 2),
        ..ask(true, 1)
    };
    let first = shelf.begin(long.clone(), HOLD, 0).unwrap();
    shelf.begin(long.clone(), HOLD, 0).unwrap();
    assert_eq!(shelf.begin(ask(true, 1), HOLD, 0), Err(Full));
    // The question of one that has ended is not kept.
    fetch(&shelf, first, 0, 10 * MS).unwrap();
    assert!(shelf.begin(long, HOLD, 0).is_ok());
    // All go with their deadlines.
    assert_eq!(shelf.running(), 0);
    assert_eq!(shelf.rows().bytes, 0);
}

/// A client that never says what it has gets no more at once than others.
#[test]
fn what_comes_at_once_is_bounded() {
    let shelf = Shelf::default();
    let name = shelf.begin(ask(true, 10_000), HOLD, 0).unwrap();
    let mut body = Vec::new();
    shelf.fetch(name, 0, HOLD, 3000 * MS, &mut body).unwrap();
    assert!(
        (MOST_AT_ONCE..MOST_AT_ONCE + 1000).contains(&body.len()),
        "{}",
        body.len()
    );
}
