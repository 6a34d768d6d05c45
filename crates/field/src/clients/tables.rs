//! What was found, as parts of a survey.

mod ends;

use pushbench_model::histogram::quantile;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::survey::{Cell, Kind, Part, State};

use super::client::Client;
use super::spread::Spread;
use super::turn::{Load, PhaseFigures, Turn};

pub use ends::{endings, insisted};

/// Median response time at the lowest rate from which on a client is late, nanoseconds: a reader sees a tenth of a second.
const LATE_NS: u64 = 100_000_000;
/// Numbers of messages for which is told how much was read until then.
const READ_AT: [usize; 5] = [100, 200, 500, 1000, 2000];

/// Turns of one client.
fn of<'a>(turns: &'a [Turn], client: &'a Client) -> impl Iterator<Item = &'a Turn> + Clone {
    turns
        .iter()
        .filter(|turn| turn.client == client.name && turn.transport == client.transport)
}

fn counts(turns: &[Turn], client: &Client) -> SequenceCounts {
    let mut sum = SequenceCounts::default();
    of(turns, client).for_each(|turn| sum.add(&turn.counts));
    sum
}

/// Clients that lost, doubled or damaged a message, or failed, without a reason that the list knows.
#[must_use]
pub fn faulty<'a>(clients: &'a [Client], turns: &[Turn]) -> Vec<&'a Client> {
    let is_faulty = |client: &&Client| {
        let failed = of(turns, client).any(|turn| turn.failure.is_some());
        failed || (client.loses.is_none() && !counts(turns, client).is_clean())
    };
    clients.iter().filter(is_faulty).collect()
}

/// What each client delivers and loses, over all rounds.
#[must_use]
pub fn arrivals(clients: &[Client], turns: &[Turn], load: &Load) -> Part {
    let mut part = Part::new(
        "What arrives",
        "client",
        &[
            ("over", Kind::Words),
            ("published", Kind::Count),
            ("delivered", Kind::Count),
            ("lost", Kind::Count),
            ("twice", Kind::Count),
            ("out of order", Kind::Count),
            ("damaged", Kind::Count),
            ("all in all", Kind::Words),
        ],
    )
    .about(format!(
        "One subscription to Pushbench's bare server for each client and round: {}. Texts have spaces at their ends, emoji, \
         quotes, line ends as escapes of JSON, and a line separator (U+2028). Every message is checked: its place, and its \
         checksum, after the measurement.",
        load.in_words()
    ));
    for client in clients
        .iter()
        .filter(|client| of(turns, client).next().is_some())
    {
        let counts = counts(turns, client);
        let published = of(turns, client).map(|turn| turn.published).sum();
        part.row(
            client.name.clone(),
            [
                Cell::words(&client.transport),
                Cell::count(published),
                Cell::count(counts.delivered),
                Cell::count(counts.lost),
                Cell::count(counts.duplicated),
                Cell::count(counts.reordered),
                Cell::count(counts.corrupted),
                verdict(client, turns, counts),
            ],
        );
        part.notes
            .push(format!("{}: {}", client.name, client.about));
    }
    part.notes.dedup();
    part
}

fn verdict(client: &Client, turns: &[Turn], counts: SequenceCounts) -> Cell {
    if let Some(failure) = of(turns, client).find_map(|turn| turn.failure.as_ref()) {
        return Cell::state(State::Fails, failure);
    }
    if !counts.is_clean() {
        let noted = || of(turns, client).find_map(|turn| turn.notes.first().cloned());
        let reason = client.loses.clone().or_else(noted).unwrap_or_default();
        return Cell::state(State::Fails, reason);
    }
    let medians = of(turns, client).filter_map(|turn| turn.phases.first()?.quantile(0.5));
    match Spread::of(medians) {
        Some(median) if median.median >= LATE_NS as f64 => Cell::state(
            State::Late,
            format!("half of them after {} or more", time(median.median)),
        ),
        _ => Cell::state(State::Works, ""),
    }
}

/// What a message costs each client, and how long it takes: medians over rounds, with quartiles.
#[must_use]
pub fn costs(clients: &[Client], turns: &[Turn], load: &Load) -> Part {
    let mut columns = vec![("over".to_owned(), Kind::Words)];
    for phase in &load.phases {
        columns.push((format!("CPU per message at {}/s", phase.rate), Kind::Time));
    }
    columns.push(("of Pushbench's".into(), Kind::Times));
    for phase in &load.phases {
        columns.push((format!("p50 at {}/s", phase.rate), Kind::Time));
    }
    columns.push(("p99".into(), Kind::Time));
    let columns: Vec<(&str, Kind)> = columns
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    let mut part = Part::new("What a message costs", "client", &columns)
        .about(
            "Processor time of the client's process, from rest to rest around all messages of a rate, divided by those that \
             arrived; it receives, parses and notes the time of each. Pushbench's own subscriber is a thread of this program, \
             and verifies each message in that time, too.",
        )
        .about(
            "Times run from the intended publication to the client's own code. Medians over rounds, quartiles under them; all \
             clients have a turn in each round, in an order drawn anew.",
        );
    for client in clients {
        let seen: Vec<&Turn> = of(turns, client)
            .filter(|turn| turn.failure.is_none())
            .collect();
        if seen.is_empty() {
            continue;
        }
        let phases = 0..load.phases.len();
        let at = |phase: usize| seen.iter().filter_map(move |turn| turn.phases.get(phase));
        let mut cells = vec![Cell::words(&client.transport)];
        cells.extend(phases.clone().map(|phase| {
            let costs = at(phase).map(PhaseFigures::cpu_ns_per_message).collect();
            spread(costs, time, "nothing arrived")
        }));
        cells.push(ratio(client, clients, turns, load.phases.len() - 1));
        let times = |phase, share| {
            let times = at(phase).map(|figures| figures.quantile(share));
            spread(times.collect(), time, "lost, or too few")
        };
        cells.extend(phases.map(|phase| times(phase, 0.5)));
        cells.push(times(load.phases.len() - 1, 0.99));
        part.row(client.name.clone(), cells);
    }
    if let Some(last) = load.phases.last() {
        let rate = last.rate;
        part.notes.push(format!(
            "Ratio and p99 are of the messages at {rate}/s; a ratio is taken within a round."
        ));
    }
    part
}

/// Within each round, against ours over the same transport.
fn ratio(client: &Client, clients: &[Client], turns: &[Turn], phase: usize) -> Cell {
    let cost = |turn: &Turn| turn.phases.get(phase)?.cpu_ns_per_message();
    let ours = clients
        .iter()
        .find(|other| other.is_ours() && other.transport == client.transport);
    let Some(ours) = ours else {
        return Cell::absent("no turn of ours");
    };
    let ratios = of(turns, client).map(|turn| {
        let yardstick = of(turns, ours).find(|other| other.round == turn.round)?;
        Some(cost(turn)? / cost(yardstick)?)
    });
    spread(ratios.collect(), |ratio| format!("{ratio:.1}"), "no pair")
}

/// Median and quartiles, where every round has a figure.
fn spread(figures: Vec<Option<f64>>, words: impl Fn(f64) -> String, why: &str) -> Cell {
    let all: Option<Vec<f64>> = figures.into_iter().collect();
    match all.and_then(Spread::of) {
        None => Cell::absent(why),
        Some(spread) if spread.low < spread.high => {
            let remark = format!("{} to {}", words(spread.low), words(spread.high));
            Cell::remarked(spread.median, remark)
        }
        Some(spread) => Cell::number(spread.median),
    }
}

/// How much code beside the library reads per message, as messages add up; `None` where no client tells it.
#[must_use]
pub fn reading(clients: &[Client], turns: &[Turn]) -> Option<Part> {
    let names = READ_AT.map(|count| format!("after {count}"));
    let columns = names.each_ref().map(|name| (name.as_str(), Kind::Count));
    let mut part = Part::new("Reading again what was read", "client", &columns)
        .about(
            "Characters that code beside the library had read per message, when so many had arrived. Whoever keeps a buffer of \
             the unfinished line reads each once. Whoever is given all text so far, and splits it anew at every call, reads the \
             first message as often as there are calls: with a call for every message, N messages of b characters make b·N(N+1)/2.",
        );
    for client in clients {
        let reading: Vec<&Turn> = of(turns, client)
            .filter(|turn| !turn.scanned.is_empty())
            .collect();
        if reading.is_empty() {
            continue;
        }
        let cells = READ_AT.map(|count| {
            let read = reading.iter().map(|turn| {
                let scanned = *turn.scanned.get(count - 1)?;
                Some(scanned as f64 / count as f64)
            });
            spread(
                read.collect(),
                |value| format!("{value:.0}"),
                "fewer arrived",
            )
        });
        part.row(client.name.clone(), cells);
    }
    (!part.rows.is_empty()).then_some(part)
}

impl PhaseFigures {
    fn cpu_ns_per_message(&self) -> Option<f64> {
        let arrived = self.times.response.len();
        (arrived > 0).then(|| self.cpu_ns as f64 / arrived as f64)
    }

    /// Of response times.
    fn quantile(&self, share: f64) -> Option<f64> {
        let histogram = &self.times.response;
        let lost = self.published.saturating_sub(histogram.len());
        quantile(histogram, lost, share).value().map(|ns| ns as f64)
    }
}

impl Load {
    fn in_words(&self) -> String {
        let phases = self
            .phases
            .iter()
            .map(|phase| format!("{} messages at {}/s", phase.messages, phase.rate));
        phases.collect::<Vec<_>>().join(", then ")
    }
}

/// A time in its own unit, with three digits.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}
