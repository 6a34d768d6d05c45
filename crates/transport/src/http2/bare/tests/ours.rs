//! The subscriber half of our own against it.

use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::sse::encode::{self, Fields};
use crate::sse::subscriber::SharedSse;
use crate::subscriber::{Protocol as _, Request};

/// Both of our halves, through pipes that cut everything.
fn pump(
    client: &mut SharedSse,
    up: &mut Vec<u8>,
    bench: &mut Bench,
    cuts: &mut impl Iterator<Item = usize>,
    got: &mut [Vec<String>],
) -> u64 {
    let mut bytes = 0;
    loop {
        let mut rest = &std::mem::take(up)[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            bench.hear(piece);
            rest = behind;
        }
        bench
            .machine
            .fill(&bench.site, &mut bench.parcel, cuts.next().unwrap());
        let taken = cuts.next().unwrap().min(bench.parcel.bytes.len());
        bench.machine.sent(&bench.parcel, taken);
        if taken == 0 {
            return bytes;
        }
        bytes += taken as u64;
        let read = client.receive_shared(
            &mut (),
            &bench.parcel.bytes[..taken],
            up,
            &mut |at, body| {
                got[at].push(String::from_utf8(body.to_vec()).unwrap());
            },
        );
        read.unwrap();
    }
}

proptest! {
    /// Our subscribers understand it, and count what is sent to the byte.
    #[test]
    fn our_subscribers_get_every_message(
        streams in 1_u32..9,
        lens in proptest::collection::vec(prop_oneof![1_usize..300, 1_usize..60_000], 1..8),
        cuts in proptest::collection::vec(1_usize..70_000, 1..20),
    ) {
        let request = Rc::new(Request {
            host: "x".to_owned(),
            path: "/sse".to_owned(),
            after: Some(1),
            counted: false,
            poll_timeout_ms: 0,
            poll_period_ms: 0,
            once: false,
            tells: false,
            compression: None,
            streams,
        });
        let mut bench = Bench::new();
        let mut up = Vec::new();
        let mut client = SharedSse::open(&request, [0; 16], &mut up);
        let mut got = vec![Vec::new(); streams as usize];
        let mut cuts = cuts.into_iter().cycle();
        let (mut down, mut expected) = (0, Vec::new());
        for (seq, len) in (1..).zip(lens) {
            let body = "x".repeat(len);
            let fields = Fields { id: Some(seq), ..Fields::default() };
            let event = written(|out| encode::event(&fields, &body, out));
            bench.publish(&event);
            if seq > 1 {
                expected.push(body);
            }
            down += pump(&mut client, &mut up, &mut bench, &mut cuts, &mut got);
        }
        for got in &got {
            prop_assert_eq!(got, &expected);
        }
        prop_assert!(client.progress().subscribed);
        prop_assert_eq!(client.progress().expected_down, down);
        prop_assert_eq!(bench.machine.subscriptions(), streams as usize);
    }
}
