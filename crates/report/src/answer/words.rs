//! Verdicts in words.

use pushbench_stats::{Estimate, FEWEST_PAIRS, Interval, Verdict};

use super::family::Compared;
use crate::metric::Metric;
use crate::number::{THIN, counted, short, significant};
use crate::results::{Basis, Group};
use crate::table::Cell;

/// `(T0, indicative)`: the trust tier, printed with every verdict.
pub(super) fn tier(group: &Group<'_>, metric: Metric) -> String {
    let indicative = if group.is_indicative(metric) {
        ", indicative"
    } else {
        ""
    };
    format!("({}{indicative})", group.tier.code())
}

/// What may be said of `first` against `second`, as a part of a sentence. `aside` follows the pair of names.
pub(super) fn outcome(first: &str, second: &str, compared: &Compared, aside: &str) -> String {
    let Compared { ratio, margin, .. } = compared;
    let Some(ratio) = ratio else {
        return format!("{first} and {second}{aside} have no figure in common");
    };
    let factor = format!(
        "factor {}{}",
        factor(ratio, *margin == 0.0),
        match compared.basis {
            Basis::Slices => " by slices",
            Basis::Repetitions => "",
        }
    );
    match compared.verdict {
        None => format!("{first} over {second}{aside}: {factor}"),
        Some(Verdict::Less) => format!("{first} needs less than {second}{aside}: {factor}"),
        Some(Verdict::More) => format!("{first} needs more than {second}{aside}: {factor}"),
        Some(Verdict::NoDifference) => {
            format!(
                "no difference shown between {first} and {second}{aside} ({}): {factor}",
                within(*margin)
            )
        }
        Some(Verdict::Undecided { further }) => format!(
            "{first} against {second}{aside} is undecided: {factor}, and {}",
            match further {
                Some(1) => "about one more repetition would decide".into(),
                Some(n) => format!(
                    "about {} would decide",
                    counted(n as usize, "more repetition")
                ),
                None => "no reasonable number of repetitions would decide".into(),
            }
        ),
        Some(Verdict::TooFew { pairs }) => {
            format!(
                "no verdict on {first} against {second}{aside}: {pairs} of {FEWEST_PAIRS} pairs"
            )
        }
    }
}

/// `within ±5 %`.
fn within(margin: f64) -> String {
    if margin == 0.0 {
        "equal in every pair".into()
    } else {
        format!("within ±{}{THIN}%", short(margin * 100.0))
    }
}

/// A ratio with its interval and its verdict, for a table.
pub(super) fn in_short(compared: &Compared) -> Cell {
    let Some(ratio) = &compared.ratio else {
        return Cell::absent("");
    };
    let exact = compared.margin == 0.0;
    let cell = ratio_in_short(ratio, exact);
    let cell = match compared.verdict {
        None => return cell,
        Some(Verdict::TooFew { pairs }) => {
            return Cell::absent(format!("{pairs} of {FEWEST_PAIRS} pairs"));
        }
        Some(Verdict::Less) => cell.under("less"),
        Some(Verdict::More) => cell.under("more"),
        Some(Verdict::NoDifference) if exact => cell.under("no difference"),
        Some(Verdict::NoDifference) => {
            let margin = short(compared.margin * 100.0);
            cell.under(format!("no difference ±{margin}{THIN}%"))
        }
        Some(Verdict::Undecided { further: Some(n) }) => {
            cell.under(format!("undecided, ~{n} more"))
        }
        Some(Verdict::Undecided { further: None }) => cell.under("undecided"),
    };
    match compared.basis {
        Basis::Slices => cell.under("by slices"),
        Basis::Repetitions => cell,
    }
}

/// A ratio with its interval, for a table.
pub(crate) fn ratio_in_short(ratio: &Estimate, exact: bool) -> Cell {
    let number = |value| significant(value, digits(ratio, exact));
    let cell = Cell::plain(number(ratio.value));
    let ends = ratio.interval.map(|i| [number(i.low), number(i.high)]);
    match ends.filter(|[low, high]| low != high) {
        Some([low, high]) => cell.under(format!("{low}–{high}")),
        None => cell,
    }
}

/// `1.24 (1.20 to 1.29)`.
fn factor(ratio: &Estimate, exact: bool) -> String {
    let number = |value| significant(value, digits(ratio, exact));
    match ratio
        .interval
        .map(|Interval { low, high }| [number(low), number(high)])
    {
        // Counted figures are the same every time.
        Some([low, high]) if low != high => format!("{} ({low} to {high})", number(ratio.value)),
        _ => number(ratio.value),
    }
}

/// Digits of a ratio: more of them where it is exact or narrow and would look like 1.
fn digits(ratio: &Estimate, exact: bool) -> usize {
    let off = (ratio.value - 1.0).abs();
    if exact && (1e-12..0.01).contains(&off) {
        5
    } else {
        3
    }
}
