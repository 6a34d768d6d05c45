use std::path::Path;

use super::*;
use crate::scenario::{Scenario, Workload};

const OPEN: &str = r#"
name = "open"
models = "arrivals"
expected = "nothing"
profiles = ["quick"]
[payload]
bytes = 1
[connect]
connections = { quick = 100, standard = 200, thorough = 100000 }
warm-up = { quick = 10, standard = 20, thorough = 30 }
rate = 200.0
arrivals = "poisson"
stay-s = 0.5
"#;

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(text, Path::new("open.toml"))
}

fn connect(text: &str) -> Connect {
    match parse(text).unwrap().workload {
        Workload::Connect(connect) => connect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_loop_says_when_connections_come_and_how_long_they_stay() {
    let open = connect(OPEN);
    let arriving = open.arriving().unwrap();
    assert_eq!(
        (arriving.rate, arriving.arrivals, arriving.stay_s),
        (200.0, Arrivals::Poisson, 0.5)
    );
    assert_eq!(open.at_once(), 100);
    // Five seconds and a half of arrivals, and what chance adds.
    assert_eq!(open.most_open(), 1100 + 266 + 8);
    let gone = connect(&OPEN.replace("stay-s = 0.5", ""));
    assert_eq!((gone.at_once(), gone.arriving().unwrap().stay_s), (1, 0.0));
    // No more than there ever are.
    let few = connect(&OPEN.replace("100000", "150"));
    assert_eq!(few.most_open(), 200);
    assert_eq!(parse(OPEN).unwrap().workload.connections(), 1374);
    assert_eq!(parse(OPEN).unwrap().workload.subscribers(), 100);
}

#[test]
fn what_makes_no_sense_is_located_and_explained() {
    for (from, to, line, wanted) in [
        ("rate = 200.0", "", 9, "in-flight = N"),
        (
            "rate = 200.0",
            "rate = 200.0\nin-flight = 2",
            11,
            "not both",
        ),
        ("rate = 200.0", "in-flight = 2", 12, "belong to rate"),
        (
            "rate = 200.0\narrivals = \"poisson\"",
            "in-flight = 2",
            12,
            "belong to rate",
        ),
        ("arrivals = \"poisson\"", "", 11, "needs arrivals"),
        ("poisson", "now and then", 12, "poisson"),
        ("rate = 200.0", "rate = 0.0", 11, "0.001 to 20000.0"),
        ("rate = 200.0", "rate = inf", 11, "0.001 to 20000.0"),
        ("stay-s = 0.5", "stay-s = -1.0", 13, "0.0 to 3600.0"),
        ("stay-s = 0.5", "stay-s = nan", 13, "0.0 to 3600.0"),
        ("stay-s = 0.5", "stay-s = 300.0", 13, "60000 at a time"),
        ("rate = 200.0", "rate = 1.0", 9, "take 100000 s to come"),
        (
            "[connect]",
            "[server]\ntls = \"resumed\"\n[connect]",
            8,
            "\"full\", or in-flight",
        ),
    ] {
        let error = parse(&OPEN.replace(from, to)).expect_err(to);
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.message.contains(wanted), "{to}: {error}");
    }
    let secured = OPEN.replace("[connect]", "[server]\ntls = \"full\"\n[connect]");
    assert_eq!(parse(&secured).unwrap().server.tls, Some(Tls::Full));
}

/// Records of before there was an open loop have `in_flight` beside the other numbers, and so have those of today.
#[test]
fn a_record_says_either() {
    let closed = r#"{"connections":{"quick":1,"standard":2,"thorough":3},"warm_up":{"quick":0,"standard":0,"thorough":0},"in_flight":4}"#;
    let read: Connect = serde_json::from_str(closed).unwrap();
    assert_eq!(read.pace, Pace::InFlight(4));
    assert_eq!(serde_json::to_string(&read).unwrap(), closed);
    let open = connect(OPEN);
    let text = serde_json::to_string(&open).unwrap();
    assert!(text.contains(r#""arriving":{"rate":200.0,"#), "{text}");
    assert_eq!(serde_json::from_str::<Connect>(&text).unwrap(), open);
}
