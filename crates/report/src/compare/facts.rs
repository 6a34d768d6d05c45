//! What differs between the machines and builds of the records, and how far times may be trusted (method rules 24, 34).

use std::collections::BTreeSet;

use pushbench_model::record::Run;

use super::Subject;
use crate::tier::{Tier, indicative_because};

/// A fact that is not the same in all records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value in every record, in their order.
    pub values: Vec<String>,
    /// Whether a difference of it alone may change times. Versions and commits are what a comparison is made for.
    pub bears_on_times: bool,
}

/// The tier of the weakest record, and every reason for which times are indicative only.
pub(super) fn trust(subjects: &[Subject<'_>], facts: &[Fact]) -> (Tier, Vec<String>) {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for subject in subjects {
        let Some(reason) = indicative_because(&subject.record.run) else {
            continue;
        };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(subject.name),
            None => reasons.push((reason, vec![subject.name])),
        }
    }
    let trust = if reasons.is_empty() {
        Tier::Pinned
    } else {
        Tier::Shared
    };
    let mut said: Vec<String> = reasons
        .into_iter()
        .map(|(reason, names)| format!("{reason} ({})", names.join(", ")))
        .collect();
    let debug = subjects
        .iter()
        .any(|s| s.record.run.environment.build == "debug");
    if debug {
        said.push("a debug build was measured: no time of it means anything".into());
    }
    let differing: Vec<&str> = facts
        .iter()
        .filter(|fact| fact.bears_on_times)
        .map(|fact| fact.name.as_str())
        .collect();
    if !differing.is_empty() {
        said.push(format!(
            "the records were not made on the same machine in the same state (differing: {})",
            differing.join(", ")
        ));
    }
    (trust, said)
}

/// Every fact that is not the same in all records.
pub(super) fn differences(subjects: &[Subject<'_>]) -> Vec<Fact> {
    let runs = || subjects.iter().map(|subject| &subject.record.run);
    let mut facts = Vec::new();
    for (name, bears_on_times, of) in FACTS {
        facts.push(Fact {
            name: name.into(),
            values: runs().map(of).collect(),
            bears_on_times,
        });
    }
    let settings: BTreeSet<&String> = runs().flat_map(|r| r.environment.settings.keys()).collect();
    let runtimes: BTreeSet<&String> = runs().flat_map(|r| r.environment.runtimes.keys()).collect();
    for name in settings {
        let value = |run: &Run| run.environment.settings.get(name).cloned();
        facts.push(Fact {
            name: name.clone(),
            values: runs().map(|r| value(r).unwrap_or_default()).collect(),
            bears_on_times: true,
        });
    }
    for name in runtimes {
        let value = |run: &Run| run.environment.runtimes.get(name).cloned();
        facts.push(Fact {
            name: name.clone(),
            values: runs().map(|r| value(r).unwrap_or_default()).collect(),
            bears_on_times: false,
        });
    }
    facts.retain(|fact| fact.values.windows(2).any(|pair| pair[0] != pair[1]));
    for value in facts.iter_mut().flat_map(|fact| &mut fact.values) {
        if value.is_empty() {
            *value = "not known".into();
        }
    }
    facts
}

type Of = fn(&Run) -> String;

/// Name, whether it bears on times, and its value in a run.
const FACTS: [(&str, bool, Of); 14] = [
    ("machine", true, |r| r.environment.machine.clone()),
    ("processor", true, |r| r.environment.cpu_model.clone()),
    ("processors usable", true, |r| cores(&r.environment.cores)),
    ("processors of the server", true, |r| cores(&r.server_cores)),
    ("processors of the load process", true, |r| {
        cores(&r.load_cores)
    }),
    ("memory", true, |r| {
        format!("{} bytes", r.environment.memory_bytes)
    }),
    ("kernel", true, |r| r.environment.kernel.clone()),
    ("hypervisor", true, |r| {
        let hypervisor = r.environment.hypervisor.clone();
        hypervisor.unwrap_or_else(|| "none".into())
    }),
    ("clock source", true, |r| r.environment.clock_source.clone()),
    ("build", true, |r| r.environment.build.clone()),
    ("compiler", false, |r| r.environment.rustc.clone()),
    ("pushbench", false, |r| {
        r.environment.pushbench_version.clone()
    }),
    ("commit", false, |r| {
        let commit = r.environment.commit.clone();
        commit.unwrap_or_else(|| "not a checkout".into())
    }),
    ("hardware counters", false, |r| {
        let none = r.environment.no_counters.clone();
        none.map_or_else(|| "yes".into(), |why| format!("none: {why}"))
    }),
];

fn cores(cores: &[usize]) -> String {
    if cores.is_empty() {
        return "none".into();
    }
    let names: Vec<String> = cores.iter().map(usize::to_string).collect();
    names.join(", ")
}
