//! Figures over time within one trial: do they grow, and from when on do they stay the same?

use crate::{CONFIDENCE, Interval, t_quantile};

/// A straight line through points, by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Rise per unit of `x`.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// The slope of `y` over `x`; `None` below three points or without any spread of `x`.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    let n = points.len() as f64;
    if points.len() < 3 {
        return None;
    }
    let (mean_x, mean_y) = (
        points.iter().map(|p| p.0).sum::<f64>() / n,
        points.iter().map(|p| p.1).sum::<f64>() / n,
    );
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let together: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let value = together / spread;
    let left: f64 = points
        .iter()
        .map(|p| (p.1 - mean_y - value * (p.0 - mean_x)).powi(2))
        .sum();
    let error = (left / (n - 2.0) / spread).sqrt();
    let half = t_quantile(f64::midpoint(1.0, CONFIDENCE), n - 2.0) * error;
    Some(Slope {
        value,
        interval: Interval {
            low: value - half,
            high: value + half,
        },
    })
}

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

/// From when on `values`, figures of equally long windows, stay the same.
///
/// The cut is the one with the smallest standard error of what remains (MSER: White, Simulation 69, 1997), looked for in
/// the first half; a series whose best cut lies later has not settled.
#[must_use]
pub fn settled(values: &[f64]) -> Settled {
    if values.len() < FEWEST_WINDOWS {
        return Settled::TooFew;
    }
    let error = |from: usize| {
        let rest = &values[from..];
        let n = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / n;
        rest.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * n)
    };
    let latest = values.len() * 3 / 4;
    let best = (0..latest).min_by(|&a, &b| error(a).total_cmp(&error(b)));
    match best {
        Some(cut) if cut <= values.len() / 2 => Settled::From(cut),
        _ => Settled::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope() {
        let points: Vec<(f64, f64)> = (0..10)
            .map(|i| (f64::from(i), 3.0 + 2.0 * f64::from(i)))
            .collect();
        let slope = slope(&points).unwrap();
        assert!((slope.value - 2.0).abs() < 1e-9 && slope.interval.contains(2.0));
        assert_eq!(super::slope(&points[..2]), None);
    }

    #[test]
    fn a_ramp_is_cut_where_it_ends() {
        let values: Vec<f64> = (0..40)
            .map(|i| {
                if i < 8 {
                    20.0 - f64::from(i) * 2.0
                } else {
                    4.0 + f64::from(i % 3) * 0.1
                }
            })
            .collect();
        let Settled::From(cut) = settled(&values) else {
            panic!("never")
        };
        assert!((7..=9).contains(&cut), "{cut}");
        assert_eq!(settled(&values[..5]), Settled::TooFew);
    }
}
