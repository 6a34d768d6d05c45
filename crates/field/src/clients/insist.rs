//! How often a client asks that was told what to do about an error. The safe form: the fifth request gets a stream that ends as
//! it should, which ends also those that would go on for ever.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::client::{Client, said};
use super::endings::Waits;
use super::http::{Answer, Scripted, Then, Until, answer};
use super::list::Handler;

/// The request that is answered with an end.
pub const LAST: usize = 5;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insisted {
    /// Method of the requests.
    pub method: String,
    /// Requests, at most [`LAST`] unless it goes on even then.
    pub requests: usize,
    /// Time from the first to the last of them.
    pub over: Duration,
}

/// Starts `client` with the command of `handler`, and refuses it with 500 until the last request.
///
/// # Errors
///
/// A sentence, when it cannot be started or asks for nothing.
pub fn watch(
    client: &Client,
    handler: &Handler,
    waits: Waits,
    stop: &AtomicBool,
) -> Result<Insisted, String> {
    let words = |error: std::io::Error| error.to_string();
    let server = Scripted::bind().map_err(words)?;
    let child = client
        .start(&handler.command, &server.url())
        .map_err(words)?;
    let until = Until {
        requests: LAST + 1,
        first: waits.first,
        quiet: waits.quiet,
        stop,
    };
    let script = |earlier: usize, _: &_| Answer {
        bytes: if earlier + 1 < LAST {
            answer("500 Internal Server Error", "", None, true)
        } else {
            let stream = "Content-Type: text/event-stream\r\n";
            answer("200 OK", stream, Some(": the end\n\n"), true)
        },
        then: Then::Close,
    };
    let requests = server.serve(script, &until).map_err(words)?;
    match (requests.first(), requests.last()) {
        (Some(first), Some(last)) => Ok(Insisted {
            method: first.method.clone(),
            requests: requests.len(),
            over: last.at.duration_since(first.at),
        }),
        _ => Err(format!("it asked for nothing: {}", said(&child.errors()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::*;

    #[test]
    fn requests_are_counted_and_come_to_an_end() {
        let waits = Waits {
            first: Duration::from_secs(60),
            quiet: Duration::from_millis(300),
        };
        let ask = "p=${0#http://}; p=${p%/*}; ask() { exec 3<>/dev/tcp/${p%:*}/${p#*:}; \
                   printf 'POST / HTTP/1.1\\r\\n\\r\\n' >&3; grep -q ' 500 ' <&3; }; ";
        for (script, requests) in [
            ("ask", 1),
            ("while ask; do :; done", LAST),
            ("while :; do ask; done", LAST + 1),
        ] {
            let client = shell(&(ask.to_owned() + script));
            let handler = Handler {
                code: "always".into(),
                about: String::new(),
                client: "shell".into(),
                command: client.command.clone(),
                stops: true,
            };
            let seen = watch(&client, &handler, waits, &AtomicBool::new(false)).unwrap();
            assert_eq!(
                (seen.requests, seen.method.as_str()),
                (requests, "POST"),
                "{script}"
            );
        }
    }
}
