//! Words that more than one format prints.

use pushbench_model::measurement::LoopModel;
use pushbench_model::record::{Outcome, Record, Run};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::search::Search;

use crate::number::{THIN, capitalised, counted, short, significant, whole};
use crate::saturation;
use crate::table::{Cell, Column, Table};

/// `Server-Sent Events` for `sse`; names it does not know stay as they are.
pub(crate) fn transport_name(transport: &str) -> &str {
    match transport {
        "sse" => "Server-Sent Events",
        "websocket" => "WebSocket",
        "long-poll" => "HTTP long-polling",
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
    match &scenario.workload {
        Workload::FanOut(fan_out) => format!(
            "{}, {} messages/s ({} arrivals), {payload}, {}{THIN}s measured after {}{THIN}s warm-up",
            counted(fan_out.subscribers as usize, "subscriber"),
            plain(fan_out.rate),
            match fan_out.arrivals {
                Arrivals::Constant => "evenly spaced",
                Arrivals::Poisson => "Poisson",
            },
            plain(fan_out.measure_s.at(run.profile)),
            plain(fan_out.warm_up_s.at(run.profile)),
        ),
        Workload::Connect(connect) => format!(
            "{} opened and closed, {} in flight at any time, after {} to warm up; {payload}",
            counted(connect.connections.at(run.profile) as usize, "connection"),
            connect.in_flight,
            whole(u64::from(connect.warm_up.at(run.profile))),
        ),
    }
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
pub(crate) fn loop_model(model: LoopModel) -> &'static str {
    match model {
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
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// The trials whose figures are not used, with their reasons.
pub(crate) fn unused_trials(record: &Record) -> Table {
    let columns = ["trial", "repetition"].map(|name| Column::numbers(name, ""));
    let words = ["scenario", "outcome", "reason"].map(Column::words);
    let mut table = Table::new("server", columns.into_iter().chain(words).collect());
    for trial in &record.trials {
        let trial = &trial.trial;
        if saturation::says_something(record, trial.trial) {
            continue;
        }
        let (outcome, reason) = match &trial.outcome {
            Outcome::Valid => continue,
            Outcome::Invalid { .. } => ("invalid", trial.outcome.in_words()),
            Outcome::Failed { reason } => ("failed", reason.clone()),
        };
        table.row(
            trial.server.to_string(),
            vec![
                Cell::plain(trial.trial.to_string()),
                Cell::plain(trial.repetition.to_string()),
                Cell::plain(&trial.scenario),
                Cell::plain(outcome),
                Cell::plain(reason),
            ],
        );
    }
    table
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

/// What the table of transports on one stack shows.
pub(crate) const SAME_STACK: &str = "Ratios between transports that the same stack speaks, paired by repetition: here \
     the software is the same and only the transport differs. Above 1, the one named first costs more.";

/// How the figures are made, one paragraph each.
pub(crate) const METHOD: [(&str, &str); 6] = [
    (
        "From the intended time",
        "A response time runs from the moment a message was due, not from the moment it was sent. A server or publisher \
         that stalls therefore pays for every message that had to wait.",
    ),
    (
        "The trial is the unit",
        "Each trial is a fresh server and a fresh load process. Samples within a trial share its luck, so every mean, \
         ratio and interval is taken over trials.",
    ),
    (
        "Merged histograms",
        "A percentile is read from one histogram that holds the samples of all valid repetitions; percentiles are never \
         averaged. One with fewer than ten samples beyond it is not printed: n/a, with the number of samples.",
    ),
    (
        "Intervals",
        "The small figures are 95\u{202f}% intervals over repetitions: Student's t on the logarithms (on the figures \
         themselves for memory, which is a difference). For a percentile the interval is about the percentile of a \
         single repetition. With fewer than two repetitions there is none.",
    ),
    (
        "Ratios",
        "A ratio pairs the trials of the same repetition, which ran close together, and is their geometric mean. The \
         lowest and the highest server are picked after looking, so an interval that barely misses 1 is weak evidence.",
    ),
    (
        "Order",
        "Every repetition runs every scenario and server once, in a freshly shuffled order, so that a drift of the \
         machine falls on all of them alike.",
    ),
];

/// The words of a report.
pub(crate) const GLOSSARY: [(&str, &str); 19] = [
    (
        "transport",
        "A way to push: sse, websocket, long-poll, and tcp as the floor.",
    ),
    (
        "stack",
        "The software that speaks the transport: reference is ours, others go by their own names.",
    ),
    (
        "floor",
        "Length-prefixed frames over plain TCP: the least a server can do. Not a choice, a yardstick.",
    ),
    (
        "server",
        "One transport with one stack, in a process of its own.",
    ),
    ("delivery", "One message received by one subscriber."),
    (
        "response time",
        "Receipt minus the time the message was due.",
    ),
    (
        "service time",
        "Receipt minus the time the message was really published. Waiting before that is not in it.",
    ),
    (
        "lateness",
        "Time the message was published minus the time it was due.",
    ),
    (
        "first message",
        "From the start of connect() to the first message received.",
    ),
    (
        "p50, p99, p99.9",
        "The time that 50\u{202f}%, 99\u{202f}%, 99.9\u{202f}% of the deliveries did not exceed.",
    ),
    (
        "CPU",
        "Processor time of the process, user and kernel, in the measured phase, without the publishing thread.",
    ),
    (
        "publishing thread",
        "Makes, encodes and publishes the messages, and spins before due times. It is left out of CPU and instructions \
         per delivery on whichever side it lives, and so is the cost of making a message and encoding it once (base64 \
         included), because that is paid once per message and not per delivery.",
    ),
    (
        "published by",
        "Itself: the server publishes by a schedule it was given. Relay: the load process publishes through the server \
         with one HTTP request per message.",
    ),
    (
        "load",
        "The process that holds the subscribers; its cost stands for the clients.",
    ),
    (
        "open loop, closed loop",
        "Load that follows a schedule, or load that waits for results. Never in one table.",
    ),
    (
        "trial",
        "One scenario against one server in fresh processes.",
    ),
    (
        "repetition",
        "A block of trials in which every scenario and server runs once, in random order.",
    ),
    (
        "95\u{202f}% interval",
        "Made so that in 95 of 100 such runs it holds the true mean.",
    ),
    (
        "no difference shown",
        "The data cannot tell the two apart. It does not prove that they are equal.",
    ),
];
