//! What the browser's own EventSource does when a stream ends or none begins, against the standard's answer
//! (WHATWG HTML §9.2.3, processing model).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::chromium::Browser;
use super::devtools::BrowserError;
use crate::clients::endings::{EVENT, Ending, Rule, STREAM, Seen};
use crate::clients::http::{Answer, Asked, Scripted, Then, Until, answer};

/// Longest wait for a word of the page.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the first request may take.
const FIRST: Duration = Duration::from_secs(30);
/// No further request comes when there was none for so long. Chromium asks again after three seconds where nobody says when.
const QUIET: Duration = Duration::from_secs(5);
/// Requests after which it is clear that it asks again and again.
const ENOUGH: usize = 3;
/// `EventSource.CLOSED`.
const CLOSED: u8 = 2;

/// A way in which a stream ends, or does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One that clients that are programs are watched with too.
    Common(Ending),
    /// A clean end, and 503 to the request that follows.
    Unavailable,
    /// A stream that says that its text is not UTF-8.
    Charset,
}

/// What it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Did {
    /// Requests, and texts of events.
    pub seen: Seen,
    /// Whether it has given up for good.
    pub closed: bool,
}

#[derive(Deserialize)]
struct Told {
    events: Vec<String>,
    state: u8,
}

impl Case {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let common = Ending::ALL.into_iter().map(Self::Common);
        common.chain([Self::Unavailable, Self::Charset]).collect()
    }

    /// Its name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Common(ending) => ending.label(),
            Self::Unavailable => "503 after a clean end",
            Self::Charset => "charset=windows-1252",
        }
    }

    /// What the standard wants, in words.
    #[must_use]
    pub fn standard(self) -> &'static str {
        match self {
            Self::Common(ending) => match ending.rule() {
                Rule::Again => "ask again with the last id",
                Rule::Never => "give up, tell of no event",
                Rule::Follow => "follow",
            },
            Self::Unavailable => "give up",
            Self::Charset => "take it for a stream, as UTF-8",
        }
    }

    fn answer(self, earlier: usize, asked: &Asked) -> Answer {
        match (self, earlier) {
            (Self::Common(ending), _) => ending.answer(earlier, asked),
            (Self::Unavailable, 0) => Ending::Clean.answer(0, asked),
            (Self::Unavailable, _) => Answer {
                bytes: answer("503 Service Unavailable", STREAM, Some(EVENT), true),
                then: Then::Close,
            },
            (Self::Charset, _) => Answer {
                bytes: answer(
                    "200 OK",
                    "Content-Type: text/event-stream;charset=windows-1252\r\n",
                    Some(EVENT),
                    false,
                ),
                then: Then::Hold,
            },
        }
    }

    /// Requests after which all is clear.
    fn enough(self) -> usize {
        match self {
            Self::Common(ending) if ending.rule() != Rule::Never => 2,
            _ => ENOUGH,
        }
    }
}

impl Did {
    /// Whether that is what the standard asks for, and in words.
    #[must_use]
    pub fn judged(&self, case: Case) -> (bool, String) {
        let (right, words) = match case {
            Case::Common(ending) => self.seen.judged(ending),
            Case::Unavailable => match self.seen.further {
                0 => (false, "never asks again".into()),
                1 => (true, "gives up".into()),
                _ => (false, "asks again and again".into()),
            },
            Case::Charset => match self.seen.events.as_deref() {
                Some([_, ..]) => (true, "takes it for a stream".into()),
                _ => (false, "gives up".into()),
            },
        };
        // One that asks nothing more, and does not say so, would be waited for in vain.
        let state = if self.closed { "; CLOSED" } else { "" };
        let gave_up = words == "gives up";
        (right && (self.closed == gave_up), format!("{words}{state}"))
    }
}

/// What the browser does at one of them.
///
/// # Errors
///
/// When it fails, or asks for nothing.
pub fn watch(browser: &mut Browser, case: Case) -> Result<Did, BrowserError> {
    let failed = |source| BrowserError::Io {
        what: "a scripted server".into(),
        source,
    };
    let server = Scripted::bind().map_err(failed)?;
    let url = server.url();
    let (origin, path) = url.split_at(url.rfind('/').unwrap_or(url.len()));
    browser.with_tab(origin, |browser, tab| {
        let stop = AtomicBool::new(false);
        let until = Until {
            requests: case.enough(),
            first: FIRST,
            quiet: QUIET,
            stop: &stop,
        };
        thread::scope(|scope| {
            let serve = || server.serve(|earlier, asked| case.answer(earlier, asked), &until);
            let served = scope.spawn(serve);
            let begun = browser.evaluate::<()>(tab, &format!("pushbench.watch({path:?})"), ANSWER);
            while begun.is_ok() && !served.is_finished() && browser.go_on().is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
            stop.store(true, Ordering::Relaxed);
            let requests = served
                .join()
                .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            let requests = requests.map_err(failed)?;
            begun?;
            browser.go_on()?;
            let told: Told = browser.evaluate(tab, "pushbench.told()", ANSWER)?;
            if requests.is_empty() {
                return Err(BrowserError::Script("it asked for nothing".into()));
            }
            Ok(did(&requests, told))
        })
    })
}

fn did(requests: &[Asked], told: Told) -> Did {
    Did {
        seen: Seen::of(requests, Some(told.events)),
        closed: told.state == CLOSED,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn did(further: usize, events: &[&str], closed: bool) -> Did {
        Did {
            seen: Seen {
                further,
                id: Some("7".into()),
                followed: false,
                events: Some(events.iter().map(|&text| text.to_owned()).collect()),
            },
            closed,
        }
    }

    #[test]
    fn giving_up_is_right_only_where_it_is_asked_and_said() {
        let clean = Case::Common(Ending::Clean);
        assert!(did(1, &["whole"], false).judged(clean).0);
        assert_eq!(
            did(0, &["whole"], true).judged(clean),
            (false, "never asks again; CLOSED".into())
        );
        let failure = Case::Common(Ending::Failure);
        assert_eq!(
            did(0, &[], true).judged(failure),
            (true, "gives up; CLOSED".into())
        );
        assert_eq!(
            did(0, &[], false).judged(failure),
            (false, "gives up".into())
        );
        assert!(did(1, &["whole"], true).judged(Case::Unavailable).0);
        assert!(!did(2, &["whole"], false).judged(Case::Unavailable).0);
        assert!(did(0, &["whole"], false).judged(Case::Charset).0);
        assert!(!did(0, &[], true).judged(Case::Charset).0);
    }

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> =
            Case::all().into_iter().map(Case::label).collect();
        assert_eq!(names.len(), Ending::ALL.len() + 2);
    }
}
