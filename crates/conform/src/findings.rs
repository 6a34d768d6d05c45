//! What was found, as tables.

use std::path::Path;

use pushbench_model::survey::{Cell, Kind, Part, State as Works};

use crate::autobahn::{self, State, Tally, Tested};
use crate::group::{Checked, Group, Outcome};

/// Counts of one subject of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases that passed.
    pub passed: u64,
    /// Cases in which a library does something else, as the corpus knows.
    pub differs: u64,
    /// Cases that failed.
    pub failed: u64,
    /// In how many ways bytes were cut, in all.
    pub ways: u64,
}

/// The counts of each subject, in the order in which they first come.
#[must_use]
pub fn counts(checked: &[Checked]) -> Vec<(&'static str, Counts)> {
    let mut all: Vec<(&'static str, Counts)> = Vec::new();
    for case in checked {
        let at = all.iter().position(|(subject, _)| *subject == case.subject);
        let at = at.unwrap_or_else(|| {
            all.push((case.subject, Counts::default()));
            all.len() - 1
        });
        let counts = &mut all[at].1;
        counts.ways += case.ways;
        match case.outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::Differs(_) => counts.differs += 1,
            Outcome::Failed(_) => counts.failed += 1,
        }
    }
    all
}

/// The corpus: a row for each subject of each group; cases that did not pass are told under the table.
#[must_use]
pub fn corpus(groups: &[(&Group, Vec<Checked>)]) -> Part {
    let columns = [
        ("held against it", Kind::Words),
        ("passed", Kind::Words),
        ("differs", Kind::Words),
        ("failed", Kind::Words),
        ("ways of reading", Kind::Words),
    ];
    let mut part = Part::new("Rules of the specifications", "group", &columns)
        .about("Cases written from WHATWG HTML, RFC 9112 and RFC 6455, each run for every place at which a read may cut its bytes.")
        .about("Differs: a library does something else than the rule says, and the corpus knows what.");
    for (group, checked) in groups {
        for (subject, counts) in counts(checked) {
            // Whole numbers, however large.
            let whole = |count: u64| Cell::words(count.to_string());
            let cells = [
                Cell::words(subject),
                whole(counts.passed),
                whole(counts.differs),
                whole(counts.failed),
                whole(counts.ways),
            ];
            part.row(group.name, cells);
        }
    }
    for (group, checked) in groups {
        part.notes.extend(failures(group, checked));
        part.notes.extend(differences(group, checked));
    }
    part
}

/// What failed, with its rule and where that stands.
fn failures(group: &Group, checked: &[Checked]) -> Vec<String> {
    let sentence = |case: &Checked| match &case.outcome {
        Outcome::Failed(difference) => Some(format!(
            "FAILED: {} {}, {}: {difference}. The rule: {} ({})",
            group.name, case.rule.case, case.subject, case.rule.rule, case.rule.section
        )),
        _ => None,
    };
    checked.iter().filter_map(sentence).collect()
}

/// What differs: one sentence for all cases in which a subject does the same instead.
fn differences(group: &Group, checked: &[Checked]) -> Vec<String> {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for case in checked {
        let Outcome::Differs(difference) = &case.outcome else {
            continue;
        };
        let what = format!("{}, {}: {difference}", group.name, case.subject);
        match all.iter_mut().find(|(known, _)| *known == what) {
            Some((_, cases)) => cases.push(&case.rule.case),
            None => all.push((what, vec![&case.rule.case])),
        }
    }
    let sentence =
        |(what, cases): (String, Vec<&str>)| format!("differs: {what} in {}", cases.join(", "));
    all.into_iter().map(sentence).collect()
}

/// The suite: a row for each of its groups, a column for each of ours; cases that failed or are not strict under the table.
#[must_use]
pub fn autobahn(tested: &[Tested], version: &str, out: &Path) -> Part {
    let columns: Vec<_> = tested
        .iter()
        .map(|tested| (tested.agent.as_str(), Kind::Words))
        .collect();
    let mut part = Part::new("Autobahn test suite", "cases", &columns).about(format!(
        "Version {version}: its client against the WebSocket servers of the stacks, its server against our client. Its own pages: \
         {}.",
        pages(tested, out)
    ));
    let tallies: Vec<_> = tested.iter().map(Tested::tallies).collect();
    for (group, about) in autobahn::GROUPS {
        let of = |tallies: &Vec<Tally>| tallies.iter().find(|tally| tally.group == *group).cloned();
        let found: Vec<_> = tallies.iter().map(of).collect();
        if found.iter().any(Option::is_some) {
            let cells: Vec<_> = found.iter().map(|tally| cell(tally.as_ref())).collect();
            part.row(format!("{group} {about}"), cells);
        }
    }
    for tested in tested {
        for case in &tested.cases {
            if matches!(case.state, State::Failed | State::NonStrict) {
                part.notes.push(format!(
                    "{}: {} {}: {}, closing {}: {}",
                    case.state.label(),
                    tested.agent,
                    case.case,
                    case.behavior,
                    case.closing,
                    case.page.display()
                ));
            }
        }
    }
    part
}

fn pages(tested: &[Tested], out: &Path) -> String {
    let mut pages: Vec<_> = tested
        .iter()
        .map(|tested| tested.page.display().to_string())
        .collect();
    pages.dedup();
    if pages.is_empty() {
        return out.display().to_string();
    }
    pages.join(" and ")
}

fn cell(tally: Option<&Tally>) -> Cell {
    let Some(tally) = tally else {
        return Cell::absent("not run");
    };
    let counts: Vec<_> = State::ALL
        .iter()
        .filter_map(|state| Some(format!("{} {}", tally.states.get(state)?, state.label())))
        .collect();
    let text = counts.join(", ");
    if tally.has_failed() {
        Cell::state(Works::Fails, text)
    } else if tally
        .states
        .keys()
        .all(|state| *state == State::Unimplemented)
    {
        Cell::words(text)
    } else {
        Cell::state(Works::Works, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{GROUPS, Rule};

    fn case(outcome: Outcome) -> Checked {
        Checked {
            rule: Rule {
                case: "x".into(),
                section: "RFC 1, 2".into(),
                rule: "It is so.".into(),
            },
            subject: "decoder",
            ways: 3,
            outcome,
        }
    }

    #[test]
    fn what_did_not_pass_is_told_with_its_rule() {
        let all = vec![
            case(Outcome::Passed),
            case(Outcome::Failed("expected 1, got 2".into())),
            case(Outcome::Differs("expected 1, got 3".into())),
            case(Outcome::Differs("expected 1, got 3".into())),
        ];
        let expected = Counts {
            passed: 1,
            differs: 2,
            failed: 1,
            ways: 12,
        };
        assert_eq!(counts(&all), [("decoder", expected)]);
        let part = corpus(&[(&GROUPS[0], all)]);
        assert_eq!(
            part.notes,
            [
                "FAILED: event-stream x, decoder: expected 1, got 2. The rule: It is so. (RFC 1, 2)",
                "differs: event-stream, decoder: expected 1, got 3 in x, x",
            ]
        );
        assert_eq!(part.rows.len(), 1);
    }
}
