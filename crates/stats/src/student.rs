//! Student's t distribution, for any number of degrees of freedom.

/// Quantile of Student's t distribution: the `t` below which a share `p` of it lies.
///
/// Newton's method on the tail, kept within a bracket by bisection, so that no degree of freedom needs a table.
///
/// # Panics
///
/// When `p` is not strictly between 0 and 1 or `df` is not positive.
#[must_use]
pub fn t_quantile(p: f64, df: f64) -> f64 {
    assert!(
        p > 0.0 && p < 1.0,
        "{p} is not a probability between 0 and 1"
    );
    assert!(df > 0.0, "{df} degrees of freedom");
    if p < 0.5 {
        return -t_quantile(1.0 - p, df);
    }
    let wanted = 1.0 - p;
    let mut high = 2.0;
    while tail(high, df) > wanted && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    let front = log_density_front(df);
    let mut t = f64::midpoint(low, high);
    for _ in 0..200 {
        let off = tail(t, df) - wanted;
        if off > 0.0 {
            low = t;
        } else {
            high = t;
        }
        let density = (front - f64::midpoint(df, 1.0) * (t * t / df).ln_1p()).exp();
        let newton = t + off / density;
        let next = if newton > low && newton < high {
            newton
        } else {
            f64::midpoint(low, high)
        };
        if (next - t).abs() <= 1e-14 * t.abs() {
            return next;
        }
        t = next;
    }
    t
}

/// Logarithm of the density at zero.
fn log_density_front(df: f64) -> f64 {
    ln_gamma(f64::midpoint(df, 1.0)) - ln_gamma(df / 2.0) - 0.5 * (df * std::f64::consts::PI).ln()
}

/// Cumulative distribution function of Student's t: `1 - I(df/(df+t²); df/2, 1/2) / 2` for `t >= 0`
/// (Abramowitz & Stegun 26.7.1).
#[must_use]
pub fn t_cdf(t: f64, df: f64) -> f64 {
    let tail = tail(t, df);
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// Share beyond `|t|`, on one side.
fn tail(t: f64, df: f64) -> f64 {
    incomplete_beta(df / (df + t * t), df / 2.0, 0.5) / 2.0
}

/// Regularised incomplete beta function `I(x; a, b)`, by its continued fraction (Abramowitz & Stegun 26.5.8) on the
/// side where it converges quickly.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction, evaluated by the modified method of Lentz.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };

    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// Logarithm of the gamma function for positive arguments (Lanczos, g = 7, nine terms; error below 1e-14).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // Reflection keeps the series where it is accurate.
        let pi = std::f64::consts::PI;
        return (pi / (pi * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (index, coefficient) in COEFFICIENTS.iter().enumerate() {
        sum += coefficient / (x + index as f64 + 1.0);
    }
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Published tables (NIST/SEMATECH e-Handbook 1.3.6.7.2), and df = 1 and 2 by their closed forms.
    #[test]
    fn known_quantiles() {
        let table = [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_730),
            (0.975, 5.0, 2.570_581_836),
            (0.95, 10.0, 1.812_461_123),
            (0.975, 29.0, 2.045_229_642),
            (0.995, 5.0, 4.032_142_984),
            (0.975, 120.0, 1.979_930_405),
            (0.975, 1e7, 1.959_964_2),
        ];
        for (p, df, expected) in table {
            let got = t_quantile(p, df);
            assert!((got - expected).abs() < 1e-6, "p {p} df {df}: {got}");
        }
        let p: f64 = 0.8;
        let cauchy = (std::f64::consts::PI * (p - 0.5)).tan();
        assert!((t_quantile(p, 1.0) - cauchy).abs() < 1e-10);
    }

    #[test]
    fn gamma_of_integers_and_halves() {
        assert!(ln_gamma(1.0).abs() < 1e-13);
        assert!((ln_gamma(6.0) - 120f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-12);
        assert!((ln_gamma(0.25) - 3.625_609_908_221_908_f64.ln()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn quantile_inverts_the_distribution(p in 0.001f64..0.999, df in 1.0f64..200.0) {
            prop_assert!((t_cdf(t_quantile(p, df), df) - p).abs() < 1e-9);
        }

        #[test]
        fn symmetric_and_wider_for_fewer_trials(p in 0.51f64..0.999, df in 1u32..100) {
            let df = f64::from(df);
            prop_assert!((t_quantile(p, df) + t_quantile(1.0 - p, df)).abs() < 1e-9);
            prop_assert!(t_quantile(p, df) > t_quantile(p, df + 1.0));
        }
    }
}
