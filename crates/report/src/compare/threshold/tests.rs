//! What is a threshold, and what is not.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> (Asked, Side, Limit) {
    let read: Threshold = text.parse().unwrap();
    assert_eq!(read.text, text.trim());
    (read.asked, read.side, read.limit)
}

#[test]
fn what_is_allowed() {
    let figure = Asked::Figure;
    let cases = [
        (
            "p99 > +10%",
            figure(Kind::P99),
            Side::Above,
            Limit::Relative(0.1),
        ),
        (
            " p99.9>10 % ",
            figure(Kind::P999),
            Side::Above,
            Limit::Relative(0.1),
        ),
        (
            "rate < -5%",
            figure(Kind::Rate),
            Side::Below,
            Limit::Relative(-0.05),
        ),
        (
            "p50 > +500us",
            figure(Kind::P50),
            Side::Above,
            Limit::Absolute(5e5),
        ),
        (
            "cpu > +1.5µs",
            figure(Kind::Cpu),
            Side::Above,
            Limit::Absolute(1.5e3),
        ),
        (
            "load-cpu < -2 ms",
            figure(Kind::LoadCpu),
            Side::Below,
            Limit::Absolute(-2e6),
        ),
        (
            "memory > +4kB",
            figure(Kind::Memory),
            Side::Above,
            Limit::Absolute(4e3),
        ),
        (
            "bytes > +0B",
            figure(Kind::Bytes),
            Side::Above,
            Limit::Absolute(0.0),
        ),
        (
            "segments > +0.5",
            figure(Kind::Segments),
            Side::Above,
            Limit::Absolute(0.5),
        ),
        (
            "instructions > 3%",
            figure(Kind::Instructions),
            Side::Above,
            Limit::Relative(0.03),
        ),
        (
            "rate < -10/s",
            figure(Kind::Rate),
            Side::Below,
            Limit::Absolute(-10.0),
        ),
        ("lost > +0", Asked::Lost, Side::Above, Limit::Absolute(0.0)),
    ];
    for (text, asked, side, limit) in cases {
        assert_eq!(read(text), (asked, side, limit), "{text}");
    }
}

#[test]
fn mistakes_are_located_and_explained() {
    let cases = [
        ("", 1, "a metric is missing; there are p50, p99, p99.9"),
        ("p95 > +10%", 1, "no metric \"p95\"; there are p50"),
        ("p99", 4, "`>` or `<` expected, the end found"),
        ("p99 = +10%", 5, "`>` or `<` expected, '=' found"),
        ("p99 >= +10%", 6, "a change expected"),
        ("p99 > ", 7, "a change expected, such as +10%"),
        ("p99 > much", 7, "a change expected"),
        ("p99 > +-1%", 7, "a change expected"),
        ("p99 > +1.2.3%", 7, "a change expected"),
        (
            "p99 > +10",
            10,
            "a unit is missing: p99 takes %, ns, us, µs, ms, s",
        ),
        ("p99 > +10 kB", 11, "\"kB\" is no unit: p99 takes %"),
        ("p99 > +10% x", 10, "\"% x\" is no unit"),
        ("p99 > 10ms", 7, "a sign expected: +10ms is a change"),
        ("µ99 > +1%", 1, "no metric \"µ99\""),
        ("cpu µ> +1%", 5, "'µ' found"),
        ("p99 < -100%", 7, "nothing shrinks"),
        ("lost > +10%", 11, "lost have no percentage"),
        ("lost > 1", 8, "a sign expected"),
        ("bytes > +1ms", 11, "bytes takes %, B, kB, MB"),
        ("segments > +1 B", 15, "segments takes %, none"),
    ];
    for (text, column, wanted) in cases {
        let error = text.parse::<Threshold>().expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.message.contains(wanted), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_within_it(text in "\\PC{0,30}") {
        if let Err(error) = text.parse::<Threshold>() {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
        }
    }

    #[test]
    fn nearly_right_texts_do_not_panic(text in "(p50|p99\\.9|cpu|lost|rate|µ)? ?[<>=]{0,2} ?[+-]{0,2}[0-9.]{0,4} ?(%|us|µs|B|/s|x)?") {
        if let Err(error) = text.parse::<Threshold>() {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
        }
    }

    #[test]
    fn percentages_read_back(percent in -99.9f64..1000.0, above: bool) {
        let text = format!("p99 {} {percent:+}%", if above { '>' } else { '<' });
        let (_, side, limit) = read(&text);
        prop_assert_eq!(side == Side::Above, above);
        prop_assert_eq!(limit, Limit::Relative(percent / 100.0));
    }
}
