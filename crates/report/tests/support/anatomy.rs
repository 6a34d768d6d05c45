//! A synthetic anatomy that looks like one: both sides, three numbers of subscribers, one and ten messages per wake.
//! None of its figures was measured.

use pushbench_model::anatomy::{
    Anatomy, Batching, Calls, Compared, Counting, Instrument, LeftOut, Quartiles, Row, Rung, SetUp,
    Side, Stage,
};
use pushbench_model::record::{Record, SCHEMA};

/// A contender: name, rung, what it is, nanoseconds at 100 subscribers and one message per wake, user instructions.
type Contender = (&'static str, Rung, &'static str, f64, f64);

#[rustfmt::skip]
const SERVER: [Contender; 20] = [
    ("floor", Rung::Floor, "one loop over raw epoll, one write per delivery", 1180.0, 70.0),
    ("tcp/bare", Rung::Framing, "length-prefixed frames on the shared write loop", 1195.0, 92.0),
    ("tcp/reference", Rung::Library, "tokio alone", 1290.0, 1150.0),
    ("sse/bare", Rung::Framing, "chunked events on the shared write loop", 1204.0, 104.0),
    ("websocket/bare", Rung::Framing, "frames on the shared write loop", 1171.0, 101.0),
    ("long-poll/bare", Rung::Framing, "an answer per poll on the shared write loop", 1460.0, 160.0),
    ("sse/reference", Rung::Library, "hyper, one shared frame", 1865.0, 3360.0),
    ("websocket/reference", Rung::Library, "tokio-tungstenite, one shared frame, 4 KiB buffer", 1605.0, 1806.0),
    ("long-poll/reference", Rung::Library, "hyper", 2500.0, 7340.0),
    ("sse/reference@defaults", Rung::Defaults, "hyper as its examples show it", 2010.0, 4608.0),
    ("websocket/reference@defaults", Rung::Defaults, "tokio-tungstenite as its examples show it", 7080.0, 3010.0),
    ("long-poll/reference@defaults", Rung::Defaults, "hyper as its examples show it", 2710.0, 7900.0),
    ("websocket/reference@defaults-4k", Rung::Variant, "the defaults with a read buffer of 4 KiB", 1730.0, 2950.0),
    ("sse/axum", Rung::Defaults, "axum's Sse on one thread", 2690.0, 5817.0),
    ("websocket/axum", Rung::Defaults, "axum's WebSocket on one thread", 7300.0, 3420.0),
    ("sse/axum-multi-thread", Rung::Variant, "axum on tokio's runtime of several threads", 4010.0, 6010.0),
    ("websocket/axum-multi-thread", Rung::Variant, "axum on tokio's runtime of several threads", 7500.0, 3600.0),
    ("sse/koa", Rung::Variant, "a row with few figures", 9100.0, 0.0),
    ("sse/none", Rung::Variant, "a row with none", 9000.0, 0.0),
    ("carrier-pigeon/bare", Rung::Framing, "a transport that is not known", 1333.0, 140.0),
];

#[rustfmt::skip]
const CLIENT: [Contender; 8] = [
    ("floor", Rung::Floor, "one loop over raw epoll, one read per delivery", 1090.0, 576.0),
    ("tcp/pushbench", Rung::Framing, "the load generator", 1120.0, 660.0),
    ("sse/pushbench", Rung::Framing, "the load generator", 1150.0, 702.0),
    ("websocket/pushbench", Rung::Framing, "the load generator", 1139.0, 690.0),
    ("long-poll/pushbench", Rung::Framing, "the load generator", 2170.0, 1310.0),
    ("websocket/tungstenite-4k", Rung::Library, "tokio-tungstenite with a read buffer of 4 KiB", 1430.0, 2100.0),
    ("websocket/tungstenite", Rung::Defaults, "tokio-tungstenite as its examples show it", 4905.0, 2900.0),
    ("sse/reqwest-eventsource", Rung::Defaults, "reqwest and eventsource-stream", 2510.0, 11_000.0),
];

/// The whole of it.
pub fn anatomy() -> Anatomy {
    let mut stages = Vec::new();
    for side in Side::ALL {
        for subscribers in [1, 100, 1000] {
            for batch in [1, 10] {
                stages.push(stage(side, subscribers, batch));
            }
        }
    }
    Anatomy {
        schema: SCHEMA,
        started: "2026-01-01T13:00:00Z".into(),
        wall_s: 412.3,
        command: ["pushbench", "anatomy", "--subscribers", "1,100,1000"]
            .map(String::from)
            .into(),
        pushbench_version: "0.1.0".into(),
        commit: Some("0123456789ab".into()),
        build: "release".into(),
        machine: "Example CPU, 2 processors, virtual".into(),
        payload_bytes: 128,
        turns: 120,
        counting: Counting::Callgrind {
            because: "the processor's counters are not passed to this virtual machine".into(),
        },
        calls_counted: true,
        emulation: None,
        interrupted: false,
        stages,
        batching: batching(),
        instrument: instrument(),
        setups: setups(),
        left_out: vec![
            LeftOut {
                name: "sse/hyper".into(),
                side: Side::Client,
                subscribers: None,
                reason: "not built".into(),
            },
            LeftOut {
                name: "sse/axum-multi-thread".into(),
                side: Side::Server,
                subscribers: Some(1),
                reason: "a runtime of several threads has nothing to spread".into(),
            },
        ],
    }
}

fn around(median: f64) -> Quartiles {
    Quartiles {
        low: median * 0.98,
        median,
        high: median * 1.02,
    }
}

fn batching() -> Vec<Batching> {
    [
        ("floor", 0.11),
        ("sse/bare", 0.12),
        ("websocket/bare", 0.149),
    ]
    .map(|(name, ratio)| Batching {
        name: name.into(),
        subscribers: 100,
        batch: 10,
        alone_ns: around(1180.0),
        together_ns: around(1180.0 * ratio),
        ratio: around(ratio),
    })
    .into()
}

fn instrument() -> Vec<Instrument> {
    let compared = |raw: f64, ratio| Compared {
        ours_ns: around(raw * ratio),
        raw_ns: around(raw),
        ratio: around(ratio),
    };
    let mut all = Vec::new();
    for (subscribers, deliveries, p50) in [(1, 1000, 28_000.0), (100, 2000, 90_000.0)] {
        for (transport, ratio) in [("websocket", 1.01), ("tcp", 0.97), ("sse", 1.15)] {
            all.push(Instrument {
                transport: transport.into(),
                subscribers,
                deliveries,
                p50: compared(p50, ratio),
                p99: compared(p50 * 2.0, ratio),
            });
        }
    }
    all
}

fn setups() -> Vec<SetUp> {
    let one = |side, name: &str, rung, instructions: f64, calls| SetUp {
        side,
        name: name.into(),
        transport: name
            .split('/')
            .next()
            .filter(|t| *t != "floor")
            .unwrap_or("tcp")
            .into(),
        rung,
        cpu_ns: Some(around(20_000.0 + instructions)),
        times_floor: (rung != Rung::Floor).then(|| around(1.0 + instructions / 20_000.0)),
        user_instructions: Some(instructions),
        instructions: None,
        instructions_times_floor: None,
        allocations: Some(instructions / 1000.0),
        calls,
    };
    vec![
        one(
            Side::Server,
            "websocket/bare",
            Rung::Framing,
            5200.0,
            Some(6.0),
        ),
        one(Side::Server, "floor", Rung::Floor, 900.0, Some(6.0)),
        one(Side::Server, "sse/bare", Rung::Framing, 1050.0, Some(6.0)),
        one(Side::Client, "floor", Rung::Floor, 700.0, None),
    ]
}

/// The record that `pushbench anatomy` leaves behind by itself.
pub fn anatomy_alone() -> Record {
    let mut run = super::run::run(Vec::new(), 0);
    run.servers.clear();
    run.absent.clear();
    run.repetitions = 0;
    run.command = anatomy().command;
    Record {
        run,
        trials: Vec::new(),
        slices: Vec::new(),
        selftest: None,
        search: None,
        peers: None,
        anatomy: Some(anatomy()),
        surveys: Vec::new(),
    }
}

/// Noise: every library is cheaper than the framing below it, and `websocket/bare` cheaper than the floor.
pub fn not_dearer(mut anatomy: Anatomy) -> Anatomy {
    for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
        let factor = match (row.rung, row.name.as_str()) {
            (Rung::Library, _) => 0.4,
            (_, "websocket/bare") => 0.8,
            _ => 1.0,
        };
        for q in [Some(&mut row.cpu_ns), row.times_floor.as_mut()]
            .into_iter()
            .flatten()
        {
            q.low *= factor;
            q.median *= factor;
            q.high *= factor;
        }
    }
    anatomy
}

/// Nothing but the floor was measured, and a stage ended before its first slice.
pub fn only_floor(mut anatomy: Anatomy) -> Anatomy {
    for stage in &mut anatomy.stages {
        stage.rows.retain(|row| row.rung == Rung::Floor);
    }
    if let Some(last) = anatomy.stages.last_mut() {
        last.rows.clear();
    }
    anatomy.batching.clear();
    anatomy.instrument.clear();
    anatomy.setups.clear();
    anatomy.interrupted = true;
    anatomy
}

fn stage(side: Side, subscribers: u32, batch: u32) -> Stage {
    let contenders: &[Contender] = match side {
        Side::Server => &SERVER,
        Side::Client => &CLIENT,
    };
    // One subscriber pays for publishing, many fall out of the caches, and company shares a write.
    let load = match subscribers {
        1 => 4.1,
        100 => 1.0,
        _ => 1.27,
    };
    let shared = |floor: f64| if batch == 1 { 1.0 } else { floor };
    let floor = contenders[0].3 * load * shared(0.108);
    let rows = contenders
        .iter()
        .filter(|(name, ..)| subscribers > 1 || !name.ends_with("multi-thread"))
        .map(|&(name, rung, about, ns, instructions)| {
            let ns = ns * load * shared(if rung <= Rung::Framing { 0.109 } else { 0.2 });
            let by_tools = subscribers < 1000 || rung <= Rung::Framing;
            let counted = instructions > 0.0 && by_tools;
            let each = |value: f64| counted.then_some(value);
            let spread = |median: f64| Quartiles {
                low: median * 0.96,
                median,
                high: median * 1.05,
            };
            Row {
                name: name.into(),
                transport: name
                    .split('/')
                    .next()
                    .filter(|t| *t != "floor")
                    .unwrap_or("tcp")
                    .into(),
                rung,
                about: about.into(),
                cpu_ns: spread(ns),
                times_floor: (rung != Rung::Floor).then(|| spread(ns / floor)),
                user_instructions: each(instructions * shared(0.4)),
                kernel_instructions: None,
                instructions: None,
                instructions_times_floor: None,
                cycles: None,
                bytes_down: Some(if rung == Rung::Floor { 132.0 } else { 261.5 }),
                bytes_up: Some(if name.starts_with("long-poll") {
                    96.0
                } else {
                    0.0
                }),
                calls: each(0.0).map(|_| Calls {
                    writes: shared(0.1),
                    reads: if rung == Rung::Defaults { 1.0 } else { 0.0 },
                    waits: 0.01,
                    others: 0.0,
                    failed: if rung == Rung::Defaults { 1.0 } else { 0.0 },
                }),
                p50_ns: (side == Side::Client && rung <= Rung::Framing)
                    .then_some(28_000 + u64::from(subscribers)),
            }
        })
        .collect();
    Stage {
        side,
        subscribers,
        batch,
        turns: None,
        rows,
    }
}
