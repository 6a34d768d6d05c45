//! The self-test that a synthetic record holds: one proof of every outcome and one more. None of it was run.

use pushbench_model::record::SCHEMA;
use pushbench_model::selftest::{ProofRow, ProofStatus, SelfTest};

pub(super) fn selftest() -> SelfTest {
    SelfTest {
        schema: SCHEMA,
        started: "2026-01-01T11:00:00Z".into(),
        wall_s: 41.5,
        quick: true,
        seed: 1,
        pushbench_version: "0.1.0".into(),
        commit: Some("0123456789ab".into()),
        build: "release".into(),
        machine: "Example CPU, 2 processors, virtual".into(),
        no_counters: Some("the processor's counters are not passed to this virtual machine".into()),
        rows: vec![
            ProofRow {
                naive: Some("2 late samples".into()),
                ..row(
                    "intended-time",
                    &[1, 2],
                    "A stall delays every message that was due in it.",
                    "the server stopped for 200 ms at 100 messages/s",
                    "20 late samples, evenly spread over 0 to 200 ms",
                    "20 late samples, evenly spread over 0 to 199 ms",
                    ProofStatus::Passed,
                )
            },
            ProofRow {
                naive: Some("p99 of 1.2 ms".into()),
                ..row(
                    "loss",
                    &[9],
                    "Messages that never arrive count as infinitely late.",
                    "2 % of the messages not published",
                    "p99 beyond the end of the run",
                    "p99 beyond the end of the run",
                    ProofStatus::Passed,
                )
            },
            row(
                "calibration",
                &[7],
                "A known delay is read back.",
                "5 ms in the server",
                "5 ms, within 2 %",
                "5.4 ms",
                ProofStatus::Failed,
            ),
            row(
                "instructions",
                &[31],
                "Added work is called at the stated power.",
                "3 % more work",
                "more",
                "no hardware counters on this machine",
                ProofStatus::NotRun,
            ),
        ],
    }
}

fn row(
    id: &str,
    rules: &[u32],
    rule: &str,
    injected: &str,
    expected: &str,
    read: &str,
    status: ProofStatus,
) -> ProofRow {
    ProofRow {
        id: id.into(),
        rules: rules.into(),
        rule: rule.into(),
        injected: injected.into(),
        expected: expected.into(),
        read: read.into(),
        naive: None,
        status,
        wall_s: 8.0,
    }
}
