//! Answers that are fetched: requests that begin them, and those that are held until there is something.

use http::StatusCode;
use pushbench_model::tokens::Ask;

use super::Guest;
use crate::bare::Common;
use crate::bare::http::answer;
use crate::tokens::Shelf;
use crate::tokens::fetch::{JSON, LINES, Wanted, Wish, begun, no_ask, no_room, refused};
use crate::tokens::shelf::{Fetched, Refusal};

const MS: u64 = 1_000_000;

/// A request that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    wanted: Wanted,
    /// Until when, CLOCK_MONOTONIC nanoseconds.
    until: u64,
    /// When there is something for it.
    due: u64,
}

impl Held {
    /// When it is to be looked after.
    pub(super) fn due(&self) -> u64 {
        self.due.min(self.until)
    }
}

/// How long a request is held at most, nanoseconds.
fn longest(common: &Common) -> u64 {
    common.options.poll_timeout_ms.saturating_mul(MS)
}

impl Guest {
    /// Deals with the request at the start of the inbox; how many bytes belong to it, none if it is not whole.
    pub(super) fn fetched(&mut self, shelf: &Shelf, common: &mut Common, now: u64) -> usize {
        let hold = longest(common);
        let (wish, body) = match self.whole(common, now, |head| Wish::of(head, hold)) {
            Ok(whole) => whole,
            Err(used) => return used,
        };
        let used = body.end;
        match wish {
            Wish::Begin => {
                let asked = Ask::parse(&self.inbox[body.clone()]);
                let begins = asked.map_err(|error| no_ask(&self.inbox[body], &error));
                let begun = begins.and_then(|ask| {
                    let name = shelf.begin(ask, hold, now).map_err(no_room)?;
                    Ok(begun(name))
                });
                match begun {
                    Ok(name) => {
                        self.tell(StatusCode::ACCEPTED, JSON, name.as_bytes(), common, now);
                    }
                    Err(refusal) => self.words(refusal, common, now),
                }
            }
            Wish::Fetch(wanted) => {
                self.held = Some(Held {
                    wanted,
                    until: now.saturating_add(wanted.hold),
                    due: now,
                });
                return used;
            }
            Wish::Stop(name) => {
                let mut body = Vec::new();
                if shelf.stop(name, now, &mut body) {
                    self.tell(StatusCode::OK, JSON, &body, common, now);
                } else {
                    self.words(refused(Refusal::Unknown), common, now);
                }
            }
        }
        self.done |= self.form.last;
        used
    }

    /// Answers the request that is held, if there is something for it at `now` or it was held long enough.
    pub(super) fn fetch(&mut self, shelf: &Shelf, common: &mut Common, now: u64) {
        let Some(held) = self.held.filter(|held| held.due() <= now) else {
            return;
        };
        let Wanted { name, after, .. } = held.wanted;
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        match shelf.fetch(name, after, longest(common), now, &mut body) {
            Ok(Fetched::NotYet(due)) if now < held.until => {
                self.held = Some(Held { due, ..held });
                self.body = body;
                return;
            }
            Ok(Fetched::NotYet(_)) => {
                let (status, date) = (StatusCode::NO_CONTENT, &mut common.date);
                answer(status, &[], None, self.form, date, now, &mut self.owed);
            }
            Ok(Fetched::Lines) => self.tell(StatusCode::OK, LINES, &body, common, now),
            Ok(Fetched::Whole) => self.tell(StatusCode::OK, JSON, &body, common, now),
            Err(refusal) => self.words(refused(refusal), common, now),
        }
        self.body = body;
        (self.held, self.since) = (None, now);
        self.done |= self.form.last;
    }

    fn words(&mut self, (status, reason): (StatusCode, String), common: &mut Common, now: u64) {
        self.tell(status, "text/plain", reason.as_bytes(), common, now);
    }

    /// Says something that is not to be kept by anybody between.
    fn tell(
        &mut self,
        status: StatusCode,
        content_type: &str,
        body: &[u8],
        common: &mut Common,
        now: u64,
    ) {
        let fields = [
            "content-type: ",
            content_type,
            "\r\ncache-control: no-store\r\n",
        ];
        self.say_with(status, &fields, body, common, now);
    }
}
