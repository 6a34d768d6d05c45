//! `pushbench plan`: what `pushbench run` would do with the same options, and how long it would take.

use std::collections::BTreeMap;
use std::time::Duration;

use pushbench_harness::{Plan, Step};
use pushbench_model::link::{Link, LinkBy};

use super::run;
use crate::exit::Exit;
use crate::output;

pub(crate) fn run(options: &run::Options) -> anyhow::Result<Exit> {
    let config = run::planned(options)?;
    let plan = config.plan();
    run::tell_absent(&config);
    let mut text = String::new();
    for sentence in run::missing(&config) {
        text += &output::hanging("", &sentence);
    }
    text += "\n";
    let by = match config.environment.link_by {
        Some(LinkBy::Netem) => ", by netem",
        Some(LinkBy::Userspace) | None => "",
    };
    for (scenario, part) in by_scenario(&plan) {
        let (trials, slices) = (part.trials, part.slices);
        let mut line = format!("{trials} trials");
        if let Some(link) = part.link {
            line += &format!(" through a link ({link}{by})");
        }
        if slices > 0 {
            line += &format!(" and {slices} in slices");
        }
        line += &format!(
            ", about {}: {}",
            words(part.length),
            part.servers.join(", ")
        );
        text += &output::hanging(&format!("{scenario}: "), &line);
    }
    let whole: Duration = plan.steps().iter().map(Step::estimate).sum();
    text += &format!(
        "\n{} trials, about {} if nothing goes wrong\n",
        plan.len(),
        words(whole)
    );
    output::print(&text)?;
    Ok(Exit::Done)
}

/// What a plan holds of one scenario.
#[derive(Default)]
struct Part {
    trials: u32,
    slices: u32,
    length: Duration,
    link: Option<Link>,
    servers: Vec<String>,
}

fn by_scenario(plan: &Plan) -> BTreeMap<String, Part> {
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for trial in &plan.trials {
        let part = parts.entry(trial.scenario.name.clone()).or_default();
        part.trials += 1;
        part.link = trial.scenario.link;
        part.length += trial.estimate;
        let server = trial.server.label.to_string();
        if !part.servers.contains(&server) {
            part.servers.push(server);
        }
    }
    for slices in &plan.slices {
        let part = parts.entry(slices.scenario.name.clone()).or_default();
        part.slices += 1;
        part.length += slices.estimate();
    }
    for part in parts.values_mut() {
        part.servers.sort();
    }
    parts
}

/// To the minute where there are many, else to the second.
fn words(length: Duration) -> String {
    let seconds = length.as_secs_f64().ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_as_people_say_them() {
        let said = [0.2, 59.0, 61.0, 3_700.0].map(|s| words(Duration::from_secs_f64(s)));
        assert_eq!(said, ["1 s", "59 s", "1 min 1 s", "1 h 1 min"]);
    }
}
