//! An abort that posts again.

use std::net::TcpListener;

use super::serving::{accept, end, event_stream, refuse};
use crate::museum::exhibit::{Exhibit, Kind};

/// Requests after which the server stops the play.
const ENOUGH: usize = 5;

pub(super) const POSTS_AGAIN: Exhibit = Exhibit {
    name: "posts-again",
    title: "An abort that posts again and again",
    meant: "One request; when it fails, the client gives up.",
    intended: &["1 POST"],
    written: "onerror: () => { control.abort() }",
    why: "fetch-event-source takes a return from onerror for a wish to try again, and the abort comes too early to stop the timer \
          that does it: it posts once a second for ever, and each request may be an answer that is paid for. This server stops the \
          play at the fifth.",
    fix: "onerror: (error) => { control.abort(); throw error }",
    modules: &["@microsoft/fetch-event-source"],
    kind: Kind::Client {
        serve,
        read: |_, requests| {
            vec![match requests {
                ENOUGH => format!("{ENOUGH} POSTs, and no end in sight"),
                1 => "1 POST".into(),
                n => format!("{n} POSTs"),
            }]
        },
    },
};

/// Refuses every request but the last one.
fn serve(listener: &TcpListener) -> usize {
    let mut requests = 0;
    while let Some(mut stream) = accept(listener) {
        requests += 1;
        if requests == ENOUGH {
            event_stream(&mut stream);
            end(&mut stream);
            break;
        }
        refuse(&mut stream);
    }
    requests
}
