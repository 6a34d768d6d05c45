//! Programs of others beside our own: what a message costs each, as a multiple of ours.
//!
//! `goals`: receivers that are meant to be dearer by so much, held against it.

mod goals;

use std::collections::BTreeMap;

use pushbench_model::peers::{CountedBy, Part, Peer, PeerLoad, Peers, Turn};
use pushbench_stats::{Averaging, Estimate, estimate, paired_ratio};

use crate::number::{counted, significant, whole};
use crate::table::{Cell, Column, Table};
use crate::texts::transport_name;

pub use goals::PeerGoals;

/// Heading of all of it.
pub const TITLE: &str = "Among its peers";

/// Heading of the goals of a part.
pub const GOALS: &str = "Held against the goals";

/// One part of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSection {
    /// Heading.
    pub title: String,
    /// What was measured, and what was not.
    pub about: Vec<String>,
    /// The figures.
    pub table: Table,
    /// Those that have a goal, and how they stand to it; `None` where nothing has.
    pub goals: Option<PeerGoals>,
}

/// The parts that something was measured of.
#[must_use]
pub fn sections(peers: &Peers) -> Vec<PeerSection> {
    [Part::Receiver, Part::Server]
        .into_iter()
        .filter(|part| peers.peers.iter().any(|peer| peer.id.part == *part))
        .map(|part| section(peers, part))
        .collect()
}

fn section(peers: &Peers, part: Part) -> PeerSection {
    let (title, about) = match part {
        Part::Receiver => ("Receivers", about_receivers(peers)),
        Part::Server => ("Push servers", about_servers(peers)),
    };
    PeerSection {
        title: title.into(),
        about,
        table: table(peers, part),
        goals: match part {
            Part::Receiver => goals::held(peers),
            Part::Server => None,
        },
    }
}

fn about_receivers(peers: &Peers) -> Vec<String> {
    let mut about = vec![format!(
        "Every receiver is sent {} by the same server, in turns, in a random order within each round. The processor \
         time of its whole process group is read before and after, while no message is in flight, and divided by the \
         deliveries. Messages per second of processor time is not the highest rate a receiver sustains.",
        load(&peers.receiver_load)
    )];
    let uncounted: Vec<&str> = peers
        .peers
        .iter()
        .filter(|peer| peer.counted_by == CountedBy::Server)
        .map(|peer| peer.id.name.as_str())
        .collect();
    about.push(
        "Receivers differ in what they do: Pushbench’s own, a raw one among them, verify, stamp and record every message, the others count, \
         and parse as much as their library does."
            .into(),
    );
    if !uncounted.is_empty() {
        about.push(format!(
            "{} cannot say how many messages came: they are counted at the server, so nothing shows that they were read.",
            uncounted.join(", ")
        ));
    }
    about
}

fn about_servers(peers: &Peers) -> Vec<String> {
    vec![
        format!(
            "Every server has to send {} to Pushbench’s load generator, which verifies each, in turns as above. The \
             processor time of the server’s whole process group is divided by the deliveries.",
            load(&peers.server_load)
        ),
        "A server that relays is posted each message and pays for receiving it; Pushbench’s own makes them by itself, and \
         the time of the thread that does is left out. Latency and memory are not compared here."
            .into(),
    ]
}

fn load(load: &PeerLoad) -> String {
    format!(
        "{} messages per second of {} bytes on each of {} (a warm-up of {} s, then {} s measured)",
        load.rate,
        load.payload_bytes,
        counted(load.connections as usize, "connection"),
        load.warm_up_s,
        load.measure_s
    )
}

fn table(peers: &Peers, part: Part) -> Table {
    let figure = match part {
        Part::Receiver => Column::numbers("messages per CPU-second", ""),
        Part::Server => Column::numbers("CPU per delivery", "ns"),
    };
    let mut table = Table::new(
        match part {
            Part::Receiver => "receiver",
            Part::Server => "server",
        },
        vec![
            figure,
            Column::numbers("CPU, × ours", ""),
            Column::numbers("rounds", ""),
            Column::numbers("lost", ""),
            Column::words("versions"),
        ],
    );
    for transport in ["websocket", "sse"] {
        for peer in &peers.peers {
            if peer.id.part == part && peer.id.transport == transport {
                let name = format!("{transport} {}", peer.id.name);
                table.row(name, cells(peers, peer));
            }
        }
    }
    table.notes = notes(peers, part);
    table
}

fn cells(peers: &Peers, peer: &Peer) -> Vec<Cell> {
    let turns: Vec<&Turn> = turns_of(peers, peer).collect();
    let costs = costs(peers, peer);
    let all: Vec<f64> = costs.values().copied().collect();
    let per_message = estimate(&all, Averaging::Geometric);
    let figure = per_message.map_or_else(
        || Cell::absent(""),
        |estimate| {
            Cell::plain(match peer.id.part {
                Part::Receiver => whole((1e9 / estimate.value).round() as u64),
                Part::Server => whole(estimate.value.round() as u64),
            })
        },
    );
    let lost: u64 = turns.iter().map(|turn| turn.lost).sum();
    let lost = match peer.counted_by {
        CountedBy::Server => Cell::plain("–"),
        CountedBy::Receiver if lost > 0 => Cell::plain(whole(lost)).bad(),
        CountedBy::Receiver => Cell::plain("0"),
    };
    let used = format!("{} of {}", costs.len(), turns.len());
    vec![
        figure,
        ratio_cell(peers, peer),
        if costs.len() < turns.len() {
            Cell::plain(used).bad()
        } else {
            Cell::plain(used)
        },
        lost,
        Cell::plain(versions(peer)),
    ]
}

fn ratio_cell(peers: &Peers, peer: &Peer) -> Cell {
    if peer.ours {
        return Cell::plain("1");
    }
    ratio(peers, peer).map_or_else(
        || Cell::absent("no round with both"),
        |estimate| {
            let cell = Cell::plain(significant(estimate.value, 3));
            match estimate.interval {
                Some(i) => cell.under(format!(
                    "{} … {}",
                    significant(i.low, 3),
                    significant(i.high, 3)
                )),
                None => cell,
            }
        },
    )
}

/// Processor time of `peer` per message over that of ours, in the rounds that both have a figure of.
#[must_use]
pub fn ratio(peers: &Peers, peer: &Peer) -> Option<Estimate> {
    let ours = beside(peers, peer, |other| other.ours)?;
    let (mine, theirs) = (costs(peers, ours), costs(peers, peer));
    let pairs: Vec<(f64, f64)> = theirs
        .iter()
        .filter_map(|(round, cost)| Some((*cost, *mine.get(round)?)))
        .collect();
    paired_ratio(&pairs)
}

/// The one that `is_meant` among those of the same part and transport.
fn beside<'a>(peers: &'a Peers, peer: &Peer, is_meant: impl Fn(&Peer) -> bool) -> Option<&'a Peer> {
    peers.peers.iter().find(|other| {
        let alike = (other.id.part, &other.id.transport) == (peer.id.part, &peer.id.transport);
        alike && is_meant(other)
    })
}

fn turns_of<'a>(peers: &'a Peers, peer: &'a Peer) -> impl Iterator<Item = &'a Turn> {
    peers.turns.iter().filter(|turn| turn.id == peer.id)
}

/// Nanoseconds per delivery by round, of the turns that may be used.
fn costs(peers: &Peers, peer: &Peer) -> BTreeMap<u32, f64> {
    turns_of(peers, peer)
        .filter_map(|turn| Some((turn.round, turn.cpu_ns_per_delivery()?)))
        .collect()
}

fn versions(peer: &Peer) -> String {
    let versions = peer.versions.iter();
    let words: Vec<String> = versions
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    words.join(", ")
}

fn notes(peers: &Peers, part: Part) -> Vec<String> {
    let mut notes = vec![
        "CPU, × ours: processor time per message over that of Pushbench’s own in the same round, geometric mean over \
         rounds with its 95 % interval; more than 1 is dearer than ours."
            .to_owned(),
    ];
    if peers.interrupted {
        notes.push(format!(
            "Stopped before the last of {}.",
            counted(peers.rounds as usize, "round")
        ));
    }
    if peers.build == "debug" {
        notes.push("Made with a debug build: no time in it means anything.".into());
    }
    for turn in peers.turns.iter().filter(|turn| turn.id.part == part) {
        if let Some(reason) = &turn.unusable {
            notes.push(format!(
                "Not used: {} in round {}: {reason}",
                turn.id, turn.round
            ));
        }
    }
    for absent in peers.absent.iter().filter(|absent| absent.id.part == part) {
        notes.push(format!(
            "Absent: {} ({}): {}. To install it: {}",
            absent.id.name,
            transport_name(&absent.id.transport),
            absent.reason.trim_end_matches('.'),
            absent.install
        ));
    }
    notes
}

/// How the comparison was made, in a line.
#[must_use]
pub fn made_with(peers: &Peers) -> String {
    let commit = peers.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    format!(
        "Started {}, {:.0} s, {}, seed {}, with pushbench {}{commit}, {} build, on {}; servers on cores {:?}, receivers on \
         cores {:?}.",
        peers.started,
        peers.wall_s,
        counted(peers.rounds as usize, "round"),
        peers.seed,
        peers.pushbench_version,
        peers.build,
        peers.machine,
        peers.server_cores,
        peers.load_cores,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn ratios_pair_rounds_and_leave_out_what_lost() {
        let peers = sample::peers();
        let other = peers.peers.iter().find(|peer| !peer.ours).unwrap();
        let got = ratio(&peers, other).unwrap();
        assert_eq!(got.n, 2, "the third round lost a message");
        assert!((got.value - 4.0).abs() < 1e-9, "{got:?}");
        let sections = sections(&peers);
        assert_eq!(sections.len(), 1);
        let table = &sections[0].table;
        let cells = &table.rows[1].cells;
        assert_eq!(
            (cells[0].text.as_str(), cells[1].text.as_str()),
            ("1\u{202f}000\u{202f}000", "4.00")
        );
        assert_eq!(
            (cells[2].text.as_str(), cells[3].text.as_str()),
            ("2 of 3", "1")
        );
        assert!(cells[4].text.contains("node 20.1.0"));
        let notes = table.notes.join("\n");
        assert!(
            notes.contains("1 of 100 was lost") && notes.contains("get it"),
            "{notes}"
        );
    }

    #[test]
    fn a_report_draws_what_the_record_holds() {
        let mut record = sample::record();
        assert!(!crate::html(&record).contains(TITLE) && !crate::markdown(&record).contains(TITLE));
        record.peers = Some(sample::peers());
        for text in [crate::html(&record), crate::markdown(&record)] {
            for word in [
                TITLE,
                "node-ws",
                "4.00",
                "1 of 100 was lost",
                "node 20.1.0",
                "get it",
            ] {
                assert!(text.contains(word), "{word}");
            }
        }
    }
}
