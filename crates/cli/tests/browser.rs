//! The report in a real browser: everything is drawn, nothing overflows, nothing is fetched.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use common::{Stage, finish, skipped};
use serde_json::Value;

/// Widths of a desk and of a telephone.
const WIDTHS: [u64; 2] = [1280, 390];

/// Runs in the report: says what is to be seen, once everything is there.
const PROBE: &str = r##"<script>
const errors = [];
addEventListener("error", event => errors.push(String(event.message)));
addEventListener("load", () => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const drawn = svg => { const box = svg.getBoundingClientRect(); return box.width > 100 && box.height > 50; };
  document.querySelector("#answer th")?.click();
  parent.postMessage({
    title: document.title,
    answers: all("#answer article").map(article => all("table", article).length),
    figures: all("figure").map(figure => all("svg", figure).filter(drawn).length),
    shapes: all("figure svg").filter(drawn).map(svg => svg.querySelectorAll("line, rect, circle, polyline, path").length),
    sorted: all("#answer article:first-of-type tbody th").map(name => name.textContent),
    scroll: document.documentElement.scrollWidth,
    width: innerWidth,
    fetched: performance.getEntriesByType("resource").map(entry => entry.name),
    errors,
  }, "*");
});
</script>"##;

/// Shows the report at every width and writes down what the probes say. A window cannot be as narrow as a telephone,
/// a frame can, and it has its own media queries.
fn frames(url: &str) -> String {
    let frames =
        WIDTHS.map(|width| format!("<iframe src=\"{url}\" width={width} height=900></iframe>"));
    format!(
        r#"<!doctype html><meta charset="utf-8"><style>iframe {{ border: 0 }}</style>
<script>
addEventListener("message", event => {{
  const said = document.createElement("pre");
  said.className = "said";
  said.textContent = JSON.stringify(event.data);
  document.body.append(said);
}});
</script>
<body>{}</body>"#,
        frames.concat()
    )
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let candidates =
        std::env::split_paths(&path).flat_map(|place| names.map(|name| place.join(name)));
    let found = candidates.into_iter().find(|file| file.is_file());
    if found.is_none() {
        skipped("no Chromium found (chromium, chromium-browser or google-chrome on the PATH)");
    }
    found
}

fn report(stage: &Stage) -> String {
    let arguments = [
        "run",
        "--scenarios",
        "scenarios",
        "--repetitions",
        "2",
        "--server",
        "reference",
        "--server",
        "tcp",
    ];
    finish(&mut stage.pushbench(arguments)).with(0);
    fs::read_to_string(stage.record().join("report.html")).unwrap()
}

fn dom(stage: &Stage, browser: &Path, page: &Path) -> String {
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1000",
        // The page has this much of its own time for messages between frames; it takes no real time.
        "--virtual-time-budget=10000",
    ]);
    command.arg(format!(
        "--user-data-dir={}",
        stage.path("browser").display()
    ));
    command
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()));
    finish(&mut command).with(0).stdout
}

/// What the probes say about a page, by the width of their frame.
fn probe(stage: &Stage, browser: &Path, html: &str) -> BTreeMap<u64, Value> {
    stage.write(
        "page.html",
        &html.replacen("<head>", &format!("<head>{PROBE}"), 1),
    );
    stage.write("frames.html", &frames("page.html"));
    let dom = dom(stage, browser, &stage.path("frames.html"));
    let texts = dom
        .split("<pre class=\"said\">")
        .skip(1)
        .map(|rest| rest.split("</pre>").next().unwrap());
    let plain = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    let values = texts.map(|text| serde_json::from_str::<Value>(&plain(text)).unwrap());
    let said: BTreeMap<_, _> = values
        .map(|value| (value["width"].as_u64().unwrap(), value))
        .collect();
    assert!(said.keys().copied().eq([390, 1280]), "{said:?}");
    said
}

/// A probe that saw nothing would find everything good.
#[test]
fn the_probe_sees_what_is_wrong() {
    let Some(browser) = chromium() else { return };
    // Fetched from a server that hangs up: what counts is that it was asked.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = format!("http://{}/none.png", server.local_addr().unwrap());
    thread::spawn(move || server.incoming().for_each(drop));
    let bad = format!(
        "<!doctype html><html><head><title>x</title></head><body><div style='width: 2000px'>wide</div>\
         <img src='{image}'><figure><svg viewBox='0 0 9 9' width='0'></svg></figure>\
         <script>throw new Error('thrown')</script></body></html>"
    );
    for (width, said) in probe(&Stage::new(), &browser, &bad) {
        assert!(said["scroll"].as_u64() >= Some(2000), "{said}");
        assert_eq!(
            (&said["figures"], &said["width"]),
            (&serde_json::json!([0]), &width.into()),
            "{said}"
        );
        assert_eq!(said["fetched"][0], image.as_str(), "{said}");
        assert!(
            said["errors"][0].as_str().unwrap().contains("thrown"),
            "{said}"
        );
    }
}

#[test]
fn the_report_is_drawn_at_every_width() {
    let Some(browser) = chromium() else { return };
    let stage = Stage::new();
    let html = report(&stage);
    assert!(html.contains("<head>"), "nowhere to put the probe");
    let said = probe(&stage, &browser, &html);
    let figures = html.matches("<figure").count();
    for (width, said) in said {
        let none = Vec::new();
        let list = |name: &str| said[name].as_array().unwrap_or(&none).clone();
        assert!(
            said["title"].as_str().unwrap().ends_with(" · Pushbench"),
            "{said}"
        );
        assert_eq!(list("errors"), none, "at {width}");
        assert_eq!(list("fetched"), none, "at {width}");
        assert_eq!(
            list("answers"),
            [3, 3],
            "a table per tuning and one of what the defaults cost, at {width}"
        );
        assert!(
            figures >= 6 && list("figures").len() == figures,
            "{figures} at {width}: {said}"
        );
        assert!(
            list("figures")
                .iter()
                .all(|drawn| drawn.as_u64() >= Some(1)),
            "at {width}: {said}"
        );
        assert!(
            list("shapes")
                .iter()
                .all(|shapes| shapes.as_u64() > Some(3)),
            "at {width}: {said}"
        );
        let sorted = [
            "long-poll/reference",
            "ndjson/reference",
            "short-poll/reference",
            "sse/reference",
            "tcp/floor",
            "websocket/reference",
        ];
        // The first table; the others stay as they are.
        assert_eq!(
            list("sorted")[..sorted.len()],
            sorted,
            "a click on the first heading sorts, at {width}"
        );
        assert!(
            said["scroll"].as_u64() <= Some(width),
            "overflows at {width}: {said}"
        );
    }
}

/// The page is one file: what it shows is in it. Links that a person follows are another matter.
#[test]
fn the_report_needs_nothing_else() {
    let stage = Stage::new();
    let html = report(&stage);
    for name in [
        "<link",
        "<iframe",
        "<object",
        "<embed",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ] {
        assert!(!html.contains(name), "{name}");
    }
    for (attribute, allowed) in [
        (" src=", &["data:"][..]),
        (" srcset=", &[]),
        (" href=", &["#", "https://", "http://"]),
        ("url(", &["#", "data:"]),
    ] {
        for value in html
            .split(attribute)
            .skip(1)
            .map(|rest| rest.trim_start_matches(['"', '\'']))
        {
            let start: String = value.chars().take(60).collect();
            assert!(
                allowed.iter().any(|allowed| value.starts_with(allowed)),
                "{attribute}{start}"
            );
        }
    }
    // Only links lead away.
    for tag in html.split('<').filter(|tag| tag.contains(" href=\"http")) {
        assert!(tag.starts_with("a "), "<{tag}");
    }
}
