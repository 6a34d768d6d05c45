//! Reading what the suite found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{AutobahnError, Tested};

/// The groups of the suite's cases, by the first part of their numbers, and what they are about. The suite has no 8 and 11.
pub static GROUPS: &[(u32, &str)] = &[
    (1, "framing"),
    (2, "pings and pongs"),
    (3, "reserved bits"),
    (4, "opcodes"),
    (5, "fragmentation"),
    (6, "UTF-8"),
    (7, "close handling"),
    (9, "limits and performance"),
    (10, "miscellaneous"),
    (12, "compression, payloads"),
    (13, "compression, parameters"),
];

/// What the suite thinks of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As the RFC wants it.
    Ok,
    /// As the RFC allows it, and not as early as it could be.
    NonStrict,
    /// The RFC does not say how it should be.
    Informational,
    /// What the case is about was not negotiated: an extension.
    Unimplemented,
    /// Not as the RFC wants it, or not closed so.
    Failed,
}

impl State {
    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NonStrict => "non-strict",
            Self::Informational => "informational",
            Self::Unimplemented => "unimplemented",
            Self::Failed => "failed",
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::NonStrict,
        Self::Informational,
        Self::Unimplemented,
        Self::Failed,
    ];
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// Its number.
    pub case: String,
    /// What the suite thinks of it.
    pub state: State,
    /// The suite's words for what was done.
    pub behavior: String,
    /// The suite's words for how the connection was closed.
    pub closing: String,
    /// The suite's page of it.
    pub page: PathBuf,
}

/// How many cases of a group are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// First part of their numbers.
    pub group: u32,
    /// How many are in each state that there is one in.
    pub states: BTreeMap<State, u64>,
}

impl Tally {
    /// Whether the group has a failed case.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.states.contains_key(&State::Failed)
    }
}

/// What the suite's index says of a case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    behavior: String,
    behavior_close: String,
    reportfile: String,
}

/// Reads the report of `agent` in `directory`.
pub(super) fn read(directory: &Path, agent: &str) -> Result<Tested, AutobahnError> {
    let path = directory.join("index.json");
    let text = std::fs::read_to_string(&path).map_err(|source| AutobahnError::File {
        path: path.clone(),
        source,
    })?;
    let cases =
        parse(&text, agent, directory).map_err(|reason| AutobahnError::Report { path, reason })?;
    Ok(Tested {
        agent: agent.to_owned(),
        cases,
        page: directory.join("index.html"),
    })
}

fn parse(text: &str, agent: &str, directory: &Path) -> Result<Vec<CaseResult>, String> {
    let mut index: BTreeMap<String, BTreeMap<String, Entry>> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let entries = index
        .remove(agent)
        .ok_or_else(|| format!("it has nothing about {agent}"))?;
    let mut cases: Vec<_> = entries
        .into_iter()
        .map(|(case, entry)| CaseResult {
            case,
            state: state(&entry.behavior, &entry.behavior_close),
            page: directory.join(entry.reportfile).with_extension("html"),
            behavior: entry.behavior,
            closing: entry.behavior_close,
        })
        .collect();
    cases.sort_by_key(|case| numbers(&case.case));
    Ok(cases)
}

fn state(behavior: &str, closing: &str) -> State {
    let state = match behavior {
        "OK" => State::Ok,
        "NON-STRICT" => State::NonStrict,
        "INFORMATIONAL" => State::Informational,
        "UNIMPLEMENTED" => State::Unimplemented,
        _ => State::Failed,
    };
    match closing {
        "OK" | "INFORMATIONAL" => state,
        // Nothing was negotiated, so the suite itself ended the connection.
        _ if state == State::Unimplemented => state,
        _ => State::Failed,
    }
}

/// The parts of a case's number.
fn numbers(case: &str) -> Vec<u32> {
    case.split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

pub(super) fn tallies(cases: &[CaseResult]) -> Vec<Tally> {
    let mut groups: BTreeMap<u32, Tally> = BTreeMap::new();
    for case in cases {
        let group = numbers(&case.case).first().copied().unwrap_or(0);
        let tally = groups.entry(group).or_insert_with(|| Tally {
            group,
            ..Tally::default()
        });
        *tally.states.entry(case.state).or_default() += 1;
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{"bare": {
        "10.1.1": {"behavior": "OK", "behaviorClose": "OK", "duration": 1, "remoteCloseCode": 1000, "reportfile": "bare_case_10_1_1.json"},
        "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK", "duration": 1, "remoteCloseCode": 1007, "reportfile": "b.json"},
        "6.4.2": {"behavior": "OK", "behaviorClose": "UNCLEAN", "duration": 1, "remoteCloseCode": null, "reportfile": "b.json"},
        "6.1.1": {"behavior": "FAILED", "behaviorClose": "OK", "duration": 1, "remoteCloseCode": 1000, "reportfile": "b.json"},
        "12.1.1": {"behavior": "UNIMPLEMENTED", "behaviorClose": "UNCLEAN", "duration": 1, "remoteCloseCode": 1000, "reportfile": "b.json"},
        "7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL", "duration": 1, "remoteCloseCode": 1000, "reportfile": "b.json"}
    }}"#;

    #[test]
    fn an_index() {
        let cases = parse(INDEX, "bare", Path::new("out")).unwrap();
        let seen: Vec<_> = cases.iter().map(|case| (&*case.case, case.state)).collect();
        assert_eq!(
            seen,
            [
                ("6.1.1", State::Failed),
                ("6.4.1", State::NonStrict),
                ("6.4.2", State::Failed),
                ("7.1.6", State::Informational),
                ("10.1.1", State::Ok),
                ("12.1.1", State::Unimplemented),
            ]
        );
        assert_eq!(cases[4].page, Path::new("out/bare_case_10_1_1.html"));
        let six = &tallies(&cases)[0];
        assert_eq!((six.group, six.has_failed()), (6, true));
        assert_eq!(six.states[&State::Failed], 2);
        assert!(
            parse(INDEX, "axum", Path::new(""))
                .unwrap_err()
                .contains("axum")
        );
        assert!(parse("{", "bare", Path::new("")).is_err());
    }
}
