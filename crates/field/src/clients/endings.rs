//! What a client of Server-Sent Events does when a stream ends or none begins, against the standard's answer
//! (WHATWG HTML §9.2.3, processing model).

use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use pushbench_sys::process::Child;

use super::answer::Line;
use super::client::{Client, said};
use super::http::{Answer, Asked, Scripted, Then, Until, answer};

/// The type of a stream.
pub(crate) const STREAM: &str = "Content-Type: text/event-stream\r\n";
/// A reconnection time, an id and an event.
pub(crate) const EVENT: &str = "retry: 100\nid: 7\ndata: whole\n\n";
/// The id in it.
const ID: &str = "7";
/// What follows it where a stream is cut: an event that must not be told, whose id must not be sent.
const UNFINISHED: &str = "id: 8\ndata: cut";
/// Where a redirect leads.
const ELSEWHERE: &str = "/elsewhere";
/// Requests after which it is clear that a client asks again and again.
const ENOUGH: usize = 3;
/// How long a client may take to say what arrived.
const TELLING: Duration = Duration::from_secs(5);

/// A way in which a stream ends, or does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer ends as it should.
    Clean,
    /// The connection is closed in the middle of the answer, and of an event.
    Cut,
    /// The connection is reset.
    Reset,
    /// 204, without a body.
    NoContent,
    /// 500, with a stream as its body.
    Failure,
    /// 200, with a stream as its body that says that it is `text/plain`.
    WrongType,
    /// 307 to another path.
    Redirect,
}

/// What the standard wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Another request, with the last id.
    Again,
    /// No other request, and no event.
    Never,
    /// A request to where it leads.
    Follow,
}

/// What a client did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests after the first.
    pub further: usize,
    /// The `Last-Event-ID` of the second.
    pub id: Option<String>,
    /// Whether a request went to where the redirect leads.
    pub followed: bool,
    /// Texts of the events that it told of; `None` when its program had ended.
    pub events: Option<Vec<String>>,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Clean,
        Self::Cut,
        Self::Reset,
        Self::NoContent,
        Self::Failure,
        Self::WrongType,
        Self::Redirect,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Clean => "clean end",
            Self::Cut => "cut in an event",
            Self::Reset => "reset",
            Self::NoContent => "204",
            Self::Failure => "500",
            Self::WrongType => "text/plain",
            Self::Redirect => "307",
        }
    }

    /// What the standard wants.
    #[must_use]
    pub fn rule(self) -> Rule {
        match self {
            Self::Clean | Self::Cut | Self::Reset => Rule::Again,
            Self::NoContent | Self::Failure | Self::WrongType => Rule::Never,
            Self::Redirect => Rule::Follow,
        }
    }

    pub(crate) fn answer(self, earlier: usize, asked: &Asked) -> Answer {
        let heals = earlier > 0 && self.rule() == Rule::Again;
        let cut = format!("{EVENT}{UNFINISHED}");
        let (bytes, then) = match self {
            _ if heals || asked.path == ELSEWHERE => (
                answer("200 OK", STREAM, Some(": open\n\n"), false),
                Then::Hold,
            ),
            Self::Clean => (answer("200 OK", STREAM, Some(EVENT), true), Then::Close),
            Self::Cut => (answer("200 OK", STREAM, Some(&cut), false), Then::Close),
            Self::Reset => (answer("200 OK", STREAM, Some(EVENT), false), Then::Reset),
            Self::NoContent => (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Close),
            Self::Failure => {
                let status = "500 Internal Server Error";
                (answer(status, STREAM, Some(EVENT), true), Then::Close)
            }
            Self::WrongType => {
                let plain = "Content-Type: text/plain\r\n";
                (answer("200 OK", plain, Some(EVENT), true), Then::Close)
            }
            Self::Redirect => {
                let to = format!("Location: {ELSEWHERE}\r\n");
                (
                    answer("307 Temporary Redirect", &to, None, true),
                    Then::Close,
                )
            }
        };
        Answer { bytes, then }
    }
}

impl Seen {
    /// From the requests that came, at least one, and the texts of events.
    pub(crate) fn of(requests: &[Asked], events: Option<Vec<String>>) -> Self {
        Self {
            further: requests.len().saturating_sub(1),
            id: requests
                .get(1)
                .and_then(|asked| asked.last_event_id.clone()),
            followed: requests.iter().any(|asked| asked.path == ELSEWHERE),
            events,
        }
    }

    /// Whether that is what `ending` asks for, and in words.
    #[must_use]
    pub fn judged(&self, ending: Ending) -> (bool, String) {
        let events = self.events.as_deref().unwrap_or_default();
        if events.iter().any(|text| text.contains("cut")) {
            return (false, "tells of the cut event".into());
        }
        match ending.rule() {
            Rule::Again if self.further == 0 => (false, "never asks again".into()),
            Rule::Again => match self.id.as_deref() {
                Some(ID) => (true, "asks again with the last id".into()),
                Some(id) => (false, format!("asks again with the id {id:?}")),
                None => (false, "asks again without the id".into()),
            },
            Rule::Never if self.further > 0 => (false, "asks again and again".into()),
            Rule::Never if !events.is_empty() => (false, "takes it for a stream".into()),
            Rule::Never => (true, "gives up".into()),
            Rule::Follow if self.followed => (true, "follows".into()),
            Rule::Follow => (false, "does not follow".into()),
        }
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the first request: programs start slowly when many do.
    pub first: Duration,
    /// For a further one. Reconnection times that libraries have by themselves are up to three seconds.
    pub quiet: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            quiet: Duration::from_secs(5),
        }
    }
}

/// What `client` does at every ending, in the order of [`Ending::ALL`], each with a process of its own, all at once.
pub fn watch(client: &Client, waits: Waits, stop: &AtomicBool) -> Vec<Result<Seen, String>> {
    thread::scope(|scope| {
        let watched =
            Ending::ALL.map(|ending| scope.spawn(move || one(client, ending, waits, stop)));
        let ended = watched.into_iter().map(|thread| {
            let died = |_| Err("the thread that watched it died".to_owned());
            thread.join().unwrap_or_else(died)
        });
        ended.collect()
    })
}

fn one(client: &Client, ending: Ending, waits: Waits, stop: &AtomicBool) -> Result<Seen, String> {
    let words = |error: std::io::Error| error.to_string();
    let server = Scripted::bind().map_err(words)?;
    let mut child = client
        .start(&client.command, &server.url())
        .map_err(words)?;
    let until = Until {
        requests: if ending.rule() == Rule::Never {
            ENOUGH
        } else {
            2
        },
        first: waits.first,
        quiet: waits.quiet,
        stop,
    };
    let requests = server
        .serve(|earlier, asked| ending.answer(earlier, asked), &until)
        .map_err(words)?;
    if requests.is_empty() {
        return Err(format!("it asked for nothing: {}", said(&child.errors())));
    }
    Ok(Seen::of(&requests, told(&mut child)))
}

/// What it tells of when it is asked.
fn told(child: &mut Child) -> Option<Vec<String>> {
    // One that has ended cannot be told, and has nothing more to tell.
    child.tell("results").ok()?;
    let deadline = Instant::now() + TELLING;
    let mut events = Vec::new();
    while let Ok(line) = child.line(deadline.saturating_duration_since(Instant::now())) {
        match Line::read(&line) {
            Line::Message(arrival) => events.push(arrival.text),
            Line::Result(_) => return Some(events),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::*;

    const ASK: &str = "p=${0#http://}; p=${p%/*}; ask() { exec 3<>/dev/tcp/${p%:*}/${p#*:}; \
                       printf 'GET %s HTTP/1.1\\r\\n%s\\r\\n' \"$1\" \"$2\" >&3; cat <&3 >/dev/null; }; ";
    const WAITS: Waits = Waits {
        first: Duration::from_secs(60),
        quiet: Duration::from_millis(1500),
    };

    fn verdicts(script: &str) -> Vec<(bool, String)> {
        let client = shell(&(ASK.to_owned() + script));
        let seen = watch(&client, WAITS, &AtomicBool::new(false));
        Ending::ALL
            .iter()
            .zip(seen)
            .map(|(ending, seen)| seen.unwrap().judged(*ending))
            .collect()
    }

    #[test]
    fn one_that_asks_once_is_right_where_it_must_give_up() {
        let found = verdicts("ask /sse; read; echo RESULT 0");
        let right: Vec<bool> = found.iter().map(|verdict| verdict.0).collect();
        assert_eq!(
            right,
            [false, false, false, true, true, true, false],
            "{found:?}"
        );
    }

    #[test]
    fn one_that_always_asks_again_is_right_where_it_must_and_only_there() {
        let found =
            verdicts("ask /sse; while :; do ask /elsewhere $'Last-Event-ID: 7\\r\\n'; done");
        let right: Vec<bool> = found.iter().map(|verdict| verdict.0).collect();
        assert_eq!(
            right,
            [true, true, true, false, false, false, true],
            "{found:?}"
        );
    }

    #[test]
    fn words_say_what_differs() {
        let again = |id: Option<&str>| Seen {
            further: 1,
            id: id.map(String::from),
            ..Seen::default()
        };
        assert_eq!(
            again(None).judged(Ending::Reset).1,
            "asks again without the id"
        );
        assert_eq!(
            again(Some("8")).judged(Ending::Cut).1,
            "asks again with the id \"8\""
        );
        let told = |text: &str| Seen {
            events: Some(vec![text.into()]),
            ..again(Some("7"))
        };
        assert_eq!(
            told("cut").judged(Ending::Cut),
            (false, "tells of the cut event".into())
        );
        assert!(told("whole").judged(Ending::Cut).0);
        let taken = Seen {
            further: 0,
            ..told("whole")
        };
        assert_eq!(taken.judged(Ending::Failure).1, "takes it for a stream");
    }
}
