//! Words that all formats share.

use pushbench_stats::{Estimate, FEWEST_PAIRS, Judgement, Verdict};

use super::{Change, Compared, Figure, Gate, Kind, Tally};
use crate::number::{THIN, counted, significant};

/// Said of every comparison: what no interval covers.
pub(super) const NOT_INTERLEAVED: &str = "The records were made at different times and not interleaved: whatever \
     changed on the machine between them (load, temperature, neighbours) is in every difference of times, and no \
     interval covers it.";

/// How it is done, in a sentence each.
pub(super) const METHOD: [&str; 3] = [
    "A change is the geometric mean over repetitions of candidate over baseline, with its 95\u{202f}% interval; \
     repetitions are paired by their number.",
    "Verdicts are made with the margins that stand in the scenario, and corrected (Holm) over a family: one figure over \
     all scenarios, servers and candidates. Fewer than six pairs give none.",
    "A regression is a change whose whole interval lies beyond its threshold (corrected over all servers and scenarios \
     it is held against); one whose interval holds the threshold is undecided.",
];

/// What a verdict says of a figure, without the number of repetitions.
pub(super) fn word(kind: Kind, verdict: Verdict) -> &'static str {
    let more_is_better = kind.more_is_better();
    match (verdict, kind) {
        (Verdict::NoDifference, _) => "no difference shown",
        (Verdict::Undecided { .. }, _) => "undecided",
        (Verdict::TooFew { .. }, _) => "too few",
        (verdict, Kind::P50 | Kind::P99 | Kind::P999 | Kind::Rate) => {
            if (verdict == Verdict::More) == more_is_better {
                "faster"
            } else {
                "slower"
            }
        }
        (Verdict::Less, _) => "less",
        (Verdict::More, _) => "more",
    }
}

/// What is said of a figure: `slower (indicative)`, `undecided (about 12 more repetitions)`.
pub(super) fn verdict(compared: &Compared<'_>, figure: &Figure) -> String {
    let word = word(figure.kind, figure.judgement.verdict);
    match figure.judgement.verdict {
        Verdict::Undecided { further: Some(n) } => {
            format!(
                "{word} (about {} further)",
                counted(n as usize, "repetition")
            )
        }
        Verdict::Undecided { further: None } => {
            format!("{word} (at the edge of the margin, no number of repetitions would decide)")
        }
        Verdict::TooFew { pairs } => format!("{word} ({pairs} of {FEWEST_PAIRS} pairs)"),
        _ if is_indicative(compared, figure.kind) => format!("{word} (indicative)"),
        _ => word.to_owned(),
    }
}

/// Whether a verdict on `kind` is indicative only.
pub(super) fn is_indicative(compared: &Compared<'_>, kind: Kind) -> bool {
    kind.is_time() && !compared.indicative.is_empty()
}

/// Whether the verdict is that something changed.
pub(super) fn has_changed(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Less | Verdict::More)
}

/// Whether it changed for the worse.
pub(super) fn is_worse(figure: &Figure) -> bool {
    let worse = if figure.kind.more_is_better() {
        Verdict::Less
    } else {
        Verdict::More
    };
    figure.judgement.verdict == worse
}

/// A ratio as a change: `+3.1 %`.
pub(super) fn percent(ratio: f64) -> String {
    let change = (ratio - 1.0) * 100.0;
    // Nothing, and what rounds to it.
    if change.abs() < 5e-4 {
        return format!("0{THIN}%");
    }
    let digits = if change.abs() >= 0.995 { 3 } else { 2 };
    let number = significant(change.abs(), digits);
    let sign = if change < 0.0 { '−' } else { '+' };
    format!("{sign}{number}{THIN}%")
}

/// `+1.2 % to +5.0 %`; nothing where the figure repeats exactly or has no interval.
pub(super) fn percent_interval(ratio: &Estimate) -> Option<String> {
    let interval = ratio.interval?;
    let (low, high) = (percent(interval.low), percent(interval.high));
    (low != high).then(|| format!("{low} to {high}"))
}

/// A change with its interval.
pub(super) fn change(kind: Option<Kind>, unit: crate::Unit, change: &Change) -> String {
    let (value, ends) = match change {
        Change::Relative(ratio) => (percent(ratio.value), percent_interval(ratio)),
        Change::Absolute(by) => {
            let magnitude = by
                .value
                .abs()
                .max(by.interval.map_or(0.0, |i| i.high.abs()));
            let scale = unit.scale([magnitude]);
            let signed = |value: f64| {
                let sign = if value > 0.0 { "+" } else { "" };
                format!("{sign}{}", scale.with_unit(value))
            };
            let ends = by
                .interval
                .map(|i| (signed(i.low), signed(i.high)))
                .filter(|(low, high)| low != high)
                .map(|(low, high)| format!("{low} to {high}"));
            (signed(by.value), ends)
        }
    };
    let per_trial = if kind.is_none() { " per trial" } else { "" };
    match ends {
        Some(ends) => format!("{value} ({ends}){per_trial}"),
        None => format!("{value}{per_trial}"),
    }
}

/// What must be known before any figure is believed, the gravest first.
pub(super) fn notices(compared: &Compared<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for (index, subject) in compared.subjects.iter().enumerate() {
        let again = compared.subjects[..index].iter().find(|earlier| {
            let (one, other) = (&earlier.record.run, &subject.record.run);
            one.started == other.started && one.seed == other.seed && one.command == other.command
        });
        if let Some(earlier) = again {
            said.push(format!(
                "{} and {} are the same run: nothing can differ.",
                earlier.name, subject.name
            ));
        }
    }
    said.push(NOT_INTERLEAVED.to_owned());
    said.push(format!(
        "Trust tier {}: {}.",
        compared.trust.code(),
        compared.trust.label()
    ));
    if !compared.indicative.is_empty() {
        said.push(format!(
            "Verdicts on times are indicative only: {}.",
            compared.indicative.join("; ")
        ));
    }
    let moved: Vec<String> = compared
        .floor
        .iter()
        .filter(|floor| (floor.ratio.value.ln()).abs() > floor.margin.ln_1p())
        .map(|floor| {
            format!(
                "{} {} by {} ({})",
                floor.scenario,
                floor.kind.label(),
                percent(floor.ratio.value),
                compared.subjects[floor.candidate_at].name
            )
        })
        .collect();
    if !moved.is_empty() {
        said.push(format!(
            "The floor itself moved by more than the margin: {}. As much of every other difference may be the machine's.",
            moved.join(", ")
        ));
    }
    for subject in &compared.subjects {
        let tally = super::tally(subject.record);
        if !tally.is_whole() {
            said.push(format!(
                "{}: {} entered the figures, and not {}.",
                subject.name,
                counted(tally.valid, "valid trial"),
                unused(&tally),
            ));
        }
    }
    said.extend(compared.only_in.iter().cloned());
    said
}

/// `1 invalid, 3 missing`.
pub(super) fn unused(tally: &Tally) -> String {
    let counts = [
        (tally.invalid, "invalid"),
        (tally.failed, "failed"),
        (tally.missing, "missing"),
    ];
    let said: Vec<String> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    said.join(", ")
}

/// How many figures came to what.
pub(super) fn headline(compared: &Compared<'_>) -> String {
    let figures = || compared.pairings.iter().flat_map(|p| &p.figures);
    let count = |wanted: &dyn Fn(&Figure) -> bool| figures().filter(|f| wanted(f)).count();
    let of = |f: &Figure, word_wanted: &str| word(f.kind, f.judgement.verdict) == word_wanted;
    format!(
        "Of {}: {} worse, {} better, {} without a difference shown, {} undecided, {} with too few pairs.",
        counted(figures().count(), "figure"),
        count(&is_worse),
        count(&|f| has_changed(&f.judgement) && !is_worse(f)),
        count(&|f| of(f, "no difference shown")),
        count(&|f| of(f, "undecided")),
        count(&|f| of(f, "too few")),
    )
}

/// What became of a threshold, in a sentence.
pub(super) fn gate(gate: &Gate) -> String {
    let text = &gate.threshold.text;
    if gate.checks.is_empty() {
        return format!("{text}: missing, no trial of what was compared has this figure.");
    }
    format!(
        "{text}: {} ({} passed, {} regressed, {} undecided, {} missing).",
        gate.ending().label(),
        gate.count("pass"),
        gate.count("regression"),
        gate.count("undecided"),
        gate.count("missing"),
    )
}

/// Who against whom.
pub(super) fn title(compared: &Compared<'_>) -> String {
    let names: Vec<&str> = compared.candidates().iter().map(|c| c.name).collect();
    format!("{} against {}", names.join(", "), compared.baseline().name)
}
