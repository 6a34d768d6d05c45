//! Connections, one after the other or by a schedule.

use super::*;

#[test]
fn a_closed_loop_may_be_busy() {
    let reasons = reasons(|m| {
        m.loop_model = LoopModel::Closed;
        m.client = Some(ClientLoad { busiest: 1.0 });
    });
    assert_eq!(reasons, [""; 0]);
}

#[test]
fn connections_are_counted_in_the_connect_workload() {
    let scenario = Scenario::parse(CONNECT, Path::new("x.toml")).unwrap();
    let mut measurement = flawless();
    measurement.operations = 100;
    assert_eq!(
        verify(&measurement, &scenario, Profile::Quick),
        Outcome::Valid
    );
    measurement.operations = 99;
    let outcome = verify(&measurement, &scenario, Profile::Quick);
    let Outcome::Invalid { reasons } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reasons[0].text, "99 of 100 connections were measured");
}

/// Of connections that come by a schedule the load process is the one who may be late, and times to first messages say by how much.
#[test]
fn connections_that_come_late_are_the_load_process_s_fault() {
    let open = CONNECT.replace("in-flight = 4", "rate = 50.0\narrivals = \"poisson\"");
    let scenario = Scenario::parse(&open, Path::new("x.toml")).unwrap();
    let reasons = |flaw: fn(&mut Measurement)| {
        let mut measurement = flawless();
        measurement.operations = 100;
        measurement.arrivals = Some(ArrivalCount {
            due: 100,
            most_open: 3,
        });
        measurement.histograms.remove(histogram_name::RESPONSE);
        set(&mut measurement, "first-message", 4_000_000, 100);
        flaw(&mut measurement);
        match verify(&measurement, &scenario, Profile::Quick) {
            Outcome::Invalid { reasons } => reasons,
            _ => Vec::new(),
        }
    };
    assert_eq!(reasons(|_| ()), []);
    for (flaw, wanted) in [
        (
            (|m| set(m, "lateness", 6_000_000, 100)) as fn(&mut Measurement),
            "the load process was late: 1 % of the connections by more than 6.0 ms, 150 % of the median time to the first message",
        ),
        (
            |m| set(m, "loop-lag", 30_000_000, 40),
            "late by more than 30.0 ms, 750 % of the 99th percentile of the time to the first message",
        ),
        (
            |m| m.client = Some(ClientLoad { busiest: 0.95 }),
            "its busiest worker was busy 95 % of the time",
        ),
    ] {
        let reasons = reasons(flaw);
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert_eq!(reasons[0].side, Blame::Client);
        assert!(reasons[0].text.contains(wanted), "{reasons:?}");
    }
    // As with messages: late by little of what they took is no fault.
    assert_eq!(
        reasons(|m| {
            set(m, "lateness", 6_000_000, 100);
            set(m, "first-message", 100_000_000, 100);
        }),
        []
    );
}
