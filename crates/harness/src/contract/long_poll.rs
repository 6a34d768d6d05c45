//! Rules for `GET /poll`, held and not held.

use super::http::{Answer, get};
use super::site::Site;
use super::wire::{Wire, quoted};
use super::{Outcome, Rule, broken, delivery, instead_of};

pub(super) const RULES: [Rule; 5] = [
    (
        "long-poll: a batch of lines, with its length, on a connection kept alive",
        batch,
    ),
    ("long-poll: without a message it ends empty with 204", empty),
    (
        "long-poll: a poll that waits is answered by the first message",
        waits,
    ),
    (
        "long-poll: what comes between two polls is in the second",
        between,
    ),
    ("long-poll: what is no number is refused", refuses),
];

/// Those for who asks by the clock.
pub(super) const UNHELD: [Rule; 4] = [
    (
        "short-poll: a batch of lines, with its length, on a connection kept alive",
        batch,
    ),
    (
        "short-poll: without a message it ends empty with 204",
        empty,
    ),
    (
        "short-poll: what comes between two polls is in the second",
        between,
    ),
    ("short-poll: what is no number is refused", refuses),
];

/// How long a poll may be held that need not be, milliseconds.
fn hold_ms(site: &Site) -> u64 {
    if site.is_held() { 1000 } else { 0 }
}

fn request(site: &Site, query: &str) -> String {
    get(&site.data, &delivery::with_query(site.path(), query), "")
}

/// The next request on a connection, and its answer.
fn ask(wire: &mut Wire, site: &Site, query: &str) -> Result<Answer, String> {
    wire.send(request(site, query))?;
    Answer::read(wire)
}

fn lines(posted: &[super::site::Posted]) -> Vec<u8> {
    posted
        .iter()
        .flat_map(|posted| [&posted.body[..], b"\n"].concat())
        .collect()
}

fn batch(site: &Site) -> Outcome {
    let posted = site.small(3);
    site.publish(&posted)?;
    let expected =
        "200, application/x-ndjson and Content-Length with two lines, twice on one connection";
    let mut wire = Wire::connect(&site.data).map_err(instead_of(expected))?;
    if site.is_held() {
        // Who answers polls may learn of a message a little after its post was answered: a poll waits until it knows the last.
        let query = format!("after={}&timeout={}", posted[1].seq, hold_ms(site));
        ask(&mut wire, site, &query).map_err(instead_of(expected))?;
    }
    for _ in 0..2 {
        let query = format!("after={}&timeout={}", posted[0].seq, hold_ms(site));
        let answer = ask(&mut wire, site, &query).map_err(instead_of(expected))?;
        let head = &answer.head;
        let sized = head.field("content-length").is_some();
        if head.status != 200 || head.essence() != "application/x-ndjson" || !sized {
            return Err(broken(expected, quoted(head.text.as_bytes())));
        }
        let wanted = lines(&posted[1..]);
        if answer.content != wanted {
            return Err(broken(quoted(&wanted), quoted(&answer.content)));
        }
    }
    Ok(())
}

fn empty(site: &Site) -> Outcome {
    let expected = "204 without a body, on a connection kept alive";
    let mut wire = Wire::connect(&site.data).map_err(instead_of(expected))?;
    let holds: &[u64] = if site.is_held() { &[0, 50] } else { &[0, 0] };
    for timeout in holds {
        let query = format!("after={}&timeout={timeout}", site.published());
        let answer = ask(&mut wire, site, &query).map_err(instead_of(expected))?;
        let announces = answer
            .head
            .field("content-length")
            .is_some_and(|length| length != "0");
        if answer.head.status != 204 || announces {
            return Err(broken(expected, quoted(answer.head.text.as_bytes())));
        }
        if let Some(came) = wire.unasked().map_err(instead_of(expected))? {
            return Err(broken(expected, format!("204 and then {came}")));
        }
    }
    Ok(())
}

fn waits(site: &Site) -> Outcome {
    let expected = "no answer before there is a message";
    let mut wire = Wire::connect(&site.data).map_err(instead_of(expected))?;
    let query = format!("after={}&timeout=20000", site.published());
    wire.send(request(site, &query))
        .map_err(instead_of(expected))?;
    if let Some(came) = wire.unasked().map_err(instead_of(expected))? {
        return Err(broken(expected, came));
    }
    let posted = site.small(1);
    site.publish(&posted)?;
    let wanted = lines(&posted);
    let answer = Answer::read(&mut wire).map_err(|came| broken(quoted(&wanted), came))?;
    match answer.content == wanted {
        true => Ok(()),
        false => Err(broken(quoted(&wanted), answer.in_short())),
    }
}

fn between(site: &Site) -> Outcome {
    let before = site.published();
    let mut wire = Wire::connect(&site.data).map_err(instead_of("a connection"))?;
    for round in 0..5 {
        let posted = site.small(1);
        site.publish(&posted)?;
        let wanted = lines(&posted);
        let query = format!("after={}&timeout={}", before + round, hold_ms(site));
        let answer = ask(&mut wire, site, &query).map_err(|came| broken(quoted(&wanted), came))?;
        if answer.content != wanted {
            return Err(broken(quoted(&wanted), answer.in_short()));
        }
    }
    Ok(())
}

fn refuses(site: &Site) -> Outcome {
    for query in ["after=x", "after=-1", "after=0&timeout=x"] {
        let expected = format!("400 to ?{query}");
        let mut wire = Wire::connect(&site.data).map_err(|came| broken(&expected, came))?;
        let answer = ask(&mut wire, site, query).map_err(|came| broken(&expected, came))?;
        if answer.head.status != 400 {
            return Err(broken(expected, answer.in_short()));
        }
    }
    Ok(())
}
