//! The check of what a program says that it received: the same for all, and after the measurement.

use pushbench_model::message;
use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::{Arrival as Place, SequenceCheck, SequenceCounts};

use super::answer::Arrival;

/// What arrived, as the checks see it.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) counts: SequenceCounts,
    /// Times of each phase.
    pub(super) times: Vec<Recorder>,
    pub(super) scanned: Vec<u64>,
    pub(super) notes: Vec<String>,
}

/// Verifies all that arrived, after the measurement.
pub(super) fn check(arrivals: &[Arrival], ends: &[u64]) -> Harvest {
    let mut place = SequenceCheck::starting_at(1);
    let mut harvest = Harvest {
        times: vec![Recorder::default(); ends.len()],
        ..Harvest::default()
    };
    let mut corrupted = 0;
    for arrival in arrivals {
        let stamp = match message::parse(arrival.text.as_bytes()) {
            Ok(stamp) => stamp,
            Err(error) => {
                if corrupted == 0 {
                    harvest.notes.push(error.to_string());
                }
                corrupted += 1;
                continue;
            }
        };
        if let Place::New | Place::Reordered = place.arrived(stamp.seq) {
            let phase = ends.partition_point(|&end| end < stamp.seq);
            if let Some(times) = harvest.times.get_mut(phase) {
                times.record(stamp, arrival.at);
            }
            harvest.scanned.extend(arrival.scanned);
        }
    }
    harvest.counts = place.counts(ends.last().copied().unwrap_or(0));
    // It would also show as lost; it is counted once.
    harvest.counts.corrupted = corrupted;
    harvest.counts.lost = harvest.counts.lost.saturating_sub(corrupted);
    harvest
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushbench_model::message::{Stamp, encode_text};

    fn arrival(seq: u64, scanned: Option<u64>) -> Arrival {
        let stamp = Stamp {
            seq,
            intended: seq * 1000,
            published: seq * 1000 + 100,
        };
        let mut body = Vec::new();
        encode_text(stamp, "x", &mut body);
        Arrival {
            at: seq * 1000 + 300,
            scanned,
            text: String::from_utf8(body).unwrap(),
        }
    }

    #[test]
    fn faults_are_counted_and_times_go_to_their_phase() {
        let mut broken = arrival(4, Some(40));
        broken.text = broken.text.replace('x', "y");
        // 2 is lost, 3 comes twice, 4 is damaged, 6 comes before 5.
        let mut arrivals: Vec<Arrival> = [1, 3, 3].map(|seq| arrival(seq, Some(seq * 10))).into();
        arrivals.push(broken);
        arrivals.extend([6, 5].map(|seq| arrival(seq, Some(seq * 10))));
        let harvest = check(&arrivals, &[3, 6]);
        let expected = SequenceCounts {
            delivered: 4,
            lost: 1,
            duplicated: 1,
            reordered: 1,
            corrupted: 1,
        };
        assert_eq!(harvest.counts, expected);
        let n: Vec<u64> = harvest
            .times
            .iter()
            .map(|times| times.response.len())
            .collect();
        assert_eq!(n, [2, 2]);
        assert_eq!(harvest.scanned, [10, 30, 60, 50]);
        assert!(harvest.notes[0].contains("message 4 is corrupted"));
        assert!(
            harvest.times[0]
                .service
                .equivalent(harvest.times[0].service.max(), 200)
        );
    }
}
