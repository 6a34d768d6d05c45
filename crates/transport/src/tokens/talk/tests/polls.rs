//! Answers that are fetched.

use pushbench_model::message::{Stamp, encode_text};

use super::*;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const NOTHING: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const BEGUN: &[u8] = b"{\"id\":\"0f\"}";

fn said(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn token(seq: u64) -> Vec<u8> {
    let stamp = Stamp {
        seq,
        intended: 1,
        published: 2,
    };
    let mut out = Vec::new();
    encode_text(stamp, "x", &mut out);
    out
}

/// What a server says to each of the requests, one after the other.
fn dialogue() -> Vec<Vec<u8>> {
    let [one, two, three] = [1, 2, 3].map(token);
    let lines = |all: &[&[u8]]| {
        said(
            "200 OK",
            LINES,
            &[&all.join(&b"\n"[..])[..], b"\n"].concat(),
        )
    };
    vec![
        said("202 Accepted", JSON, BEGUN),
        NOTHING.to_vec(),
        lines(&[&one]),
        lines(&[&two, &three, &done()]),
    ]
}

/// What a client asks for, what it hears, how far it is, and what it should have cost.
type Conversed = (Vec<String>, Vec<Vec<u8>>, Turn, Progress);

/// What a client that is told `responses`, each in the pieces that `cut` makes of it, asks for; what it hears, how far it is and
/// what it should have cost.
fn converse<'a>(
    responses: &'a [Vec<u8>],
    cut: impl Fn(&'a [u8]) -> Vec<&'a [u8]>,
) -> Result<Conversed, SubscribeError> {
    let mut talk = Talk::polls("h");
    let (mut asked, mut messages) = (Vec::new(), Vec::new());
    let mut out = Vec::new();
    talk.open(NONCE, &mut out);
    talk.ask(b"{}", &mut out);
    for response in responses {
        asked.push(String::from_utf8(std::mem::take(&mut out)).unwrap());
        for piece in cut(response) {
            talk.receive(piece, &mut out, &mut |body| messages.push(body.to_vec()))?;
            talk.go_on(&mut out);
        }
    }
    assert!(out.is_empty());
    Ok((asked, messages, talk.turn(), talk.progress()))
}

#[test]
fn an_answer_is_asked_for_until_its_end() {
    let responses = dialogue();
    let (asked, messages, turn, cost) = converse(&responses, |bytes| vec![bytes]).unwrap();
    let poll = |after: u64| format!("GET /chat/0f?after={after} HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(asked[0].starts_with("POST /chat HTTP/1.1\r\nHost: h\r\nPrefer: respond-async\r\n"));
    assert_eq!(asked[1..], [poll(0), poll(0), poll(1)]);
    assert_eq!(messages, [token(1), token(2), token(3), done()]);
    assert_eq!(turn, Turn::Idle);
    let bytes = |all: &[&[u8]]| all.iter().map(|part| part.len() as u64).sum::<u64>();
    let parts: Vec<&[u8]> = responses.iter().map(Vec::as_slice).collect();
    assert_eq!(cost.expected_down, bytes(&parts));
    let parts: Vec<&[u8]> = asked.iter().map(String::as_bytes).collect();
    assert_eq!(cost.expected_up, bytes(&parts));
}

#[test]
fn one_that_comes_at_once_is_its_own_end() {
    let whole = b"{\"text\":\"x\",\"tokens\":1,\"context\":2}";
    let responses = [
        said("202 Accepted", JSON, BEGUN),
        said("200 OK", JSON, whole),
    ];
    let (asked, messages, turn, _) = converse(&responses, |bytes| vec![bytes]).unwrap();
    assert_eq!((asked.len(), turn), (2, Turn::Idle));
    assert_eq!(messages, [whole.to_vec()]);
}

/// Between two polls, and in the middle of an answer to one.
#[test]
fn one_that_is_stopped_ends_with_what_the_server_says_of_it() {
    for halfway in [false, true] {
        let responses = dialogue();
        let (mut talk, mut out, mut messages) = (Talk::polls("h"), Vec::new(), Vec::new());
        let mut hear = |talk: &mut Talk, bytes: &[u8]| {
            talk.receive(bytes, &mut Vec::new(), &mut |body| {
                messages.push(body.to_vec());
            })
            .unwrap();
        };
        talk.ask(b"{}", &mut out);
        hear(&mut talk, &responses[0]);
        talk.go_on(&mut out);
        out.clear();
        let (first, rest) = responses[2].split_at(responses[2].len() - usize::from(halfway));
        hear(&mut talk, first);
        assert!(talk.cancel(&mut out));
        assert_eq!(out, b"DELETE /chat/0f HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(&mut talk, rest);
        out.clear();
        talk.go_on(&mut out);
        assert!(out.is_empty(), "nothing is asked for beside it");
        assert_eq!(talk.turn(), Turn::Answering);
        hear(&mut talk, &said("200 OK", JSON, &done()));
        assert_eq!(talk.turn(), Turn::Idle);
        assert_eq!(messages, [token(1), done()]);
    }
}

#[test]
fn what_a_server_may_not_say_is_refused() {
    let of = |responses: &[Vec<u8>]| {
        converse(responses, |bytes| vec![bytes])
            .unwrap_err()
            .to_string()
    };
    let begun = said("202 Accepted", JSON, BEGUN);
    assert!(of(&[said("200 OK", JSON, BEGUN)]).contains("200, expected 202"));
    for name in ["", "a b", "x\\r\\ny", "../a", &"x".repeat(65)] {
        let body = format!("{{\"id\":\"{name}\"}}");
        let error = of(&[said("202 Accepted", JSON, body.as_bytes())]);
        assert!(error.contains("how an answer is called"), "{name}: {error}");
    }
    let long = format!("{{\"id\":\"0f\",\"x\":\"{}\"}}", "x".repeat(2000));
    assert!(of(&[said("202 Accepted", JSON, long.as_bytes())]).contains("endless"));
    assert!(
        of(&[begun.clone(), said("404 Not Found", JSON, b"")]).contains("404, expected 200 or 204")
    );
    assert!(of(&[begun.clone(), said("200 OK", "text/html", b"")]).contains("Content-Type"));
    assert!(of(&[[&begun[..], NOTHING].concat()]).contains("nobody asked for"));
    let open = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n".to_vec();
    assert!(of(&[begun, open]).contains("with every answer"));
}

proptest! {
    #[test]
    fn any_cut_is_heard_the_same(cuts in cuts()) {
        let responses = dialogue();
        let whole = converse(&responses, |bytes| vec![bytes]).unwrap();
        prop_assert_eq!(whole, converse(&responses, |bytes| cuts.of(bytes)).unwrap());
    }
}
