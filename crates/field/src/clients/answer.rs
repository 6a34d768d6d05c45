//! What a client prints, line by line (benches/clients/README.md).

/// A line of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The subscription stands.
    Connected,
    /// Something that a reader should know.
    Note(String),
    /// A message that arrived.
    Message(Arrival),
    /// How many of these lines there were; the last line.
    Result(u64),
    /// Anything else.
    Other,
}

/// A message as a client had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When, CLOCK_MONOTONIC nanoseconds.
    pub(super) at: u64,
    /// Characters that code beside the library had read until then; absent where the library reads alone.
    pub(super) scanned: Option<u64>,
    /// The text of the message.
    pub(super) text: String,
}

/// Longest note that is kept, characters.
const LONGEST_NOTE: usize = 200;

impl Line {
    /// What `line` says. Libraries print what they like, so nothing is an error.
    pub(super) fn read(line: &str) -> Self {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "PHASE" if rest == "connected" => Self::Connected,
            "NOTE" => Self::Note(rest.chars().take(LONGEST_NOTE).collect()),
            "MESSAGE" => Arrival::read(rest).map_or(Self::Other, Self::Message),
            "RESULT" => rest.parse().map_or(Self::Other, Self::Result),
            _ => Self::Other,
        }
    }
}

impl Arrival {
    fn read(fields: &str) -> Option<Self> {
        let (at, rest) = fields.split_once(' ')?;
        let (scanned, text) = rest.split_once(' ')?;
        Some(Self {
            at: at.parse().ok()?,
            scanned: match scanned {
                "-" => None,
                number => Some(number.parse().ok()?),
            },
            text: serde_json::from_str(text).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_mean_something_and_lines_that_do_not() {
        assert_eq!(Line::read("PHASE connected"), Line::Connected);
        assert_eq!(Line::read("NOTE a b"), Line::Note("a b".into()));
        assert_eq!(Line::read("RESULT 7"), Line::Result(7));
        for other in [
            "",
            "PHASE",
            "MESSAGE 1",
            "MESSAGE 1 x \"a\"",
            "MESSAGE 1 - a",
            "RESULT -1",
            "(node:1) Warning",
        ] {
            assert_eq!(Line::read(other), Line::Other, "{other}");
        }
    }

    proptest! {
        #[test]
        fn messages_read_back(at: u64, scanned: Option<u64>, text: String) {
            let read = scanned.map_or_else(|| "-".to_owned(), |scanned| scanned.to_string());
            let line = format!("MESSAGE {at} {read} {}", serde_json::Value::from(text.as_str()));
            prop_assert_eq!(Line::read(&line), Line::Message(Arrival { at, scanned, text }));
        }

        #[test]
        fn whatever_a_child_prints_is_read(head in "(PHASE|NOTE|MESSAGE|RESULT)?", rest in ".{0,80}") {
            if let Line::Message(arrival) = Line::read(&format!("{head} {rest}")) {
                prop_assert!(rest.contains(&arrival.at.to_string()));
            }
        }
    }
}
