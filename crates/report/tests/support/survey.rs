//! A survey with a cell of every kind, one system absent. None of its figures was measured.

use std::collections::BTreeMap;

use pushbench_model::record::SCHEMA;
use pushbench_model::survey::{AbsentSystem, Cell, Kind, Part, State, Survey};

pub fn survey() -> Survey {
    let columns = [
        ("over SSE", Kind::Words),
        ("first event", Kind::Time),
        ("on the wire", Kind::Bytes),
        ("sent", Kind::Words),
    ];
    let mut part = Part::new("Proxies", "setting", &columns).about("Ten events, 200 ms apart.");
    let row = |state, text: &str, time, sent: &str| {
        [
            Cell::state(state, text),
            Cell::remarked(time, "12 turns"),
            Cell::count(1234),
            Cell::code(sent),
        ]
    };
    part.row(
        "direct",
        row(State::Works, "all on time", 2e6, "data: a\n\n"),
    );
    part.row(
        "buffered",
        row(State::Late, "all at the end", 1.8e9, "a|`b`"),
    );
    part.row("refused", row(State::Fails, "426", 1e6, ""));
    part.row(
        "not tried",
        [
            Cell::absent("no gzip here"),
            Cell::absent(""),
            Cell::absent(""),
            Cell::words("nothing"),
        ],
    );
    part.notes.push("A remark.".into());
    Survey {
        schema: SCHEMA,
        name: "proxies".into(),
        title: "Behind a proxy".into(),
        place: 3,
        started: "2026-11-25T22:00:00Z".into(),
        wall_s: 12.0,
        command: vec!["pushbench".into(), "proxies".into()],
        interrupted: false,
        pushbench_version: "0.1.0".into(),
        commit: None,
        build: "release".into(),
        machine: "a machine".into(),
        versions: BTreeMap::from([("nginx".into(), "1.22".into())]),
        parts: vec![part],
        absent: vec![AbsentSystem {
            name: "HAProxy".into(),
            reason: "haproxy is not on the PATH".into(),
            install: "apt-get install -y haproxy".into(),
        }],
    }
}
