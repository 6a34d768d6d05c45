//! The result line of a load process, checked before anything relies on it.

use pushbench_model::measurement::Measurement;

use crate::plan::PlannedTrial;

/// Parses the JSON of a result line. Every histogram decodes and has a plain name, because both end up in a log file
/// that must be readable for ever.
pub(crate) fn parse(json: &str) -> Result<Measurement, String> {
    let damaged = |what: String| format!("the result of the load process cannot be used: {what}");
    let measurement: Measurement =
        serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
    for (name, histogram) in &measurement.histograms {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(damaged(format!("{name:?} is no name of a histogram")));
        }
        histogram
            .decode()
            .map_err(|error| damaged(format!("histogram {name}: {error}")))?;
    }
    Ok(measurement)
}

/// Whether it measured what it was asked to.
pub(super) fn check(measurement: &Measurement, trial: &PlannedTrial) -> Result<(), String> {
    let asked = (
        trial.scenario.workload.label(),
        trial.server.label.transport.as_str(),
        trial.publisher(),
    );
    let done = (
        measurement.workload.as_str(),
        measurement.transport.as_str(),
        measurement.publisher,
    );
    if asked == done {
        return Ok(());
    }
    Err(format!(
        "the load process measured (workload, transport, publisher) {done:?}, it was asked for {asked:?}"
    ))
}

#[cfg(test)]
mod tests {
    use pushbench_model::histogram::EncodedHistogram;

    use super::*;
    use crate::verify::tests::flawless;

    #[test]
    fn damage_is_found_before_it_is_recorded() {
        let json = |measurement: &Measurement| serde_json::to_string(measurement).unwrap();
        let good = flawless();
        assert_eq!(parse(&json(&good)).unwrap(), good);

        let mut damaged = good.clone();
        damaged
            .histograms
            .insert("service".into(), EncodedHistogram("!".into()));
        assert!(
            parse(&json(&damaged))
                .unwrap_err()
                .contains("histogram service")
        );

        let mut renamed = good.clone();
        let one = renamed.histograms["response"].clone();
        renamed.histograms.insert("a,b\n".into(), one);
        assert!(parse(&json(&renamed)).unwrap_err().contains("no name"));
        assert!(parse("{}").unwrap_err().contains("missing field"));
    }
}
