//! Receivers of others that are meant to be dearer than ours by so much, held against it.

use pushbench_model::peers::{Part, Peer, Peers};
use pushbench_stats::{Estimate, paired_ratio};

use super::{beside, costs, ratio};
use crate::goal::{self, Verdict};
use crate::number::{counted, short};
use crate::table::{Cell, Column, Table};

/// The raw receiver, which none can go below that reads each message by itself.
const RAW: &str = "raw-epoll";

/// How many times ours a receiver's processor time per message is meant to be, at least: transport, name, and the multiple.
/// Stated before it was measured.
const GOALS: [(&str, &str, f64); 7] = [
    ("websocket", "node-ws", 3.5),
    ("websocket", "artillery", 3.5),
    ("websocket", "tsung", 5.0),
    ("websocket", "websockets-asyncio", 8.0),
    ("websocket", "websockets-uvloop", 8.0),
    ("websocket", "locust", 16.0),
    ("sse", "node-eventsource", 10.0),
];

/// Those that have a goal, and how they stand to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerGoals {
    /// `1 met, 2 missed`, and which were missed; without a full stop.
    pub tally: String,
    /// A row for each.
    pub table: Table,
}

/// One of them.
struct Held<'a> {
    peer: &'a Peer,
    at_least: f64,
    ratio: Estimate,
    verdict: Verdict,
}

/// The receivers that have a goal and a figure; `None` where there are none.
pub(super) fn held(peers: &Peers) -> Option<PeerGoals> {
    let held: Vec<Held<'_>> = GOALS
        .iter()
        .filter_map(|(transport, name, at_least)| {
            let peer = peers.peers.iter().find(|peer| {
                let id = (peer.id.transport.as_str(), peer.id.name.as_str());
                peer.id.part == Part::Receiver && id == (*transport, *name)
            })?;
            let ratio = ratio(peers, peer)?;
            Some(Held {
                peer,
                at_least: *at_least,
                verdict: verdict(peers, &ratio, *at_least),
                ratio,
            })
        })
        .collect();
    let words: Vec<(String, String)> = held.iter().map(Held::words).collect();
    let verdicts = words.iter().zip(&held);
    let tally = goal::tally(
        verdicts.map(|((name, goal), one)| (name.as_str(), goal.as_str(), one.verdict)),
    )?;
    Some(PeerGoals {
        tally,
        table: table(peers, &held),
    })
}

/// One round has no interval, and times of a debug build mean nothing: neither decides anything.
fn verdict(peers: &Peers, ratio: &Estimate, at_least: f64) -> Verdict {
    match ends(ratio) {
        Some(interval) if peers.build != "debug" => Verdict::beyond(interval, at_least),
        _ => Verdict::Undecided,
    }
}

fn ends(ratio: &Estimate) -> Option<(f64, f64)> {
    ratio.interval.map(|interval| (interval.low, interval.high))
}

impl Held<'_> {
    /// Whose figure it is, and the goal.
    fn words(&self) -> (String, String) {
        let id = &self.peer.id;
        (
            format!("{} {}", id.transport, id.name),
            format!("at least {}×", short(self.at_least)),
        )
    }
}

fn table(peers: &Peers, held: &[Held<'_>]) -> Table {
    let columns = vec![
        Column::words("verdict"),
        Column::numbers("CPU, × ours", ""),
        Column::numbers("at least", ""),
        Column::numbers("raw-epoll here", ""),
        Column::words("measured in"),
    ];
    let mut table = Table::new("receiver", columns);
    for one in held {
        let cells = vec![
            one.verdict.cell(),
            goal::times(one.ratio.value, ends(&one.ratio)),
            Cell::plain(format!("{}×", short(one.at_least))),
            attainable(peers, one.peer),
            Cell::plain(counted(one.ratio.n, "round")),
        ];
        table.row(one.words().0, cells);
    }
    table.notes = notes();
    table
}

/// Processor time of `peer` per message over that of the raw receiver, in the rounds that its ratio to ours is made of.
fn attainable(peers: &Peers, peer: &Peer) -> Cell {
    let raw = beside(peers, peer, |other| other.id.name == RAW);
    let ours = beside(peers, peer, |other| other.ours);
    let Some((raw, ours)) = raw.zip(ours) else {
        return Cell::absent("not among them");
    };
    let (raw, ours) = (costs(peers, raw), costs(peers, ours));
    let pairs: Vec<(f64, f64)> = costs(peers, peer)
        .iter()
        .filter(|(round, _)| ours.contains_key(round))
        .filter_map(|(round, cost)| Some((*cost, *raw.get(round)?)))
        .collect();
    paired_ratio(&pairs).map_or_else(
        || Cell::absent("no round with both"),
        |ratio| goal::times(ratio.value, ends(&ratio)),
    )
}

fn notes() -> Vec<String> {
    vec![
        "At least: how many times the processor time of ours another receiver’s is meant to be per message, stated before it was \
         measured. A goal is met if the whole 95 % interval is at or above it, missed if all of it is below, and undecided \
         otherwise, after a single round, too."
            .to_owned(),
        "Raw-epoll here: the same for the raw epoll loop instead of ours, in the same rounds. No receiver can go below that loop, which reads each \
         message by itself: where the kernel’s part of a read is large, the ratio that can be reached is that of the raw loop."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use pushbench_model::peers::{CountedBy, PeerId, Turn};

    use super::*;
    use crate::sample;

    /// A record whose receivers over `transport` cost so much per message, round by round; the first is ours.
    fn record(transport: &str, costs: &[(&str, &[u64])]) -> Peers {
        let mut peers = sample::peers();
        (peers.peers, peers.turns) = (Vec::new(), Vec::new());
        for (at, (name, rounds)) in costs.iter().enumerate() {
            let id = PeerId {
                part: Part::Receiver,
                transport: transport.into(),
                name: (*name).into(),
            };
            for (round, cost) in (1..).zip(*rounds) {
                peers.turns.push(Turn {
                    round,
                    id: id.clone(),
                    deliveries: 100,
                    lost: 0,
                    cpu_ns: cost * 100,
                    // No round has such a figure.
                    unusable: (*cost == 0).then(|| "nothing came".into()),
                });
            }
            peers.peers.push(Peer {
                id,
                ours: at == 0,
                about: String::new(),
                counted_by: CountedBy::Receiver,
                versions: std::collections::BTreeMap::new(),
            });
        }
        peers
    }

    /// The texts of a row, from its name on.
    fn row(goals: &PeerGoals, at: usize) -> Vec<&str> {
        let row = &goals.table.rows[at];
        let cells = row.cells.iter().map(|cell| cell.text.as_str());
        std::iter::once(row.name.as_str()).chain(cells).collect()
    }

    #[test]
    fn a_ratio_is_held_against_its_goal_by_its_interval() {
        let peers = record(
            "websocket",
            &[
                ("pushbench", &[100, 100, 100]),
                ("raw-epoll", &[50, 50, 50]),
                ("node-ws", &[400, 410, 390]),
                ("artillery", &[300, 310, 290]),
                ("tsung", &[400, 500, 600]),
                ("websocat", &[900, 900, 900]),
            ],
        );
        let goals = held(&peers).unwrap();
        assert_eq!(
            goals.tally,
            "1 met, 1 missed, 1 undecided; missed: websocket artillery (at least 3.5×)"
        );
        assert_eq!(goals.table.rows.len(), 3, "websocat has no goal");
        let expected = [
            ["websocket node-ws", "met", "4.00×", "3.5×", "8.00×"],
            ["websocket artillery", "missed", "3.00×", "3.5×", "6.00×"],
            ["websocket tsung", "undecided", "4.93×", "5×", "9.86×"],
        ];
        for (at, expected) in expected.iter().enumerate() {
            let row = row(&goals, at);
            assert_eq!(row[..5], expected[..]);
            assert!(row[5].starts_with('3') && row[5].ends_with("rounds"));
        }
        let cells = &goals.table.rows[1].cells;
        assert_eq!(cells[0].tone, crate::table::Tone::Bad);
        assert!(!cells[1].small.is_empty() && !cells[3].small.is_empty());
    }

    /// What can be reached is taken from the same rounds as what was.
    #[test]
    fn rounds_without_one_of_the_three_are_left_out() {
        let peers = record(
            "sse",
            &[
                ("pushbench", &[100, 0, 100, 100]),
                ("raw-epoll", &[80, 10, 0, 80]),
                ("node-eventsource", &[1200, 1200, 1200, 1200]),
            ],
        );
        let goals = held(&peers).unwrap();
        assert_eq!(goals.tally, "1 met");
        let row = row(&goals, 0);
        assert_eq!(row[..3], ["sse node-eventsource", "met", "12.0×"]);
        assert_eq!(row[4], "15.0×");
    }

    #[test]
    fn without_a_raw_receiver_nothing_says_what_can_be_reached() {
        let ours: (&str, &[u64]) = ("pushbench", &[100, 100]);
        let locust: (&str, &[u64]) = ("locust", &[2000, 2000]);
        let goals = held(&record("websocket", &[ours, locust])).unwrap();
        assert_eq!(goals.tally, "1 met");
        let cell = &goals.table.rows[0].cells[3];
        assert_eq!(
            (cell.text.as_str(), &cell.small[0][..]),
            ("n/a", "not among them")
        );
        let raw: (&str, &[u64]) = ("raw-epoll", &[0, 0]);
        let goals = held(&record("websocket", &[ours, locust, raw])).unwrap();
        assert_eq!(goals.table.rows[0].cells[3].small, ["no round with both"]);
    }

    #[test]
    fn a_single_round_and_a_debug_build_decide_nothing() {
        let of = |rounds: &[u64]| {
            record(
                "websocket",
                &[("pushbench", rounds), ("locust", &[9000, 9000])],
            )
        };
        assert_eq!(held(&of(&[100])).unwrap().tally, "1 undecided");
        assert_eq!(held(&of(&[100, 100])).unwrap().tally, "1 met");
        let mut peers = of(&[100, 100]);
        peers.build = "debug".into();
        assert_eq!(held(&peers).unwrap().tally, "1 undecided");
    }

    #[test]
    fn who_has_no_goal_or_no_figure_is_held_against_none() {
        assert_eq!(held(&record("websocket", &[("pushbench", &[1, 1])])), None);
        // The goal is for another transport.
        let other = record("sse", &[("pushbench", &[1, 1]), ("node-ws", &[9, 9])]);
        assert_eq!(held(&other), None);
        let none = record("websocket", &[("pushbench", &[1, 1]), ("node-ws", &[0, 0])]);
        assert_eq!(held(&none), None);
        // A push server of that name is no receiver.
        let mut server = record("websocket", &[("pushbench", &[1, 1]), ("node-ws", &[9, 9])]);
        for id in server.peers.iter_mut().map(|peer| &mut peer.id) {
            id.part = Part::Server;
        }
        for turn in &mut server.turns {
            turn.id.part = Part::Server;
        }
        assert_eq!(held(&server), None);
    }

    /// Records from before there were goals hold the same figures, and are drawn with them.
    #[test]
    fn every_format_says_how_the_goals_stand() {
        let mut record = sample::record();
        record.peers = Some(sample::peers());
        for text in [crate::html(&record), crate::markdown(&record)] {
            for word in [
                super::super::GOALS,
                "1 met.",
                "at least",
                "3.5×",
                "raw-epoll here",
                "not among them",
                "No receiver can go below that loop",
            ] {
                assert!(text.contains(word), "{word}");
            }
        }
        let peers = record.peers.as_mut().unwrap();
        peers.peers.retain(|peer| peer.ours);
        for text in [crate::html(&record), crate::markdown(&record)] {
            assert!(text.contains("Receivers") && !text.contains(super::super::GOALS));
        }
    }
}
