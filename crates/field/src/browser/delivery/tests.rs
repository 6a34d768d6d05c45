#![allow(clippy::unwrap_used)]
use super::*;
use crate::browser::chromium::find;
use pushbench_model::message::encode_text;

fn noted(intact: &[(u64, f64, f64)], damaged: u64) -> Noted {
    Noted {
        intact: intact.to_vec(),
        damaged,
    }
}

#[test]
fn the_offset_puts_times_of_the_page_on_our_clock() {
    // The page's clock began 2 s after ours; a round trip of 100 µs, answered in its middle.
    let offset = Offset::of((10.0, 2_010_050_000.0, 10.1));
    assert!((offset.ns - 2e9).abs() < 1.0 && (offset.uncertainty_ns - 5e4).abs() < 1.0);
    let noted = noted(&[(1, 2_011_000_000.0, 11.3), (2, 2_012_000_000.0, 12.4)], 0);
    let arrived = Arrived::of(3, &noted, offset);
    assert_eq!((arrived.lost(), arrived.again), (1, 0));
    assert!((arrived.delays[0] - 3e5).abs() < 1.0);
}

#[test]
fn what_comes_twice_is_counted_once_and_what_is_lost_is_late() {
    let offset = Offset {
        ns: 0.0,
        uncertainty_ns: 0.0,
    };
    let noted = noted(&[(1, 0.0, 1.0), (1, 0.0, 2.0), (2, 0.0, 3.0)], 1);
    let arrived = Arrived {
        cpu_ns: 1200,
        ..Arrived::of(5, &noted, offset)
    };
    assert_eq!((arrived.lost(), arrived.again, arrived.damaged), (2, 1, 1));
    assert_eq!(arrived.quantile(0.4), Some(3e6));
    assert_eq!(arrived.quantile(0.99), None);
    assert_eq!(arrived.cpu_per_message(), Some(300.0));
    assert!(!arrived.is_whole());
}

/// What is done to a body on its way.
type Damage = fn(&mut String);

#[test]
fn the_page_counts_what_is_not_as_it_was_made() {
    let path = match find() {
        Ok(path) => path,
        Err(absent) => {
            eprintln!("skipped: {}; {}", absent.reason, absent.install);
            return;
        }
    };
    let mut browser = Browser::start(&path, &std::sync::Arc::default()).unwrap();
    let none: Damage = |_| {};
    // Due times beyond 2⁵³ are not exact as numbers of JavaScript.
    let bodies: [(u64, &str, Damage); 8] = [
        (1_000, "", none),
        (1_000, "plain", none),
        (u64::from(u32::MAX) << 27 | 1, "é 漢 😀  ", none),
        (1_000, "plain", |body| {
            *body = body.replace("plain", "plaim");
        }),
        (1_000, "😀", |body| *body = body.replace('😀', "😁")),
        (1_000, "plain", |body| {
            *body = body.replace(" 1000,", " 1001,");
        }),
        (1_000, "plain", |body| body.truncate(body.len() - 2)),
        (1_000, "plain", |body| *body = "hello".into()),
    ];
    for way in WAYS {
        let server = start(way.transport).unwrap();
        let origin = format!("http://{}", server.data_addr());
        let noted: Noted = browser
            .with_tab(&origin, |browser, tab| {
                subscribe(browser, tab, way, server.hub())?;
                for (intended, data, damage) in bodies {
                    server.hub().publish_with(|seq, out| {
                        let stamp = Stamp {
                            seq,
                            intended,
                            published: intended,
                        };
                        encode_text(stamp, data, out);
                        let mut body = String::from_utf8(std::mem::take(out)).unwrap();
                        damage(&mut body);
                        out.extend_from_slice(body.as_bytes());
                        false
                    });
                }
                wait(browser, tab, bodies.len() as u64)?;
                browser.evaluate(tab, "pushbench.collect()", ANSWER)
            })
            .unwrap();
        let whole: Vec<u64> = noted.intact.iter().map(|(seq, ..)| *seq).collect();
        assert_eq!((whole, noted.damaged), (vec![1, 2, 3], 5), "{}", way.name);
    }
}
