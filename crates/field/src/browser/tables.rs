//! What was seen in the browser, as parts of a survey.

use std::fmt::Write as _;

use pushbench_model::survey::{Cell, Kind, Part, State};

use super::delivery::{Arrived, FAST, PAYLOAD, SLOW, Turn, Way};
use super::endings::{Case, Did};
use super::limits::Limit;

/// Turns of a way, and those that failed, in sentences.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The way.
    pub way: Way,
    /// Its turns.
    pub turns: Vec<Turn>,
    /// Why others were none.
    pub failed: Vec<String>,
}

/// Latency and cost of every way.
#[must_use]
pub fn delivery(delivered: &[Delivered]) -> Part {
    let rate = |interval_ns: u64| 1_000_000_000 / interval_ns;
    let mut part = Part::new(
        "Into the handler of a page",
        "way",
        &[
            ("arrived", Kind::Words),
            ("p50", Kind::Time),
            ("p99", Kind::Time),
            ("clock uncertain by", Kind::Time),
            ("CPU per message", Kind::Time),
            ("CPU per message, fast", Kind::Time),
        ],
    )
    .about(format!(
        "{} messages of {PAYLOAD} bytes, {} a second, then {} at {} a second, in turns: from the time at which a message was due to the handler \
         of the page. The middle of the turns, with the smallest and the largest under it.",
        SLOW.messages,
        rate(SLOW.interval_ns),
        FAST.messages,
        rate(FAST.interval_ns),
    ))
    .about(
        "All arrived: each message once, with the sequence number and the checksum that it was given. The page computes both when all \
         messages are there, outside of what is timed.",
    )
    .about(
        "Page and publisher have clocks of their own. In each turn the page asks the publisher's clock again and again; half of the quickest \
         round trip is what is left of uncertainty, and a difference between two ways below it says nothing.",
    )
    .about(
        "CPU time is that of all processes of the browser: rendering, network and its own upkeep. At the slow rate a message pays for the \
         upkeep between two messages too.",
    );
    for row in delivered {
        let figures = |figure: &dyn Fn(&Turn) -> Option<f64>| {
            middle(row.turns.iter().filter_map(figure).collect())
        };
        part.row(
            row.way.name,
            [
                arrived(row),
                figures(&|turn| turn.slow.quantile(0.5)),
                figures(&|turn| turn.slow.quantile(0.99)),
                figures(&|turn| Some(turn.offset.uncertainty_ns)),
                figures(&|turn| turn.slow.cpu_per_message()),
                figures(&|turn| turn.fast.cpu_per_message()),
            ],
        );
        for why in &row.failed {
            part.notes.push(format!("{}: {why}", row.way.name));
        }
    }
    part.notes.extend(resolution(delivered));
    part
}

/// How fine the clock of the page was.
fn resolution(delivered: &[Delivered]) -> Option<String> {
    let turns = || delivered.iter().flat_map(|row| &row.turns);
    let step = turns()
        .map(|turn| turn.resolution.step_ms)
        .max_by(f64::total_cmp)?;
    let isolated = if turns().all(|turn| turn.resolution.isolated) {
        "The page is isolated from other origins (COOP, COEP)"
    } else {
        "The page is not isolated from other origins"
    };
    Some(format!(
        "{isolated}: its clock moves in steps of {:.0} µs.",
        step * 1000.0
    ))
}

fn arrived(row: &Delivered) -> Cell {
    if row.turns.is_empty() {
        return Cell::absent(row.failed.first().map_or("", String::as_str));
    }
    let loads = || row.turns.iter().flat_map(|turn| [&turn.slow, &turn.fast]);
    let sum = |of: &dyn Fn(&Arrived) -> u64| loads().map(of).sum::<u64>();
    let (sent, lost, again, damaged) = (
        sum(&|load| load.sent),
        sum(&Arrived::lost),
        sum(&|load| load.again),
        sum(&|load| load.damaged),
    );
    if loads().all(Arrived::is_whole) {
        return Cell::words(format!("all {sent}"));
    }
    let mut text = format!("{} of {sent}", sent.saturating_sub(lost));
    if again > 0 {
        let _ = write!(text, ", {again} twice");
    }
    if damaged > 0 {
        let _ = write!(text, ", {damaged} damaged");
    }
    for trouble in row.turns.iter().filter_map(|turn| turn.trouble.as_ref()) {
        let _ = write!(text, "; {trouble}");
    }
    Cell::state(State::Fails, text)
}

/// Whether something was lost, damaged, came twice or failed.
#[must_use]
pub fn faulty(delivered: &[Delivered]) -> bool {
    delivered.iter().any(|row| {
        let loads = row.turns.iter().flat_map(|turn| [&turn.slow, &turn.fast]);
        !row.failed.is_empty() || !loads.into_iter().all(Arrived::is_whole)
    })
}

/// The middle of several turns, with their range.
fn middle(mut values: Vec<f64>) -> Cell {
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return Cell::absent("");
    };
    let value = values[values.len() / 2];
    if values.len() == 1 {
        return Cell::number(value);
    }
    Cell::remarked(
        value,
        format!("{:.0} to {:.0} µs", low / 1000.0, high / 1000.0),
    )
}

/// How many connections there can be; `None` where nothing was asked.
#[must_use]
pub fn limits(found: &[Limit]) -> Option<Part> {
    if found.is_empty() {
        return None;
    }
    let mut part = Part::new(
        "How many connections a browser opens",
        "asked for",
        &[
            ("open", Kind::Count),
            ("waiting", Kind::Count),
            ("failed", Kind::Count),
            ("after", Kind::Time),
            ("what it shows", Kind::Words),
        ],
    )
    .about(
        "Pages of one browser at servers that hold every stream open, until for three seconds no other stream has opened. A request of \
         one answer waits for a second.",
    );
    for limit in found {
        let after = limit
            .after_ms
            .map_or_else(|| Cell::absent(""), |ms| Cell::number(ms * 1e6));
        part.row(
            limit.asked_for,
            [
                Cell::count(limit.tally.open),
                Cell::count(limit.tally.waiting),
                Cell::count(limit.tally.failed),
                after,
                Cell::words(limit.shows),
            ],
        );
    }
    part.notes.push(
        "The six are of HTTP/1.1. Over HTTP/2 streams share one connection, and the server says how many it takes: here nginx, over TLS, in \
         front of a server of ours."
            .into(),
    );
    Some(part)
}

/// What its EventSource did; `None` where nothing was seen.
#[must_use]
pub fn endings(ended: &[(Case, Did)]) -> Option<Part> {
    if ended.is_empty() {
        return None;
    }
    let mut part = Part::new(
        "When a stream ends, or none begins",
        "the answer",
        &[
            ("EventSource of the browser", Kind::Words),
            ("the standard", Kind::Words),
        ],
    )
    .about(
        "A scripted server answers, and sees whether another request comes. Before an end it sends an event with an id and a short \
         reconnection time, and where it cuts, half of another event. CLOSED is the state that the page can read: nothing more comes.",
    );
    for (case, did) in ended {
        let (right, words) = did.judged(*case);
        let state = if right { State::Works } else { State::Fails };
        part.row(
            case.label(),
            [Cell::state(state, words), Cell::words(case.standard())],
        );
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::delivery::{Offset, Resolution, WAYS};

    #[test]
    fn a_damaged_message_is_told_and_makes_the_survey_faulty() {
        let delivered = |damaged: usize| {
            let whole = Arrived {
                sent: 2,
                delays: vec![1.0, 2.0],
                ..Arrived::default()
            };
            let slow = Arrived {
                delays: whole.delays[..2 - damaged].to_vec(),
                damaged: damaged as u64,
                ..whole.clone()
            };
            let offset = Offset {
                ns: 0.0,
                uncertainty_ns: 1.0,
            };
            let resolution = Resolution {
                isolated: true,
                step_ms: 0.005,
            };
            let turn = Turn {
                slow,
                fast: whole,
                offset,
                resolution,
                trouble: None,
            };
            [Delivered {
                way: WAYS[0],
                turns: vec![turn],
                failed: Vec::new(),
            }]
        };
        let cell = |damaged: usize| delivery(&delivered(damaged)).rows[0].cells[0].clone();
        assert_eq!(cell(0), Cell::words("all 4"));
        assert!(!faulty(&delivered(0)));
        let told = Cell::state(State::Fails, "4 of 4, 1 damaged");
        assert_eq!(cell(1), told);
        assert!(faulty(&delivered(1)));
    }
}
