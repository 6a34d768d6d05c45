//! From opening a connection to the first message on it, one after the other.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pushbench_transport::transport::TRANSPORTS;

use pushbench_anatomy::local::Local;

fn set_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connect to first message");
    for &transport in TRANSPORTS {
        let mut local = Local::start(transport, 0).expect("loopback works");
        local.publish(1);
        group.bench_function(transport.name(), |bencher| {
            bencher.iter(|| local.set_up().expect("the server accepts"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = set_up
}
criterion_main!(benches);
