mod vectors;

use proptest::prelude::*;

use super::*;

fn ask(gaps: Gaps) -> Ask {
    Ask {
        stream: true,
        tokens: 40,
        pace: Pace {
            answer: 3,
            asked: 1_234_567_890_123,
            seed: 7,
            first_ms: 200.0,
            gaps,
        },
        session: None,
        prompt: "Why?".into(),
    }
}

const LOG_NORMAL: Gaps = Gaps::LogNormal {
    mean_ms: 20.0,
    sigma: 0.6,
};

fn written(ask: &Ask) -> Vec<u8> {
    let mut out = Vec::new();
    ask.write(&mut out);
    out
}

#[test]
fn the_text_has_many_scripts_and_needs_no_escapes() {
    assert!(
        TEXT.chars()
            .all(|c| !c.is_control() && c != '"' && c != '\\')
    );
    for sample in [
        "ä", "é", "Ρ", "ы", "潮", "說", "파", "ص", "स", "🌊", "\u{fe0f}",
    ] {
        assert!(
            TEXT.to_uppercase().contains(&sample.to_uppercase()),
            "{sample}"
        );
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut one = ask(LOG_NORMAL);
    assert_eq!(Ask::parse(&written(&one)), Ok(one.clone()));
    one.session = Some(Session { id: 9, last: true });
    one.pace.gaps = Gaps::RecordedMs(vec![1.5, 20.0]);
    assert_eq!(Ask::parse(&written(&one)), Ok(one.clone()));
    let long = written(&one).len();
    one.session = Some(Session {
        id: 10,
        last: false,
    });
    one.pace.asked = 99;
    assert_eq!(
        written(&one).len(),
        long,
        "only the prompt makes a difference"
    );
    one.prompt += "é";
    assert_eq!(written(&one).len(), long + 2);
}

#[test]
fn what_is_wrong_is_named() {
    let good = String::from_utf8(written(&ask(LOG_NORMAL))).unwrap();
    for (from, to, word) in [
        (
            "\"tokens\":40",
            "\"tokens\":0",
            "tokens must be a whole number from 1 to 100000, not 0",
        ),
        ("\"tokens\":40", "\"tokens\":-1", "not a request"),
        (
            "\"first_ms\":200.0",
            "\"first_ms\":-1",
            "first_ms must be 0 to 60000 milliseconds, not -1",
        ),
        (
            "\"sigma\":0.6",
            "\"sigma\":9",
            "gaps must be pauses of 0 to 60000 milliseconds",
        ),
        ("\"mean_ms\"", "\"mean\"", "not a request"),
        ("\"pace\"", "\"place\"", "not a request"),
        ("{\"stream\"", "[\"stream\"", "not a request"),
    ] {
        let good = good.replace("\"first_ms\":200,", "\"first_ms\":200.0,");
        assert!(good.contains(from), "{from} in {good}");
        let error = Ask::parse(good.replace(from, to).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(word), "{to}: {error}");
    }
    let mut none = ask(Gaps::RecordedMs(vec![]));
    assert!(Ask::parse(&written(&none)).is_err());
    none.pace.gaps = Gaps::RecordedMs(vec![1.0; MAX_GAPS + 1]);
    assert!(Ask::parse(&written(&none)).is_err());
}

#[test]
fn recorded_gaps_come_as_they_were_recorded() {
    let mut pace = ask(Gaps::RecordedMs(vec![1.0, 2.0, 4.0])).pace;
    let offsets = |pace: &Pace| -> Vec<u64> {
        pace.tokens()
            .take(5)
            .map(|token| token.offset / 1_000_000)
            .collect()
    };
    pace.seed = 0;
    assert_eq!(offsets(&pace), [200, 201, 203, 207, 208]);
    pace.seed = 2;
    assert_eq!(offsets(&pace), [200, 204, 205, 207, 211]);
    assert_eq!(pace.gaps.mean_ns(), 2_333_333);
}

/// Over 20 000 gaps the mean of a log-normal with sigma 0.6 is within 2 % (its standard error is 0.47 %).
#[test]
fn log_normal_gaps_have_the_mean_that_is_asked_for() {
    let mut pace = ask(LOG_NORMAL).pace;
    pace.first_ms = 0.0;
    let last = pace.tokens().nth(20_000).unwrap().offset as f64;
    assert!((last / 20_000.0 / 20e6 - 1.0).abs() < 0.02, "{last}");
    pace.gaps = Gaps::LogNormal {
        mean_ms: 20.0,
        sigma: 0.0,
    };
    assert_eq!(pace.tokens().nth(3).unwrap().offset, 60_000_000);
}

#[test]
fn done_is_no_token() {
    let done = Done {
        tokens: 40,
        context: 1234,
    };
    let mut out = Vec::new();
    done.write(&mut out);
    assert_eq!(out, b"{\"tokens\":40,\"context\":1234}");
    assert_eq!(Done::parse(&out), Some(done));
    assert_eq!(Done::parse(b"{\"seq\":1}"), None);
}

proptest! {
    /// Requests come from a network.
    #[test]
    fn no_request_breaks_it(body: Vec<u8>) {
        let _ = Ask::parse(&body);
    }

    /// Also not one that is nearly right.
    #[test]
    fn no_change_of_a_request_breaks_it(at in 0_usize..200, byte: u8) {
        let mut body = written(&ask(LOG_NORMAL));
        let at = at % body.len();
        body[at] = byte;
        if let Ok(ask) = Ask::parse(&body) {
            prop_assert!(ask.pace.tokens().take(ask.tokens.min(100) as usize).count() > 0);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens_and_joined_they_are_the_text(seed: u64, count in 1_usize..900) {
        let mut pace = ask(LOG_NORMAL).pace;
        pace.seed = seed;
        let tokens: Vec<Token> = pace.tokens().take(count).collect();
        prop_assert_eq!(&tokens, &pace.tokens().take(count).collect::<Vec<_>>());
        let joined: String = tokens.iter().map(|token| token.text).collect();
        prop_assert!(TEXT.repeat(4).starts_with(&joined));
        prop_assert_eq!(spoken(joined.len()).collect::<String>(), joined);
        prop_assert!(tokens.iter().all(|token| !token.text.is_empty()));
        prop_assert!(tokens.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
        let mut other = pace.clone();
        other.seed = seed.wrapping_add(1);
        prop_assert!(count < 20 || tokens != other.tokens().take(count).collect::<Vec<_>>());
    }
}
