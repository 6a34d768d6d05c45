//! Proxies that are installed pass on what they should, and hold back what they are known to.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use pushbench_field::proxies::tables::{judge, parts};
use pushbench_field::proxies::{Observed, Plan, visit};
use pushbench_model::survey::State;

#[test]
fn each_setting_does_what_it_is_known_for() {
    let place = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 1, seed: 1 };
    let visited = visit(plan, place.path(), &AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_eq!(visited.failed, Vec::<String>::new());
    for absent in &visited.absent {
        eprintln!(
            "skipped: {}: {}; to install it: {}",
            absent.name, absent.reason, absent.install
        );
    }
    let find = |setting: &str, transport: &str| -> Option<&Observed> {
        visited
            .observed
            .iter()
            .find(|o| o.setting.name == setting && o.transport == transport)
    };
    let all_came = |setting: &str, transport: &str| {
        let Some(observed) = find(setting, transport) else {
            return;
        };
        let seen = observed.slow.as_ref().unwrap();
        assert_ne!(
            judge(seen),
            State::Fails,
            "{setting} · {transport}: {observed:?}"
        );
        assert!(
            observed.fast.iter().all(|seen| seen.missing() == 0),
            "{setting} · {transport}"
        );
    };
    for transport in ["sse", "websocket", "long-poll"] {
        all_came("direct", transport);
        all_came("nginx, HTTP/1.1 and Upgrade passed on", transport);
        all_came("HAProxy, mode http", transport);
        // HAProxy offers WebSocket over HTTP/2, nginx does not.
        all_came("HAProxy, HTTP/2 to the client", transport);
    }
    let http2 = "nginx, HTTP/2 to the client, HTTP/1.1 to the server";
    all_came(http2, "sse");
    all_came(http2, "long-poll");
    if let Some(refused) = find(http2, "websocket") {
        let (_, why) = refused.slow.as_ref().unwrap().ended.as_ref().unwrap();
        assert!(why.contains("RFC 8441"), "{why}");
    }
    all_came("nginx, buffering off", "sse");
    all_came("nginx, X-Accel-Buffering: no from the server", "sse");
    all_came("nginx, HTTP/1.1 to the server", "sse");
    all_came("nginx, gzip, buffering off", "sse");
    // Ten messages do not fill a page, so none of them is handed on.
    if let Some(held) = find("nginx, nothing set", "sse") {
        assert_eq!(held.slow.as_ref().unwrap().delays.len(), 0, "{held:?}");
        assert!(held.fast[0].batching().unwrap() > 5.0, "{held:?}");
    }
    if let Some(refused) = find("nginx, nothing set", "websocket") {
        assert!(
            refused.slow.as_ref().unwrap().ended.is_some(),
            "{refused:?}"
        );
    }
    let cut = |setting: &str| {
        find(setting, "sse").map(|observed| observed.idle.as_ref().unwrap().is_some())
    };
    assert_eq!(cut("idle, direct"), Some(false));
    for (setting, expected) in [
        ("idle, nginx, read timeout 2 s", true),
        ("idle, nginx, read timeout 2 s, heartbeat 1 s", false),
        ("idle, HAProxy, all timeouts 2 s", true),
        ("idle, HAProxy, all timeouts 2 s, heartbeat 1 s", false),
    ] {
        assert!(cut(setting).is_none_or(|was| was == expected), "{setting}");
    }
    for part in parts(&visited) {
        assert!(
            part.rows
                .iter()
                .all(|row| row.cells.len() == part.columns.len()),
            "{}",
            part.title
        );
    }
}
