//! Rules of the contract, against servers that break one at a time.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod faulty;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use faulty::{Fault, Slip, start};
use pushbench_harness::Server;
use pushbench_harness::contract::{
    Finding, Subject, Verdict, precheck, spoken_at, verify_running, verify_server,
};

static GO: AtomicBool = AtomicBool::new(false);

fn verify(fault: Fault, transport: &str) -> Vec<Finding> {
    let subject = Subject {
        transport: transport.to_owned(),
        data: start(fault),
        control: None,
        by_sequence: true,
        says: true,
        answers: matches!(fault, Fault::Paced(_)),
    };
    verify_running(&subject, &GO).unwrap()
}

fn failed(findings: &[Finding]) -> Vec<&str> {
    let failed = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Failed { .. }));
    failed.map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_server_without_a_fault_passes_everything_that_applies() {
    for transport in ["sse", "long-poll", "ndjson", "short-poll"] {
        let findings = verify(Fault::None, transport);
        assert_eq!(failed(&findings), [""; 0], "{findings:#?}");
        let not = |finding: &&Finding| matches!(finding.verdict, Verdict::NotApplicable { .. });
        let left: Vec<_> = findings
            .iter()
            .filter(not)
            .map(|finding| &finding.rule)
            .collect();
        let mut expected = vec!["chat: a client that leaves is noticed".to_owned()];
        if transport != "short-poll" {
            // Nobody has said that it answers at a pace.
            expected
                .extend([PACED, KEPT, WHOLE, STOPPED].map(|rule| format!("{transport}: {rule}")));
        }
        assert_eq!(left, expected.iter().collect::<Vec<_>>());
        assert!(findings.len() > 15);
    }
}

const HEAD: &str = "sse: the head comes at once";
const FORM: &str = "sse: a message is one event of one data line with its id";
const CURSORS: &str = "sse: the cursor in the query, and the header before it";
const NUMBERS: &str = "sse: what is no number is refused";
const KEEP_ALIVE: &str = "control: posts are accepted, one after the other on one connection";
const PIPELINED: &str = "control: pipelined posts are all answered";
const LIVE: &str = "sse: without a cursor only what is published from then on";
const ORDER: &str = "sse: pipelined posts arrive once and in their order";
const BYTES: &str = "sse: bodies arrive byte for byte";
const RESUMES: &str = "sse: resumes after a number";
const SEAM: &str = "sse: nothing lost or twice where kept messages end";
const STREAM: &str = "chat: the stream has the same text in named events, and ends";

const PACED: &str = "an answer at a pace has the tokens of its seed, when they are due";
const KEPT: &str = "a context is kept from one answer to the next, and forgotten after the last";
const WHOLE: &str = "an answer at a pace may come at once";
const STOPPED: &str = "an answer that is stopped is made no further";

#[test]
fn each_slip_of_an_answer_at_a_pace_breaks_the_rules_that_are_about_it() {
    for (slip, broken) in [
        (Slip::None, &[][..]),
        (Slip::Text, &[PACED, KEPT]),
        (Slip::Early, &[PACED, KEPT, WHOLE]),
        (Slip::End, &[PACED, KEPT]),
        (Slip::Forgets, &[KEPT]),
        (Slip::Remembers, &[KEPT]),
        (Slip::Whole, &[WHOLE]),
        (Slip::Deaf, &[STOPPED]),
    ] {
        let findings = verify(Fault::Paced(slip), "sse");
        let wanted: Vec<_> = broken.iter().map(|rule| format!("sse: {rule}")).collect();
        let mut found = failed(&findings);
        if matches!(slip, Slip::Early) {
            // What comes too soon may be over before it is stopped, or not.
            found.retain(|rule| !rule.ends_with(STOPPED));
        }
        assert_eq!(found, wanted, "{slip:?}: {findings:#?}");
    }
}

#[test]
fn each_fault_of_an_event_stream_breaks_the_rules_that_are_about_it() {
    for (fault, broken) in [
        (Fault::ContentType, &[HEAD][..]),
        (Fault::NoSpace, &[FORM]),
        (Fault::Ids, &[FORM, LIVE, ORDER, BYTES, RESUMES, SEAM]),
        (Fault::Ascii, &[BYTES]),
        (
            Fault::Inclusive,
            &[FORM, CURSORS, LIVE, ORDER, BYTES, RESUMES, SEAM],
        ),
        (Fault::Lenient, &[NUMBERS]),
        (
            Fault::CloseAfterPost,
            &[KEEP_ALIVE, PIPELINED, ORDER, BYTES, RESUMES, SEAM, CURSORS],
        ),
    ] {
        let findings = verify(fault, "sse");
        let (mut found, mut wanted) = (failed(&findings), broken.to_vec());
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{fault:?}: {findings:#?}");
    }
}

#[test]
fn each_fault_of_an_answer_breaks_the_rule_about_it() {
    for (fault, broken) in [
        (Fault::ChatSpaces, STREAM),
        (Fault::ChatHalves, STREAM),
        (Fault::ChatDone, STREAM),
        (Fault::ChatGap, "chat: tokens come apart"),
        (
            Fault::NoLength,
            "long-poll: a batch of lines, with its length, on a connection kept alive",
        ),
        (Fault::Lenient, "long-poll: what is no number is refused"),
    ] {
        let findings = verify(fault, "long-poll");
        assert_eq!(failed(&findings), [broken], "{fault:?}: {findings:#?}");
    }
    let endless = verify(Fault::ChatEnd, "long-poll");
    assert_eq!(failed(&endless), [STREAM, "chat: tokens come apart"]);
}

#[test]
fn each_fault_of_a_stream_of_lines_breaks_the_rules_that_are_about_it() {
    let rule = |rule: &str| format!("ndjson: {rule}");
    let form = "a message is one line";
    let live = "without a cursor only what is published from then on";
    let order = "pipelined posts arrive once and in their order";
    let bytes = "bodies arrive byte for byte";
    let resumes = "resumes after a number";
    let seam = "nothing lost or twice where kept messages end";
    let cursors = "the cursor in the query, and the header before it";
    for (fault, broken) in [
        (Fault::ContentType, &["the head comes at once"][..]),
        (
            Fault::NoSpace,
            &[form, cursors, live, order, bytes, resumes, seam],
        ),
        (
            Fault::Inclusive,
            &[form, cursors, live, order, bytes, resumes, seam],
        ),
        (Fault::Lenient, &["what is no number is refused"]),
    ] {
        let findings = verify(fault, "ndjson");
        let wanted: Vec<_> = broken.iter().map(|broken| rule(broken)).collect();
        assert_eq!(failed(&findings), wanted, "{fault:?}: {findings:#?}");
    }
}

#[test]
fn each_fault_of_an_answer_breaks_the_rule_about_polls_by_the_clock() {
    for (fault, broken) in [
        (
            Fault::NoLength,
            "short-poll: a batch of lines, with its length, on a connection kept alive",
        ),
        (Fault::Lenient, "short-poll: what is no number is refused"),
    ] {
        let findings = verify(fault, "short-poll");
        assert_eq!(failed(&findings), [broken], "{fault:?}: {findings:#?}");
    }
}

/// What was expected and what came are told so that a person can find the fault.
#[test]
fn a_broken_rule_says_what_came() {
    let findings = verify(Fault::NoSpace, "sse");
    let form = findings
        .iter()
        .find(|finding| finding.rule == FORM)
        .unwrap();
    let Verdict::Failed { expected, came } = &form.verdict else {
        panic!("{form:?}")
    };
    assert!(expected.contains(r"\ndata: {\"), "{expected}");
    assert!(came.contains(r"\ndata:{\"), "{came}");
}

#[test]
fn the_transports_of_a_running_server_are_found() {
    assert_eq!(
        spoken_at(&start(Fault::None)).unwrap(),
        ["sse", "long-poll", "ndjson"]
    );
    assert!(spoken_at("nonsense").unwrap_err().contains("nonsense"));
}

fn by_script(script: &str) -> Server {
    let command = serde_json::to_string(&["sh", "-c", script]).unwrap();
    let text = format!(
        "[[server]]\nstack = \"fake\"\ntransports = [\"sse\"]\ncommand = {command}\npublishes = \"relay\"\nabout = \"\"\n"
    );
    Server::parse(&text, Path::new("servers.toml"))
        .unwrap()
        .remove(0)
}

const READY: &str = "life: prints its ready line";
const TERM: &str = "life: ends on SIGTERM, with a subscriber connected";
const ORPHAN: &str = "life: ends when its standard input closes, with a subscriber connected";

#[test]
fn how_a_server_starts_and_ends_is_checked() {
    let ends = by_script(&format!(
        "echo READY {}; exec cat > /dev/null",
        start(Fault::None)
    ));
    let findings = verify_server(&ends, Path::new("pushbench"), &GO).unwrap();
    assert_eq!(failed(&findings), [""; 0], "{findings:#?}");
    assert!(findings.iter().any(|finding| finding.rule == ORPHAN));

    let stays = by_script(&format!(
        "trap '' TERM; echo READY {}; while :; do sleep 1; done",
        start(Fault::None)
    ));
    let findings = verify_server(&stays, Path::new("pushbench"), &GO).unwrap();
    assert_eq!(failed(&findings), [TERM, ORPHAN], "{findings:#?}");

    let mute = by_script("echo hello; exit 3");
    let findings = verify_server(&mute, Path::new("pushbench"), &GO).unwrap();
    assert_eq!(failed(&findings), [READY]);
    assert_eq!(findings.len(), 1, "nothing else can be looked at");
}

#[test]
fn the_short_check_names_the_rule_that_is_broken() {
    let check = |fault| {
        let server = by_script(&format!(
            "echo READY {}; exec cat > /dev/null",
            start(fault)
        ));
        precheck(&server, Path::new("pushbench"), &GO)
    };
    assert_eq!(check(Fault::None), Ok(()));
    let reason = check(Fault::Ids).unwrap_err();
    for part in [
        "docs/PROTOCOL.md",
        LIVE,
        "expected the id 1",
        "came the id \"0\"",
        "verify sse/fake",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}
