//! The groups of the corpus. A case is data; a group knows what its cases are held against.

mod event_source;
mod event_stream;
mod http;
mod subscriptions;
mod websocket_client;
mod websocket_server;

use serde::{Deserialize, Serialize};

/// A group of cases.
pub struct Group {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is held against what.
    pub about: &'static str,
    /// Runs all of its cases.
    run: fn() -> Result<Vec<Checked>, GroupError>,
}

/// All groups; a new one is a file and a line here.
pub static GROUPS: &[Group] = &[
    event_stream::GROUP,
    event_source::GROUP,
    http::GROUP,
    subscriptions::GROUP,
    websocket_client::GROUP,
    websocket_server::GROUP,
];

/// A group cannot be run at all.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The corpus itself is wrong.
    #[error("corpus, group {group}: {reason}")]
    Corpus {
        /// Which group.
        group: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A server of ours does not start.
    #[error(transparent)]
    Serve(#[from] pushbench_server::ServeError),
}

/// A rule, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Name of the case.
    pub case: String,
    /// Section of the specification.
    pub section: String,
    /// The rule, in a sentence.
    pub rule: String,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What it is about.
    #[serde(flatten)]
    pub rule: Rule,
    /// What was held against it: a decoder or a stack.
    pub subject: &'static str,
    /// In how many ways the bytes were cut.
    pub ways: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether a case has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "difference")]
pub enum Outcome {
    /// It has, in every way.
    Passed,
    /// It has not: what was expected and what came.
    Failed(String),
    /// It has not, in the way that the corpus knows of this subject: its library does that.
    Differs(String),
}

impl Group {
    /// Runs all cases of the group.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; a case that fails is none.
    pub fn run(&self) -> Result<Vec<Checked>, GroupError> {
        (self.run)()
    }
}

/// The group called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

/// A file of the corpus.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<C> {
    /// The specification of sections that are no more than a number.
    specification: String,
    case: Vec<C>,
}

/// A case of any group.
trait Case: for<'de> Deserialize<'de> {
    /// Its name, section and rule.
    fn head(&self) -> (&str, &str, &str);
}

/// What came of a case: for each subject, in how many ways it was tried, and the outcome. Or what is wrong with the case.
type Checks = Result<Vec<(&'static str, u64, Outcome)>, String>;

/// Runs the cases of a file.
fn run<C: Case>(
    group: &'static str,
    text: &str,
    check: impl Fn(&C) -> Checks,
) -> Result<Vec<Checked>, GroupError> {
    let wrong = |reason: String| GroupError::Corpus { group, reason };
    let file: File<C> = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut all = Vec::new();
    for case in &file.case {
        let (name, section, rule) = case.head();
        let section = if section.starts_with(|c: char| c.is_ascii_digit()) {
            format!("{}, {section}", file.specification)
        } else {
            section.to_owned()
        };
        let found = check(case).map_err(|reason| wrong(format!("case {name}: {reason}")))?;
        for (subject, ways, outcome) in found {
            all.push(Checked {
                rule: Rule {
                    case: name.to_owned(),
                    section: section.clone(),
                    rule: rule.to_owned(),
                },
                subject,
                ways,
                outcome,
            });
        }
    }
    Ok(all)
}

/// Passed, or the difference.
fn compare<T: PartialEq + std::fmt::Debug>(expected: &T, got: &T) -> Outcome {
    if expected == got {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("expected {expected:?}, got {got:?}"))
    }
}

/// Compares what every way of cutting `stream` gives; the first that differs is told.
fn in_every_way<T: PartialEq + std::fmt::Debug>(
    stream: &[u8],
    expected: &T,
    run: impl Fn(&[&[u8]]) -> T,
) -> (u64, Outcome) {
    let ways = crate::cuts::ways(stream);
    let count = ways.len() as u64;
    for way in ways {
        if let Outcome::Failed(difference) = compare(expected, &run(&way)) {
            let lengths: Vec<_> = way.iter().map(|piece| piece.len()).collect();
            let cut = match lengths.as_slice() {
                [_] => "in one read".to_owned(),
                _ if lengths.iter().all(|&len| len == 1) => "byte by byte".to_owned(),
                _ => format!("in reads of {lengths:?} bytes"),
            };
            return (count, Outcome::Failed(format!("{cut}: {difference}")));
        }
    }
    (count, Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everything_passes_and_is_named_once() {
        let mut names = BTreeSet::new();
        let mut failed = Vec::new();
        for group in GROUPS {
            let all = group.run().unwrap();
            assert!(all.len() > 20, "{}", group.name);
            for checked in all {
                let name = (group.name, checked.rule.case.clone(), checked.subject);
                if let Outcome::Failed(difference) = &checked.outcome {
                    failed.push(format!("{name:?}: {difference}"));
                }
                assert!(!names.contains(&name), "two cases {name:?}");
                names.insert(name);
                let rule = &checked.rule.rule;
                assert!(rule.ends_with('.') && rule.len() > 10, "{rule:?}");
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn what_differs_is_told_with_its_cut() {
        let (ways, outcome) = in_every_way(b"abc", &1, |way| way.len());
        assert!(ways > 4);
        let byte_by_byte = "byte by byte: expected 1, got 3";
        assert_eq!(outcome, Outcome::Failed(byte_by_byte.into()));
        let (_, outcome) = in_every_way(b"abc", &5, |way| way.len());
        assert_eq!(
            outcome,
            Outcome::Failed("in one read: expected 5, got 1".into())
        );
    }

    #[test]
    fn a_wrong_corpus_is_named() {
        let text = "specification = 'x'\ncase = [{}]";
        let error = run::<event_stream::Case>("event-stream", text, |_| Ok(Vec::new()));
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("corpus, group event-stream: "), "{text}");
        assert!(by_name("event-stream").is_some() && by_name("x").is_none());
    }
}
