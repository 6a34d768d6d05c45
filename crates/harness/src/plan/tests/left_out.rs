//! Servers that cannot take part in a scenario.

use super::*;

/// A server that cannot hold a scenario's connections is measured in the others.
#[test]
fn who_cannot_hold_the_connections_is_left_out_of_a_scenario() {
    let mut servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let mut crowded = scenario("b");
    let Workload::FanOut(fan_out) = &mut crowded.workload else {
        panic!("a fan-out")
    };
    fan_out.subscribers = 3000;
    servers[0].max_connections = Some(2999);
    servers[1].max_connections = Some(3000);
    let scenarios = [scenario("a"), crowded];
    let plan = Plan::with_slices(&scenarios, &servers, Profile::Quick, 2, 1);
    let trials = |name: &str, server: &Server| {
        let is_it = |trial: &&PlannedTrial| {
            trial.scenario.name == name && trial.server.label == server.label
        };
        plan.trials.iter().filter(is_it).count()
    };
    let counts = servers
        .iter()
        .map(|server| [trials("a", server), trials("b", server)]);
    assert_eq!(counts.collect::<Vec<_>>(), [[2, 0], [2, 2], [2, 2]]);
    for slices in &plan.slices {
        let arms = if slices.scenario.name == "a" { 3 } else { 2 };
        assert_eq!(slices.servers.len(), arms);
    }
    let left_out = servers[0].left_out_by(&scenarios[1]).unwrap();
    assert_eq!(left_out.scenario.as_deref(), Some("b"));
    assert!(left_out.reason.contains("3000") && left_out.reason.contains("2999"));
}

#[test]
fn who_is_for_some_scenarios_is_left_out_of_the_others() {
    let listed = SERVERS.replacen("about =", "scenarios = [\"b\"]\nabout =", 1);
    assert_ne!(listed, SERVERS);
    let servers = Server::parse(&listed, Path::new("servers.toml")).unwrap();
    let plan = Plan::new(
        &[scenario("a"), scenario("b")],
        &servers,
        Profile::Quick,
        1,
        1,
    );
    let of_first = plan
        .trials
        .iter()
        .filter(|trial| trial.server.label == servers[0].label);
    let names: Vec<_> = of_first.map(|trial| trial.scenario.name.clone()).collect();
    assert_eq!(names, ["b"]);
    let left_out = servers[0].left_out_by(&scenario("a")).unwrap();
    assert!(
        left_out.reason.contains("it is for b only"),
        "{}",
        left_out.reason
    );
    assert!(servers[0].left_out_by(&scenario("b")).is_none());
}

/// A scenario that wants servers set is measured on those that can be told.
#[test]
fn servers_that_cannot_be_told_how_to_be_set_are_left_out() {
    let other = SERVERS
        .replace("\"reference\"", "\"told\"")
        .replace("\"{pushbench}\"", "\"{pushbench}\", \"{setting}\"");
    let both = format!("{other}{SERVERS}");
    let servers = Server::parse(&both, Path::new("servers.toml")).unwrap();
    let mut set = scenario("a");
    set.server.flush_window_ms = 5;
    let can: Vec<bool> = servers
        .iter()
        .map(|server| server.left_out_by(&set).is_none())
        .collect();
    assert_eq!(can, [true, true, true, false, false, false]);
    for server in &servers {
        assert!(server.left_out_by(&scenario("a")).is_none());
    }
    let last = servers.last().unwrap().left_out_by(&set).unwrap();
    assert!(
        last.reason.contains("within 5 ms") && last.reason.contains("{setting}"),
        "{}",
        last.reason
    );
}

/// A scenario over TLS is measured on those that have it; connections by themselves, too.
#[test]
fn servers_without_tls_are_left_out_of_scenarios_with_it() {
    let told = SERVERS.replace("\"{pushbench}\"", "\"{pushbench}\", \"{setting}\"");
    let mut servers = Server::parse(&told, Path::new("servers.toml")).unwrap();
    servers[0].tls = true;
    let mut secured = scenario("a");
    secured.server.tls = Some(pushbench_model::scenario::Tls::Resumed);
    let can = servers
        .iter()
        .map(|server| server.left_out_by(&secured).is_none());
    let can: Vec<bool> = can.collect();
    assert_eq!(can, [true, false, false]);
    let left_out = servers[1].left_out_by(&secured).unwrap();
    assert!(
        left_out.reason.contains("servers.toml: tls"),
        "{}",
        left_out.reason
    );
    let plan = Plan::with_slices(&[secured], &servers, Profile::Quick, 1, 1);
    assert_eq!((plan.trials.len(), plan.slices.len()), (1, 0));
}

#[test]
fn servers_whose_subscribers_share_no_connection_are_left_out_of_scenarios_that_want_it() {
    let list = r#"
[[server]]
stack = "a"
transports = ["sse", "websocket"]
command = ["{pushbench}", "{setting}", "{connections}"]
publishes = "schedule"
multiplexes = ["sse"]
about = "one"
"#;
    let servers = Server::parse(list, Path::new("servers.toml")).unwrap();
    let mut shared = scenario("a");
    shared.server.streams = shared.workload.subscribers();
    let [sse, websocket] = &servers[..] else {
        panic!("two servers expected")
    };
    assert_eq!(sse.left_out_by(&shared), None);
    let reason = websocket.left_out_by(&shared).unwrap().reason;
    assert!(reason.contains("servers.toml: multiplexes"), "{reason}");
    let connections = sse.connections(&shared);
    let arguments = sse.arguments(Path::new("/bin/x"), &[], connections, shared.server);
    assert_eq!(arguments, ["/bin/x", "--http2", "1"]);
    let wrong = list.replace("multiplexes = [\"sse\"]", "multiplexes = [\"ndjson\"]");
    let error = Server::parse(&wrong, Path::new("servers.toml")).unwrap_err();
    assert!(
        error.to_string().contains("can share a connection"),
        "{error}"
    );
}

/// Compression is measured on those that have it in that way, and in no tuning in which libraries are as they come.
#[test]
fn servers_that_cannot_compress_are_left_out_of_scenarios_that_want_it() {
    use pushbench_model::scenario::Compression;
    let list = r#"
[[server]]
stack = "a"
transports = ["sse", "websocket"]
tunings = ["equalised", "defaults"]
command = ["{pushbench}", "{tuning}", "{setting}"]
publishes = "schedule"
compresses = { message = ["sse"] }
about = "one"
"#;
    let servers = Server::parse(list, Path::new("servers.toml")).unwrap();
    for (compression, expected) in [
        (Compression::Message, &["sse/a"][..]),
        (Compression::Stream, &[]),
    ] {
        let mut packed = scenario("a");
        packed.server.compression = Some(compression);
        let reasons = servers.iter().map(|server| server.left_out_by(&packed));
        let (can, cannot): (Vec<_>, Vec<_>) = servers
            .iter()
            .zip(reasons)
            .partition(|(_, reason)| reason.is_none());
        let names: Vec<_> = can.iter().map(|(one, _)| one.label.to_string()).collect();
        assert_eq!(names, expected);
        for (_, reason) in cannot {
            let reason = reason.unwrap().reason;
            assert!(reason.contains("servers.toml: compresses"), "{reason}");
        }
    }
    // One that can be told this and nothing else.
    let only = list.replace("{setting}", "{compression}");
    let server = &Server::parse(&only, Path::new("servers.toml")).unwrap()[0];
    let mut packed = scenario("a");
    packed.server.compression = Some(Compression::Message);
    assert_eq!(server.left_out_by(&packed), None);
    let arguments = server.arguments(Path::new("/bin/x"), &[], 1, packed.server);
    assert_eq!(
        arguments,
        ["/bin/x", "equalised", "--compression", "message"]
    );
    let plain = server.arguments(Path::new("/bin/x"), &[], 1, scenario("a").server);
    assert_eq!(plain, ["/bin/x", "equalised"]);
    packed.server.flush_window_ms = 5;
    let reason = server.left_out_by(&packed).unwrap().reason;
    assert!(reason.contains("cannot be told"), "{reason}");
}

/// Who publishes nothing of what is said takes no part where subscribers speak; who does is not asked to publish by itself, and
/// is not sliced.
#[test]
fn who_does_not_listen_is_left_out_of_a_room() {
    let mut servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    let mut room = scenario("a");
    let Workload::FanOut(fan_out) = &mut room.workload else {
        panic!("a fan-out")
    };
    fan_out.two_way = true;
    for (server, stack) in servers.iter_mut().zip(["listens", "deaf", "posts"]) {
        server.label.transport = "websocket".into();
        server.label.stack = stack.into();
    }
    servers[0].says = true;
    servers[2].label.transport = "sse".into();
    let plan = Plan::with_slices(&[room.clone()], &servers, Profile::Quick, 1, 1);
    let stacks = plan.trials.iter().map(|t| t.server.label.stack.as_str());
    let stacks: BTreeSet<_> = stacks.collect();
    assert_eq!(stacks, BTreeSet::from(["listens", "posts"]));
    assert!(plan.slices.is_empty());
    assert!(plan.trials.iter().all(|t| t.publisher() == Publisher::Load));
    assert!(
        plan.trials
            .iter()
            .any(|t| t.server.publisher == Publisher::Server)
    );
    let left_out = servers[1].left_out_by(&room).unwrap();
    assert!(left_out.reason.contains("servers.toml: says"));
    assert!(servers[1].left_out_by(&scenario("a")).is_none());
}

/// Who cannot be asked for what follows a number takes no part where subscribers that were cut off ask for it.
#[test]
fn who_cannot_resume_is_left_out_where_subscribers_do() {
    let mut servers = Server::parse(SERVERS, Path::new("servers.toml")).unwrap();
    servers[0].resumes = false;
    let cut = |resume: bool| {
        let cuts = format!(
            "[fan-out.cuts]\npattern = {{ each-every-s = 1.0 }}\ndelay-s = 0.1\nresume = {resume}\n"
        );
        let text = FAN_OUT.replace("NAME", "cut") + &cuts;
        Scenario::parse(&text, Path::new("x.toml")).unwrap()
    };
    let left_out = servers[0].left_out_by(&cut(true)).unwrap();
    for part in ["what they missed", "servers.toml: resumes = false"] {
        assert!(left_out.reason.contains(part), "{}", left_out.reason);
    }
    assert_eq!(servers[1].left_out_by(&cut(true)), None);
    // Where nobody asks, losses are what is to be seen.
    assert_eq!(servers[0].left_out_by(&cut(false)), None);
    assert_eq!(servers[0].left_out_by(&scenario("a")), None);
}
