//! What a reader must know about a run as a whole before trusting a figure of it.

use pushbench_model::record::{Outcome, RecordedTrial};

use crate::number::counted;
use crate::results::{Results, indicative_because};

/// Share of stolen processor time above which it is mentioned (method rule 35).
const STEAL: f64 = 0.02;
/// Share of the machine that other processes may take before it is mentioned.
const OTHERS: f64 = 0.05;

/// Every notice, the gravest first.
pub(crate) fn all(results: &Results<'_>) -> Vec<String> {
    [
        debug_build(results),
        interrupted(results),
        unused(results),
        absent(results),
        indicative(results),
        shared_cores(results),
        stolen(results),
        others(results),
        paced(results),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn debug_build(results: &Results<'_>) -> Option<String> {
    let build = &results.record.run.environment.build;
    (build == "debug").then(|| "Made with a debug build: no time in it means anything.".into())
}

/// "Stopped after X of Y trials."
pub(crate) fn interrupted(results: &Results<'_>) -> Option<String> {
    let run = &results.record.run;
    let made = results.record.trials.len() + results.record.slices.len();
    let planned = run.planned as usize;
    (made < planned).then(|| {
        format!(
            "Stopped after {made} of {}: what follows rests on these.",
            counted(planned, "trial")
        )
    })
}

fn unused(results: &Results<'_>) -> Option<String> {
    let (valid, invalid, failed) = results.counts();
    match (invalid, failed) {
        (0, 0) => None,
        // In a search, overloaded trials are what was looked for; each is shown with what it says.
        _ if results.record.search.is_some() => None,
        _ => Some(format!(
            "{} entered the figures; {invalid} invalid and {failed} failed did not, and are listed with their reasons.",
            counted(valid, "valid trial"),
        )),
    }
}

fn absent(results: &Results<'_>) -> Option<String> {
    let absent = &results.record.run.absent;
    let names: Vec<String> = absent.iter().map(|a| a.server.to_string()).collect();
    (!names.is_empty()).then(|| format!("Could not take part: {}.", names.join(", ")))
}

fn indicative(results: &Results<'_>) -> Option<String> {
    let why = indicative_because(results.record)?;
    let mut measured = results
        .record
        .trials
        .iter()
        .filter_map(|t| t.trial.measurement.as_ref());
    let except = if measured.any(|m| m.batches.is_some()) {
        ", except those of long-polling: messages that come close together share an answer, so its bytes per message \
         depend on time too"
    } else {
        ""
    };
    Some(format!(
        "Times are indicative only: {why}. Counts (bytes, instructions) are not affected{except}."
    ))
}

fn shared_cores(results: &Results<'_>) -> Option<String> {
    let run = &results.record.run;
    let shared = run
        .server_cores
        .iter()
        .any(|core| run.load_cores.contains(core));
    shared
        .then(|| "Server and load process ran on the same processor and delayed each other.".into())
}

fn stolen(results: &Results<'_>) -> Option<String> {
    let many = valid_beyond(results, STEAL, |t| t.trial.steal)?;
    Some(format!(
        "In {} the hypervisor took more than 2\u{202f}% of the processor time away.",
        counted(many, "valid trial")
    ))
}

fn others(results: &Results<'_>) -> Option<String> {
    let many = valid_beyond(results, OTHERS, |t| t.trial.others_cpu)?;
    Some(format!(
        "In {} other processes used more than 5\u{202f}% of the machine's processor time: times of these are suspect.",
        counted(many, "valid trial")
    ))
}

/// How many valid trials have a share greater than `limit`; `None` for none.
fn valid_beyond(
    results: &Results<'_>,
    limit: f64,
    share: fn(&RecordedTrial) -> Option<f64>,
) -> Option<usize> {
    let valid = results.record.trials.iter();
    let valid = valid.filter(|t| t.trial.outcome == Outcome::Valid);
    let beyond = valid.filter(|t| share(t).is_some_and(|share| share > limit));
    Some(beyond.count()).filter(|&many| many > 0)
}

fn paced(results: &Results<'_>) -> Option<String> {
    let settings = &results.record.run.environment.settings;
    let control = settings.get("net.ipv4.tcp_congestion_control")?;
    (control.trim() == "bbr").then(|| {
        "The kernel's congestion control is bbr, which spaces segments out: bursts take longer for it, on loopback too."
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn notices(change: impl FnOnce(&mut pushbench_model::record::Record)) -> String {
        let mut record = sample::record();
        change(&mut record);
        all(&Results::new(&record)).join("\n")
    }

    #[test]
    fn a_busy_machine_and_pacing_are_mentioned() {
        let said = notices(|_| ());
        assert!(
            !said.contains("other processes") && !said.contains("bbr"),
            "{said}"
        );
        let said = notices(|record| {
            let settings = &mut record.run.environment.settings;
            settings.insert("net.ipv4.tcp_congestion_control".into(), "bbr".into());
            for recorded in &mut record.trials[..3] {
                recorded.trial.others_cpu = Some(0.2);
            }
        });
        assert!(said.contains("In 3 valid trials other processes"), "{said}");
        assert!(said.contains("congestion control is bbr"), "{said}");
    }

    #[test]
    fn counts_are_certain_only_without_batches() {
        assert!(notices(|_| ()).contains("not affected, except those of long-polling"));
        let said = notices(|record| {
            record
                .trials
                .retain(|t| t.trial.server.transport != "long-poll");
        });
        assert!(
            said.contains("(bytes, instructions) are not affected."),
            "{said}"
        );
    }
}
