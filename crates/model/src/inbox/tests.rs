use super::*;

fn body(seq: u64) -> Vec<u8> {
    let mut out = Vec::new();
    message::encode_text(
        Stamp {
            seq,
            intended: seq * 100,
            published: seq * 100 + 10,
        },
        "payload",
        &mut out,
    );
    out
}

#[test]
fn warm_up_is_verified_but_not_recorded() {
    let mut inbox = Inbox::recording_from(3);
    inbox.watch(Grid {
        origin: 0,
        width_ns: 300,
    });
    let mut check = SequenceCheck::starting_at(1);
    for seq in 1..=5 {
        inbox.take(&body(seq), seq * 100 + 50, 0, &mut check);
    }
    assert_eq!(inbox.recorder().response.len(), 3);
    let windows = inbox.windows().unwrap().clone().figures(0);
    let seen: Vec<_> = windows.iter().map(|w| (w.start_ns, w.n)).collect();
    assert_eq!(seen, [(0, 2), (300, 3)], "the warm-up shows over time");
    assert_eq!(check.counts(5).delivered, 5);
}

/// How many of `bodies` had to be parsed.
fn parsed(inbox: &mut Inbox, bodies: &[Vec<u8>], check: &mut SequenceCheck) -> usize {
    let before = inbox.parsed;
    for body in bodies {
        inbox.take(body, 10_000, 0, check);
    }
    inbox.parsed - before
}

#[test]
fn a_burst_is_parsed_for_the_first_of_its_subscribers() {
    let mut inbox = Inbox::default();
    for (many, again) in [(KNOWN as u64, 0), (KNOWN as u64 + 1, 2)] {
        let bodies: Vec<_> = (1..=many).map(body).collect();
        inbox.record_from(0);
        let mut first = SequenceCheck::starting_at(1);
        assert_eq!(parsed(&mut inbox, &bodies, &mut first), bodies.len());
        let mut second = SequenceCheck::starting_at(1);
        // The last of more than there is room for has taken the place of the first, and the first takes it back.
        assert_eq!(parsed(&mut inbox, &bodies, &mut second), again);
        for check in [first, second] {
            assert_eq!(check.counts(many).delivered, many);
        }
        assert_eq!(inbox.recorder().response.len(), 2 * many);
    }
}

/// As where a server leaves messages out: nobody is sent the one that comes next for him.
#[test]
fn after_a_gap_a_body_is_parsed_for_the_first_of_its_subscribers() {
    let mut inbox = Inbox::default();
    let mut checks = [1, 1, 1].map(SequenceCheck::starting_at);
    for seq in [5, 9, 12] {
        let bodies = [body(seq)];
        let parsed = checks
            .each_mut()
            .map(|check| parsed(&mut inbox, &bodies, check));
        assert_eq!(parsed, [1, 0, 0], "{seq}");
    }
    assert!(checks.iter().all(|check| check.counts(12).delivered == 3));
}

/// Long ones share a place, and none is mistaken for another; short ones between them do not drive them out.
#[test]
fn long_bodies_are_kept_one_at_a_time() {
    let long = |seq| {
        let mut out = Vec::new();
        let stamp = Stamp {
            seq,
            intended: 1,
            published: 2,
        };
        message::encode_text(stamp, &"x".repeat(LONG), &mut out);
        out
    };
    let mut inbox = Inbox::default();
    let mut checks = [1, 1].map(SequenceCheck::starting_at);
    for (bodies, again) in [
        ([long(1), body(2)], 0),
        ([body(3), long(4)], 0),
        // Each takes the other's place.
        ([long(5), long(6)], 2),
    ] {
        let parsed = checks
            .each_mut()
            .map(|check| parsed(&mut inbox, &bodies, check));
        assert_eq!(parsed, [2, again]);
    }
    let kept = inbox.known.iter().filter(|known| known.body.len() > LONG);
    assert_eq!(kept.count(), 1);
}

#[test]
fn large_ones_are_recorded_apart() {
    let mut inbox = Inbox::default();
    inbox.set_apart(Some(Large {
        every: 3,
        bytes: 999,
    }));
    inbox.record_from(2);
    let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
    for seq in 1..=7 {
        for (who, check, later) in [(0, &mut a, 20), (1, &mut b, 30)] {
            let received = seq * 100 + later * (1 + seq % 3);
            inbox.take(&body(seq), received, who, check);
        }
    }
    let counts = |recorder: &Recorder| (recorder.response.len(), recorder.response.max());
    assert_eq!(counts(inbox.recorder()), (8, 90), "2, 4, 5 and 7");
    assert_eq!(counts(inbox.large_recorder()), (4, 30), "3 and 6");
    assert_eq!(inbox.settled(), 14);
}

#[test]
fn nobody_looks_whom_messages_are_late_for_unless_asked() {
    let mut inbox = Inbox::default();
    let mut check = SequenceCheck::starting_at(1);
    inbox.take(&body(1), 9_000, 0, &mut check);
    assert!(inbox.late().is_none());
}

#[test]
fn late_ones_are_those_that_are_recorded_and_new() {
    let mut inbox = Inbox::default();
    inbox.note_late(50);
    inbox.set_apart(Some(Large {
        every: 4,
        bytes: 999,
    }));
    let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
    let mut both = |inbox: &mut Inbox, seqs: &[u64]| {
        for &seq in seqs {
            inbox.take(&body(seq), seq * 100 + 49, 0, &mut a);
            inbox.take(&body(seq), seq * 100 + 50, 1, &mut b);
        }
    };
    both(&mut inbox, &[1, 2]);
    assert_eq!(inbox.late().unwrap().count().hit, 2);
    inbox.record_from(3);
    assert_eq!(inbox.late().unwrap().count().hit, 0, "that was the warm-up");
    // 2 comes again, 5 before 3, 4 and 8 are large, 6 comes twice.
    both(&mut inbox, &[2, 5, 3, 4, 6, 6, 7, 8]);
    let count = inbox.late().unwrap().count();
    assert_eq!((count.bound_ns, count.subscribers), (50, 2));
    assert_eq!((count.messages, count.hit), (4, 4), "3, 5, 6 and 7");
    assert_eq!((count.deliveries, count.most), (4, 1));
    assert_eq!((count.share(), count.reach()), (Some(0.5), Some(0.5)));
}

#[test]
fn one_of_each_fault_is_counted_exactly_once() {
    let mut inbox = Inbox::default();
    let mut check = SequenceCheck::starting_at(1);
    let mut damaged = body(5);
    damaged[TAIL] ^= 1;
    // 2 lost, 4 before 3 (reordered), 5 corrupted, 6 twice.
    for body in [
        body(1),
        body(4),
        body(3),
        damaged,
        body(6),
        body(6),
        body(7),
    ] {
        inbox.take(&body, 10_000, 0, &mut check);
    }
    let counts = inbox.counts([check.counts(7)].into_iter());
    let expected = SequenceCounts {
        delivered: 5,
        lost: 1,
        duplicated: 1,
        reordered: 1,
        corrupted: 1,
    };
    assert_eq!(counts, expected);
    assert_eq!(
        inbox.recorder().response.len(),
        5,
        "a duplicate is not recorded again"
    );
    assert!(inbox.faults()[0].contains("message 5 is corrupted"));
}

/// A byte of the data.
const TAIL: usize = message::TEXT_ENVELOPE;

#[test]
fn two_subscribers_share_the_parsed_body() {
    let mut inbox = Inbox::default();
    let (mut a, mut b) = (SequenceCheck::starting_at(1), SequenceCheck::starting_at(1));
    for seq in 1..=3 {
        inbox.take(&body(seq), seq * 100 + 20, 0, &mut a);
        inbox.take(&body(seq), seq * 100 + 30, 1, &mut b);
    }
    assert!(
        inbox
            .counts([a.counts(3), b.counts(3)].into_iter())
            .is_clean()
    );
    assert_eq!(inbox.recorder().service.len(), 6);
    assert_eq!(
        (
            inbox.recorder().service.min(),
            inbox.recorder().service.max()
        ),
        (10, 20)
    );
}
