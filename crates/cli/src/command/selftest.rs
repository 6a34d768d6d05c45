//! `pushbench selftest`: the proofs that the method holds, on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use pushbench_harness::CoreSplit;
use pushbench_model::selftest::{ProofRow, ProofStatus, SELFTEST_FILE, SelfTest};
use pushbench_selftest::{About, Config, Observer, PROOFS, Proof};

use crate::exit::{Exit, wrong};
use crate::output::{self, wrap};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Fewer simulated sessions and shorter trials: under a minute
    #[arg(long)]
    quick: bool,
    /// Print the outcome as JSON, not as a table
    #[arg(long)]
    json: bool,
    /// File to write the outcome to; later runs in the same directory keep a copy [default:
    /// reports/selftest.json, unless --only is given]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seed of everything drawn at random [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Proofs to run, by name; link is both link and link-netem [default: all]
    #[arg(long, value_name = "ID", num_args = 1..)]
    only: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let proofs = choose(&options.only)?;
    let path = file(options);
    if let Some(path) = &path {
        check_place(path)?;
    }
    let stop = super::run::stop_on_signals()?;
    let config = Config {
        quick: options.quick,
        seed: options.seed.unwrap_or_else(pushbench_sys::clock::now),
        pushbench: std::env::current_exe().context("cannot find the path of this program")?,
        cores: CoreSplit::of_this_machine(),
        build: super::run::build(),
        proofs,
    };
    let mut bar = Bar::new(config.proofs.len());
    let outcome = pushbench_selftest::run(&config, &mut bar, &stop);
    bar.0.finish_and_clear();

    let selftest = &outcome.selftest;
    let text = serde_json::to_string_pretty(selftest).context("cannot write JSON")? + "\n";
    if options.json {
        output::print(&text)?;
    } else {
        output::print(&in_words(selftest, output::width()))?;
    }
    if outcome.interrupted {
        let (made, all) = (selftest.rows.len(), config.proofs.len());
        output::say(&format!(
            "interrupted after {made} of {all} proofs; no outcome is written, because it would stand for all of them"
        ));
    } else if let Some(path) = &path {
        write(path, &text)?;
        if !options.json {
            output::print(&format!("outcome: {}\n", path.display()))?;
        }
    }
    let (_, failed, _) = selftest.counts();
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if failed > 0 {
        Exit::SelfTestFailed
    } else {
        Exit::Done
    })
}

/// Whether `asked` is the name of a proof, or of the kind that it is one of: `link` of `link-netem`.
fn names(asked: &str, id: &str) -> bool {
    let rest = id.strip_prefix(asked);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn choose(only: &[String]) -> anyhow::Result<Vec<&'static dyn Proof>> {
    let ids = || PROOFS.iter().map(|proof| proof.about().id);
    if let Some(unknown) = only.iter().find(|id| !ids().any(|known| known == *id)) {
        let known: Vec<&str> = ids().collect();
        wrong!(
            "--only {unknown}: there is no such self-test; there are {}",
            known.join(", ")
        );
    }
    let wanted = |proof: &&&'static dyn Proof| {
        only.is_empty() || only.iter().any(|id| names(id, proof.about().id))
    };
    Ok(PROOFS.iter().filter(wanted).copied().collect())
}

/// Some of the proofs do not stand for all of them, unless they are asked to.
fn file(options: &Options) -> Option<PathBuf> {
    match &options.out {
        Some(path) => Some(path.clone()),
        None if options.only.is_empty() => Some(Path::new("reports").join(SELFTEST_FILE)),
        None => None,
    }
}

/// Before a minute is spent: the outcome will find its place. Nothing but a file is ever replaced.
fn check_place(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        bail!("--out {name} is there and is no regular file; name another one");
    }
    if let Some(parent) = parent_of(path) {
        fs::create_dir_all(parent).with_context(|| format!("cannot write {name}"))?;
    }
    let draft = draft_of(path);
    fs::write(&draft, "")
        .and_then(|()| fs::remove_file(&draft))
        .with_context(|| format!("cannot write {name}"))
}

fn parent_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// Beside its place, and nobody else's.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

/// Beside its place first, then moved: a reader never sees half of it.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let draft = draft_of(path);
    fs::write(&draft, text).with_context(cannot)?;
    fs::rename(&draft, path).with_context(cannot)
}

fn label(status: ProofStatus) -> &'static str {
    match status {
        ProofStatus::Passed => "pass",
        ProofStatus::Failed => "FAIL",
        ProofStatus::NotRun => "not run",
    }
}

/// The table, and one line that sums it up.
fn in_words(selftest: &SelfTest, width: usize) -> String {
    let (passed, failed, not_run) = selftest.counts();
    let mut text = table(&selftest.rows, width);
    text += &format!(
        "\n{passed} passed, {failed} failed, {not_run} not run; {:.1} s, seed {}\n",
        selftest.wall_s, selftest.seed
    );
    if let Some(why) = &selftest.no_counters {
        text += &output::hanging("note: ", &format!("no counters: {why}"));
    }
    text
}

/// With room, a column each; otherwise what was read stands under what was expected.
const ROOMY: usize = 110;

fn table(rows: &[ProofRow], width: usize) -> String {
    let head = |row: &ProofRow| format!("{}\n{}", row.id, label(row.status));
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let naive = row.naive.clone().unwrap_or_else(|| "–".into());
            if width >= ROOMY {
                return vec![
                    head(row),
                    row.rule.clone(),
                    row.injected.clone(),
                    row.expected.clone(),
                    row.read.clone(),
                    naive,
                ];
            }
            let about = format!("{} Injected: {}.", row.rule, row.injected);
            let found = format!(
                "expected: {}\nread: {}\nnaive: {naive}",
                row.expected, row.read
            );
            vec![head(row), about, found]
        })
        .collect();
    let (titles, weights): (&[&str], &[usize]) = if width >= ROOMY {
        (
            &["self-test", "rule", "injected", "expected", "read", "naive"],
            &[4, 5, 5, 5, 4],
        )
    } else {
        (&["self-test", "rule", "found"], &[5, 6])
    };
    let first = cells
        .iter()
        .flat_map(|row| row[0].lines())
        .chain(titles[..1].iter().copied());
    let first = first.map(|line| line.chars().count()).max().unwrap_or(0);
    // One space after every column, and one at the end of rules.
    let left = width.saturating_sub(first + weights.len() + 2).max(30);
    let total: usize = weights.iter().sum();
    let mut text = Table::new();
    text.load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(titles.to_vec());
    for row in cells {
        let others = row[1..].iter().zip(weights).map(|(cell, weight)| {
            let cell = cell.replace(" %", "\u{202f}%");
            let lines = cell
                .lines()
                .flat_map(|line| wrap(line, left * weight / total));
            lines.collect::<Vec<_>>().join("\n")
        });
        text.add_row(std::iter::once(row[0].clone()).chain(others));
    }
    for column in text.column_iter_mut() {
        column.set_padding((0, 1));
    }
    text.lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// On standard error, and only in a terminal: which proof is at work.
struct Bar(ProgressBar);

impl Bar {
    fn new(proofs: usize) -> Self {
        let bar = ProgressBar::new(proofs as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }
}

impl Observer for Bar {
    fn started(&mut self, about: &About) {
        self.0.set_message(about.id);
    }

    fn finished(&mut self, row: &ProofRow) {
        self.0.inc(1);
        if row.status == ProofStatus::Failed {
            let line = format!("self-test {} failed: {}", row.id, row.read);
            self.0.suspend(|| output::say(&line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<ProofRow> {
        let row = |id: &str, status| ProofRow {
            id: id.into(),
            rules: vec![1],
            rule: "Response times are counted from the intended time of a message, never later."
                .into(),
            injected: "the server stands still for 200 ms at 1000 messages per second".into(),
            expected: "200 ± 2 late samples, spread evenly over the pause".into(),
            read: "201 late samples, KS p 0.44".into(),
            naive: Some("1 late sample".into()),
            status,
            wall_s: 0.5,
        };
        vec![
            row("intended-time", ProofStatus::Passed),
            row("saturated-generator", ProofStatus::Failed),
        ]
    }

    #[test]
    fn the_table_fits_and_says_all() {
        for width in [80, 120] {
            let text = table(&rows(), width);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{widest} of {width} columns:\n{text}");
            for word in [
                "intended-time",
                "pass",
                "saturated-generator",
                "FAIL",
                "201",
                "naive",
            ] {
                assert!(text.contains(word), "{word}:\n{text}");
            }
        }
    }

    #[test]
    fn proofs_are_chosen_by_name() {
        assert_eq!(choose(&[]).unwrap().len(), PROOFS.len());
        assert_eq!(
            choose(&["merging".into()]).unwrap()[0].about().id,
            "merging"
        );
        let links = choose(&["link".into()]).unwrap();
        let ids: Vec<&str> = links.iter().map(|proof| proof.about().id).collect();
        assert_eq!(ids, ["link", "link-netem"]);
        let error = choose(&["merge".into()]).err().unwrap().to_string();
        assert!(
            error.contains("merge:") && error.contains("warm-up"),
            "{error}"
        );
    }
}
