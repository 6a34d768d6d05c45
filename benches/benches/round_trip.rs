//! From publishing to the delivery at one subscriber. A closed loop: the next message waits for the last, so this is a
//! service time on an idle machine and never a response time under load.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pushbench_transport::transport::{TRANSPORTS, Transport};

use pushbench_anatomy::local::Local;

/// Those whose messages do not wait for the next tick of a clock.
fn pushing() -> impl Iterator<Item = &'static dyn Transport> {
    let all = TRANSPORTS.iter().copied();
    all.filter(|transport| transport.name() != "short-poll")
}

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish to delivery, closed loop");
    for transport in pushing() {
        let mut local = Local::start(transport, 1).expect("loopback works");
        group.bench_function(transport.name(), |bencher| {
            bencher.iter(|| local.deliver(1));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = round_trip
}
criterion_main!(benches);
