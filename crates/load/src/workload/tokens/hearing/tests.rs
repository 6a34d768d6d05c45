use pushbench_model::histogram::Histogram;
use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::profile::PerProfile;
use pushbench_model::scenario::{Context, Tokens};
use pushbench_model::tokens::{Gaps, Token};

use super::super::script::Script;
use super::*;

const MS: u64 = 1_000_000;
const ASKED: u64 = 1_000 * MS;

/// An answer of six tokens, due 100 ms after the request and then 10, 30, 10, 30 and 10 ms apart, or 30 first.
struct Answer {
    expected: Expected,
    tokens: Vec<Token>,
    said: Said,
    received: u64,
    measuring: bool,
    cancelled: bool,
    ended: bool,
    broken: Option<Broken>,
    tally: Tally,
}

fn answer(stream: bool, cancel_every: u32) -> Answer {
    let all = |value| PerProfile {
        quick: value,
        standard: value,
        thorough: value,
    };
    let script = Script {
        tokens: Tokens {
            conversations: 1,
            turns: all(1),
            tokens: all(6),
            first_ms: 100.0,
            gaps: Gaps::RecordedMs(vec![10.0, 30.0]),
            opening: 10,
            question: 10,
            context: Context::Resent,
            stream,
            spread_ms: 0.0,
            cancel_every,
        },
        turns: 1,
        length: 6,
        seed: 1,
    };
    let said = Said::default();
    let expected = script.ask(0, 0, &said, ASKED);
    Answer {
        tokens: expected.ask.pace.tokens().take(6).collect(),
        expected,
        said,
        // Another answer came before it.
        received: ASKED - 700 * MS,
        measuring: true,
        cancelled: false,
        ended: false,
        broken: None,
        tally: Tally::default(),
    }
}

impl Answer {
    /// When token `number`, from 1 on, is due.
    fn due(&self, number: usize) -> u64 {
        ASKED + self.tokens[number - 1].offset
    }

    fn hear(&mut self, now: u64, body: &[u8]) {
        let mut hearing = Hearing {
            now,
            stall_ns: 60 * MS,
            received: &mut self.received,
            said: &self.said,
            measuring: self.measuring,
            cancelled: self.cancelled,
            ended: &mut self.ended,
            broken: None,
        };
        hearing.hear(body, &mut self.expected, &mut self.tally);
        self.broken = hearing.broken;
    }

    /// Token `number` is read at `now`.
    fn token(&mut self, number: usize, now: u64) {
        let stamp = Stamp {
            seq: number as u64,
            intended: self.due(number),
            published: self.due(number),
        };
        let mut body = Vec::new();
        encode_text(stamp, self.tokens[number - 1].text, &mut body);
        self.hear(now, &body);
    }

    /// All tokens are read when they are due.
    fn all_tokens(&mut self) {
        for number in 1..=6 {
            self.token(number, self.due(number));
        }
    }

    fn context(&self) -> u64 {
        10 + self.text().len() as u64
    }

    fn text(&self) -> String {
        self.tokens.iter().map(|token| token.text).collect()
    }

    /// Its end is read at `now`, which says that there were so many tokens.
    fn done(&mut self, tokens: u32, now: u64) {
        let mut body = Vec::new();
        let context = self.context();
        Done { tokens, context }.write(&mut body);
        self.hear(now, &body);
    }
}

/// What was recorded, in order of size: milliseconds, to a tenth.
fn recorded(histogram: &Histogram) -> Vec<f64> {
    let values = histogram.iter_recorded().flat_map(|one| {
        let ms = (one.value_iterated_to() as f64 / 1e5).round() / 10.0;
        std::iter::repeat_n(ms, one.count_at_value() as usize)
    });
    values.collect()
}

#[test]
fn a_gap_adds_what_it_is_longer_than_the_models_own() {
    let mut answer = answer(true, 0);
    // 5 ms, 7 ms, nothing, nothing: the lateness of each token beside that of the one before.
    for (number, late_ms) in [(1, 1), (2, 6), (3, 13), (4, 13), (5, 8)] {
        answer.token(number, answer.due(number) + late_ms * MS);
    }
    assert_eq!(recorded(&answer.tally.added_gap), [0.0, 0.0, 5.0, 7.0]);
    assert_eq!(
        recorded(&answer.tally.recorder.response),
        [1.0, 6.0, 8.0, 13.0, 13.0],
        "every token is late by itself, too"
    );
    assert_eq!(recorded(&answer.tally.first_token), [1.0]);
}

/// A server that writes several tokens at once adds to one gap what the others lack.
#[test]
fn tokens_of_one_read_have_no_gap() {
    let mut answer = answer(true, 0);
    answer.token(1, answer.due(1));
    let together = answer.due(4) + MS;
    for number in 2..=4 {
        answer.token(number, together);
    }
    let apart = answer.tokens[3].offset - answer.tokens[1].offset;
    let added = 1.0 + apart as f64 / 1e6;
    assert_eq!(recorded(&answer.tally.added_gap), [0.0, 0.0, added]);
}

#[test]
fn a_gap_over_a_lost_token_is_held_against_both_of_the_models() {
    let mut answer = answer(true, 0);
    answer.token(1, answer.due(1));
    answer.token(3, answer.due(3) + 2 * MS);
    assert_eq!(answer.tally.sequence.lost, 1);
    assert_eq!(recorded(&answer.tally.added_gap), [2.0]);
}

/// The token before it is one of another answer.
#[test]
fn what_comes_first_ends_no_gap_even_where_the_first_token_is_lost() {
    let mut answer = answer(true, 0);
    answer.token(2, answer.due(2) + 9 * MS);
    let Tally {
        added_gap,
        first_token,
        answers,
        ..
    } = &answer.tally;
    assert_eq!((added_gap.len(), first_token.len()), (0, 0));
    assert_eq!(answers.stalls, 0);
}

#[test]
fn what_comes_of_the_warm_up_or_beyond_a_stop_is_no_gap() {
    let mut warm_up = answer(true, 0);
    warm_up.measuring = false;
    warm_up.all_tokens();
    warm_up.done(6, warm_up.due(6));
    assert!(warm_up.ended && warm_up.broken.is_none());
    assert_eq!(warm_up.tally.added_gap.len(), 0);
    assert_eq!(warm_up.tally.ended.len(), 0);

    let mut stopped = answer(true, 1);
    stopped.all_tokens();
    assert_eq!(stopped.tally.added_gap.len(), 2, "three tokens are wanted");
}

#[test]
fn an_end_is_timed_from_when_the_last_token_was_due() {
    let mut answer = answer(true, 0);
    answer.all_tokens();
    assert_eq!(answer.tally.ended.len(), 0);
    answer.done(6, answer.due(6) + 4 * MS);
    assert_eq!(answer.broken, None);
    assert_eq!(recorded(&answer.tally.ended), [4.0]);
}

#[test]
fn an_end_that_is_wrong_or_that_nobody_waits_for_is_not_timed() {
    let mut short = answer(true, 0);
    short.all_tokens();
    short.done(5, short.due(6));
    assert!(short.broken.is_some());
    assert_eq!(short.tally.ended.len(), 0, "a wrong number of tokens");

    let mut early = answer(true, 0);
    early.token(1, early.due(1));
    early.done(6, early.due(1));
    assert!(early.broken.is_some());
    assert_eq!(early.tally.ended.len(), 0, "tokens are missing");

    let mut cancelled = answer(true, 0);
    cancelled.all_tokens();
    cancelled.cancelled = true;
    cancelled.done(6, cancelled.due(6));
    assert!(cancelled.ended && cancelled.broken.is_none());
    assert_eq!(cancelled.tally.ended.len(), 0, "it was stopped");

    let mut whole = answer(true, 1);
    whole.all_tokens();
    whole.done(6, whole.due(6));
    assert!(whole.ended && whole.broken.is_none());
    assert_eq!(whole.tally.ended.len(), 0, "it was to be stopped");
}

/// Text and end are one message.
#[test]
fn an_answer_that_comes_at_once_has_an_end_and_no_gaps() {
    let mut answer = answer(false, 0);
    let (text, context) = (answer.text(), answer.context());
    let body = format!("{{\"text\":\"{text}\",\"tokens\":6,\"context\":{context}}}");
    answer.hear(answer.due(6) + 3 * MS, body.as_bytes());
    assert_eq!(answer.broken, None);
    assert!(answer.ended);
    assert_eq!(recorded(&answer.tally.ended), [3.0]);
    assert_eq!(answer.tally.added_gap.len(), 0);
}
