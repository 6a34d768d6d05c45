//! Deliveries per second over loopback: a server and its subscribers on a core each, messages in bursts. What a burst
//! brings to a connection at once, a transport may send in one write; `deliveries` measures one by one.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pushbench_transport::transport::{TRANSPORTS, Transport};

use pushbench_anatomy::local::Local;

const BURST: u64 = 16;

/// Those whose messages do not wait for the next tick of a clock.
fn pushing() -> impl Iterator<Item = &'static dyn Transport> {
    let all = TRANSPORTS.iter().copied();
    all.filter(|transport| transport.name() != "short-poll")
}

fn delivery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delivery in bursts of 16");
    for subscribers in [1, 100] {
        group.throughput(Throughput::Elements(BURST * subscribers));
        for transport in pushing() {
            let mut local = Local::start(transport, subscribers).expect("loopback works");
            group.bench_function(format!("{}/{subscribers}", transport.name()), |bencher| {
                bencher.iter(|| local.deliver(BURST));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = delivery
}
criterion_main!(benches);
