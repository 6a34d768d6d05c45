//! Streams that a proxy hands on in whole buffers, held against the formula.

use pushbench_model::survey::{BUFFERED, Cell, Kind, Part, State};
use pushbench_model::theory::pushing::held_by_a_buffer;

use super::super::observe::Seen;
use super::super::visit::{FAST, Observed, Visited};
use super::{AT_ONCE_NS, milliseconds};

/// The transport whose answers have no framing of their own where a proxy asks with HTTP/1.0.
const UNFRAMED: &str = "sse";
/// Messages by which the first buffer may be full sooner: the head of the answer is in it, too.
const HEAD: u64 = 2;

/// A row for each setting of which the size of the buffers is known.
pub(super) fn part(visited: &Visited) -> Part {
    let mut columns = BUFFERED.to_vec();
    columns.push(("does the formula hold?", Kind::Words));
    let mut part = Part::new(
        "Held in a buffer, by formula",
        "in front of the server",
        &columns,
    )
    .about(format!(
        "A proxy that takes an event stream without a framing of its own and buffers hands on whole buffers of B bytes. With messages of b \
         bytes, one every Δ = {} ms, the first is handed on with the last of ⌈B/b⌉: after (⌈B/b⌉ − 1)·Δ. The head of the answer lies \
         in the first buffer, so it may be {HEAD} messages sooner; a reader that works at once is up to {} ms later.",
        FAST.interval_ns / 1_000_000,
        AT_ONCE_NS / 1_000_000,
    ));
    for observed in &visited.observed {
        if let Some(page) = observed.setting.page
            && observed.transport == UNFRAMED
            && !observed.fast.is_empty()
        {
            part.row(observed.setting.name, row(page, observed));
        }
    }
    part
}

fn row(page: u64, observed: &Observed) -> [Cell; 6] {
    let held: Vec<Held> = observed
        .fast
        .iter()
        .map(|seen| Held::of(page, seen))
        .collect();
    let middle = |of: fn(&Held) -> Option<u64>, why: &str| {
        let values = held.iter().filter_map(of).map(|ns| ns as f64).collect();
        super::middle(values, why)
    };
    let bytes = observed.fast.iter().map(|seen| seen.event_bytes).max();
    [
        Cell::count(page),
        bytes.map_or_else(|| Cell::absent(""), Cell::count),
        Cell::count(FAST.interval_ns),
        middle(|held| Some(held.expected_ns), ""),
        middle(|held| held.first_ns, "nothing came"),
        verdict(&held),
    ]
}

/// The first message of a turn.
#[derive(Clone, Copy, Debug)]
struct Held {
    expected_ns: u64,
    /// Absent where nothing came.
    first_ns: Option<u64>,
}

impl Held {
    fn of(page: u64, seen: &Seen) -> Self {
        let interval_s = FAST.interval_ns as f64 / 1e9;
        let expected = held_by_a_buffer(page, seen.event_bytes, interval_s);
        Self {
            expected_ns: (expected * 1e9).round() as u64,
            first_ns: seen.delays.first().copied(),
        }
    }

    fn agrees(&self) -> bool {
        let soonest = self.expected_ns.saturating_sub(HEAD * FAST.interval_ns);
        let latest = self.expected_ns + AT_ONCE_NS;
        self.first_ns
            .is_some_and(|first| (soonest..=latest).contains(&first))
    }
}

fn verdict(held: &[Held]) -> Cell {
    let wrong: Vec<&Held> = held.iter().filter(|held| !held.agrees()).collect();
    match wrong.as_slice() {
        [] => Cell::words("agrees"),
        [first, ..] => Cell::state(
            State::Fails,
            format!(
                "disagrees: {} instead of {}",
                milliseconds(first.first_ns),
                milliseconds(Some(first.expected_ns))
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::setting::SETTINGS;
    use super::*;

    /// Pages of 4096 bytes and events of 150: 28 of them, 27 intervals of 5 ms.
    #[test]
    fn a_turn_is_held_against_full_buffers() {
        let turn = |first: Option<u64>| {
            let seen = Seen {
                event_bytes: 150,
                delays: first.into_iter().collect(),
                ..Seen::default()
            };
            Held::of(4096, &seen)
        };
        let ms = 1_000_000;
        assert_eq!(turn(None).expected_ns, 135 * ms);
        for (first, agrees) in [
            (Some(135 * ms), true),
            (Some(126 * ms), true),
            (Some(124 * ms), false),
            (Some(184 * ms), true),
            (Some(186 * ms), false),
            (Some(ms), false),
            (None, false),
        ] {
            assert_eq!(turn(first).agrees(), agrees, "{first:?}");
        }
        let wrong = verdict(&[turn(Some(130 * ms)), turn(Some(ms))]);
        assert_eq!(
            wrong,
            Cell::state(State::Fails, "disagrees: 1.0 ms instead of 135 ms")
        );
        assert_eq!(verdict(&[turn(Some(130 * ms))]), Cell::words("agrees"));
    }

    /// A report draws its chart by these columns.
    #[test]
    fn a_row_has_what_a_chart_needs() {
        let observed = Observed {
            setting: &SETTINGS[1],
            transport: UNFRAMED,
            slow: None,
            fast: vec![Seen {
                event_bytes: 150,
                delays: vec![134_000_000],
                ..Seen::default()
            }],
            idle: None,
            failed: None,
        };
        let visited = Visited {
            observed: vec![observed],
            ..Visited::default()
        };
        let part = part(&visited);
        let figures = BUFFERED.map(|(name, kind)| {
            let column = part.column(name, kind).unwrap();
            part.rows[0].cells[column].figure().unwrap()
        });
        assert_eq!(figures, [4096.0, 150.0, 5e6, 135e6, 134e6]);
    }
}
