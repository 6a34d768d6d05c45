//! What was seen, as parts of a survey.

mod held;

use pushbench_model::survey::{Cell, Kind, Part, State};

use super::TRANSPORTS;
use super::observe::Seen;
use super::setting::SETTINGS;
use super::visit::{FAST, IDLE, Observed, SLOW, Visited};

/// A message that is later than the same one without a proxy by less still comes at once for a person.
pub const AT_ONCE_NS: u64 = 50_000_000;

/// The matrix, then the figures.
#[must_use]
pub fn parts(visited: &Visited) -> Vec<Part> {
    vec![
        matrix(visited),
        figures(visited),
        held::part(visited),
        idle(visited),
    ]
    .into_iter()
    .filter(|part| !part.rows.is_empty())
    .collect()
}

fn of<'a>(visited: &'a Visited, setting: &str, transport: &str) -> Option<&'a Observed> {
    visited
        .observed
        .iter()
        .find(|observed| observed.setting.name == setting && observed.transport == transport)
}

fn matrix(visited: &Visited) -> Part {
    let columns = TRANSPORTS.map(|transport| (transport, Kind::Words));
    let mut part = Part::new("Does it work?", "in front of the server", &columns)
        .about(format!(
            "{} messages, one every {} ms, through each proxy as it is set. It works when all arrive, each at most {} ms later than it \
             was due; it works late when all arrive, and some later; it does not work when some are missing {} s after the last one, \
             or the connection is refused or cut.",
            SLOW.messages,
            SLOW.interval_ns / 1_000_000,
            AT_ONCE_NS / 1_000_000,
            2
        ));
    for setting in SETTINGS.iter().filter(|setting| setting.idle.is_none()) {
        let cells = TRANSPORTS.map(|transport| match of(visited, setting.name, transport) {
            Some(observed) => verdict(observed),
            None => Cell::absent(if setting.gzip { "for SSE only" } else { "" }),
        });
        if TRANSPORTS
            .iter()
            .any(|transport| of(visited, setting.name, transport).is_some())
        {
            part.row(setting.name, cells);
        }
    }
    part
}

/// The verdict on ten events.
#[must_use]
pub fn verdict(observed: &Observed) -> Cell {
    if let Some(why) = &observed.failed {
        return Cell::state(State::Fails, why.clone());
    }
    let Some(seen) = &observed.slow else {
        return Cell::absent("");
    };
    let state = judge(seen);
    let words = match (state, &seen.ended) {
        (State::Fails, Some((_, why))) if seen.delays.is_empty() => why.clone(),
        (State::Fails, _) => format!("{} of {} arrived", seen.delays.len(), seen.sent),
        (State::Late, _) => format!(
            "the first one {} late",
            milliseconds(seen.delays.first().copied())
        ),
        (State::Works, _) => format!(
            "all within {}",
            milliseconds(seen.delays.iter().max().copied())
        ),
    };
    Cell::state(state, words)
}

/// Whether what was sent arrived, and in time.
#[must_use]
pub fn judge(seen: &Seen) -> State {
    if seen.missing() > 0 || seen.sent == 0 {
        State::Fails
    } else if seen.delays.iter().any(|&delay| delay > AT_ONCE_NS) {
        State::Late
    } else {
        State::Works
    }
}

fn milliseconds(ns: Option<u64>) -> String {
    ns.map_or_else(
        || "?".into(),
        |ns| {
            let ms = ns as f64 / 1e6;
            if ms < 10.0 {
                format!("{ms:.1} ms")
            } else {
                format!("{ms:.0} ms")
            }
        },
    )
}

fn figures(visited: &Visited) -> Part {
    let mut part = Part::new(
        "What it costs",
        "in front of the server",
        &[
            ("over", Kind::Words),
            ("first message", Kind::Time),
            ("p50", Kind::Time),
            ("p50 added", Kind::Time),
            ("messages per read", Kind::Times),
            ("most in a read", Kind::Count),
            ("arrived", Kind::Words),
        ],
    )
    .about(format!(
        "{} messages, one every {} ms, in turns; the middle of the turns, with the smallest and the largest under it. What a proxy \
         adds is its p50 less that of the same turn without a proxy. More than one message per read is a proxy that holds messages \
         back until it has a buffer full, or a machine that was busy.",
        FAST.messages,
        FAST.interval_ns / 1_000_000
    ));
    for observed in visited
        .observed
        .iter()
        .filter(|observed| !observed.fast.is_empty())
    {
        let direct = of(visited, SETTINGS[0].name, observed.transport);
        part.row(observed.setting.name, row(observed, direct));
    }
    part
}

fn row(observed: &Observed, direct: Option<&Observed>) -> Vec<Cell> {
    let medians: Vec<Option<u64>> = observed.fast.iter().map(Seen::median).collect();
    let firsts = observed
        .fast
        .iter()
        .filter_map(|seen| seen.delays.first().copied());
    let added = direct
        .filter(|direct| direct.setting.name != observed.setting.name)
        .map(|direct| {
            let pairs = medians.iter().zip(&direct.fast);
            pairs
                .filter_map(|(median, direct)| Some((*median)? as f64 - direct.median()? as f64))
                .collect::<Vec<f64>>()
        });
    let batching: Vec<f64> = observed.fast.iter().filter_map(Seen::batching).collect();
    let most = observed
        .fast
        .iter()
        .flat_map(|seen| &seen.batches)
        .max()
        .copied();
    let sent: u64 = observed.fast.iter().map(|seen| seen.sent).sum();
    let missing: u64 = observed.fast.iter().map(Seen::missing).sum();
    let arrived = if missing == 0 {
        Cell::words(format!("all {sent}"))
    } else {
        Cell::state(State::Fails, format!("{} of {sent}", sent - missing))
    };
    vec![
        Cell::words(observed.transport),
        middle(firsts.map(|ns| ns as f64).collect(), "nothing came"),
        middle(
            medians.iter().flatten().map(|&ns| ns as f64).collect(),
            "nothing came",
        ),
        added.map_or_else(|| Cell::absent(""), |added| middle(added, "")),
        middle(batching, "nothing came"),
        most.map_or_else(|| Cell::absent(""), Cell::count),
        arrived,
    ]
}

/// The middle of several turns, with their range.
fn middle(mut values: Vec<f64>, why: &str) -> Cell {
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return Cell::absent(why);
    };
    let value = values[values.len() / 2];
    if values.len() == 1 {
        return Cell::number(value);
    }
    let figure = |value: f64| {
        if value.abs() >= 1e4 {
            format!("{:.2} ms", value / 1e6)
        } else {
            format!("{value:.1}")
        }
    };
    Cell::remarked(value, format!("{} to {}", figure(*low), figure(*high)))
}

fn idle(visited: &Visited) -> Part {
    let columns = TRANSPORTS.map(|transport| (transport, Kind::Words));
    let mut part = Part::new("When nothing is sent", "in front of the server", &columns).about(format!(
        "A subscription without messages, watched for {} s: whether something cuts it, when, and how the subscriber learns of it. \
         The heartbeats of the server are comments over SSE and pings over WebSocket; a long-poll has none, and its server may \
         answer it empty.",
        IDLE.as_secs()
    ));
    for setting in SETTINGS.iter().filter(|setting| setting.idle.is_some()) {
        let observed = TRANSPORTS.map(|transport| of(visited, setting.name, transport));
        if observed.iter().all(Option::is_none) {
            continue;
        }
        let cells = observed.map(|observed| match observed {
            None => Cell::absent(""),
            Some(Observed {
                failed: Some(why), ..
            }) => Cell::state(State::Fails, why.clone()),
            Some(Observed {
                idle: Some(None), ..
            }) => Cell::state(State::Works, "stays"),
            Some(Observed {
                idle: Some(Some((ns, why))),
                ..
            }) => Cell::state(
                State::Fails,
                format!("cut after {:.1} s: {why}", *ns as f64 / 1e9),
            ),
            Some(_) => Cell::absent(""),
        });
        part.row(setting.name.trim_start_matches("idle, "), cells);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_matrix() {
        let seen = |delays: &[u64]| Seen {
            sent: 2,
            delays: delays.to_vec(),
            batches: vec![1; delays.len()],
            event_bytes: 100,
            ended: None,
        };
        assert_eq!(judge(&seen(&[1, 2])), State::Works);
        assert_eq!(judge(&seen(&[1, AT_ONCE_NS + 1])), State::Late);
        assert_eq!(judge(&seen(&[1])), State::Fails);
        assert_eq!(judge(&Seen::default()), State::Fails);
    }
}
