//! How the figures are made, and the words of a report.

/// What the table of transports on one stack shows.
pub(crate) const SAME_STACK: &str = "Ratios between transports that the same stack speaks: here the software is the \
     same and only the transport differs. Above 1, the one named first needs more. Under each ratio stand its interval and \
     its verdict; “~20 more” are the further repetitions that would probably decide.";

/// What the table of tunings shows.
pub(crate) const DEFAULTS_COST: &str = "The same server as its libraries' documentation shows it, over itself \
     equalised, paired by repetition. Above 1, the defaults need more. This is a finding of its own: verdicts never mix \
     tunings.";

/// How the figures are made, one paragraph each.
pub(crate) const METHOD: [(&str, &str); 11] = [
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
         averaged. One with fewer than ten samples beyond it is not printed: n/a, with the number of samples. Messages \
         that never arrived count as later than all others: a percentile that falls among them lies beyond the end of \
         the run.",
    ),
    (
        "Intervals",
        "The small figures are 95\u{202f}% intervals over repetitions: Student's t on the logarithms (on the figures \
         themselves for memory, which is a difference). For a percentile the interval is about the percentile of a \
         single repetition. With fewer than two repetitions there is none.",
    ),
    (
        "Ratios",
        "A ratio pairs the trials of the same repetition, which ran close together, and is their geometric mean. Its \
         interval is that of a single comparison; its verdict also allows for all the others.",
    ),
    (
        "Verdicts",
        "The scenario says before the run how large a difference must be to matter, its margin. A verdict claims that \
         the true ratio lies below, above or inside the margin; where none of the three can be claimed it is undecided. \
         Below 6 pairs there is no verdict.",
    ),
    (
        "Families",
        "Verdicts of one scenario and tuning are judged together (Holm), in two families: every pair of transports on \
         the same stack by p50, p99, processor time of both sides, instructions, bytes and segments; and every other \
         pair of servers but the floor by p50, server processor time and bytes. The chance of any false difference in a \
         family is at most 5\u{202f}%, and so is that of any false “no difference”. The lowest and the highest server \
         may therefore be picked after looking.",
    ),
    (
        "Slices",
        "Where there are trials in slices, servers take turns for a few milliseconds each, and what a delivery costs \
         is compared between neighbours: one median of ratios per trial, then statistics over trials. They are a closed loop, \
         one message at a time, in which nothing is coalesced; the absolute figures beside them are of open-loop trials. A machine whose \
         speed wanders moves both neighbours alike, so this is far less noisy than whole trials.",
    ),
    (
        "Two tunings",
        "Servers whose libraries can be set are measured as their documentation shows them and set alike. The two are \
         never compared by a verdict, and where one of them is missing no verdict is given at all. Servers without such \
         a choice stand in both.",
    ),
    (
        "Flags",
        "A valid trial on which the machine or its own warm-up left a mark is flagged and counted, but its figures are \
         used: leaving out what looks bad would be choosing. “Never steady” is a result, not a fault.",
    ),
    (
        "Order",
        "Every repetition runs every scenario and server once, in a freshly shuffled order, so that a drift of the \
         machine falls on all of them alike.",
    ),
];

/// The words of a report in which connections come by a schedule.
pub(crate) const ARRIVALS: [(&str, &str); 2] = [
    (
        "first message, of connections by a schedule",
        "From when the connection was due to the first message received: lateness, connecting and the answer.",
    ),
    (
        "lateness, of connections by a schedule",
        "Start of connect() minus the time the connection was due. It is the load process’s, and much of it makes a trial invalid.",
    ),
];

/// The words of a report.
pub(crate) const GLOSSARY: [(&str, &str); 29] = [
    (
        "transport",
        "A way to push: sse, ndjson, websocket, long-poll; short-poll, which does not push; and tcp as the floor.",
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
        "publish, transit",
        "The two parts of the service time: until the message was handed on by who publishes, and from there to the \
         subscriber.",
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
        "tuning",
        "How a server's libraries are set. Defaults: as their documentation shows them. Equalised: the same buffers, \
         flush policy, NODELAY, runtime and batch window on every transport.",
    ),
    (
        "margin",
        "How large a difference must be to matter; it stands in the scenario before the run. What is counted on the \
         wire has none: one byte more is one byte more.",
    ),
    (
        "verdict",
        "Less, more, no difference shown, or undecided; none below 6 pairs.",
    ),
    (
        "less, more",
        "The true ratio lies beyond the margin. Which way is good depends on nobody's taste: less is less time, work or \
         bytes.",
    ),
    (
        "no difference shown",
        "It was shown that the ratio lies within the margin: a tie that was demonstrated, not one that was merely not \
         refuted.",
    ),
    (
        "undecided",
        "The data allow no claim. The number of further repetitions would decide four times out of five, if what was \
         seen so far is the truth.",
    ),
    (
        "trust tier",
        "T0, a shared small machine: virtual, or at most two processors, or none to itself for server and load; times are \
         indicative there. T1, one host with processors for each side. T2, two hosts, which Pushbench does not offer yet.",
    ),
    (
        "slices",
        "Short pieces of load that alternate between servers within one trial.",
    ),
    (
        "flag",
        "A mark on a valid trial: stolen or foreign processor time, tasks that waited for a processor, response times \
         that settled late or never.",
    ),
    (
        "self-test",
        "Proofs that the method reads back what was injected: pushbench selftest.",
    ),
];
