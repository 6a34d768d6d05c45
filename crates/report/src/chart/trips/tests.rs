use super::*;
use crate::chart::tidy::assert_tidy;
use crate::sample;
use pushbench_stats::Interval;

/// Every server of the sample over links of `ms`, each taking two round trips and `extra_ns`.
fn trips(ms: &[f64], extra_ns: f64) -> Vec<Trip> {
    let record = sample::record();
    let over = |server: &ServerLabel, ms: f64| {
        [(Until::Connected, 1.0), (Until::FirstMessage, 2.0)].map(|(until, expected)| {
            let value = expected * ms * 1e6 + extra_ns;
            let interval = Some(Interval {
                low: value * 0.95,
                high: value * 1.05,
            });
            Trip {
                server: server.clone(),
                scenario: format!("connect@rtt={ms}ms"),
                until,
                round_trip_ns: ms * 1e6,
                expected,
                tolerance: 0.1,
                took: Estimate {
                    value,
                    interval,
                    n: 6,
                },
            }
        })
    };
    let servers = &record.run.servers;
    let all = ms
        .iter()
        .flat_map(|&ms| servers.iter().flat_map(move |server| over(server, ms)));
    all.collect()
}

#[test]
fn one_link_has_no_chart() {
    let palette = Palette::new(&sample::record().run);
    assert!(figures(&[], &palette).is_empty());
    assert!(figures(&trips(&[20.0], 0.0), &palette).is_empty());
}

#[test]
fn dots_in_their_bands_are_good_and_others_are_named() {
    let palette = Palette::new(&sample::record().run);
    let servers = sample::record().run.servers.len();
    let [times, in_trips] = figures(&trips(&[20.0, 100.0, 300.0], 1e6), &palette)
        .try_into()
        .unwrap();
    assert_eq!(times.data.rows.len(), servers * 3 * 2);
    let (good, finding) = &in_trips.findings[0];
    assert_eq!(*good, Some(true), "{finding}");
    for figure in [&times, &in_trips] {
        for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
            assert_tidy(&figure.title, drawing);
        }
    }
    let late = figures(&trips(&[20.0, 100.0], 5e6), &palette);
    let (good, finding) = &late[1].findings[0];
    assert_eq!(*good, Some(false));
    let (all, wrong) = (servers * 4, servers * 2);
    assert!(
        finding.starts_with(&format!("{wrong} of {all} dots lie outside"))
            && finding.contains("over 20\u{202f}ms")
            && finding.contains("round trips instead of"),
        "{finding}"
    );
}
