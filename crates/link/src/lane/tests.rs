use proptest::prelude::*;

use super::*;

const PACKET: usize = 1500;

fn lane(text: &str, seed: u64) -> Lane {
    Lane::new(&text.parse().unwrap(), Direction::Down, seed)
}

/// Fates of packets that come `gap` nanoseconds apart.
fn fates(lane: &mut Lane, packets: u64, gap: u64) -> Vec<Fate> {
    (0..packets)
        .map(|i| lane.admit(1_000_000 + i * gap, PACKET))
        .collect()
}

fn leaving(fates: &[Fate]) -> Vec<u64> {
    let time = |fate: &Fate| match fate {
        Fate::Leaves(time) => Some(*time),
        Fate::Lost | Fate::QueueFull => None,
    };
    fates.iter().filter_map(time).collect()
}

proptest! {
    /// Whatever the gaps: order is kept, nothing is early, and nothing is later than jitter allows.
    #[test]
    fn order_is_kept(seed: u64, gaps in prop::collection::vec(0_u64..3_000_000, 1..200)) {
        let mut lane = lane("rtt=10ms,jitter=4ms", seed);
        let (mut now, mut last) = (0, 0);
        for gap in gaps {
            now += gap;
            let Fate::Leaves(leaves) = lane.admit(now, PACKET) else {
                return Err(TestCaseError::fail("nothing is lost on this link"));
            };
            prop_assert!(leaves >= last);
            prop_assert!((5_000_000..=9_000_000).contains(&(leaves - now)), "{}", leaves - now);
            last = leaves;
        }
    }

    /// Between any two packets that leave, no more passes than the rate allows, and no more waits than the queue holds.
    #[test]
    fn the_rate_is_obeyed(gaps in prop::collection::vec(0_u64..3_000_000, 2..200), sizes in 40_usize..1500) {
        let mut lane = lane("rtt=0ms,rate=10mbit,queue=15kb", 1);
        let (mut now, mut first, mut bits) = (0, None, 0);
        for gap in gaps {
            now += gap;
            let Fate::Leaves(leaves) = lane.admit(now, sizes) else {
                continue;
            };
            let first = *first.get_or_insert(leaves);
            prop_assert!(bits * 100 <= leaves - first + 200, "{} bits in {} ns", bits, leaves - first);
            bits += sizes as u64 * 8;
            // 15,000 bytes take 12 ms at 10 Mbit/s.
            prop_assert!(leaves - now <= 12_000_000);
        }
    }
}

#[test]
fn packets_are_as_far_apart_as_the_rate_says() {
    let mut lane = lane("rtt=20ms,rate=12mbit,queue=1mb", 1);
    let leaving = leaving(&fates(&mut lane, 5, 0));
    assert_eq!(leaving, [12, 13, 14, 15, 16].map(|ms| ms * 1_000_000));
}

#[test]
fn a_full_queue_takes_no_more_and_empties_at_the_rate() {
    let mut lane = lane("rtt=0ms,rate=12mbit,queue=3kb", 1);
    let none = [
        Fate::Leaves(2_000_000),
        Fate::Leaves(3_000_000),
        Fate::QueueFull,
    ];
    assert_eq!(fates(&mut lane, 3, 0), none);
    assert_eq!(lane.admit(1_999_000, PACKET), Fate::QueueFull);
    assert_eq!(lane.admit(2_000_000, PACKET), Fate::Leaves(4_000_000));
}

/// 1 % of 100,000 is 1000, with a standard deviation of 31.
#[test]
fn as_many_are_lost_as_was_asked_for() {
    for seed in 1..6 {
        let fates = fates(&mut lane("rtt=10ms,loss=1%", seed), 100_000, 1000);
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
        assert!((875..=1125).contains(&lost), "seed {seed}: {lost}");
    }
}

#[test]
fn a_lost_packet_has_taken_its_time_on_the_link() {
    let mut lane = lane("rtt=0ms,rate=12mbit,loss=50%,queue=1mb", 3);
    let fates = fates(&mut lane, 40, 0);
    assert!(fates.contains(&Fate::Lost));
    for (i, fate) in fates.iter().enumerate() {
        let on_time = Fate::Leaves(1_000_000 * (i as u64 + 2));
        assert!(*fate == on_time || *fate == Fate::Lost, "{i}: {fate:?}");
    }
}

#[test]
fn the_seed_decides_all() {
    let run = |seed| {
        fates(
            &mut lane("rtt=10ms,jitter=5ms,loss=10%,reorder=5%", seed),
            500,
            1000,
        )
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn directions_are_independent() {
    let link: Link = "rtt=10ms,loss=50%".parse().unwrap();
    let fates = |direction| fates(&mut Lane::new(&link, direction, 1), 64, 0);
    assert_ne!(fates(Direction::Up), fates(Direction::Down));
}

/// Out of order only when asked for, and then as often as asked for.
#[test]
fn some_are_overtaken_when_asked_for() {
    let overtaken = |text| {
        let leaving = leaving(&fates(&mut lane(text, 1), 10_000, 100_000));
        let mut latest = 0;
        let late = |&time: &u64| {
            let is_late = time < latest;
            latest = latest.max(time);
            is_late
        };
        // Each that is held back 1.25 ms lets 12 of those behind it pass.
        leaving.iter().copied().filter(late).count()
    };
    assert_eq!(overtaken("rtt=10ms,jitter=5ms"), 0);
    let many = overtaken("rtt=10ms,reorder=1%");
    assert!((600..=1500).contains(&many), "{many}");
}
