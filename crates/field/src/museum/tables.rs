//! What was seen, as parts of a survey.

use pushbench_model::survey::{Cell, Kind, Part, State};

use super::exhibit::{Exhibit, Form, Outcome};

/// Bytes of a body that are shown.
const SHOWN: usize = 160;
/// Arrivals that are shown.
const LISTED: usize = 8;

/// An exhibit and both its forms.
pub struct Shown<'a> {
    /// Which.
    pub exhibit: &'a Exhibit,
    /// As written, and with the fix.
    pub outcomes: [Outcome; 2],
}

/// All exhibits in a table, then one after the other.
#[must_use]
pub fn parts(all: &[Shown<'_>]) -> Vec<Part> {
    if all.is_empty() {
        return Vec::new();
    }
    let mut overview = Part::new(
        "All exhibits",
        "what goes wrong",
        &[
            ("intended", Kind::Words),
            ("as written", Kind::Words),
            ("with the fix", Kind::Words),
        ],
    )
    .about(
        "Samples as they are found in tutorials and answers, each run as it is usually written and with its fix. What servers send \
         is read by the event stream rules of the HTML standard, as a browser reads it.",
    );
    for shown in all {
        let [faulty, fixed] = &shown.outcomes;
        overview.row(
            shown.exhibit.title,
            [
                Cell::words(count(shown.exhibit, shown.exhibit.intended.len())),
                verdict(shown.exhibit, faulty),
                verdict(shown.exhibit, fixed),
            ],
        );
    }
    let mut parts = vec![overview];
    parts.extend(all.iter().map(one));
    parts
}

fn one(shown: &Shown<'_>) -> Part {
    let exhibit = shown.exhibit;
    let mut part = Part::new(
        exhibit.title,
        "form",
        &[
            ("code", Kind::Words),
            ("what arrived", Kind::Words),
            ("the end", Kind::Words),
            ("body on the wire", Kind::Words),
        ],
    )
    .about(exhibit.meant)
    .about(exhibit.why);
    part.row(
        "intended",
        [
            Cell::absent(""),
            Cell::code(listed(
                &exhibit
                    .intended
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>(),
            )),
            Cell::absent(""),
            Cell::absent(""),
        ],
    );
    for (form, outcome) in Form::ALL.into_iter().zip(&shown.outcomes) {
        let code = match form {
            Form::Faulty => exhibit.written,
            Form::Fixed => exhibit.fix,
        };
        let arrived = if outcome.arrived.is_empty() {
            Cell::words("nothing")
        } else {
            Cell::code(listed(&outcome.arrived))
        };
        let state = if outcome.is_as_meant(exhibit) {
            State::Works
        } else {
            State::Fails
        };
        let wire = if outcome.sent.is_empty() {
            Cell::absent("")
        } else {
            Cell::code(bytes(&outcome.sent))
        };
        part.row(
            form.label(),
            [
                Cell::code(code),
                arrived,
                Cell::state(state, outcome.end()),
                wire,
            ],
        );
    }
    part
}

fn verdict(exhibit: &Exhibit, outcome: &Outcome) -> Cell {
    let state = if outcome.is_as_meant(exhibit) {
        State::Works
    } else {
        State::Fails
    };
    let arrived = count(exhibit, outcome.arrived.len());
    let as_meant = outcome.arrived == exhibit.intended;
    let mut words = match (outcome.ending.is_some(), as_meant) {
        (true, true) => arrived,
        (true, false) if outcome.arrived.len() == exhibit.intended.len() => {
            format!("{arrived}, not as intended")
        }
        (true, false) => arrived,
        (false, _) => outcome.arrived.first().cloned().unwrap_or_default(),
    };
    let end = outcome.end();
    if state == State::Fails && !end.is_empty() && end != "the answer ends" {
        words = format!("{words}; {end}");
    }
    Cell::state(state, words)
}

fn count(exhibit: &Exhibit, n: usize) -> String {
    match exhibit.kind {
        super::Kind::Server if n == 1 => "1 event".into(),
        super::Kind::Server => format!("{n} events"),
        super::Kind::Client { .. } => exhibit.intended.join(", "),
    }
}

fn listed(arrived: &[String]) -> String {
    let mut lines: Vec<&str> = arrived.iter().take(LISTED).map(String::as_str).collect();
    let more;
    if arrived.len() > LISTED {
        more = format!("and {} more", arrived.len() - LISTED);
        lines.push(&more);
    }
    lines.join("\n")
}

/// Bytes as text, their line ends shown.
fn bytes(sent: &[u8]) -> String {
    let cut = &sent[..sent.len().min(SHOWN)];
    let text = String::from_utf8_lossy(cut).replace('\n', "⏎\n");
    if sent.len() > SHOWN {
        format!("{text}…")
    } else {
        text
    }
}
