//! What a reader must know about a run as a whole before trusting a figure of it.

use std::collections::{BTreeMap, BTreeSet};

use pushbench_model::link::{Link, LinkBy};
use pushbench_model::record::Flag;

use crate::anatomy;
use crate::number::counted;
use crate::results::{Results, outcomes};
use crate::tier::indicative_because;
use crate::{selftest, theory, trials};

/// Every notice, the gravest first.
pub(crate) fn all(results: &Results<'_>) -> Vec<String> {
    let alone = anatomy::alone(results.record).is_some();
    let vouched = !alone || results.record.selftest.is_some();
    let own = results.record.anatomy.iter().flat_map(anatomy::notices);
    [
        vouched.then(|| selftest::line(results.record)),
        debug_build(results).filter(|_| !alone),
        interrupted(results),
        link(results),
        theory::notice(results),
        unused(results),
        absent(results),
        indicative(results),
        shared_cores(results),
        paced(results),
    ]
    .into_iter()
    .flatten()
    .chain(flags(results))
    .chain(own)
    .collect()
}

fn debug_build(results: &Results<'_>) -> Option<String> {
    let build = &results.record.run.environment.build;
    (build == "debug").then(|| "Made with a debug build: no time in it means anything.".into())
}

/// "Stopped after X of Y trials."
pub(crate) fn interrupted(results: &Results<'_>) -> Option<String> {
    let run = &results.record.run;
    let (made, planned) = (outcomes(results.record).count(), run.planned as usize);
    (made < planned).then(|| {
        format!(
            "Stopped after {made} of {}: what follows rests on these.",
            counted(planned, "trial")
        )
    })
}

/// What lies between server and load process, and what it did.
fn link(results: &Results<'_>) -> Option<String> {
    let scenarios = &results.record.run.scenarios;
    let mut links: Vec<Option<Link>> = Vec::new();
    for scenario in scenarios {
        if !links.contains(&scenario.link) {
            links.push(scenario.link);
        }
    }
    let through = match links.as_slice() {
        [] | [None] => return None,
        [Some(only)] => only.in_words(),
        several => {
            let words = several
                .iter()
                .map(|link| link.map_or_else(|| "loopback".to_owned(), |link| link.in_words()));
            let words: Vec<String> = words.collect();
            format!(
                "{} networks, each scenario through its own: {}",
                words.len(),
                words.join("; ")
            )
        }
    };
    let crossed = results.record.trials.iter().filter_map(|t| t.trial.link);
    let (mut packets, mut lost, mut full, mut dropped) = (0, 0, 0, 0);
    for lane in crossed.flat_map(|counts| [counts.up, counts.down]) {
        packets += lane.packets;
        lost += lane.lost.unwrap_or(0);
        full += lane.queue_full.unwrap_or(0);
        dropped += lane.dropped.unwrap_or(0);
    }
    let (it, its) = if links.len() == 1 {
        ("it", "its")
    } else {
        ("a link", "a")
    };
    if results.record.run.environment.link_by == Some(LinkBy::Netem) {
        return Some(format!(
            "Measured through {through}, made by the kernel's netem; {packets} packets entered {it}, and {dropped} were lost on {it} or found \
             {its} queue full, which netem does not tell apart, nor how late the others left.",
        ));
    }
    Some(format!(
        "Measured through {through}; {packets} packets entered {it}, {lost} were lost on {it} and {full} found {its} queue full.",
    ))
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
    let why = indicative_because(&results.record.run)?;
    let measured = results.record.trials.iter();
    let measured = measured.filter_map(|t| t.trial.measurement.as_ref());
    let polled: BTreeSet<&str> = measured
        .filter(|m| m.batches.is_some())
        .map(|m| m.transport.as_str())
        .collect();
    let polled: Vec<&str> = polled
        .into_iter()
        .map(|transport| match transport {
            "short-poll" => "polling by the clock",
            _ => "long-polling",
        })
        .collect();
    let except = match polled.as_slice() {
        [] => String::new(),
        polled => format!(
            ", except those of {}: messages that come close together share an answer, so its bytes per message depend on \
             time too",
            polled.join(" and ")
        ),
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

/// How many valid trials carry each kind of flag.
fn flags(results: &Results<'_>) -> Vec<String> {
    let valid = results.record.trials.iter();
    let valid = valid.filter(|t| t.trial.outcome.is_valid());
    let mut counts: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for recorded in valid {
        let flags = recorded.trial.flags.iter();
        let kinds: BTreeMap<&str, &Flag> = flags.map(|flag| (trials::kind(flag), flag)).collect();
        for (kind, flag) in kinds {
            counts.entry(kind).or_insert((0, words(flag))).0 += 1;
        }
    }
    let said = counts.into_values();
    said.map(|(many, what)| format!("In {} {what}.", counted(many, "valid trial")))
        .collect()
}

/// What a flag means for a reader.
fn words(flag: &Flag) -> &'static str {
    match flag {
        Flag::Steal { .. } => "the hypervisor took more than 2\u{202f}% of the processor time away",
        Flag::OthersCpu { .. } => {
            "other programs used more than 2\u{202f}% of the processor time: times of these are suspect"
        }
        Flag::Pressure { .. } => {
            "tasks waited for a processor longer than the trial itself explains"
        }
        Flag::SlowLink { .. } => "the link was slower or lost more than it was made to",
        Flag::WarmUpTooShort { .. } => "response times settled only after measuring had begun",
        Flag::NeverSteady => {
            "response times were never steady: that is a result and not a fault, but their figures average over a change"
        }
        Flag::LatePublisher { .. } => {
            "the publisher was late by more than a tenth of the response time's 99th percentile, or the load process to open connections by \
             more than a tenth of that of their first messages"
        }
        Flag::LaggingClient { .. } => {
            "the load process lagged behind by more than a quarter of the 99th percentile of response times, or of times to first messages"
        }
    }
}

fn paced(results: &Results<'_>) -> Option<String> {
    results.any_paced().then(|| {
        "The congestion control is bbr, which spaces segments out: bursts take longer for it, on loopback too."
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use pushbench_model::link::LinkCounts;

    fn notices(change: impl FnOnce(&mut pushbench_model::record::Record)) -> String {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            recorded.trial.flags.clear();
        }
        change(&mut record);
        all(&Results::new(&record)).join("\n")
    }

    #[test]
    fn a_link_is_named_with_what_it_did() {
        assert!(!notices(|_| ()).contains("Measured through"));
        let text = notices(|record| {
            for scenario in &mut record.run.scenarios {
                scenario.link = "rtt=80ms,loss=1%".parse().ok();
            }
            for recorded in &mut record.trials[..2] {
                let mut counts = LinkCounts::default();
                (counts.up.packets, counts.down.packets) = (40, 60);
                (counts.up.lost, counts.down.queue_full) = (Some(1), Some(2));
                recorded.trial.link = Some(counts);
            }
            record.trials[0].trial.flags = vec![Flag::SlowLink {
                missed: 1,
                late_ns: Some(2_000_000),
            }];
        });
        for words in [
            "through a link of 80 ms round trip, 1 % of the packets lost each way",
            "200 packets entered it, 2 were lost on it and 4 found its queue full",
            "In 1 valid trial the link was slower",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let text = notices(|record| {
            record.run.scenarios[0].link = "rtt=20ms".parse().ok();
        });
        for words in [
            "through 2 networks",
            "20 ms round trip; loopback; 0 packets entered a link",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn a_link_made_by_netem_is_named_with_what_is_known_of_it() {
        let text = notices(|record| {
            record.run.environment.link_by = Some(LinkBy::Netem);
            for scenario in &mut record.run.scenarios {
                scenario.link = "rtt=80ms".parse().ok();
            }
            let mut counts = LinkCounts::default();
            (counts.up.packets, counts.up.dropped) = (40, Some(3));
            record.trials[0].trial.link = Some(counts);
        });
        let words = "round trip, made by the kernel's netem; 40 packets entered it, and 3 were lost on it or found its queue full";
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn a_busy_machine_and_pacing_are_mentioned() {
        let said = notices(|_| ());
        assert!(
            !said.contains("other programs") && !said.contains("bbr"),
            "{said}"
        );
        let said = notices(|record| {
            let settings = &mut record.run.environment.settings;
            settings.insert("net.ipv4.tcp_congestion_control".into(), "bbr".into());
            for recorded in &mut record.trials[..3] {
                recorded.trial.flags.push(Flag::OthersCpu { share: 0.2 });
            }
        });
        assert!(said.contains("In 3 valid trials other programs"), "{said}");
        assert!(said.contains("congestion control is bbr"), "{said}");
        let said = notices(|record| {
            let settings = &mut record.run.environment.settings;
            settings.insert("net.ipv4.tcp_congestion_control".into(), "bbr".into());
            for scenario in &mut record.run.scenarios {
                scenario.link = Some("rtt=1ms,congestion=cubic".parse().unwrap());
            }
        });
        assert!(!said.contains("bbr"), "{said}");
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
