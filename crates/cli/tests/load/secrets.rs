//! Secrets are in no output, whatever happens.

use std::fs;

use crate::common::{Stage, finish};
use crate::endpoint::{Endpoint, Then, events};

const SECRETS: [&str; 6] = [
    "s3cr3t-1", "s3cr3t-2", "s3cr3t-3", "s3cr3t-4", "s3cr3t-5", "s3cr3t-6",
];

/// Everything that a drive with secrets says and writes.
fn all_outputs(url: &str) -> String {
    let stage = Stage::new();
    let with = url.replace("http://", "http://me:s3cr3t-1@") + "/feed?token=s3cr3t-2";
    let mut command = stage.pushbench([
        "load",
        "sse",
        &with,
        "-c",
        "2",
        "--reconnect",
        "never",
        "-z",
        "2s",
    ]);
    command.args([
        "-H",
        "Authorization: Bearer s3cr3t-3",
        "-HCookie: id=s3cr3t-4",
        "--header=X-Api-Key: s3cr3t-5",
    ]);
    let publish = format!("{url}/publish");
    command.args([
        "--publish",
        &publish,
        "--publish-header",
        "Accept: s3cr3t-6",
    ]);
    for output in ["text", "json=a.json", "csv=a.csv", "html=a.html"] {
        command.args(["--output", output]);
    }
    command.args(["--hdr", "a.hlog"]).env("TERM", "dumb");
    let ended = finish(&mut command);
    assert!(
        ended.status.code().is_some_and(|code| code != 2),
        "{ended:#?}"
    );
    let mut all = ended.stdout + &ended.stderr;
    for name in ["a.json", "a.csv", "a.html", "a.hlog"] {
        all += &fs::read_to_string(stage.path(name)).unwrap();
    }
    assert!(
        all.contains("X-Api-Key: ***") && all.contains("token=***"),
        "{all}"
    );
    all
}

#[test]
fn nothing_is_told() {
    let quoting = "HTTP/1.1 401 s3cr3t-3 is unknown\r\nContent-Length: 8\r\n\r\ns3cr3t-3";
    let refusing = Endpoint::start(quoting, Then::Closes);
    let redirecting = Endpoint::of_itself(
        |url| {
            format!(
                "HTTP/1.1 302 Found\r\nLocation: {url}/login?token=s3cr3t-2\r\nContent-Length: 0\r\n\r\n"
            )
        },
        Then::Closes,
    );
    let good = Endpoint::start(events(5), Then::Closes);
    for endpoint in [&refusing, &redirecting, &good] {
        let all = all_outputs(&endpoint.url);
        for secret in SECRETS {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        // They were sent all the same.
        let heads: String = endpoint
            .requests
            .try_iter()
            .map(|request| request.head)
            .collect();
        for sent in [
            "Bearer s3cr3t-3",
            "id=s3cr3t-4",
            "X-Api-Key: s3cr3t-5",
            "/feed?token=s3cr3t-2",
        ] {
            assert!(heads.contains(sent), "{sent}: {heads}");
        }
    }
}

/// An address that is none is told without what is secret in it.
#[test]
fn a_wrong_address_is_told_without_its_password() {
    let stage = Stage::new();
    for url in [
        "ftp://me:s3cr3t-1@h/",
        "http://me:s3cr3t-1@h:port/",
        "http://me:s3cr3t/1@h/x y",
    ] {
        let ended = finish(&mut stage.pushbench(["load", "sse", url])).with(2);
        assert!(!ended.stderr.contains("s3cr3t"), "{ended:#?}");
    }
}
