use std::f64::consts::TAU;

use super::*;
use crate::noise::Noise;

const SEEDS: u64 = 400;

type Shape = Box<dyn Fn(f64) -> f64>;

fn noisy(n: usize, deviation: f64, seed: u64, shape: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    (0..n)
        .map(|i| shape(i as f64) + deviation * noise.normal())
        .collect()
}

/// First-order autoregression around 100.
fn dependent(n: usize, coefficient: f64, seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let mut value = noise.normal() / (1.0 - coefficient * coefficient).sqrt();
    (0..n)
        .map(|_| {
            value = coefficient * value + noise.normal();
            100.0 + 5.0 * value
        })
        .collect()
}

/// Share of seeds for which `series` ends as `wanted`.
fn share(series: impl Fn(u64) -> Vec<f64>, wanted: impl Fn(Settled) -> bool) -> f64 {
    let hits = (0..SEEDS).filter(|&seed| wanted(settled(&series(seed))));
    hits.count() as f64 / SEEDS as f64
}

fn near_the_start(n: usize) -> impl Fn(Settled) -> bool {
    move |settled| matches!(settled, Settled::From(cut) if cut <= n / 10)
}

#[test]
fn too_short_a_series_tells_nothing() {
    assert_eq!(settled(&[1.0; 9]), Settled::TooFew);
    assert_eq!(settled(&[1.0; 10]), Settled::From(0));
}

#[test]
fn a_ramp_is_cut_where_it_ends() {
    for (n, ramp) in [(40, 8), (100, 40), (200, 60), (400, 100)] {
        let (n, end) = (n, f64::from(ramp));
        let within = f64::max(1.0, 0.05 * end);
        for direction in [-1.0, 1.0] {
            let series = |seed| {
                noisy(n, 1.0, seed, |i| {
                    500.0 + direction * 100.0 * (1.0 - i / end).max(0.0)
                })
            };
            let good = |settled| matches!(settled, Settled::From(cut) if (cut as f64 - end).abs() <= within);
            let share = share(series, good);
            assert!(share >= 0.95, "{ramp} of {n}, {direction}: {share}");
        }
    }
}

#[test]
fn noise_is_steady_from_the_start() {
    for n in [20, 40, 100, 200] {
        let white = share(|seed| noisy(n, 5.0, seed, |_| 100.0), near_the_start(n));
        assert!(white >= 0.95, "{n} windows: {white}");
        let skewed = |seed| {
            let mut values = noisy(n, 0.3, seed, |_| 4.0);
            values.iter_mut().for_each(|v| *v = v.exp());
            values
        };
        let skewed = share(skewed, near_the_start(n));
        assert!(skewed >= 0.95, "{n} skewed windows: {skewed}");
        let light = share(|seed| dependent(n, 0.25, seed), near_the_start(n));
        assert!(light >= 0.95, "{n} dependent windows: {light}");
    }
}

#[test]
fn waves_shifts_and_growth_are_never_steady() {
    let never = |settled| settled == Settled::Never;
    for n in [60, 100, 200] {
        let length = n as f64;
        let shapes: [(&str, Shape); 6] = [
            (
                "one wave",
                Box::new(move |i| 10.0 * (TAU * i / length).sin()),
            ),
            (
                "two waves",
                Box::new(move |i| 10.0 * (2.0 * TAU * i / length).sin()),
            ),
            (
                "five waves",
                Box::new(move |i| 10.0 * (5.0 * TAU * i / length + 1.0).sin()),
            ),
            ("growth", Box::new(move |i| 20.0 * i / length)),
            (
                "a late shift",
                Box::new(move |i| if i < 0.8 * length { 0.0 } else { 15.0 }),
            ),
            (
                "a shift at two thirds",
                Box::new(move |i| if i < 0.66 * length { 0.0 } else { -15.0 }),
            ),
        ];
        for (name, shape) in &shapes {
            for deviation in [0.01, 3.0] {
                let share = share(
                    |seed| noisy(n, deviation, seed, |i| 100.0 + shape(i)),
                    never,
                );
                // Short series do not show as much.
                let wanted = if n < 100 { 0.85 } else { 0.95 };
                assert!(
                    share >= wanted,
                    "{name}, {n} windows, noise {deviation}: {share}"
                );
            }
        }
    }
}

#[test]
fn a_slow_window_decides_nothing() {
    let n = 60;
    for at in [0, 1, 15, 29, 45, 59] {
        let series = |seed| {
            let mut values = noisy(n, 2.0, seed, |_| 100.0);
            values[at] = 5000.0;
            values
        };
        let good = share(series, near_the_start(n));
        assert!(good >= 0.95, "window {at}: {good}");
        let ramp = |seed| {
            let mut values = noisy(n, 1.0, seed, |i| 100.0 + 100.0 * (1.0 - i / 20.0).max(0.0));
            values[at] = 5000.0;
            values
        };
        let cut = |settled| matches!(settled, Settled::From(19..=21));
        let good = share(ramp, cut);
        assert!(good >= 0.95, "ramp with window {at}: {good}");
    }
}

/// Medians with two significant digits take a few values only, and movements of 1 % are none that matter.
#[test]
fn coarse_figures() {
    let coarse = |seed| {
        let mut values = noisy(50, 0.3, seed, |_| 21.0);
        values.iter_mut().for_each(|v| *v = v.round());
        values
    };
    assert!(share(coarse, near_the_start(50)) >= 0.95);
    let creeping: Vec<f64> = (0..50).map(|i| 1000.0 + f64::from(i) * 0.1).collect();
    assert_eq!(settled(&creeping), Settled::From(0));
}

#[test]
fn ties_share_their_rank() {
    assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]).0, [3.5, 1.0, 3.5, 2.0]);
    assert_eq!(ranks(&[1.0; 3]).1, 0.0);
    // Tables: 12.838 and 20.278.
    assert!((chi_square(3.0) - 12.838).abs() < 0.1 && (chi_square(7.0) - 20.278).abs() < 0.1);
}
