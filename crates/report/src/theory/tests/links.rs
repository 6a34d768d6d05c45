//! Connections over several links in one record.

use super::*;

/// The sample's connections over links of 20 and 100 ms, each taking two round trips and `extra_ms`.
fn over_two_links(extra_ms: u64) -> Record {
    let mut record = sample::record();
    let links = ["rtt=20ms", "rtt=100ms"].map(|link| link.parse().unwrap());
    let connect = record.run.scenarios.iter();
    let connect = connect.filter(|scenario| scenario.name == "connect");
    let scenarios: Vec<Scenario> = connect
        .flat_map(|scenario| scenario.clone().over(&links))
        .collect();
    let trials = std::mem::take(&mut record.trials);
    for scenario in &scenarios {
        let ms = scenario.link.unwrap().rtt_us / 1000;
        let mut over = sample::record();
        over.trials = trials
            .iter()
            .filter(|recorded| recorded.trial.scenario == "connect")
            .cloned()
            .collect();
        all_take(&mut over, histogram_name::TCP_CONNECT, ms * 1_000_000);
        let first = (2 * ms + extra_ms) * 1_000_000;
        all_take(&mut over, histogram_name::FIRST_MESSAGE, first);
        for mut recorded in over.trials {
            recorded.trial.scenario.clone_from(&scenario.name);
            record.trials.push(recorded);
        }
    }
    record.run.scenarios = scenarios;
    record.slices.clear();
    record
}

/// Every server is a dot over each link, for its connection and for its first message; and what is red in the chart is red in
/// the table.
#[test]
fn several_links_are_drawn_over_the_round_trip() {
    for (extra_ms, wrong) in [(1, 0), (5, 10)] {
        let record = over_two_links(extra_ms);
        let trips = trips(&Results::new(&record));
        let servers = record.run.servers.len();
        assert_eq!(trips.len(), servers * 2 * 2, "a sample has no other links");
        let red = |scenario: &str| {
            let held = held(&record, scenario).into_iter();
            let counted = held.filter(|held| held.quantity.starts_with("round trips"));
            counted.filter(|held| !held.agrees()).count()
        };
        assert_eq!(red("connect@rtt=20ms"), wrong, "a quarter of a round trip");
        assert_eq!(red("connect@rtt=100ms"), 0);
        let page = crate::html(&record);
        let finding = format!("{wrong} of {} dots lie outside", trips.len());
        assert!(page.contains("Time to the first message over the round trip"));
        assert_eq!(page.contains(&finding), wrong > 0, "{finding}");
    }
    let page = crate::html(&sample::record());
    assert!(!page.contains("over the round trip"), "loopback");
}

/// Where the path of connections is known, the chart of their percentiles has what theory says.
#[test]
fn latency_of_connections_has_its_round_trips_marked() {
    let marked = |record: &Record| {
        let results = Results::new(record);
        let palette = crate::chart::Palette::new(&record.run);
        let figures = results
            .groups
            .iter()
            .flat_map(|group| crate::chart::figures(group, &palette));
        let marked = figures.filter(|figure| figure.caption.contains("2 round trips of the link"));
        marked.map(|figure| figure.title).collect::<Vec<_>>()
    };
    let mut record = sample::record();
    assert_eq!(marked(&record), [""; 0]);
    through(&mut record, "rtt=100ms");
    assert_eq!(
        marked(&record),
        ["Time to the first message, by percentile"; 2],
        "one for each tuning, and none of what is pushed"
    );
}
