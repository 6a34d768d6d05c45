//! Scenarios and servers: from files given, from the checkout one stands in, or from those built in.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};
use pushbench_harness::Server;
use pushbench_model::profile::Profile;
use pushbench_model::record::{LeftOut, SCHEMA};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::selftest::{SELFTEST_FILE, SelfTest};
use pushbench_model::tuning::Tuning;

use crate::exit::{Wrong, wrong};
use crate::output;

static SCENARIOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../benches/scenarios");
static SERVERS: &str = include_str!("../../../benches/servers.toml");

const SCENARIO_DIR: &str = "benches/scenarios";
const SERVERS_FILE: &str = "benches/servers.toml";

/// All scenarios: of the directory given, or of the checkout, or built in.
pub(crate) fn all_scenarios(directory: Option<&Path>) -> anyhow::Result<Vec<Scenario>> {
    let local = Path::new(SCENARIO_DIR);
    let mut scenarios = match directory.or_else(|| local.is_dir().then_some(local)) {
        Some(directory) => read_directory(directory)?,
        None => built_in()?,
    };
    // What is delivered comes before what it takes to connect; otherwise by name.
    let place = |scenario: &Scenario| {
        (
            matches!(scenario.workload, Workload::Connect(_)),
            scenario.name.clone(),
        )
    };
    scenarios.sort_by_key(place);
    if let Some(pair) = scenarios
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name)
    {
        bail!("two scenarios are named {:?}", pair[0].name);
    }
    Ok(scenarios)
}

fn read_directory(directory: &Path) -> anyhow::Result<Vec<Scenario>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read the scenarios in {}", directory.display()))?;
    let mut scenarios = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            scenarios.push(read_scenario(&path)?);
        }
    }
    Ok(scenarios)
}

fn read_scenario(path: &Path) -> anyhow::Result<Scenario> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Scenario::parse(&text, path)?)
}

fn built_in() -> anyhow::Result<Vec<Scenario>> {
    let texts = SCENARIOS
        .files()
        .filter_map(|file| Some((file.contents_utf8()?, file.path())));
    texts
        .map(|(text, path)| Ok(Scenario::parse(text, path)?))
        .collect()
}

/// The scenarios chosen: files by their path, others by name; all of the profile when none is chosen.
pub(crate) fn choose_scenarios(
    chosen: &[String],
    directory: Option<&Path>,
    profile: Profile,
) -> anyhow::Result<Vec<Scenario>> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    if chosen.is_empty() {
        scenarios = all_scenarios(directory)?;
        scenarios.retain(|scenario| scenario.profiles.contains(&profile));
        if scenarios.is_empty() {
            wrong!("no scenario is part of the {profile} profile");
        }
        return Ok(scenarios);
    }
    for name in chosen {
        let scenario = scenario_by_name(name, directory)?;
        if scenarios.iter().any(|known| known.name == scenario.name) {
            wrong!("scenario {:?} is chosen twice", scenario.name);
        }
        scenarios.push(scenario);
    }
    Ok(scenarios)
}

/// Names of the scenarios that only other profiles have; those of none are for whoever names them.
pub(crate) fn longer_scenarios(
    directory: Option<&Path>,
    profile: Profile,
) -> anyhow::Result<Vec<String>> {
    let mut scenarios = all_scenarios(directory)?;
    scenarios
        .retain(|scenario| !scenario.profiles.is_empty() && !scenario.profiles.contains(&profile));
    Ok(scenarios
        .into_iter()
        .map(|scenario| scenario.name)
        .collect())
}

/// One scenario: a path to a TOML file, or a name.
pub(crate) fn scenario_by_name(name: &str, directory: Option<&Path>) -> anyhow::Result<Scenario> {
    if Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        return read_scenario(Path::new(name));
    }
    let all = all_scenarios(directory)?;
    let names: Vec<String> = all.iter().map(|scenario| scenario.name.clone()).collect();
    all.into_iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| {
            let there_are = names.join(", ");
            Wrong(format!(
                "no scenario {name:?}; there are {there_are}, or give the path of a .toml file"
            ))
            .into()
        })
}

/// All servers: of the file given, or of the checkout, or built in.
pub(crate) fn all_servers(file: Option<&Path>) -> anyhow::Result<Vec<Server>> {
    let local = Path::new(SERVERS_FILE);
    match file.or_else(|| local.is_file().then_some(local)) {
        Some(file) => Ok(Server::read(&absolute(file)?)?),
        None => {
            // Directories of external servers exist only in a checkout; elsewhere those count as absent.
            Ok(Server::parse(SERVERS, Path::new(SERVERS_FILE))?)
        }
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))
}

/// Servers to measure, and those that were not chosen because of the profile.
#[derive(Default)]
pub(crate) struct ChosenServers {
    pub(crate) servers: Vec<Server>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// The servers chosen: a transport, a stack or `transport/stack`, each with `@TUNING` for one tuning only; all of the
/// profile when none is chosen. `tuning` keeps those of that tuning, and those without a choice, which stand beside either.
pub(crate) fn choose_servers(
    chosen: &[String],
    tuning: Option<Tuning>,
    file: Option<&Path>,
    profile: Profile,
) -> anyhow::Result<ChosenServers> {
    let all = all_servers(file)?;
    let kept = |server: &Server| {
        tuning.is_none_or(|tuning| [tuning, Tuning::Fixed].contains(&server.label.tuning))
    };
    for name in chosen {
        let Some(server) = all.iter().find(|server| matches(server, name)) else {
            wrong!("no server {name:?}; there are {}", names(&all));
        };
        if let Some(tuning) = tuning
            && !all
                .iter()
                .any(|server| kept(server) && matches(server, name))
        {
            let label = &server.label;
            wrong!(
                "no server {name:?} of the tuning {tuning}: {} is {}; leave out --tuning {tuning}, or choose another",
                label.name(),
                label.tuning
            );
        }
    }
    let wanted =
        |server: &Server| chosen.is_empty() || chosen.iter().any(|name| matches(server, name));
    let servers: Vec<_> = all
        .into_iter()
        .filter(|server| wanted(server) && kept(server))
        .collect();
    if let Some(tuning) = tuning
        && servers.is_empty()
    {
        wrong!("no server of the tuning {tuning} is listed");
    }
    if !chosen.is_empty() {
        return Ok(ChosenServers {
            servers,
            left_out: Vec::new(),
        });
    }
    let left_out = servers
        .iter()
        .filter_map(|server| server.left_out_of(profile))
        .collect();
    let servers = servers
        .into_iter()
        .filter(|server| server.left_out_of(profile).is_none());
    Ok(ChosenServers {
        servers: servers.collect(),
        left_out,
    })
}

fn matches(server: &Server, name: &str) -> bool {
    let label = &server.label;
    let (name, tuning) = match name.split_once('@') {
        Some((name, tuning)) => (name, Some(tuning)),
        None => (name, None),
    };
    tuning.is_none_or(|tuning| tuning == label.tuning.label())
        && (name == label.transport || name == label.stack || name == label.name())
}

/// `sse/reference@equalised|defaults, tcp/floor`: every server once, with the tunings to choose from.
fn names(servers: &[Server]) -> String {
    let mut names: Vec<(String, Vec<&str>)> = Vec::new();
    for server in servers {
        let (name, tuning) = (server.label.name(), server.label.tuning);
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name.clone(), Vec::new()));
        }
        let entry = names.iter_mut().find(|(known, _)| *known == name);
        if let Some((_, tunings)) = entry.filter(|_| tuning != Tuning::Fixed) {
            tunings.push(tuning.label());
        }
    }
    let words = names.into_iter().map(|(name, tunings)| match &tunings[..] {
        [] => name,
        tunings => format!("{name}@{}", tunings.join("|")),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The last self-test: beside the records, or where `pushbench selftest` writes it. One that cannot be read is no reason
/// not to measure; it is said.
pub(crate) fn last_selftest(out: &Path) -> Option<SelfTest> {
    let places = [out, Path::new("reports")].map(|directory| directory.join(SELFTEST_FILE));
    let path = places.into_iter().find(|path| path.exists())?;
    let read = || -> anyhow::Result<SelfTest> {
        let selftest: SelfTest = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        if selftest.schema != SCHEMA {
            bail!(
                "field `schema` is {}, this version writes {SCHEMA}",
                selftest.schema
            );
        }
        Ok(selftest)
    };
    read()
        .inspect_err(|error| {
            let path = path.display();
            output::say(&format!(
                "the report will carry no self-test: {path}: {error:#}; `pushbench selftest` makes it anew"
            ));
        })
        .ok()
}
