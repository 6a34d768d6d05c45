use super::*;
use crate::link::Link;

const GOOD: &str = r#"
name = "fan-out-small"
models = "a dashboard"
expected = "a tie"
profiles = ["quick", "standard"]

[payload]
bytes = 128

[fan-out]
subscribers = 100
rate = 50.0
arrivals = "poisson"
warm-up-s = { quick = 0.2, standard = 1.0, thorough = 2.0 }
measure-s = { quick = 1.0, standard = 5.0, thorough = 30.0 }
"#;

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(text, Path::new("small.toml"))
}

#[test]
fn a_good_file_parses() {
    let scenario = parse(GOOD).unwrap();
    assert_eq!(scenario.workload.label(), "fan-out");
    let Workload::FanOut(fan_out) = scenario.workload else {
        panic!("fan-out expected")
    };
    assert_eq!(fan_out.messages(fan_out.measure_s.at(Profile::Quick)), 50);
}

/// Every mistake names the file, the line and what is allowed.
#[test]
fn mistakes_are_located_and_explained() {
    let cases = [
        (
            "rate = 50.0",
            "rate = 0.0",
            12,
            "0.001 to 1000000.0 messages per second",
        ),
        (
            "rate = 50.0",
            "rate = nan",
            12,
            "0.001 to 1000000.0 messages per second",
        ),
        ("rate = 50.0", "rate = \"x\"", 12, "expected f64"),
        (
            "subscribers = 100",
            "subscribers = 0",
            11,
            "1 to 1000000 subscribers",
        ),
        ("subscribers = 100", "subscribers = -1", 11, "expected u32"),
        (
            "subscribers = 100",
            "subscriber = 100",
            11,
            "expected one of `subscribers`",
        ),
        (
            "arrivals = \"poisson\"",
            "arrivals = \"often\"",
            13,
            "expected `constant` or `poisson`",
        ),
        (
            "\"quick\", ",
            "\"fast\", ",
            5,
            "expected one of `quick`, `standard`, `thorough`",
        ),
        (
            "name = \"fan-out-small\"",
            "name = \"Fan Out\"",
            2,
            "lower-case letters",
        ),
        ("bytes = 128", "bytes = 99999999", 8, "0 to 8388608 bytes"),
        (
            "[fan-out]",
            "[margin]\np50 = 1.5\n[fan-out]",
            10,
            "shares of 0.0 to 1.0",
        ),
        (
            "[fan-out]",
            "[margin]\np5 = 0.5\n[fan-out]",
            11,
            "expected one of `p50`",
        ),
        ("[fan-out]", "[fanout]", 10, "expected one of"),
        ("quick = 1.0", "quick = 0.0", 15, "0.01 to 86400.0 seconds"),
        (
            "[fan-out]",
            "[fan-out.cuts]\npattern = { all-at-s = 1.0 }\ndelay-s = -1.0\nresume = true\n[fan-out]",
            10,
            "a delay of 0 to 600 seconds",
        ),
        (
            "[fan-out]",
            "[fan-out.slow]\nshare = 1.0\nbytes-per-s = 0\n[fan-out]",
            10,
            "more than 0.0 and less than 1.0",
        ),
        (
            "[fan-out]",
            "[fan-out.slow]\nshare = 0.5\nbytes-per-s = 9\n[fan-out]",
            10,
            "bytes-per-s of 10 or more, or 0",
        ),
        (
            "[fan-out]",
            "[fan-out.cuts]\npattern = { all-at-s = 1.0 }\ndelay-s = 1.0\nresume = true\n\
             [fan-out.slow]\nshare = 0.5\nbytes-per-s = 0\n[fan-out]",
            14,
            "slow subscribers or cuts, not both",
        ),
        (
            "[fan-out]",
            "[fan-out.dead]\nshare = 0.0\n[fan-out]",
            10,
            "more than 0.0 and less than 1.0",
        ),
        (
            "[fan-out]",
            "[fan-out.dead]\nshare = 0.5\nwithin-s = nan\n[fan-out]",
            10,
            "a within-s of 0 to 3600 seconds",
        ),
        (
            "[fan-out]",
            "[fan-out.dead]\nshare = 0.5\nwithin-s = 1.0\n[fan-out]",
            10,
            "less than measure-s",
        ),
        (
            "[fan-out]",
            "[fan-out.dead]\nshare = 0.5\nwithin = 3.0\n[fan-out]",
            12,
            "unknown field `within`",
        ),
        (
            "[fan-out]",
            "[fan-out.slow]\nshare = 0.5\nbytes-per-s = 0\n[fan-out.dead]\nshare = 0.5\n[fan-out]",
            13,
            "one of them",
        ),
        (
            "[fan-out]",
            "[fan-out.large]\nevery = 1\nbytes = 9\n[fan-out]",
            10,
            "every = 2 to 1000000",
        ),
        (
            "[fan-out]",
            "[fan-out.large]\nevery = 2\nbytes = 8388609\n[fan-out]",
            10,
            "bytes from 1 to 8388608",
        ),
        (
            "[fan-out]",
            "[fan-out.slow]\nshare = 0.5\nbytes-per-s = 0\n[fan-out.large]\nevery = 9\nbytes = 9\n[fan-out]",
            13,
            "or cuts, slow or dead subscribers",
        ),
        (
            "rate = 50.0",
            "two-way = true\nlarge = { every = 9, bytes = 9 }\nrate = 50.0",
            13,
            "a two-way fan-out has no large messages",
        ),
        (
            "rate = 50.0",
            "two-way = true\ndead = { share = 0.5 }\nrate = 50.0",
            13,
            "a two-way fan-out has no dead subscribers",
        ),
        (
            "[fan-out]",
            "[server]\ndead-after-s = 3601\n[fan-out]",
            10,
            "a dead-after-s of up to 3600",
        ),
        (
            "subscribers = 100",
            "two-way = true\nsubscribers = 2001",
            12,
            "1 to 2000 subscribers of a two-way fan-out",
        ),
        (
            "subscribers = 100",
            "two-way = 1\nsubscribers = 100",
            11,
            "expected a boolean",
        ),
        (
            "rate = 50.0",
            "two-way = true\ncuts = { pattern = { all-at-s = 1.0 }, delay-s = 1.0, resume = true }\nrate = 50.0",
            13,
            "a two-way fan-out has no cuts",
        ),
        (
            "rate = 50.0",
            "two-way = true\nslow = { share = 0.5, bytes-per-s = 0 }\nrate = 50.0",
            13,
            "a two-way fan-out has no slow subscribers",
        ),
        (
            "profiles = [",
            "transports = [\"sse\", \"longpoll\"]\nprofiles = [",
            5,
            "one of tcp, sse, websocket, long-poll",
        ),
        (
            "[fan-out]",
            "[objective]\np99-ms = 0.0\n[fan-out]",
            10,
            "a 99th percentile of",
        ),
        (
            "[fan-out]",
            "[server]\nheartbeat-s = 4000\n[fan-out]",
            10,
            "a heartbeat-s and a dead-after-s of up to 3600",
        ),
        (
            "[fan-out]",
            "[server]\nheartbeat-s = 1\n[fan-out]\ntwo-way = true",
            10,
            "no heartbeats",
        ),
        (
            "[fan-out]",
            "[server]\nheartbeat-s = 1\n[fan-out.slow]\nshare = 0.5\nbytes-per-s = 0\n[fan-out]",
            10,
            "no heartbeats beside cuts, slow",
        ),
        (
            "models = ",
            "link = \"rtt=80\"\nmodels = ",
            3,
            "such as 80ms",
        ),
        (
            "[fan-out]",
            "[server]\nflush-window = 5\n[fan-out]",
            11,
            "expected one of `heartbeat-s`, `flush-window-ms`, `dead-after-s`, `tls`, `compression`",
        ),
        (
            "[fan-out]",
            "[server]\ntls = \"half\"\n[fan-out]",
            11,
            "expected `full` or `resumed`",
        ),
        (
            "[fan-out]",
            "[server]\ntls = \"full\"\n[fan-out]\ntwo-way = true",
            10,
            "no tls beside two-way or dead",
        ),
        (
            "[fan-out]",
            "[server]\ncompression = \"gzip\"\n[fan-out]",
            11,
            "expected `message` or `stream`",
        ),
        (
            "[fan-out]",
            "[server]\ncompression = \"stream\"\ntls = \"full\"\n[fan-out]",
            10,
            "compression beside no tls",
        ),
        (
            "[fan-out]",
            "[server]\ncompression = \"stream\"\nheartbeat-s = 5\n[fan-out]",
            10,
            "compression beside no tls, heartbeats",
        ),
        (
            "[fan-out]",
            "[server]\ncompression = \"message\"\n[fan-out]\ntwo-way = true",
            10,
            "no two-way",
        ),
        ("[fan-out]", "[fan-out", 10, ""),
    ];
    for (from, to, line, wanted) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replace(from, to)).expect_err(to);
        assert_eq!(
            (error.file.as_str(), error.line),
            ("small.toml", line),
            "{to}: {error}"
        );
        assert!(error.message.contains(wanted), "{to}: {error}");
    }
}

#[test]
fn cuts_are_part_of_a_fan_out() {
    let text = format!(
        "{GOOD}[fan-out.cuts]\npattern = {{ each-every-s = 2.5 }}\ndelay-s = 0.1\nresume = false\n"
    );
    let Workload::FanOut(fan_out) = parse(&text).unwrap().workload else {
        panic!("fan-out expected")
    };
    let cuts = fan_out.cuts.unwrap();
    assert_eq!(cuts.pattern, Pattern::EachEveryS(2.5));
    assert_eq!((cuts.delay_s, cuts.jitter, cuts.resume), (0.1, 0.0, false));
}

#[test]
fn subscribers_speak_where_that_is_said_and_only_there() {
    let one_way = parse(GOOD).unwrap();
    assert!(!one_way.is_two_way());
    let json = serde_json::to_string(&one_way).unwrap();
    assert!(!json.contains("two_way"), "{json}");
    let two_way = parse(&GOOD.replace("rate = 50.0", "rate = 50.0\ntwo-way = true")).unwrap();
    assert!(two_way.is_two_way());
    let json = serde_json::to_string(&two_way).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), two_way);
}

#[test]
fn connections_are_secured_where_that_is_said() {
    let secured =
        parse(&GOOD.replace("[fan-out]", "[server]\ntls = \"resumed\"\n[fan-out]")).unwrap();
    assert_eq!(secured.server.tls, Some(Tls::Resumed));
    let json = serde_json::to_string(&secured).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), secured);
    let clear = serde_json::to_string(&parse(GOOD).unwrap()).unwrap();
    assert!(!clear.contains("tls"), "{clear}");
    let connect = |setting: &str| {
        let head = GOOD.split("[fan-out]").next().unwrap();
        let workload = "[connect]\nwarm-up = { quick = 1, standard = 1, thorough = 1 }\nconnections = { quick = 2, standard = 2, thorough = 2 }\nin-flight = 1\n";
        parse(&format!("{head}[server]\n{setting}\n{workload}"))
    };
    assert_eq!(
        connect("tls = \"full\"").unwrap().server.tls,
        Some(Tls::Full)
    );
    for more in ["flush-window-ms = 5", "compression = \"message\""] {
        let error = connect(&format!("tls = \"full\"\n{more}")).unwrap_err();
        assert!(error.message.contains("tls and no other key"), "{error}");
    }
}

#[test]
fn messages_are_compressed_where_that_is_said() {
    for compression in Compression::ALL {
        let setting =
            format!("[server]\ncompression = \"{compression}\"\nflush-window-ms = 5\n[fan-out]");
        let compressed = parse(&GOOD.replace("[fan-out]", &setting)).unwrap();
        assert_eq!(compressed.server.compression, Some(compression));
        let json = serde_json::to_string(&compressed).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), compressed);
    }
    let not = serde_json::to_string(&parse(GOOD).unwrap()).unwrap();
    assert!(!not.contains("compression"), "{not}");
}

#[test]
fn subscribers_share_connections_where_that_is_said() {
    let shares = |streams: u32, server: &str, more: &str| {
        let setting = format!("[server]\nstreams = {streams}\n{server}\n[fan-out]\n{more}");
        parse(&GOOD.replace("[fan-out]", &setting))
    };
    let shared = shares(50, "", "late-ms = 60.5").unwrap();
    assert_eq!(shared.server.streams, 50);
    let Workload::FanOut(fan_out) = &shared.workload else {
        panic!("fan-out expected")
    };
    assert_eq!(fan_out.late_ms, Some(60.5));
    let json = serde_json::to_string(&shared).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), shared);
    let not = serde_json::to_string(&parse(GOOD).unwrap()).unwrap();
    assert!(!not.contains("streams") && !not.contains("late"), "{not}");
    for (streams, server, more, wanted) in [
        (30, "", "", "a divisor of subscribers = 100"),
        (1001, "", "", "streams of up to 1000"),
        (50, "tls = \"full\"", "", "streams beside no tls"),
        (50, "heartbeat-s = 1", "", "streams beside no tls"),
        (50, "compression = \"message\"", "", "streams beside no tls"),
        (50, "", "two-way = true", "streams beside no tls"),
        (50, "", "late-ms = 0.0", "0.001 to 600000.0 milliseconds"),
        (
            50,
            "",
            "slow = { share = 0.1, bytes-per-s = 0 }\nlate-ms = 5.0",
            "late-ms, or cuts, slow or dead subscribers",
        ),
    ] {
        let error = shares(streams, server, more).unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    }
}

#[test]
fn what_nobody_would_hold_against_an_objective_has_none() {
    let objective = "[objective]\np99-ms = 50.0\n";
    let kept = parse(&format!("{GOOD}{objective}")).unwrap();
    assert_eq!(kept.objective.unwrap().p99_ms, 50.0);
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenarios");
    for name in ["connect.toml", "tokens-1.toml"] {
        let text = std::fs::read_to_string(files.join(name)).unwrap();
        assert_eq!(parse(&text).unwrap().objective, None);
        let error = parse(&format!("{text}{objective}")).unwrap_err();
        assert_eq!(error.line, text.lines().count() + 1, "{name}: {error}");
        assert!(error.message.contains("[fan-out] alone"), "{error}");
    }
}

#[test]
fn exactly_one_workload() {
    let none = GOOD.split("[fan-out]").next().unwrap();
    assert!(
        parse(none)
            .unwrap_err()
            .message
            .contains("exactly one workload")
    );
}

#[test]
fn a_scenario_runs_over_its_link_or_each_that_is_asked_for() {
    let links = ["rtt=20ms", "rtt=70ms,jitter=10ms,rate=12mbit"].map(|link| link.parse().unwrap());
    let names = |scenarios: Vec<Scenario>| -> Vec<(String, Option<Link>)> {
        let named = scenarios.into_iter();
        named.map(|one| (one.name, one.link)).collect()
    };
    let without = parse(GOOD).unwrap();
    let name = || "fan-out-small".to_owned();
    assert_eq!(names(without.clone().over(&[])), [(name(), None)]);
    assert_eq!(
        names(without.clone().over(&links[..1])),
        [(name(), Some(links[0]))]
    );
    let both = without.over(&links);
    assert!(both.iter().all(|one| one.family() == "fan-out-small"));
    assert_eq!(
        names(both),
        [
            ("fan-out-small@rtt=20ms".into(), Some(links[0])),
            ("fan-out-small@4g".into(), Some(links[1])),
        ]
    );
    let with = parse(&GOOD.replace("models =", "link = \"lan\"\nmodels =")).unwrap();
    let lan = Some("lan".parse().unwrap());
    assert_eq!(names(with.over(&links)), [(name(), lan)], "its own");
}

#[test]
fn a_scenario_of_no_profile_runs_by_name() {
    let scenario = parse(&GOOD.replace("[\"quick\", \"standard\"]", "[]")).unwrap();
    assert!(scenario.profiles.is_empty());
}
