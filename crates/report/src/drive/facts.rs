//! What happened, in sentences that the terminal and the page share.

use pushbench_model::drive::{Ended, FaultKind, histogram};

use super::Driven;
use crate::number::{Unit, short, whole};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// What it is about.
    pub(crate) about: &'static str,
    /// A sentence without its full stop.
    pub(crate) text: String,
    /// Whether something is wrong.
    pub(crate) bad: bool,
}

/// `sse http://127.0.0.1:8080/sse`
pub(crate) fn title(driven: &Driven<'_>) -> String {
    format!("{} {}", driven.report.transport, driven.report.url)
}

/// All facts, in the order of the page.
pub(crate) fn facts(driven: &Driven<'_>) -> Vec<Fact> {
    let mut facts = vec![ended(driven), connections(driven)];
    facts.extend(subscriptions(driven));
    facts.extend([messages(driven), wire(driven)]);
    facts.extend([order(driven), published(driven)].into_iter().flatten());
    facts.push(processor(driven));
    facts
}

fn fact(about: &'static str, text: String, bad: bool) -> Fact {
    Fact { about, text, bad }
}

fn time(ns: f64) -> String {
    Unit::Time.scale([ns]).with_unit(ns)
}

fn bytes(n: f64) -> String {
    let scale = Unit::Memory.scale([n]);
    // Up to a thousand they are counted, and counts have no fraction unless they are means.
    if scale.symbol == "B" {
        return format!("{}\u{202f}B", short(n));
    }
    scale.with_unit(n)
}

fn rate(per_second: f64) -> String {
    format!("{}/s", short(per_second))
}

fn ended(driven: &Driven<'_>) -> Fact {
    let report = driven.report;
    let why = match report.ended {
        Ended::Time => "its time was over",
        Ended::Messages => "it had its messages",
        Ended::Connections if report.connections.subscribed == 0 => {
            "no connection could subscribe and none was to be tried again"
        }
        Ended::Connections => "all connections had ended and none was to be opened again",
        Ended::Interrupted => "it was interrupted",
    };
    let took = time(report.elapsed_ns as f64);
    fact("ended", format!("after {took}: {why}"), false)
}

fn connections(driven: &Driven<'_>) -> Fact {
    let c = &driven.report.connections;
    let mut text = format!(
        "{} asked, at most {} at the same time, {} at the end",
        whole(c.asked.into()),
        whole(c.most.into()),
        whole(c.at_end.into())
    );
    if c.most == c.asked && c.at_end == c.asked {
        text = format!("{}, all of them open to the end", whole(c.asked.into()));
    }
    fact("connections", text, c.most < c.asked)
}

/// Absent where each connection was opened once and that was all.
fn subscriptions(driven: &Driven<'_>) -> Option<Fact> {
    let c = &driven.report.connections;
    let mut parts = vec![format!("{} subscribed", whole(c.subscribed))];
    let mut part = |n: u64, words: &str| {
        if n > 0 {
            parts.push(format!("{} {words}", whole(n)));
        }
    };
    part(c.failed, "failed");
    part(c.ended_by_server, "ended by the server later");
    part(c.reconnects, "were reconnects");
    part(c.redirects, "redirects followed");
    if parts.len() == 1 {
        return None;
    }
    let text = format!("{}: {}", whole(c.attempts), parts.join(", "));
    Some(fact("attempts", text, c.failed > 0))
}

fn messages(driven: &Driven<'_>) -> Fact {
    let m = &driven.report.messages;
    let mut text = format!(
        "{} received, {}",
        whole(m.received),
        rate(m.received as f64 / driven.seconds())
    );
    if m.received > 0 {
        let mean = m.body_bytes as f64 / m.received as f64;
        text += &format!(", {} each on average", bytes(mean));
    }
    if m.without_data > 0 {
        text += &format!(
            "; besides, {} without data (comments, events without data, pings, empty polls)",
            whole(m.without_data)
        );
    }
    if m.unreadable > 0 {
        text += &format!(
            "; in {} of them, what was to be found is not there or makes no sense",
            whole(m.unreadable)
        );
    }
    fact("messages", text, m.unreadable > 0 || m.received == 0)
}

fn wire(driven: &Driven<'_>) -> Fact {
    let report = driven.report;
    let down = report.wire_down as f64;
    let mut text = format!(
        "{} down ({}/s), {} up",
        bytes(down),
        bytes(down / driven.seconds()),
        bytes(report.wire_up as f64)
    );
    if report.messages.received > 0 {
        let each = down / report.messages.received as f64;
        text += &format!("; {} down per message, all told", bytes(each));
    }
    fact("wire", text, false)
}

/// `None` where no sequence was found.
fn order(driven: &Driven<'_>) -> Option<Fact> {
    let m = &driven.report.messages;
    if m.numbered == 0 {
        return None;
    }
    let wrong = [
        (m.lost, "lost"),
        (m.duplicated, "duplicated"),
        (m.reordered, "out of order"),
    ];
    let parts: Vec<String> = wrong
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", whole(n)))
        .collect();
    let text = if parts.is_empty() {
        "none lost, none duplicated, none out of order".to_owned()
    } else {
        parts.join(", ")
    };
    let text = format!("{}: {text}", whole(m.numbered));
    Some(fact("numbered", text, !parts.is_empty()))
}

fn published(driven: &Driven<'_>) -> Option<Fact> {
    let p = driven.report.published?;
    let mut text = format!(
        "{} posted of {} asked for; of {} deliveries {}",
        whole(p.posted),
        rate(p.rate),
        whole(p.expected),
        match p.missing {
            0 => "none is missing".to_owned(),
            missing => format!("{} never came", whole(missing)),
        }
    );
    if p.failed > 0 {
        text += &format!("; {} posts were refused or not answered", whole(p.failed));
    }
    Some(fact("published", text, p.missing > 0 || p.failed > 0))
}

fn processor(driven: &Driven<'_>) -> Fact {
    let report = driven.report;
    let cpu = report.cpu_ns as f64;
    let share = cpu / report.elapsed_ns.max(1) as f64 * 100.0;
    let mut text = format!(
        "{} in this process, {}\u{202f}% of a core",
        time(cpu),
        short(share)
    );
    if report.messages.received > 0 {
        text += &format!(
            ", {} per message",
            time(cpu / report.messages.received as f64)
        );
    }
    fact("processor", text, false)
}

/// What a reader must know before reading a time: which latency there is and what it rests on, or why there is none.
pub(crate) fn notices(driven: &Driven<'_>) -> Vec<String> {
    let report = driven.report;
    let mut notices = Vec::new();
    notices.push(match driven.latency() {
        Some(histogram::RESPONSE) => {
            "Latency is response time: from the moment a message was due to be published to its receipt, both on \
             CLOCK_MONOTONIC of this machine. A late publisher cannot hide in it."
                .to_owned()
        }
        Some(_) => format!(
            "Latency is service time: from the time stamp in a message to its receipt, by {}.",
            driven.clock()
        ),
        None if report.messages.received == 0 => "There is no latency: no message came.".to_owned(),
        None if report.clock.is_some() => {
            "There is no latency: no message carried a time stamp where it was to be found.".to_owned()
        }
        None => "There is no latency: pushbench was not told of a time stamp in the messages, and guesses none. Say \
                 where it is (--time /ts), say --contract if the server keeps the contract of docs/PROTOCOL.md, or \
                 let pushbench publish (--publish URL --rate N). Gaps and times of connecting need no stamp."
            .to_owned(),
    });
    let m = &report.messages;
    if m.numbered == 0 && m.received > 0 {
        notices.push(
            "Loss cannot be seen: no sequence number was read from the messages. --sequence /seq says where it is."
                .to_owned(),
        );
    }
    if driven.lost_beside(histogram::RESPONSE) > 0 && driven.latency().is_some() {
        notices.push("Messages that never came count as later than all others.".to_owned());
    }
    notices
}

/// What to do about faults of a kind, where the fault itself does not say it.
pub(crate) fn hint(kind: FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::Status | FaultKind::Tls => return None,
        FaultKind::Connect => {
            "is the server running, are address and port right, and does its backlog suffice? --ramp spreads attempts"
        }
        FaultKind::Timeout => {
            "--connect-timeout sets how long an attempt may take; --ramp spreads attempts"
        }
        FaultKind::Redirect => "give the last address itself, or more of --max-redirects",
        FaultKind::ContentType => "does this path speak this transport?",
        FaultKind::Protocol => {
            "does this path speak this transport, and does nothing in between alter it?"
        }
        FaultKind::Ended => {
            "--reconnect eventsource, fixed:1s or exponential:100ms..30s opens again"
        }
        FaultKind::Message => {
            "--sequence, --time, --time-unit and --clock say where things are in a message and what they mean"
        }
        FaultKind::Publish => {
            "--publish is where messages are posted; --publish-header sends what it wants to see"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::sample;

    fn all(report: &pushbench_model::drive::DriveReport) -> Vec<(String, bool)> {
        let facts = facts(&Driven::new(report).unwrap());
        let line = |fact: &Fact| {
            (
                format!("{}: {}", fact.about, fact.text).replace('\u{202f}', " "),
                fact.bad,
            )
        };
        facts.iter().map(line).collect()
    }

    #[test]
    fn a_good_drive_in_sentences() {
        let wanted = [
            "ended: after 10.0 s: its time was over",
            "connections: 50, all of them open to the end",
            "messages: 40 000 received, 4 000/s, 128 B each on average; besides, 3 without data (comments, events without data, pings, empty polls)",
            "wire: 6.40 MB down (640 kB/s), 9.00 kB up; 160 B down per message, all told",
            "numbered: 40 000: none lost, none duplicated, none out of order",
            "published: 800 posted of 80/s asked for; of 40 000 deliveries none is missing",
            "processor: 120 ms in this process, 1.2 % of a core, 3.00 µs per message",
        ];
        let wanted: Vec<_> = wanted.map(|line| (line.to_owned(), false)).into();
        assert_eq!(all(&sample::with_latency()), wanted);
    }

    #[test]
    fn what_went_wrong_is_bad() {
        let mut report = sample::without_latency();
        report.messages.numbered = 40_000;
        report.messages.lost = 7;
        report.messages.unreadable = 2;
        let bad: Vec<String> = all(&report)
            .into_iter()
            .filter_map(|(line, bad)| bad.then_some(line))
            .collect();
        assert_eq!(bad.len(), 3, "{bad:#?}");
        assert_eq!(
            bad[0],
            "attempts: 62: 50 subscribed, 12 failed, 50 ended by the server later"
        );
        assert!(bad[1].contains("in 2 of them"), "{bad:#?}");
        assert_eq!(bad[2], "numbered: 40 000: 7 lost");
    }

    #[test]
    fn latency_rests_on_something_or_is_not_claimed() {
        let notices = |report: &pushbench_model::drive::DriveReport| {
            notices(&Driven::new(report).unwrap()).join(" ")
        };
        let mut report = sample::with_latency();
        assert!(
            notices(&report).contains("response time")
                && notices(&report).contains("CLOCK_MONOTONIC")
        );
        report.histograms.remove(histogram::RESPONSE);
        report.clock = Some(pushbench_model::drive::StampClock::Unix);
        assert!(
            notices(&report).contains("service time")
                && notices(&report).contains("as good as their clocks")
        );
        let without = notices(&sample::without_latency());
        for wanted in [
            "no latency",
            "--time",
            "--contract",
            "--publish",
            "--sequence",
        ] {
            assert!(without.contains(wanted), "{wanted}: {without}");
        }
        assert!(notices(&sample::nothing()).contains("no message came"));
    }
}
