//! Files of servers, whole and broken.

use pushbench_model::scenario::Setting;

use super::*;

const GOOD: &str = r#"
[[server]]
stack = "reference"
transports = ["sse", "websocket"]
command = ["{pushbench}", "serve", "--transport={transport}", "-c{connections}", "{setting}", "--cores", "{cores}"]
publishes = "schedule"
tls = true
about = "ours"

[[server]]
stack = "ws"
transports = ["websocket"]
command = ["node", "ws.js", "{}", "{ a }"]
directory = "servers/node"
publishes = "relay"
about = "a library for Node"
program = "node"
minimum = 20
needs = ["node_modules/ws"]
install = "npm ci"
profile = "standard"
max-connections = 5000
paths = { websocket = "/sub?a=1", publish = "/pub" }
resumes = false
"#;

fn parse(text: &str) -> Result<Vec<Server>, ServersError> {
    super::parse(text, Path::new("benches/servers.toml"))
}

#[test]
fn a_good_file_gives_a_server_per_transport() {
    let servers = parse(GOOD).unwrap();
    let labels: Vec<_> = servers
        .iter()
        .map(|server| server.label.to_string())
        .collect();
    assert_eq!(
        labels,
        ["sse/reference", "websocket/reference", "websocket/ws"]
    );
    assert_eq!(servers[0].publisher, Publisher::Server);
    let ws = &servers[2];
    assert_eq!(ws.publisher, Publisher::Load);
    assert_eq!(
        ws.directory.as_deref(),
        Some(Path::new("benches/servers/node"))
    );
    let needs = ws.needs.iter().map(|need| need.path.display().to_string());
    assert_eq!(
        needs.collect::<Vec<_>>(),
        [
            "benches/servers/node",
            "benches/servers/node/node_modules/ws"
        ]
    );
    assert_eq!(ws.minimum, Some(20));
    assert_eq!(
        (ws.profile, ws.max_connections),
        (Profile::Standard, Some(5000))
    );
    let ours = (servers[0].profile, servers[0].max_connections);
    assert_eq!(ours, (Profile::Quick, None));
    assert_eq!(ws.paths.subscribe.as_deref(), Some("/sub?a=1"));
    assert_eq!(ws.paths.publish.as_deref(), Some("/pub"));
    assert!(!ws.resumes && servers[0].resumes);
    assert!(!ws.tls && servers[0].tls);
    assert!(ws.compresses.is_empty());
    assert_eq!(servers[0].paths, paths::Paths::default());
}

#[test]
fn placeholders_are_filled_in() {
    let servers = parse(GOOD).unwrap();
    let arguments =
        |setting| servers[1].arguments(Path::new("/opt/pushbench"), &[0, 2], 50_000, setting);
    let mut expected = vec![
        "/opt/pushbench",
        "serve",
        "--transport=websocket",
        "-c50000",
        "--cores",
        "0,2",
    ];
    assert_eq!(arguments(Setting::default()), expected);
    let setting = Setting {
        heartbeat_s: 2,
        ..Setting::default()
    };
    expected.splice(4..4, ["--heartbeat", "2"]);
    assert_eq!(arguments(setting), expected);
}

/// Every mistake names the file, the line and what is allowed.
#[test]
fn how_it_compresses_is_said_for_each_transport() {
    let compresses =
        "tls = true\ncompresses = { message = [\"sse\", \"websocket\"], stream = [\"sse\"] }";
    let servers = parse(&GOOD.replace("tls = true", compresses)).unwrap();
    let [message, stream] = Compression::ALL;
    assert_eq!(servers[0].compresses, [message, stream]);
    assert_eq!(servers[1].compresses, [message]);
    let wrong = compresses.replace("stream = [\"sse\"]", "stream = [\"tcp\"]");
    let error = parse(&GOOD.replace("tls = true", &wrong)).unwrap_err();
    assert_eq!(error.line, 8, "{error}");
    assert!(error.message.contains("on which it compresses"), "{error}");
    let other = compresses.replace("stream =", "brotli =");
    let error = parse(&GOOD.replace("tls = true", &other)).unwrap_err();
    assert!(
        error.message.contains("expected `message` or `stream`"),
        "{error}"
    );
}

#[test]
fn mistakes_are_located_and_explained() {
    let cases = [
        (
            "stack = \"ws\"",
            "stack = \"W S\"",
            11,
            "lower-case letters",
        ),
        (
            "stack = \"ws\"",
            "stak = \"ws\"",
            11,
            "expected one of `stack`",
        ),
        (
            "stack = \"ws\"",
            "stack = \"reference\"",
            12,
            "websocket/reference is listed twice",
        ),
        (
            "[\"sse\", \"websocket\"]",
            "[]",
            4,
            "at least one transport",
        ),
        (
            "[\"sse\", \"websocket\"]",
            "[\"SSE\"]",
            4,
            "lower-case letters",
        ),
        ("\"{cores}\"]", "\"{core}\"]", 5, "{core} is no placeholder"),
        (
            "\"relay\"",
            "\"maybe\"",
            15,
            "expected `schedule` or `relay`",
        ),
        ("program = \"node\"\n", "", 17, "major version of `program`"),
        ("minimum = 20", "minimum = \"20\"", 18, "expected u32"),
        (
            "\"standard\"",
            "\"slow\"",
            21,
            "expected one of `quick`, `standard`, `thorough`",
        ),
        ("= 5000", "= 0", 22, "connections it can hold"),
        ("\"/pub\"", "\"pub\"", 23, "\"pub\" is no path"),
        ("{ websocket =", "{ sse =", 23, "\"sse\" has no path here"),
        ("= false", "= \"no\"", 24, "expected a boolean"),
        ("about = \"ours\"\n", "", 2, "missing field `about`"),
        (
            "[[server]]\nstack = \"ref",
            "[[sever]]\nstack = \"ref",
            2,
            "expected `server`",
        ),
    ];
    for (from, to, line, wanted) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).expect_err(to);
        assert_eq!(
            (error.file.as_str(), error.line),
            ("benches/servers.toml", line),
            "{to}: {error}"
        );
        assert!(error.message.contains(wanted), "{to}: {error}");
    }
}

#[test]
fn an_empty_command_is_refused() {
    let text = GOOD.replace(r#"["node", "ws.js", "{}", "{ a }"]"#, "[]");
    assert!(
        parse(&text)
            .unwrap_err()
            .message
            .contains("a program and its arguments")
    );
}
