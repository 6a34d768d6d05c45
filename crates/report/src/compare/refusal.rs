//! Records that cannot be compared, and why: the field, and its value in both.

use pushbench_model::measurement::{LoopModel, Publisher};
use pushbench_model::profile::Profile;
use pushbench_model::record::ServerLabel;
use pushbench_model::scenario::{Arriving, Connect, Pace, Scenario, Workload};
use pushbench_model::schedule::Arrivals;

use super::{Choice, Subject};

/// Why records are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to hold against each other.
    #[error("{given} given: comparing takes a baseline and at least one other record")]
    TooFew {
        /// Records given.
        given: usize,
    },
    /// A run holds nothing against itself.
    #[error("{first} and {second} are the same run, started {started}: nothing can differ")]
    SameRun {
        /// The baseline, or a record before the other.
        first: String,
        /// The other.
        second: String,
        /// When it started.
        started: String,
    },
    /// They did not measure the same.
    #[error(
        "{0} and {1} cannot be compared: {place}field `{field}` is {2} in {0} and {3} in {1}",
        .records[0], .records[1], .values[0], .values[1]
    )]
    Differs {
        /// Names of the baseline and of the other record.
        records: Box<[String; 2]>,
        /// `scenario "x", `, or nothing.
        place: String,
        /// The field.
        field: &'static str,
        /// Its value in both.
        values: Box<[String; 2]>,
    },
    /// A search tries one rate after the other.
    #[error(
        "{name} cannot be compared: field `rate` of its trials replaces the rate of scenario {scenario:?} ({rates} \
         messages per second), as a search for the highest rate does"
    )]
    Search {
        /// Name of the record.
        name: String,
        /// The scenario.
        scenario: String,
        /// Some of the rates.
        rates: String,
    },
    /// A choice that no record has.
    #[error("no {what} {name:?} in any of the records; there are {known}")]
    Unknown {
        /// `scenario` or `server`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// They measured different things altogether.
    #[error("nothing to compare: no {what} is in the baseline and in another record; {have}")]
    NothingCommon {
        /// `scenario`, or `server of a common scenario`.
        what: &'static str,
        /// What each has.
        have: String,
    },
}

/// Holds what two records measured against each other.
pub(super) fn check(baseline: Subject<'_>, candidate: Subject<'_>) -> Result<(), Refusal> {
    for subject in [baseline, candidate] {
        check_rates(subject)?;
    }
    let (first, second) = (&baseline.record.run, &candidate.record.run);
    if first.started == second.started
        && first.seed == second.seed
        && first.command == second.command
    {
        return Err(Refusal::SameRun {
            first: baseline.name.into(),
            second: candidate.name.into(),
            started: first.started.clone(),
        });
    }
    let differs = |place: &str, field: &'static str, values: [String; 2]| Refusal::Differs {
        records: Box::new([baseline.name.into(), candidate.name.into()]),
        place: place.into(),
        field,
        values: Box::new(values),
    };
    if first.profile != second.profile {
        let values = [first.profile, second.profile].map(|profile| profile.to_string());
        return Err(differs("", "profile", values));
    }
    for one in &first.scenarios {
        let Some(other) = second.scenarios.iter().find(|s| s.name == one.name) else {
            continue;
        };
        let place = format!("scenario {:?}, ", one.name);
        let (fields, others) = (fields(one, first.profile), fields(other, first.profile));
        if one.link.is_some() && other.link.is_some() {
            let values =
                [first, second].map(|run| run.environment.link_by.unwrap_or_default().to_string());
            if values[0] != values[1] {
                return Err(differs(&place, "link-by", values));
            }
        }
        for ((field, value), (_, theirs)) in fields.into_iter().zip(others) {
            if value != theirs {
                return Err(differs(&place, field, [value, theirs]));
            }
        }
    }
    Ok(())
}

/// What must be the same for two scenarios to be one. The workload comes first: what follows depends on it.
fn fields(scenario: &Scenario, profile: Profile) -> Vec<(&'static str, String)> {
    let kind = scenario.payload.kind.label();
    let link = scenario.link.as_ref();
    let link = link.map_or_else(|| "loopback".to_owned(), ToString::to_string);
    let mut fields = vec![
        ("link", link),
        ("workload", scenario.workload.label().to_owned()),
        ("payload.bytes", scenario.payload.bytes.to_string()),
        ("payload.kind", kind.to_owned()),
        ("server", scenario.server.words()),
    ];
    match &scenario.workload {
        Workload::FanOut(w) => {
            fields.extend([
                ("rate", w.rate.to_string()),
                ("subscribers", w.subscribers.to_string()),
                ("arrivals", arrivals(w.arrivals).to_owned()),
                ("warm-up-s", w.warm_up_s.at(profile).to_string()),
                ("measure-s", w.measure_s.at(profile).to_string()),
                (
                    "cuts",
                    w.cuts.map_or_else(|| "none".into(), |cuts| cuts.words()),
                ),
                (
                    "slow",
                    w.slow
                        .map_or_else(|| "none".into(), |slow| slow.words(w.subscribers)),
                ),
                (
                    "dead",
                    w.dead
                        .map_or_else(|| "none".into(), |dead| dead.words(w.subscribers)),
                ),
                (
                    "large",
                    w.large.map_or_else(|| "none".into(), |large| large.words()),
                ),
                (
                    "late",
                    w.late_words().unwrap_or_else(|| "not looked at".into()),
                ),
                ("two-way", w.two_way.to_string()),
            ]);
        }
        Workload::Connect(w) => fields.extend([
            ("connections", w.connections.at(profile).to_string()),
            ("warm-up", w.warm_up.at(profile).to_string()),
            ("in-flight", in_flight(w.pace)),
            ("rate", schedule(w, |open| open.rate.to_string())),
            (
                "arrivals",
                schedule(w, |open| arrivals(open.arrivals).to_owned()),
            ),
            ("stay-s", schedule(w, |open| open.stay_s.to_string())),
        ]),
        Workload::Tokens(w) => fields.extend([
            ("conversations", w.conversations.to_string()),
            ("turns", w.turns.at(profile).to_string()),
            ("tokens", w.tokens.at(profile).to_string()),
            ("first-ms", w.first_ms.to_string()),
            ("gaps", format!("{:?}", w.gaps)),
            ("opening", w.opening.to_string()),
            ("question", w.question.to_string()),
            ("context", format!("{:?}", w.context)),
            ("stream", w.stream.to_string()),
            ("spread-ms", w.spread_ms.to_string()),
            ("cancel-every", w.cancel_every.to_string()),
        ]),
    }
    let names = [
        "margin.p50",
        "margin.p99",
        "margin.cpu",
        "margin.instructions",
        "margin.memory",
        "margin.rate",
    ];
    let margins = scenario.margins.named();
    fields.extend(
        names
            .into_iter()
            .zip(margins.map(|(_, value)| value.to_string())),
    );
    fields
}

fn arrivals(arrivals: Arrivals) -> &'static str {
    match arrivals {
        Arrivals::Constant => "constant",
        Arrivals::Poisson => "poisson",
    }
}

fn in_flight(pace: Pace) -> String {
    match pace {
        Pace::InFlight(in_flight) => in_flight.to_string(),
        Pace::Arriving(_) => "none".to_owned(),
    }
}

/// What an open loop of connections has, and a closed one has not.
fn schedule(connect: &Connect, of: fn(Arriving) -> String) -> String {
    connect.arriving().map_or_else(|| "none".to_owned(), of)
}

fn check_rates(subject: Subject<'_>) -> Result<(), Refusal> {
    let replaced = subject.record.trials.iter().map(|t| &t.trial);
    let mut replaced = replaced.filter(|trial| trial.rate.is_some());
    let Some(first) = replaced.next() else {
        return Ok(());
    };
    let mut rates: Vec<String> = Vec::new();
    for rate in std::iter::once(first)
        .chain(replaced)
        .filter_map(|t| t.rate)
    {
        let rate = rate.to_string();
        if rates.len() < 3 && !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    Err(Refusal::Search {
        name: subject.name.into(),
        scenario: first.scenario.clone(),
        rates: rates.join(", "),
    })
}

/// Refuses two ways of measuring one server.
pub(super) fn check_arms(
    subjects: [Subject<'_>; 2],
    scenario: &str,
    server: &ServerLabel,
    loops: [Option<LoopModel>; 2],
    publishers: [Option<Publisher>; 2],
) -> Result<(), Refusal> {
    let loop_name = |model| match model {
        LoopModel::Open => "open",
        LoopModel::Closed => "closed",
    };
    let publisher_name = |publisher| match publisher {
        Publisher::Server => "server",
        Publisher::Load => "load",
    };
    let pairs = [
        ("loop_model", loops.map(|model| model.map(loop_name))),
        ("publisher", publishers.map(|one| one.map(publisher_name))),
    ];
    for (field, values) in pairs {
        if let [Some(first), Some(second)] = values
            && first != second
        {
            return Err(Refusal::Differs {
                records: Box::new(subjects.map(|subject| subject.name.to_owned())),
                place: format!("scenario {scenario:?}, server {server}, "),
                field,
                values: Box::new([first.into(), second.into()]),
            });
        }
    }
    Ok(())
}

/// Whether `name` means `server`: a transport, a stack, or both.
pub(super) fn is_named(server: &ServerLabel, name: &str) -> bool {
    name == server.transport
        || name == server.stack
        || name == server.name()
        || name == server.to_string()
}

/// Refuses names that are in no record.
pub(super) fn check_choice(subjects: &[Subject<'_>], choice: &Choice) -> Result<(), Refusal> {
    let scenarios = distinct(subjects.iter().flat_map(|s| scenario_names(*s)));
    for name in &choice.scenarios {
        if !scenarios.contains(name) {
            return Err(unknown("scenario", name, &scenarios));
        }
    }
    let servers = || subjects.iter().flat_map(|s| &s.record.run.servers);
    for name in &choice.servers {
        if !servers().any(|server| is_named(server, name)) {
            let known = distinct(servers().map(ToString::to_string));
            return Err(unknown("server", name, &known));
        }
    }
    Ok(())
}

fn unknown(what: &'static str, name: &str, known: &[String]) -> Refusal {
    Refusal::Unknown {
        what,
        name: name.into(),
        known: known.join(", "),
    }
}

/// What to say when no scenario and server are in two records, or none of those chosen.
pub(super) fn nothing_common(subjects: &[Subject<'_>], choice: &Choice) -> Refusal {
    let chosen = |name: &String| choice.scenarios.is_empty() || choice.scenarios.contains(name);
    let names = |subject: &Subject<'_>| -> Vec<String> {
        scenario_names(*subject)
            .into_iter()
            .filter(chosen)
            .collect()
    };
    let baseline = names(&subjects[0]);
    let shared = subjects[1..]
        .iter()
        .any(|s| names(s).iter().any(|name| baseline.contains(name)));
    let have = |list: &dyn Fn(&Subject<'_>) -> Vec<String>| -> String {
        let each = subjects.iter().map(|subject| {
            let list = list(subject);
            let list = if list.is_empty() {
                "none".to_owned()
            } else {
                list.join(", ")
            };
            format!("{} has {list}", subject.name)
        });
        each.collect::<Vec<_>>().join(", and ")
    };
    if shared {
        let servers = |subject: &Subject<'_>| {
            let servers = subject.record.run.servers.iter();
            servers.map(ToString::to_string).collect()
        };
        Refusal::NothingCommon {
            what: "server of a common scenario",
            have: have(&servers),
        }
    } else {
        Refusal::NothingCommon {
            what: "scenario",
            have: have(&names),
        }
    }
}

fn scenario_names(subject: Subject<'_>) -> Vec<String> {
    let scenarios = subject.record.run.scenarios.iter();
    scenarios.map(|scenario| scenario.name.clone()).collect()
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}
