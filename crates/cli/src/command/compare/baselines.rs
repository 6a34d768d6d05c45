//! Baselines: records kept under a name. A baseline is a copy of all that makes up a record; reports are not in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pushbench_model::record::{HLOG_DIR, RUN_FILE, Record, TRIALS_FILE};
use pushbench_model::search::SEARCH_FILE;
use pushbench_model::selftest::SELFTEST_FILE;
use pushbench_model::slices::SLICES_FILE;

/// Longest name of a baseline, bytes.
const LONGEST: usize = 64;

/// Copies `record` to `baselines/name`, all of it or nothing; returns where.
pub(super) fn save(
    name: &str,
    record: &Path,
    baselines: &Path,
    force: bool,
) -> anyhow::Result<PathBuf> {
    if !is_plain(name) {
        bail!(
            "{name:?} is no name for a baseline: up to {LONGEST} letters, digits, dots, dashes and underscores, a letter \
             or digit first"
        );
    }
    let source = resolve(record, baselines)?;
    // Nothing that cannot be read is kept.
    Record::read(&source)?;
    let target = baselines.join(name);
    if target.exists() && !force {
        bail!(
            "there is a baseline {name:?} already, {}; --force replaces it",
            target.display()
        );
    }
    if target.exists() && !target.join(RUN_FILE).is_file() {
        bail!("{} is no baseline: it is left alone", target.display());
    }
    fs::create_dir_all(baselines)
        .with_context(|| format!("cannot create {}", baselines.display()))?;
    // A name that no baseline can have, on the same file system, so that the last step is a rename.
    let partial = baselines.join(format!(".{name}.{}", std::process::id()));
    let copied = copy(&source, &partial).and_then(|()| {
        Record::read(&partial)?;
        if target.exists() {
            fs::remove_dir_all(&target)
                .with_context(|| format!("cannot remove {}", target.display()))?;
        }
        fs::rename(&partial, &target).with_context(|| format!("cannot create {}", target.display()))
    });
    if copied.is_err() {
        // What is left of it has no use, and the error is about the copy.
        let _ = fs::remove_dir_all(&partial);
    }
    copied.map(|()| target)
}

fn copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    let create = |directory: &Path| {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))
    };
    let put = |from: &Path, to: &Path| {
        fs::copy(from, to)
            .map(|_| ())
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
    };
    create(target)?;
    for name in [
        RUN_FILE,
        TRIALS_FILE,
        SLICES_FILE,
        SELFTEST_FILE,
        SEARCH_FILE,
    ] {
        let from = source.join(name);
        if from.exists() {
            put(&from, &target.join(name))?;
        }
    }
    let logs = source.join(HLOG_DIR);
    if !logs.exists() {
        return Ok(());
    }
    create(&target.join(HLOG_DIR))?;
    let entries = fs::read_dir(&logs).with_context(|| format!("cannot read {}", logs.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", logs.display()))?;
        put(
            &entry.path(),
            &target.join(HLOG_DIR).join(entry.file_name()),
        )?;
    }
    Ok(())
}

/// The directory of a record: that of a baseline where `given` is the name of one, otherwise `given` itself.
pub(super) fn resolve(given: &Path, baselines: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = given.to_str().filter(|name| is_plain(name)) else {
        return Ok(given.to_owned());
    };
    let baseline = baselines.join(name);
    match (baseline.is_dir(), given.join(RUN_FILE).exists()) {
        (true, true) => bail!(
            "{name:?} is a baseline ({}) and a record (./{name}): give the path of the one that is meant",
            baseline.display()
        ),
        (true, false) => Ok(baseline),
        (false, true) => Ok(given.to_owned()),
        (false, false) => bail!(
            "{name:?} is neither a baseline in {} nor the directory of a record; there are {}",
            baselines.display(),
            known(baselines)
        ),
    }
}

fn known(baselines: &Path) -> String {
    let entries = fs::read_dir(baselines).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| is_plain(name)).collect();
    names.sort();
    if names.is_empty() {
        return "no baselines".into();
    }
    format!("baselines {}", names.join(", "))
}

/// A plain word: nothing that could be taken for a path or an option.
fn is_plain(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    name.len() <= LONGEST
        && name
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn names() {
        for name in ["main", "v0.1.0", "2026-01-01", "a_b"] {
            assert!(is_plain(name), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", ".", "..", "../x", "a/b", "-x", ".x", "a b", "é", &long] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
