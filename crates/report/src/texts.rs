//! Words that more than one format prints.

mod method;

pub(crate) use method::{ARRIVALS, DEFAULTS_COST, GLOSSARY, METHOD, SAME_STACK};

use pushbench_model::measurement::LoopModel;
use pushbench_model::profile::Profile;
use pushbench_model::record::{Record, Run};
use pushbench_model::scenario::{Context, Pace, Scenario, Tokens, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::search::Search;
use pushbench_model::tokens::Gaps;
use pushbench_model::tuning::Tuning;

use crate::anatomy;
use crate::answer::Verdicts;
use crate::number::{THIN, capitalised, counted, short, significant, whole};
use crate::results::Group;
use crate::survey;
use crate::table::{Cell, Column, Table};

/// `Server-Sent Events` for `sse`; names it does not know stay as they are.
pub(crate) fn transport_name(transport: &str) -> &str {
    match transport {
        "sse" => "Server-Sent Events",
        "websocket" => "WebSocket",
        "long-poll" => "HTTP long-polling",
        "short-poll" => "HTTP polling by the clock",
        "ndjson" => "NDJSON",
        "tcp" => "raw TCP",
        other => other,
    }
}

/// The heading of a report: what was compared.
pub(crate) fn title(run: &Run) -> String {
    let mut names: Vec<&str> = Vec::new();
    for server in &run.servers {
        let name = transport_name(&server.transport);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        None => "What server push costs".into(),
        Some((only, [])) => format!("What {only} costs"),
        Some((last, rest)) => format!("What {} and {last} cost", rest.join(", ")),
    }
}

/// The heading of a report: what was looked for.
pub(crate) fn heading(record: &Record) -> String {
    if anatomy::alone(record).is_some() {
        return "What a delivery is made of".into();
    }
    if survey::only_surveys(record) {
        let titles = record.surveys.iter().map(|survey| survey.title.as_str());
        return titles.collect::<Vec<_>>().join(" · ");
    }
    match &record.search {
        Some(search) => format!("The highest rate with {}", search.objective),
        None => title(&record.run),
    }
}

/// How a search looked.
pub(crate) fn searched(search: &Search) -> String {
    let range = &search.range;
    format!(
        "The rate was varied from {} to {} messages/s at most, to within {}{THIN}%; each probe measured {}{THIN}s or longer. A rate \
         counts as sustained when {} holds, nothing is lost and no backlog grows; it must hold three times more, and \
         slightly above it must fail twice.",
        plain(range.from),
        plain(range.to),
        plain(range.resolution * 100.0),
        plain(search.probe_s),
        search.objective,
    )
}

/// What was asked, in one line.
pub(crate) fn asked(record: &Record) -> String {
    let run = &record.run;
    if let Some(anatomy) = anatomy::alone(record) {
        let measured = anatomy.stages.iter().filter(|s| !s.rows.is_empty());
        return format!(
            "Anatomy of a delivery: {}, {} of every contender in each, {}{THIN}B payload, on {}",
            counted(measured.count(), "stage"),
            counted(anatomy.turns as usize, "slice"),
            whole(anatomy.payload_bytes),
            machine(run),
        );
    }
    if survey::only_surveys(record) {
        return format!("A survey on {}", machine(run));
    }
    if record.search.is_some() {
        return format!(
            "{} profile: a search over {} with {} on {}",
            capitalised(run.profile.label()),
            counted(run.servers.len(), "server"),
            counted(record.trials.len(), "trial"),
            machine(run),
        );
    }
    format!(
        "{} profile: {}, {}, {} of each, {} on {}",
        capitalised(run.profile.label()),
        counted(run.scenarios.len(), "scenario"),
        counted(run.servers.len(), "server"),
        counted(run.repetitions as usize, "repetition"),
        counted(run.planned as usize, "trial"),
        machine(run),
    )
}

/// The machine in one line.
pub(crate) fn machine(run: &Run) -> &str {
    match run.environment.machine.as_str() {
        "" => "an undescribed machine",
        machine => machine,
    }
}

/// The parameters of a scenario in one line.
pub(crate) fn parameters(scenario: &Scenario, run: &Run) -> String {
    let payload = format!("{}{THIN}B payload", whole(scenario.payload.bytes as u64));
    let mut words = workload(scenario, run, &payload);
    if !scenario.server.is_none() {
        words += &format!("; servers with {}", scenario.server.words());
    }
    if let Some(link) = scenario.link {
        words += &format!("; through {}", link.in_words());
    }
    words
}

fn workload(scenario: &Scenario, run: &Run, payload: &str) -> String {
    match &scenario.workload {
        Workload::FanOut(fan_out) => format!(
            "{}, {} messages/s ({} arrivals), {payload}, {}{THIN}s measured after {}{THIN}s warm-up{}{}{}{}{}{}",
            counted(fan_out.subscribers as usize, "subscriber"),
            plain(fan_out.rate),
            arrivals(fan_out.arrivals),
            plain(fan_out.measure_s.at(run.profile)),
            plain(fan_out.warm_up_s.at(run.profile)),
            fan_out
                .cuts
                .map_or_else(String::new, |cuts| format!("; {}", cuts.words())),
            fan_out.slow.map_or_else(String::new, |slow| format!(
                "; {}",
                slow.words(fan_out.subscribers)
            )),
            fan_out.dead.map_or_else(String::new, |dead| format!(
                "; {}",
                dead.words(fan_out.subscribers)
            )),
            fan_out
                .large
                .map_or_else(String::new, |large| format!("; {}", large.words())),
            fan_out
                .late_words()
                .map_or_else(String::new, |late| format!("; {late}")),
            if fan_out.two_way {
                "; each message is said by one of the subscribers"
            } else {
                ""
            },
        ),
        Workload::Connect(connect) => format!(
            "{} opened and closed, {}, after {} to warm up; {payload}",
            counted(connect.connections.at(run.profile) as usize, "connection"),
            coming(connect.pace),
            whole(u64::from(connect.warm_up.at(run.profile))),
        ),
        Workload::Tokens(tokens) => conversations(tokens, run.profile),
    }
}

/// How connections come, and how long they stay.
fn coming(pace: Pace) -> String {
    match pace {
        Pace::InFlight(in_flight) => format!("{in_flight} in flight at any time"),
        Pace::Arriving(arriving) => format!(
            "{} a second by a schedule ({} arrivals), {}",
            plain(arriving.rate),
            arrivals(arriving.arrivals),
            if arriving.stay_s > 0.0 {
                format!(
                    "each {}{THIN}s after its first message",
                    plain(arriving.stay_s)
                )
            } else {
                "each at its first message".to_owned()
            }
        ),
    }
}

fn arrivals(arrivals: Arrivals) -> &'static str {
    match arrivals {
        Arrivals::Constant => "evenly spaced",
        Arrivals::Poisson => "Poisson",
    }
}

/// The parameters of conversations.
fn conversations(tokens: &Tokens, profile: Profile) -> String {
    let mean = plain(tokens.gaps.mean_ns() as f64 / 1e6);
    let gaps = match &tokens.gaps {
        Gaps::LogNormal { sigma, .. } => {
            format!("log-normal gaps of {mean}{THIN}ms, sigma {}", plain(*sigma))
        }
        Gaps::RecordedMs(gaps) => {
            format!("{} recorded gaps, {mean}{THIN}ms on average", gaps.len())
        }
    };
    let context = match tokens.context {
        Context::Resent => "all that was said is sent again with every question",
        Context::Kept => "the server keeps what was said",
    };
    let cancelled = match tokens.cancel_every {
        0 => String::new(),
        every => format!("; one answer in {every} is stopped half way"),
    };
    format!(
        "{} at once, {} each, answers of {} tokens{}: first after {}{THIN}ms, then {gaps}; questions of {}{THIN}B, the \
         first of {}{THIN}B; {context}{cancelled}",
        counted(tokens.conversations as usize, "conversation"),
        counted(tokens.turns.at(profile) as usize, "question"),
        tokens.tokens.at(profile),
        if tokens.stream {
            ""
        } else {
            ", sent when they are whole"
        },
        plain(tokens.first_ms),
        whole(tokens.question.into()),
        whole(tokens.opening.into()),
    )
}

/// A parameter as it was written: no more digits than it has.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value < 1e15 {
        whole(value as u64)
    } else {
        short(value)
    }
}

/// `open loop` or `closed loop`, with what it means.
pub(crate) fn loop_model(group: &Group<'_>) -> &'static str {
    match group.loop_model {
        LoopModel::Open if group.arriving().is_some() => {
            "open loop: connections are due by a schedule, whatever happens to those before; their rate is asked, and is no capacity"
        }
        LoopModel::Open => {
            "open loop: messages are due by a schedule, whatever happens to those before"
        }
        LoopModel::Closed => "closed loop: the next operation starts when one before it has ended",
    }
}

/// The command as a person would type it.
pub(crate) fn command(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|a| shell_quoted(a)).collect();
    quoted.join(" ")
}

fn shell_quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    // A home directory, which a shell finds in no quotes.
    let path = argument.strip_prefix("~/").unwrap_or(argument);
    if !path.is_empty() && path.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// What the machine and the build were.
pub(crate) fn environment(record: &Record) -> Table {
    let run = &record.run;
    let e = &run.environment;
    let cores = |cores: &[usize]| {
        let names: Vec<String> = cores.iter().map(usize::to_string).collect();
        names.join(", ")
    };
    let gib = e.memory_bytes as f64 / f64::from(1 << 30);
    let mut facts: Vec<(&str, String)> = vec![
        ("machine", e.machine.clone()),
        ("processor", e.cpu_model.clone()),
        ("processors usable", cores(&e.cores)),
        ("processors of the server", cores(&run.server_cores)),
        ("processors of the load process", cores(&run.load_cores)),
        ("memory", format!("{}{THIN}GiB", significant(gib, 3))),
        ("kernel", e.kernel.clone()),
        (
            "hypervisor",
            e.hypervisor.clone().unwrap_or_else(|| "none".into()),
        ),
        ("clock source", e.clock_source.clone()),
        ("pushbench", e.pushbench_version.clone()),
        (
            "commit",
            e.commit.clone().unwrap_or_else(|| "not a checkout".into()),
        ),
        ("compiler", e.rustc.clone()),
        ("build", e.build.clone()),
        (
            "hardware counters",
            e.no_counters
                .as_ref()
                .map_or_else(|| "yes".into(), |why| format!("none: {why}")),
        ),
    ];
    facts.extend(
        e.runtimes
            .iter()
            .map(|(name, version)| (name.as_str(), version.clone())),
    );
    facts.extend(
        e.settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );

    let mut table = Table::new("fact", vec![Column::words("value")]);
    for (name, value) in facts {
        let known = if value.is_empty() {
            "not known".into()
        } else {
            value
        };
        table.row(name, vec![Cell::plain(known)]);
    }
    table
}

/// `Equalised: same buffers, …`; nothing where no server has a choice.
pub(crate) fn tuning(group: &Group<'_>) -> Option<String> {
    (group.tuning != Tuning::Fixed).then(|| {
        format!(
            "{}: {}",
            capitalised(group.tuning.label()),
            group.tuning.about()
        )
    })
}

/// What every verdict of a group rests on: tier, families, margins.
pub(crate) fn rests_on(group: &Group<'_>, verdicts: &Verdicts) -> String {
    let tier = group.tier;
    let times = if tier.is_indicative(true) {
        "verdicts on times are indicative, those on counts stand"
    } else {
        "verdicts on times and on counts stand"
    };
    let (transports, servers) = verdicts.sizes();
    let margins: Vec<String> = group
        .scenario
        .margins
        .named()
        .iter()
        .map(|(name, margin)| format!("{name} ±{}{THIN}%", short(margin * 100.0)))
        .collect();
    format!(
        "Trust tier {}, {}: {times}. Judged together: {} of transports on the same stack, {} of other servers. Margins \
         of the scenario: {}; bytes and segments none.",
        tier.code(),
        tier.label(),
        counted(transports, "comparison"),
        whole(servers as u64),
        margins.join(", "),
    )
}

/// A digest of a scenario's effective values, to tell two of one name apart: FNV-1a, 64 bits, over its JSON. It guards
/// against confusion and not against malice.
pub(crate) fn digest(scenario: &Scenario) -> String {
    let json = serde_json::to_string(scenario).unwrap_or_default();
    // Offset basis and prime: http://www.isthe.com/chongo/tech/comp/fnv/
    let hash = json.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
