//! What the benches share: how they were started. What they measure with is the crate `anatomy`.

/// Whether `cargo bench -- --test` or `cargo test --benches` asked only that the benches run, not what they find.
#[must_use]
pub fn is_smoke_test() -> bool {
    let mut arguments = std::env::args();
    // Cargo says `--bench` when it is to be measured, and nothing when it is to be tested.
    !arguments.any(|argument| argument == "--bench") || std::env::args().any(|one| one == "--test")
}
