//! Figures over time within one trial: do they grow?

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
}
