//! What the tests of all proofs share.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use pushbench_harness::CoreSplit;
use pushbench_model::selftest::{ProofRow, ProofStatus};

use crate::{Context, Proof};

pub(crate) fn context(stop: &AtomicBool) -> Context<'_> {
    Context {
        quick: true,
        seed: 20_260_101,
        pushbench: "pushbench".into(),
        cores: CoreSplit {
            server: vec![0],
            load: vec![0],
        },
        no_counters: None,
        stop,
        sliced: OnceLock::new(),
    }
}

fn row(proof: &dyn Proof) -> ProofRow {
    crate::run::row(proof, &context(&AtomicBool::new(false))).expect("nobody stops it")
}

/// The row of a proof with its real mechanisms.
pub(crate) fn assert_passes(proof: &dyn Proof) {
    let row = row(proof);
    assert_eq!(row.status, ProofStatus::Passed, "{row:#?}");
}

/// The row of a proof with a broken one.
pub(crate) fn assert_fails(proof: &dyn Proof) {
    let row = row(proof);
    assert_eq!(row.status, ProofStatus::Failed, "{row:#?}");
}
