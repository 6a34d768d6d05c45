//! What a run leaves out, in sentences.

use super::Profile;
use crate::record::LeftOut;
use crate::scenario::{Scenario, Workload};

/// What a reader must know is missing in a run of `scenarios` with `repetitions` trials of each: how much of them is
/// measured, which scenarios, and which servers. One sentence each, without a full stop.
#[must_use]
pub fn missing(
    profile: Profile,
    repetitions: u32,
    scenarios: &[Scenario],
    left_out: &[LeftOut],
    left_out_scenarios: &[String],
) -> Vec<String> {
    let mut said = vec![format!(
        "{} of each{}: leaves out {}",
        match repetitions {
            1 => "1 trial".to_owned(),
            many => format!("{many} trials"),
        },
        windows(profile, scenarios),
        profile.leaves_out()
    )];
    if !left_out_scenarios.is_empty() {
        said.push(format!(
            "scenarios of longer profiles: {} (--scenario NAME measures one in any)",
            left_out_scenarios.join(", ")
        ));
    }
    let mut servers: Vec<String> = Vec::new();
    for server in left_out.iter().filter(|server| server.scenario.is_none()) {
        let name = server.server.name();
        if !servers.contains(&name) {
            servers.push(name);
        }
    }
    if !servers.is_empty() {
        said.push(format!(
            "servers of longer profiles: {} (--server NAME measures one in any)",
            servers.join(", ")
        ));
    }
    said
}

/// `, 0.5 to 1 s measured in one`; nothing where nothing is measured by time.
fn windows(profile: Profile, scenarios: &[Scenario]) -> String {
    let seconds = scenarios
        .iter()
        .filter_map(|scenario| match &scenario.workload {
            Workload::FanOut(fan_out) => Some(fan_out.measure_s.at(profile)),
            Workload::Connect(_) | Workload::Tokens(_) => None,
        });
    let (shortest, longest) = seconds.fold((f64::INFINITY, 0.0_f64), |(low, high), s| {
        (low.min(s), high.max(s))
    });
    if longest == 0.0 {
        String::new()
    } else if shortest < longest {
        format!(", {shortest} to {longest} s measured in one")
    } else {
        format!(", {longest} s measured in one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ServerLabel;
    use crate::tuning::Tuning;
    use crate::wish::Wish;

    fn left_out(tuning: Tuning, scenario: Option<&str>) -> LeftOut {
        LeftOut {
            server: ServerLabel {
                transport: "sse".into(),
                stack: "koa".into(),
                tuning,
            },
            scenario: scenario.map(str::to_owned),
            reason: "so".into(),
        }
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let wish: Wish = "10 clients, 100 msg/s".parse().unwrap();
        let left_out = [
            left_out(Tuning::Equalised, None),
            left_out(Tuning::Defaults, None),
            left_out(Tuning::Fixed, Some("crowd")),
        ];
        let scenarios = ["resume".to_owned(), "storm".to_owned()];
        let said = missing(Profile::Quick, 6, &[wish.scenario()], &left_out, &scenarios);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0]
                .starts_with("6 trials of each, 1.1 s measured in one: leaves out short windows"),
            "{said:?}"
        );
        assert!(said[1].contains(": resume, storm (") && said[2].contains(": sse/koa ("));
    }

    #[test]
    fn what_was_chosen_by_name_leaves_out_nothing_but_time() {
        let said = missing(Profile::Thorough, 1, &[], &[], &[]);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("1 trial of each: leaves out what happens once in hours"));
    }
}
