//! From when on does a series of figures stay the same?
//!
//! Two steps. The cut is the one with the smallest standard error of what remains (MSER: White, Simulation 69, 1997). What
//! remains must then be stationary: no trend (Spearman), no differences between batches of neighbours (Kruskal and
//! Wallis, J. Am. Stat. Assoc. 47, 1952), no slow waves (rank correlation of neighbours). "Never steady" is a legal result:
//! Barrett et al. (OOPSLA 2017) found it for more than half of all virtual machine and benchmark pairs.
//!
//! Everything rests on ranks, medians and clipped values, so that a single slow window decides nothing.

/// From when on a series stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// From this index on.
    From(usize),
    /// Not within the series.
    Never,
    /// The series is too short to tell.
    TooFew,
}

/// Windows below which nothing is said.
const FEWEST_WINDOWS: usize = 10;
/// Values further from the median than this many standard deviations count as this far.
const CLIP: f64 = 4.0;
/// Values within this many standard deviations of what follows are no part of a beginning.
const USUAL: f64 = 3.0;
/// A beginning is cut off if its mean lies this many standard errors from the rest.
const HEAD: f64 = 3.5;
/// Movements of medians below this share of their level are none that matter.
const IMMATERIAL: f64 = 0.01;
/// Two-sided 0.5 % point of the normal distribution: each look may be wrong this often.
const TWO_SIDED: f64 = 2.807;
/// One-sided 0.5 % point.
const ONE_SIDED: f64 = 2.576;
/// Two-sided 0.05 % point, for the many distances at which waves are looked for.
const MANY_LOOKS: f64 = 3.48;
/// Distances of windows at which waves are looked for; a light dependence of neighbours does not reach that far.
const WAVES: std::ops::RangeInclusive<usize> = 4..=24;
/// Variance of means over that of independent values, up to which a dependence between neighbours is taken for noise:
/// that of a first-order autoregression with coefficient 0.5.
const MOST_INFLATION: f64 = 3.0;

/// From when on `values`, figures of equally long windows, stay the same.
///
/// The cut is looked for in the first half: less than half a series shows nothing of staying.
#[must_use]
pub fn settled(values: &[f64]) -> Settled {
    let n = values.len();
    if n < FEWEST_WINDOWS {
        return Settled::TooFew;
    }
    let clipped = clip(values, &values[n / 2..]);
    let late = earliest(values, &values[n / 2..], best_cut(&clipped, n * 3 / 4));
    if late > n / 2 && stands_out(values, &clipped, late) {
        return Settled::Never;
    }
    let cut = earliest(values, &values[n / 2..], best_cut(&clipped, n / 2));
    let cut = if stands_out(values, &clipped, cut) {
        cut
    } else {
        0
    };
    if is_stationary(&values[cut..]) {
        Settled::From(cut)
    } else {
        Settled::Never
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// The median, and the standard deviation by the median absolute deviation, for normal noise. Coarse figures may have half of
/// their values equal: then by the mean deviation.
fn level_and_scale(values: &[f64]) -> (f64, f64) {
    let level = median(values);
    let deviations: Vec<f64> = values.iter().map(|v| (v - level).abs()).collect();
    let scale = match 1.4826 * median(&deviations) {
        scale if scale > 0.0 => scale,
        _ => (1.2533 * mean(&deviations)).max(level.abs() * 1e-12),
    };
    (level, scale)
}

/// `values`, clipped to what is usual in `reference`.
fn clip(values: &[f64], reference: &[f64]) -> Vec<f64> {
    let (level, scale) = level_and_scale(reference);
    let reach = CLIP * scale;
    values
        .iter()
        .map(|v| v.clamp(level - reach, level + reach))
        .collect()
}

/// The cut among `0..=latest` with the smallest squared standard error of what remains.
fn best_cut(values: &[f64], latest: usize) -> usize {
    let error = |from: usize| {
        let rest = &values[from..];
        variance(rest) / rest.len() as f64
    };
    (0..=latest)
        .map(|from| (from, error(from)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(from, _)| from)
}

/// Moves `cut` back over windows that are as usual as those of `reference`: by chance the best cut lies a little late. A
/// single unusual one among them is passed over.
fn earliest(values: &[f64], reference: &[f64], cut: usize) -> usize {
    let (level, scale) = level_and_scale(reference);
    let usual = |at: usize| (values[at] - level).abs() <= USUAL * scale;
    (0..cut)
        .rev()
        .find(|&at| !(usual(at) || at > 0 && usual(at - 1)))
        .map_or(0, |at| at + 1)
}

/// Whether what lies before `cut` differs from the rest by more than noise: the best cut of mere noise is seldom 0.
fn stands_out(values: &[f64], clipped: &[f64], cut: usize) -> bool {
    if cut == 0 || is_near(median(&values[..cut]), median(&values[cut..])) {
        return false;
    }
    let (head, rest) = clipped.split_at(cut);
    let (a, b) = (head.len() as f64, rest.len() as f64);
    let pooled = (a * variance(head) + b * variance(rest)) / (a + b - 2.0);
    let error = (pooled * inflation(rest) * (1.0 / a + 1.0 / b)).sqrt();
    (mean(head) - mean(rest)).abs() > HEAD * error
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= IMMATERIAL * b.abs()
}

/// Ranks from 1, ties sharing their mean, and the factor by which ties reduce the variance of ranks.
fn ranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let (mut tied, mut before) = (0.0, 0);
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let shared = before as f64 + f64::midpoint(group.len() as f64, 1.0);
        before += group.len();
        for &at in group {
            ranks[at] = shared;
        }
        tied += (group.len() as f64).powi(3) - group.len() as f64;
    }
    let n = values.len() as f64;
    (ranks, 1.0 - tied / (n.powi(3) - n))
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let together: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - mean_a) * (b - mean_b))
        .sum();
    let square = |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let spread = (square(a, mean_a) * square(b, mean_b)).sqrt();
    if spread > 0.0 { together / spread } else { 0.0 }
}

/// How much dependence between neighbours widens the variance of means, taken for a first-order autoregression: its
/// second differences have `3 - φ` times the variance of its first, and slow movements add little to either. A `φ` within a standard error of 0 is
/// taken for 0.
fn inflation(values: &[f64]) -> f64 {
    let differences =
        |values: &[f64]| -> Vec<f64> { values.windows(2).map(|w| w[1] - w[0]).collect() };
    let square = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    let first = differences(values);
    let second = differences(&first);
    if square(&first) <= 0.0 || second.is_empty() {
        return 1.0;
    }
    let coefficient = (3.0 - square(&second) / square(&first)).min(0.9);
    if coefficient < 1.0 / (values.len() as f64).sqrt() {
        return 1.0;
    }
    ((1.0 + coefficient) / (1.0 - coefficient)).min(MOST_INFLATION)
}

fn is_stationary(values: &[f64]) -> bool {
    let n = values.len();
    let (ranks, untied) = ranks(values);
    if untied <= 0.0 || is_immaterial(values) {
        return true;
    }
    let noise = inflation(&ranks);
    let root = (n as f64).sqrt();

    let times: Vec<f64> = (0..n).map(|i| i as f64).collect();
    if correlation(&times, &ranks).abs() * root > TWO_SIDED * noise.sqrt() {
        return false;
    }
    let echo = |lag: usize| correlation(&ranks[lag..], &ranks[..n - lag]);
    // Noise with a light dependence has 0.3; a wave of twelve windows or more has 0.87.
    if echo(1) > (0.45 + 2.2 / root).min(0.9) {
        return false;
    }
    let mut lags = WAVES.take_while(|lag| lag * 3 <= n);
    if lags.any(|lag| echo(lag).abs() * ((n - lag) as f64).sqrt() > MANY_LOOKS) {
        return false;
    }
    let mut splits = [3, 4, 8, 16].into_iter().filter(|b| n / b >= 4);
    splits
        .all(|b| batches_differ(&ranks, untied, b) <= noise * chi_square(f64::from(b as u32) - 1.0))
}

/// Whether medians of quarters agree so well that no difference between them would matter.
fn is_immaterial(values: &[f64]) -> bool {
    let parts: Vec<f64> = batches(values, 4).map(median).collect();
    let (low, high) = parts
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
            (l.min(v), h.max(v))
        });
    high - low <= IMMATERIAL * median(values).abs()
}

/// `count` batches of neighbours, as equally long as can be.
fn batches<T>(values: &[T], count: usize) -> impl Iterator<Item = &[T]> {
    let n = values.len();
    (0..count).map(move |i| &values[i * n / count..(i + 1) * n / count])
}

/// The statistic of Kruskal and Wallis.
fn batches_differ(ranks: &[f64], untied: f64, count: usize) -> f64 {
    let n = ranks.len() as f64;
    let middle = f64::midpoint(n, 1.0);
    let between: f64 = batches(ranks, count)
        .map(|batch| batch.len() as f64 * (mean(batch) - middle).powi(2))
        .sum();
    12.0 / (n * (n + 1.0)) * between / untied
}

/// 99.5 % point of the chi-square distribution (Wilson and Hilferty, PNAS 17, 1931).
fn chi_square(df: f64) -> f64 {
    let part = 2.0 / (9.0 * df);
    df * (1.0 - part + ONE_SIDED * part.sqrt()).powi(3)
}

#[cfg(test)]
mod tests;
