//! Rules for `/healthz` and `/publish`.

use super::http::Answer;
use super::site::Site;
use super::wire::quoted;
use super::{Outcome, Rule, broken, instead_of};

pub(super) const RULES: [Rule; 3] = [
    ("control: /healthz answers 200", health),
    (
        "control: posts are accepted, one after the other on one connection",
        keep_alive,
    ),
    ("control: pipelined posts are all answered", pipelined),
];

/// How many are pipelined.
pub(super) const MANY: usize = 200;

pub(super) fn health(site: &Site) -> Outcome {
    let expected = "200";
    let answer = site.ask_control("/healthz").map_err(instead_of(expected))?;
    match answer.head.status {
        200 => Ok(()),
        _ => Err(broken(expected, answer.in_short())),
    }
}

fn keep_alive(site: &Site) -> Outcome {
    let mut wire = site
        .poster()
        .map_err(instead_of("a connection to post on"))?;
    for _ in 0..3 {
        let request = site.requests(&site.small(1));
        wire.send(request)
            .map_err(instead_of("a connection that is kept alive"))?;
        site.accepted(&mut wire, 1)?;
    }
    match wire
        .unasked()
        .map_err(instead_of("nothing behind the answers"))?
    {
        Some(came) => Err(broken(
            "nothing behind the answers, and a connection kept alive",
            came,
        )),
        None => Ok(()),
    }
}

fn pipelined(site: &Site) -> Outcome {
    site.publish(&site.small(MANY))?;
    let expected = "200 from /healthz after them";
    let health: Answer = site.ask_control("/healthz").map_err(instead_of(expected))?;
    match health.head.status {
        200 => Ok(()),
        _ => Err(broken(expected, quoted(&health.content))),
    }
}
