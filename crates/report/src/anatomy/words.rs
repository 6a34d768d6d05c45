//! Sentences about an anatomy that more than one format prints.

use pushbench_model::anatomy::{Anatomy, Counting, Emulation, Quartiles, Stage};

use crate::number::{THIN, capitalised, counted, ratio, significant, whole};

/// What the section is about.
pub(crate) const INTRODUCTION: [&str; 2] = [
    "A delivery is one message that reaches one subscriber. Most of what it costs is paid to the kernel, whatever the \
     transport: that is the floor, a loop that writes or reads the same payload over plain TCP and does nothing else. \
     What stands above the floor is added in layers: the transport's own framing, then the library that most people \
     reach for, then that library's defaults or a framework.",
    "Read it from below: the first layer is what a protocol costs, and the others are what software costs. A \
     comparison of two transports that is made with two libraries measures all of them at once.",
];

/// What each rung stands for, from below.
pub(crate) const RUNGS: [(&str, &str); 5] = [
    (
        "floor",
        "Raw epoll and TCP, length and payload: what the kernel charges for one write (server) or one read (client).",
    ),
    (
        "framing",
        "Handshake and framing of the transport and nothing else: the stack bare on the server's side, Pushbench's own \
         load generator on the client's.",
    ),
    (
        "library",
        "The usual library, as a careful engineer sets it.",
    ),
    (
        "defaults",
        "The library's defaults, or a framework, as their documentation shows them.",
    ),
    (
        "variant",
        "One of the others with one thing changed, to see what that costs. In the tables only.",
    ),
];

/// How the figures are made, and what they do not say.
pub(crate) const METHOD: [(&str, &str); 7] = [
    (
        "Turns",
        "All contenders of a stage are alive at once and take turns in short slices, so that what the machine does \
         meanwhile happens to all of them. Each slice is divided by the floor's slice of the same turn; the figure is \
         the median of the quotients, and the small figures are its quartiles: half of the slices lie between them.",
    ),
    (
        "Processor time",
        "CPU is user and kernel time of the measured process, per delivery. On a shared or virtual machine its \
         nanoseconds wander by tens of percent within seconds, while ratios to the floor move far less: compare ratios, \
         and compare nanoseconds within one table only. Quartiles that overlap show no difference.",
    ),
    (
        "Instructions",
        "Counts of instructions hardly vary from run to run, but they are not time: one instruction may clear a block \
         of memory, and a read that waits for memory is one instruction too. Where callgrind counted, the kernel's \
         share is missing, which is most of a delivery; user instructions compare programs, not whole costs. An emulated \
         machine counts both.",
    ),
    (
        "One subscriber",
        "Making a message, encoding it and waking up for it is paid once per message. With one subscriber a single \
         delivery pays for all of that; with a hundred each pays a hundredth. The costs at one subscriber are \
         therefore no costs of delivering.",
    ),
    (
        "Messages per wake",
        "With ten messages per wake ten are ready when the process looks, and it may write or read them together. Costs \
         are still per message.",
    ),
    (
        "Goals",
        "What this project has set itself, stated before it was measured. A figure meets a goal if its whole interval \
         does, misses it if none of the interval does, and decides nothing otherwise.",
    ),
    (
        "Bars",
        "A bar ends at what the stack named beside it costs. Where a rung costs no more than the one below it, it adds \
         nothing to the bar, and this is said under the chart. Where a rung was not measured, its share is part of the \
         next one's.",
    ),
];

/// The words that the section uses, for a page that has no other.
pub(crate) const WORDS: [(&str, &str); 8] = [
    (
        "delivery",
        "One message received by one subscriber. All figures of an anatomy are per delivery.",
    ),
    (
        "transport",
        "A way to push: sse, websocket, long-poll, and tcp as the floor.",
    ),
    (
        "stack",
        "The software that speaks the transport. sse/axum is Server-Sent Events spoken by axum.",
    ),
    (
        "contender",
        "A stack with its settings, as one process of its own.",
    ),
    (
        "stage",
        "Contenders that were measured together: one side, one number of subscribers, one number of messages per wake.",
    ),
    (
        "middle half",
        "From the first to the third quartile: a quarter of the slices lies below, a quarter above.",
    ),
    ("CPU", "Processor time of the process, user and kernel."),
    (
        "response p50",
        "The time from when a message was due to its receipt that half of the deliveries did not exceed.",
    ),
];

/// What is to be said where there is a single subscriber.
pub(super) const ONE_SUBSCRIBER: &str = "One subscriber pays for all of the publishing: making, encoding and waking \
     up once per message. Compare with more subscribers for the cost of delivering.";

/// Who counted instructions, and what that leaves out.
pub(crate) fn counting(counting: &Counting) -> String {
    match counting {
        Counting::Processor => {
            "Instructions and cycles were counted by the processor, in the program and in the kernel on its behalf."
                .into()
        }
        Counting::Callgrind { because } => format!(
            "User instructions were counted by valgrind's callgrind, in runs of their own; it sees the program and not \
             the kernel, and no cycles, and counts an instruction that clears or copies memory once for every step of it. The processor's counters were not used: {}.",
            because.trim_end_matches('.')
        ),
        Counting::Nobody { because } => format!(
            "Instructions were not counted: {}.",
            because.trim_end_matches('.')
        ),
    }
}

/// What is to be said where tools did not count all.
pub(super) const NOT_COUNTED: &str = "Callgrind and strace run a program many times slower: with more than a hundred subscribers they \
     count floor and framing at most, and these for up to ten thousand deliveries at once. What others need here would follow from \
     counts at one and at a hundred: a part that each delivery pays, and a share in what is paid once per message.";

/// What is to be said where the program alone seems to execute more than program and kernel together.
pub(super) const REPEATED: &str = "Where user instructions are more than those of program and kernel, memory is cleared: on this \
     processor with an instruction of which callgrind counts every step, on the emulated one, which does not say that it is fast at \
     that, in another way.";

/// Who counted instructions of program and kernel together, and what that leaves out.
pub(crate) fn emulation(emulation: &Emulation) -> String {
    format!(
        "Instructions of program and kernel together were counted on an emulated machine ({}, Linux {}, one processor), whose clock \
         advances a nanosecond per instruction. A figure is the median of {} slices; small: the middle half of its multiples of the \
         floor's slice of the same turn. There the measured process goes before all others. An emulated \
         processor has no caches, and a string instruction counts once for every step of it.",
        emulation.emulator,
        emulation.kernel,
        whole(u64::from(emulation.turns))
    )
}

/// `server side, 100 subscribers, one message per wake`
pub(crate) fn stage_name(stage: &Stage) -> String {
    format!("{} side, {}", stage.side.label(), load(stage))
}

/// `100 subscribers, one message per wake`
pub(crate) fn load(stage: &Stage) -> String {
    let wake = match stage.batch {
        1 => "one message per wake".to_owned(),
        n => format!("{} messages per wake", whole(u64::from(n))),
    };
    format!("{}, {wake}", subscribers(stage.subscribers))
}

pub(super) fn subscribers(n: u32) -> String {
    counted(n as usize, "subscriber")
}

/// `1.31–1.42`
pub(super) fn range(q: &Quartiles) -> String {
    let ends = (q.low, q.high);
    format!("{}–{}", ratio(q.low, ends), ratio(q.high, ends))
}

/// With what it was made.
pub(crate) fn made_with(anatomy: &Anatomy) -> String {
    let commit = anatomy.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    let machine = match anatomy.machine.as_str() {
        "" => "an undescribed machine",
        machine => machine,
    };
    format!(
        "Started {}, {}{THIN}s, with pushbench {}{commit}, {} build, on {machine}; {} slices of every contender, \
         {}{THIN}B of payload in every message.",
        anatomy.started,
        significant(anatomy.wall_s, 3),
        anatomy.pushbench_version,
        anatomy.build,
        whole(u64::from(anatomy.turns)),
        whole(anatomy.payload_bytes),
    )
}

/// That it did not reach its end, if it did not.
pub(crate) fn stopped(anatomy: &Anatomy) -> Option<String> {
    let measured = anatomy.stages.iter().filter(|s| !s.rows.is_empty()).count();
    anatomy.interrupted.then(|| {
        format!(
            "The anatomy was stopped before its end, after {}: what follows rests on these.",
            counted(measured, "stage")
        )
    })
}

/// What a reader must know before trusting a figure of it, the gravest first.
pub(crate) fn notices(anatomy: &Anatomy) -> Vec<String> {
    let debug = (anatomy.build == "debug").then(|| {
        "The anatomy was made with a debug build: no time in it means anything.".to_owned()
    });
    let mut names: Vec<&str> = Vec::new();
    for one in &anatomy.left_out {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    let left_out = (!names.is_empty()).then(|| {
        capitalised(&format!(
            "left out of the anatomy, of some stages or of all: {}.",
            names.join(", ")
        ))
    });
    [debug, stopped(anatomy), left_out]
        .into_iter()
        .flatten()
        .collect()
}
