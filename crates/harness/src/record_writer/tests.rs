//! What is written is read back with the reader of the model.

mod anatomy;

use std::os::unix::fs::symlink;
use std::sync::Arc;

use pushbench_model::environment::Environment;
use pushbench_model::link::LinkCounts;
use pushbench_model::profile::Profile;
use pushbench_model::record::{Outcome, Record};
use pushbench_model::scenario::Scenario;
use pushbench_model::slices::Slice;

use super::*;
use crate::plan::Plan;
use crate::servers::Server;
use crate::slices::{self, SliceConfig};
use crate::verify::tests::{flawless, scenario};

fn run() -> Run {
    Run {
        schema: SCHEMA,
        started: "2026-11-21T01:37:00Z".into(),
        command: vec!["pushbench".into(), "run".into()],
        seed: 7,
        profile: Profile::Quick,
        repetitions: 2,
        planned: 2,
        scenarios: vec![scenario()],
        servers: servers().into_iter().map(|server| server.label).collect(),
        one_tuning: Vec::new(),
        absent: Vec::new(),
        left_out: Vec::new(),
        left_out_scenarios: Vec::new(),
        server_cores: vec![0],
        load_cores: vec![1],
        link: None,
        environment: Environment::default(),
    }
}

fn servers() -> Vec<Server> {
    let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\"]\ncommand = [\"x\"]\n\
                   publishes = \"schedule\"\nabout = \"\"\n";
    Server::parse(servers, Path::new("servers.toml")).unwrap()
}

fn plan() -> Plan {
    Plan::new(&[scenario()], &servers(), Profile::Quick, 2, 7)
}

fn finished(measurement: Option<Measurement>) -> FinishedTrial {
    let outcome = match &measurement {
        Some(_) => Outcome::Valid,
        None => Outcome::Failed {
            reason: "it died".into(),
        },
    };
    FinishedTrial {
        outcome,
        started: "2026-11-21T01:37:01Z".into(),
        wall_s: 2.5,
        measurement,
        server_usage: None,
        load_usage: None,
        steal: Some(0.01),
        others_cpu: Some(0.02),
        cpu_pressure: None,
        steadiness: None,
        flags: Vec::new(),
        link: Some(LinkCounts {
            missed: 1,
            ..LinkCounts::default()
        }),
    }
}

fn create(parent: &Path) -> RecordWriter {
    RecordWriter::create(parent, "2026-11-21T01-37-00Z-epyc-2c", &run()).unwrap()
}

/// What was never delivered is later than everything that was, and only receipts can be.
#[test]
fn losses_reach_the_summaries() {
    let parent = tempfile::tempdir().unwrap();
    let mut measurement = flawless();
    measurement.operations -= 50;
    let trial = create(parent.path())
        .append(&plan().trials[0], finished(Some(measurement)))
        .unwrap();
    let response = &trial.summaries["response"];
    assert_eq!((response.n, response.lost), (2000, 50));
    assert_eq!(response.beyond_end, ["p99"], "p99.9 has too few samples");
    assert!(response.p90.is_some() && response.p99.is_none());
    assert_eq!(trial.summaries["lateness"].lost, 0);
}

#[test]
fn what_is_written_reads_back() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(&parent.path().join("reports"));
    let plan = plan();
    assert_eq!(Record::read(writer.directory()).unwrap().trials.len(), 0);

    let measurement = flawless();
    let histograms = measurement.histograms.clone();
    let trial = writer
        .append(&plan.trials[0], finished(Some(measurement)))
        .unwrap();
    writer.append(&plan.trials[1], finished(None)).unwrap();

    let record = Record::read(writer.directory()).unwrap();
    assert_eq!(record.run, run());
    assert_eq!(record.trials.len(), 2);
    let first = &record.trials[0];
    assert_eq!(first.trial, trial);
    assert_eq!(
        trial.hlog.as_deref(),
        Some("hlog/0001-fan-out-small-sse-x-fixed.hlog")
    );
    assert_eq!(trial.summaries["response"].n, 2000);
    assert!(trial.measurement.unwrap().histograms.is_empty());
    for (name, encoded) in histograms {
        assert_eq!(first.histograms[&name], encoded.decode().unwrap());
    }
    let second = &record.trials[1];
    assert_eq!(
        second.trial.outcome,
        Outcome::Failed {
            reason: "it died".into()
        }
    );
    assert_eq!(second.trial.hlog, None);
}

/// The link of a run is that of its scenarios, but for those that say another.
#[test]
fn an_older_record_has_its_link_in_every_scenario() {
    let parent = tempfile::tempdir().unwrap();
    let mut older = run();
    older.link = "rtt=80ms,loss=1%".parse().ok();
    older.scenarios.push(Scenario {
        name: "near".into(),
        link: "lan".parse().ok(),
        ..scenario()
    });
    let writer = RecordWriter::create(parent.path(), "older", &older).unwrap();
    let read = Record::read(writer.directory()).unwrap().run;
    let links: Vec<_> = read
        .scenarios
        .iter()
        .map(|scenario| scenario.link)
        .collect();
    assert_eq!(links, [older.link, "lan".parse().ok()]);
    assert_eq!(read.link, None);
}

/// What a link does is no name of a file.
#[test]
fn logs_of_a_scenario_over_several_links_have_plain_names() {
    let parent = tempfile::tempdir().unwrap();
    let links = ["rtt=20ms,loss=0.5%", "4g"].map(|link| link.parse().unwrap());
    let scenarios = scenario().over(&links);
    let run = Run {
        scenarios: scenarios.clone(),
        ..run()
    };
    let mut writer = RecordWriter::create(parent.path(), "x", &run).unwrap();
    let plan = Plan::new(&scenarios, &servers(), Profile::Quick, 1, 7);
    let mut names = Vec::new();
    for planned in &plan.trials {
        let trial = writer.append(planned, finished(Some(flawless()))).unwrap();
        names.push(trial.hlog.unwrap()[10..].to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "fan-out-small-4g-sse-x-fixed.hlog",
            "fan-out-small-rtt-20ms-loss-0.5--sse-x-fixed.hlog"
        ]
    );
    assert_eq!(Record::read(writer.directory()).unwrap().trials.len(), 2);
}

#[test]
fn a_record_is_never_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..3)
        .map(|_| {
            create(parent.path())
                .directory()
                .file_name()
                .unwrap()
                .to_owned()
        })
        .collect();
    let name = "2026-11-21T01-37-00Z-epyc-2c";
    assert_eq!(names, [name, &format!("{name}-2"), &format!("{name}-3")]);
}

/// `/dev/full` answers every write as a full disk does.
#[test]
fn a_full_disk_is_named_and_costs_no_earlier_trial() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(parent.path());
    let plan = plan();
    writer
        .append(&plan.trials[0], finished(Some(flawless())))
        .unwrap();

    let trials = writer.directory().join(TRIALS_FILE);
    let aside = parent.path().join("aside");
    fs::rename(&trials, &aside).unwrap();
    symlink("/dev/full", &trials).unwrap();
    let error = writer
        .append(&plan.trials[1], finished(None))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(TRIALS_FILE) && error.contains("free some space"),
        "{error}"
    );

    fs::remove_file(&trials).unwrap();
    fs::rename(&aside, &trials).unwrap();
    assert_eq!(Record::read(writer.directory()).unwrap().trials.len(), 1);
}

/// What a crash in the middle of a write leaves behind.
#[test]
fn half_a_line_is_passed_over() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(parent.path());
    let plan = plan();
    writer
        .append(&plan.trials[0], finished(Some(flawless())))
        .unwrap();
    let path = writer.directory().join(TRIALS_FILE);
    let whole = fs::read(&path).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&whole[..whole.len() / 2]).unwrap();
    assert_eq!(Record::read(writer.directory()).unwrap().trials.len(), 1);
}

/// The file is there with the first of them; half a line at its end is passed over, too.
#[test]
fn slices_have_a_file_of_their_own() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(parent.path());
    let path = writer.directory().join(SLICES_FILE);
    assert!(!path.exists());

    let plan = plan();
    let PlannedTrial {
        scenario, server, ..
    } = &plan.trials[0];
    let servers = vec![Arc::clone(server), Arc::clone(server)];
    let config = SliceConfig::new(scenario, servers, Profile::Quick, 7).unwrap();
    let mut trial = slices::not_run(&config, "it\ndied");
    trial.arms[1].slices.push(Slice {
        place: 2,
        deliveries: 100,
        server_cpu_ns: u64::MAX,
        ..Slice::default()
    });
    writer.append_slices(&trial).unwrap();
    trial.outcome = Outcome::Valid;
    trial.trial += 1;
    writer.append_slices(&trial).unwrap();

    let record = Record::read(writer.directory()).unwrap();
    assert_eq!(record.slices.len(), 2);
    assert_eq!(record.slices[1], trial);
    assert_eq!(record.slices[0].outcome.in_words(), "it\ndied");
    assert!(record.trials.is_empty());

    let whole = fs::read(&path).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&whole[..whole.len() / 4]).unwrap();
    assert_eq!(Record::read(writer.directory()).unwrap().slices.len(), 2);
}

#[test]
fn a_log_that_exists_is_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = create(parent.path());
    let plan = plan();
    writer
        .append(&plan.trials[0], finished(Some(flawless())))
        .unwrap();
    let again = writer.append(&plan.trials[0], finished(Some(flawless())));
    assert!(
        again
            .unwrap_err()
            .to_string()
            .contains("0001-fan-out-small-sse-x-fixed.hlog")
    );
}

#[test]
fn a_directory_that_cannot_be_created_is_named() {
    let parent = tempfile::NamedTempFile::new().unwrap();
    let error = RecordWriter::create(parent.path(), "x", &run())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&parent.path().display().to_string()),
        "{error}"
    );
}
