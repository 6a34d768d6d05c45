//! A record that holds an anatomy, with trials or without.

use pushbench_model::anatomy::{Calls, Counting, LeftOut, Quartiles, Row, Rung, Side, Stage};

use super::*;

/// What `pushbench anatomy` leaves behind by itself.
fn alone() -> Run {
    Run {
        repetitions: 0,
        planned: 0,
        scenarios: Vec::new(),
        servers: Vec::new(),
        ..run()
    }
}

fn anatomy() -> Anatomy {
    let quartiles = |median: f64| Quartiles {
        low: median / 2.0,
        median,
        high: median * 1.5,
    };
    let row = |name: &str, rung, times_floor| Row {
        name: name.into(),
        transport: "tcp".into(),
        rung,
        about: "a row".into(),
        cpu_ns: quartiles(1180.25),
        times_floor,
        user_instructions: Some(70.0),
        kernel_instructions: None,
        instructions: None,
        instructions_times_floor: None,
        cycles: None,
        bytes_down: Some(132.0),
        bytes_up: Some(0.0),
        calls: Some(Calls {
            writes: 1.0,
            waits: 0.01,
            ..Calls::default()
        }),
        p50_ns: None,
    };
    Anatomy {
        schema: SCHEMA,
        started: "2026-11-21T01:37:00Z".into(),
        wall_s: 40.5,
        command: vec!["pushbench".into(), "anatomy".into()],
        pushbench_version: "0.1.0".into(),
        commit: None,
        build: "debug".into(),
        machine: "a machine".into(),
        payload_bytes: 128,
        turns: 2,
        counting: Counting::Callgrind {
            because: "no counters".into(),
        },
        calls_counted: true,
        emulation: None,
        interrupted: false,
        stages: vec![Stage {
            side: Side::Server,
            subscribers: 2,
            batch: 10,
            turns: None,
            rows: vec![
                row("floor", Rung::Floor, None),
                row("tcp/bare", Rung::Framing, Some(quartiles(1.02))),
            ],
        }],
        batching: Vec::new(),
        instrument: Vec::new(),
        setups: Vec::new(),
        left_out: vec![LeftOut {
            name: "sse/axum".into(),
            side: Side::Client,
            subscribers: None,
            reason: "not spoken".into(),
        }],
    }
}

#[test]
fn a_record_may_hold_only_an_anatomy() {
    let parent = tempfile::tempdir().unwrap();
    let writer = RecordWriter::create(parent.path(), "x", &alone()).unwrap();
    let mut anatomy = anatomy();
    anatomy.interrupted = true;
    writer.put_anatomy(&anatomy).unwrap();
    anatomy.interrupted = false;
    writer.put_anatomy(&anatomy).unwrap();

    let record = Record::read(writer.directory()).unwrap();
    assert_eq!(record.run, alone());
    assert!(record.trials.is_empty() && record.slices.is_empty());
    assert_eq!(record.anatomy, Some(anatomy));
}

#[test]
fn an_anatomy_is_put_beside_trials_once() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(parent.path());
    writer
        .append(&plan().trials[0], finished(Some(flawless())))
        .unwrap();
    let beside = RecordWriter::beside(writer.directory()).unwrap();
    beside.put_anatomy(&anatomy()).unwrap();
    let record = Record::read(writer.directory()).unwrap();
    assert_eq!((record.trials.len(), record.anatomy), (1, Some(anatomy())));

    let refused = RecordWriter::beside(writer.directory());
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("anatomy.json is there already"),
        "{refused}"
    );
    let nothing = RecordWriter::beside(parent.path()).unwrap_err().to_string();
    assert!(
        nothing.contains("a record is a directory with"),
        "{nothing}"
    );
}

#[test]
fn an_anatomy_that_makes_no_sense_is_refused() {
    type Damage = fn(&mut Anatomy);
    let refused = |damage: Damage| {
        let parent = tempfile::tempdir().unwrap();
        let writer = RecordWriter::create(parent.path(), "x", &alone()).unwrap();
        let mut anatomy = anatomy();
        damage(&mut anatomy);
        writer.put_anatomy(&anatomy).unwrap();
        Record::read(writer.directory()).unwrap_err().to_string()
    };
    let cases: [(Damage, &str); 6] = [
        (|a| a.schema += 1, "anatomy.json: field `schema` is 3"),
        (
            |a| a.stages[0].rows[1].name = "floor".into(),
            "row \"floor\" is there twice",
        ),
        (
            |a| a.stages.push(a.stages[0].clone()),
            "stage server, 2 subscribers, batch 10: it is there twice",
        ),
        (
            |a| a.stages[0].rows[1].cpu_ns.low = 5000.0,
            "row \"tcp/bare\": the quartiles of `cpu_ns` are not in order",
        ),
        (
            |a| {
                let mut times = a.stages[0].rows[1].times_floor.unwrap();
                times.high = 0.0;
                a.stages[0].rows[1].instructions_times_floor = Some(times);
            },
            "row \"tcp/bare\": the quartiles of `instructions_times_floor` are not in order",
        ),
        // JSON has no such number.
        (
            |a| a.stages[0].rows[1].cpu_ns.high = f64::NAN,
            "anatomy.json",
        ),
    ];
    for (damage, said) in cases {
        let error = refused(damage);
        assert!(error.contains(said), "{error}");
    }
}
