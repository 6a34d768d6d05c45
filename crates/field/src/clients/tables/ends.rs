//! What clients did at the end of streams, and after errors.

use pushbench_model::survey::{Cell, Kind, Part, State};

use crate::clients::endings::{Ending, Rule, Seen};
use crate::clients::insist::{Insisted, LAST};
use crate::clients::list::Handler;

/// What clients did at the end of streams; `None` where none was watched.
#[must_use]
pub fn endings(watched: &[(String, Vec<Result<Seen, String>>)]) -> Option<Part> {
    if watched.is_empty() {
        return None;
    }
    let columns = Ending::ALL.map(|ending| (ending.label(), Kind::Words));
    let mut part = Part::new("When a stream ends, or none begins", "client", &columns)
        .about(
            "A scripted server answers the first request in seven ways, and sees whether another comes. Before an end it sends an \
             event with an id and a short reconnection time, and where it cuts, half of another event. 500 and text/plain have a \
             stream as their body.",
        )
        .about(
            "\"Works\" is what the standard asks of an EventSource. fetch and axios promise none of it: whoever takes them writes \
             the rest.",
        );
    let standard = Ending::ALL.map(|ending| {
        Cell::words(match ending.rule() {
            Rule::Again => "ask again with the last id",
            Rule::Never => "give up, tell of no event",
            Rule::Follow => "follow",
        })
    });
    part.row("the standard", standard);
    for (name, seen) in watched {
        let cells: Vec<Cell> = Ending::ALL
            .iter()
            .zip(seen)
            .map(|(ending, seen)| match seen {
                Err(reason) => Cell::absent(reason),
                Ok(seen) => {
                    let (right, words) = seen.judged(*ending);
                    let state = if right { State::Works } else { State::Fails };
                    Cell::state(state, words)
                }
            })
            .collect();
        part.row(name.clone(), cells);
    }
    Some(part)
}

/// How often was asked after an error; `None` where nobody was watched.
#[must_use]
pub fn insisted(watched: &[(Handler, Result<Insisted, String>)]) -> Option<Part> {
    if watched.is_empty() {
        return None;
    }
    let mut part = Part::new(
        "The abort that asks again",
        "what the code does about an error",
        &[
            ("client", Kind::Words),
            ("meant", Kind::Words),
            ("requests", Kind::Count),
            ("all in all", Kind::Words),
        ],
    )
    .about(format!(
        "Every request is answered with 500; the {LAST}th with a stream that ends as it should, because nothing else ends a client \
         that goes on. {LAST} requests therefore mean: for ever."
    ));
    for (handler, seen) in watched {
        let (requests, verdict) = match seen {
            Err(reason) => (Cell::absent(reason), Cell::words("")),
            Ok(seen) => {
                let within = format!("{} in {:.1} s", seen.method, seen.over.as_secs_f64());
                let requests = Cell::remarked(seen.requests as f64, within);
                let verdict = match (handler.stops, seen.requests) {
                    (true, 1) => Cell::state(State::Works, "one request, and no more"),
                    (true, _) => Cell::state(State::Fails, "it was to stop, and asks for ever"),
                    (false, 1) => Cell::words("one request, and no more"),
                    (false, _) => Cell::words("asks for ever"),
                };
                (requests, verdict)
            }
        };
        part.row(
            handler.code.clone(),
            [
                Cell::words(&handler.client),
                Cell::words(&handler.about),
                requests,
                verdict,
            ],
        );
    }
    Some(part)
}
