//! From values to places on a drawing, and where an axis has its ticks.

/// A straight or logarithmic scale between two places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    values: (f64, f64),
    places: (f64, f64),
    log: bool,
}

impl Axis {
    /// A straight scale.
    pub(crate) fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        Self {
            values,
            places,
            log: false,
        }
    }

    /// A logarithmic scale; `values` are positive.
    pub(crate) fn log(values: (f64, f64), places: (f64, f64)) -> Self {
        Self {
            values,
            places,
            log: true,
        }
    }

    /// The place of `value`; values outside the scale are put at its nearer end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let f = |v: f64| {
            if self.log {
                v.max(f64::MIN_POSITIVE).ln()
            } else {
                v
            }
        };
        let (low, high) = (f(self.values.0), f(self.values.1));
        let share = ((f(value) - low) / (high - low)).clamp(0.0, 1.0);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// Ticks, at most about `most`.
    pub(crate) fn ticks(&self, most: usize) -> Vec<f64> {
        if self.log {
            log_ticks(self.values, most)
        } else {
            linear_ticks(self.values, most)
        }
    }
}

/// Round values in `range`: 1, 2 or 5 times a power of ten apart.
fn linear_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let step = nice_step((high - low) / most.max(1) as f64);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|n| n as f64 * step).collect()
}

fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let lead = rough / power;
    let nice = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|&n| n >= lead - 1e-9);
    nice.unwrap_or(10.0) * power
}

/// Values in `range` out of 1, 2, 5 per decade, out of 1, 3, or out of whole decades, whichever are few enough.
fn log_ticks((low, high): (f64, f64), most: usize) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let every = |leads: &'static [f64], stride: usize| -> Vec<f64> {
        let powers = decades.clone().step_by(stride).map(|e| 10f64.powi(e));
        powers
            .flat_map(|power| leads.iter().map(move |lead| lead * power))
            .filter(|v| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(v))
            .collect()
    };
    let choices = [
        every(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], 1),
        every(&[1.0, 2.0, 5.0], 1),
        every(&[1.0, 3.0], 1),
        every(&[1.0], 1),
    ];
    let fit = choices.into_iter().find(|ticks| ticks.len() <= most);
    fit.unwrap_or_else(|| every(&[1.0], 2))
}

/// `steps` values of a logarithmic axis from `low` to `high`, and the end.
pub(crate) fn along((low, high): (f64, f64), steps: u32) -> impl Iterator<Item = f64> {
    (0..=steps).map(move |step| low * (high / low).powf(f64::from(step) / f64::from(steps)))
}

/// The range of `values` on a logarithmic axis, with a little room, at least a factor `least` wide.
pub(crate) fn log_range(values: impl IntoIterator<Item = f64>, least: f64) -> (f64, f64) {
    let positive = values.into_iter().filter(|v| *v > 0.0 && v.is_finite());
    let (low, high) = positive.fold((f64::MAX, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    if high <= 0.0 {
        return (1.0, least.max(2.0));
    }
    let widen = (least / (high / low)).max(1.0).sqrt() * 1.06;
    (low / widen, high * widen)
}

/// The range from zero to beyond the largest of `values`.
pub(crate) fn zero_range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let (low, high) = finite.fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    if high <= low {
        return (low, low + 1.0);
    }
    (low * 1.05, high * 1.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn round_ticks() {
        assert_eq!(
            Axis::linear((0.0, 103.0), (0.0, 1.0)).ticks(5),
            [0.0, 50.0, 100.0]
        );
        assert_eq!(
            Axis::log((90.0, 1100.0), (0.0, 1.0)).ticks(5),
            [100.0, 200.0, 500.0, 1000.0]
        );
        assert_eq!(
            Axis::log((1.0, 1e6), (0.0, 1.0)).ticks(4),
            [1.0, 100.0, 1e4, 1e6]
        );
    }

    #[test]
    fn ranges_without_data_are_usable() {
        assert_eq!(log_range([], 2.0), (1.0, 2.0));
        assert_eq!(zero_range([]), (0.0, 1.0));
        let (low, high) = log_range([100.0, 100.0], 4.0);
        assert!(low < 50.0 && high > 200.0);
    }

    proptest! {
        #[test]
        fn every_value_lands_on_the_drawing(low in 1e-3f64..1e3, width in 1.1f64..1e4, v in 1e-6f64..1e9) {
            for axis in [Axis::log((low, low * width), (10.0, 90.0)), Axis::linear((low, low * width), (10.0, 90.0))] {
                prop_assert!((10.0..=90.0).contains(&axis.at(v)));
                for tick in axis.ticks(6) {
                    prop_assert!((10.0 - 1e-6..=90.0 + 1e-6).contains(&axis.at(tick)));
                }
            }
        }
    }
}
