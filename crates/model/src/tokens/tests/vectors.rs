//! What servers in other languages must come to: `benches/servers/tokens.json`.

use std::path::PathBuf;

use serde::Serialize;

use super::*;

/// Tokens of each vector that are told one by one.
const TOLD: usize = 60;
/// The one far behind them whose time is told, too.
const FAR: usize = 20_000;

#[derive(Serialize)]
struct Vector {
    pace: Pace,
    /// Offset in nanoseconds, and text.
    tokens: Vec<(u64, &'static str)>,
    far: (usize, u64),
}

fn vectors() -> String {
    let log_normal = |mean_ms, sigma| Gaps::LogNormal { mean_ms, sigma };
    let paces = [
        (7, 200.0, log_normal(20.0, 0.6)),
        (4_294_967_295, 0.5, log_normal(0.5, 3.0)),
        (0, 0.0, log_normal(1.0, 0.0)),
        (1, 1.25, log_normal(7.3, 1.7)),
        (
            3_141_592_653,
            20.0,
            Gaps::RecordedMs(vec![5.0, 9.25, 7.1, 0.0, 60_000.0]),
        ),
    ];
    let vectors = paces.map(|(seed, first_ms, gaps)| {
        let pace = Pace {
            answer: 1,
            asked: 1,
            seed,
            first_ms,
            gaps,
        };
        let told = pace.tokens().take(TOLD);
        Vector {
            tokens: told.map(|token| (token.offset, token.text)).collect(),
            far: (FAR, pace.tokens().nth(FAR - 1).unwrap().offset),
            pace,
        }
    });
    let lines: Vec<String> = vectors
        .iter()
        .map(|vector| serde_json::to_string(vector).unwrap())
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Writes the file where PUSHBENCH_VECTORS is set: the pace of answers is then another one for everybody.
#[test]
fn servers_of_others_are_told_the_same_tokens() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("benches/servers/tokens.json");
    let vectors = vectors();
    if std::env::var_os("PUSHBENCH_VECTORS").is_some() {
        std::fs::write(&path, &vectors).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|file| file == vectors),
        "{} is not what the code says; with PUSHBENCH_VECTORS=1 this test writes it",
        path.display()
    );
}
