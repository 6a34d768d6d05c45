//! What the load generator does with a message once it is decoded.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pushbench_model::inbox::Inbox;
use pushbench_model::message::Stamp;
use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::SequenceCheck;
use pushbench_sys::clock;

use pushbench_anatomy::floor::server::body_maker;

const DELIVERIES: usize = 100;

fn bodies() -> Vec<Vec<u8>> {
    let maker = body_maker();
    (1..=DELIVERIES as u64)
        .map(|seq| {
            let mut body = Vec::new();
            let stamp = Stamp {
                seq,
                intended: seq * 1_000,
                published: seq * 1_000 + 7,
            };
            maker.body(stamp, &mut body);
            body
        })
        .collect()
}

fn inbox(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inbox");
    group.throughput(Throughput::Elements(DELIVERIES as u64));
    let bodies = bodies();
    let mut inbox = Inbox::default();
    group.bench_function("one body, many subscribers", |bencher| {
        bencher.iter_batched_ref(
            || vec![SequenceCheck::starting_at(1); DELIVERIES],
            |checks| {
                for check in checks {
                    inbox.take(black_box(&bodies[0]), 2_000_000, 0, check);
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("many bodies, one subscriber", |bencher| {
        bencher.iter_batched_ref(
            || SequenceCheck::starting_at(1),
            |check| {
                for body in black_box(&bodies) {
                    inbox.take(body, 2_000_000, 0, check);
                }
            },
            BatchSize::SmallInput,
        );
    });
}

fn stamps(criterion: &mut Criterion) {
    let mut recorder = Recorder::default();
    let stamp = Stamp {
        seq: 1,
        intended: 1_000,
        published: 1_700,
    };
    criterion.bench_function("record", |bencher| {
        bencher.iter(|| recorder.record(black_box(stamp), black_box(98_765)));
    });
    criterion.bench_function("clock", |bencher| bencher.iter(clock::now));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = inbox, stamps
}
criterion_main!(benches);
