//! What each format says about a synthetic anatomy: alone, beside trials, cut short, noisy, hostile.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::anatomy::{Anatomy, Counting, Emulation, Quartiles, Side};
use pushbench_model::record::Record;
use pushbench_report::table::Column;
use pushbench_report::{anatomy_summary, csv, html, markdown, summary};

fn alone(anatomy: Anatomy) -> Record {
    let mut record = support::anatomy_alone();
    record.anatomy = Some(anatomy);
    record
}

/// The words of the page, which is well-formed, has no figure that is none, and whose links lead somewhere.
fn words(record: &Record) -> String {
    let page = html(record);
    page::check(&page).unwrap();
    let drawn = page.split("<script>").next().unwrap();
    assert!(!drawn.contains("NaN") && !drawn.contains("\"inf"));
    for target in page.split("href=\"#").skip(1) {
        let target = target.split('"').next().unwrap();
        assert_eq!(
            page.matches(&format!(" id=\"{target}\"")).count(),
            1,
            "{target}"
        );
    }
    assert!(!markdown(record).is_empty());
    page::skeleton(&page)
}

fn findings(anatomy: &Anatomy) -> String {
    anatomy_summary(anatomy).findings.join("\n")
}

#[test]
fn html_says() {
    // One of the folded stages stands for all.
    let mut anatomy = support::anatomy();
    anatomy
        .stages
        .retain(|stage| stage.subscribers == 100 || (stage.subscribers, stage.batch) == (1, 1));
    insta::assert_snapshot!(words(&alone(anatomy)));
}

#[test]
fn markdown_says() {
    insta::assert_snapshot!(markdown(&support::anatomy_alone()));
}

#[test]
fn summary_says() {
    let summary = anatomy_summary(&support::anatomy());
    let mut lines = summary.notices;
    for stage in summary.stages {
        lines.push(stage.name);
        lines.push(
            stage
                .table
                .columns
                .iter()
                .map(Column::heading)
                .collect::<Vec<_>>()
                .join("; "),
        );
        for row in stage.table.rows {
            let cells: Vec<&str> = row.cells.iter().map(|c| c.text.as_str()).collect();
            lines.push(format!("{}: {}", row.name, cells.join("; ")));
        }
    }
    lines.extend(summary.findings);
    lines.extend(summary.goals);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn twice_the_same_bytes() {
    let (one, other) = (support::anatomy_alone(), support::anatomy_alone());
    assert!(html(&one) == html(&other));
    assert!(markdown(&one) == markdown(&other));
    assert!(csv(&one) == csv(&other));
    assert!(anatomy_summary(&support::anatomy()) == anatomy_summary(&support::anatomy()));
}

/// A page about an anatomy says nothing of trials that nobody asked for.
#[test]
fn alone_it_is_the_whole_page() {
    let said = words(&support::anatomy_alone());
    for absent in [
        "There is nothing to answer",
        "No trial was made",
        "could not take part",
        "Self-test",
        "repetition",
        "scenario",
        "profile",
        "n/a",
    ] {
        assert!(!said.contains(absent), "{absent}");
    }
    for there in [
        "What a delivery is made of",
        "Anatomy of a delivery: 12 stages, 120 slices",
        "How to read these figures",
        "pushbench anatomy --subscribers 1,100,1000",
        "Example CPU @ 2.00GHz",
        "One subscriber pays for all of the publishing",
        "callgrind",
    ] {
        assert!(said.contains(there), "{there}");
    }
    assert!(summary(&support::anatomy_alone()).scenarios.is_empty());
}

/// One line per stage and contender, all with as many fields.
#[test]
fn alone_its_rows_are_the_csv() {
    let record = support::anatomy_alone();
    let text = csv(&record);
    let rows: usize = support::anatomy()
        .stages
        .iter()
        .map(|stage| stage.rows.len())
        .sum();
    assert_eq!(text.lines().count(), rows + 1);
    assert!(
        text.lines()
            .nth(1)
            .unwrap()
            .starts_with("server,1,1,floor,tcp,floor,")
    );
    let line = text
        .lines()
        .find(|line| line.starts_with("server,100,1,websocket/reference@defaults,"))
        .unwrap();
    assert!(
        line.starts_with("server,100,1,websocket/reference@defaults,websocket,defaults,6796.8,7080,7434,5.76,6,6.3,3010,,,,,,,261.5,0,1,1,0.01,0,1,,"),
        "{line}"
    );
}

#[test]
fn beside_trials_it_adds_a_section_and_changes_no_other() {
    let without = support::record();
    let mut with = support::record();
    with.anatomy = Some(support::anatomy());
    let (said, before) = (words(&with), words(&without));
    let kept: Vec<&str> = before.lines().collect();
    let mut rest = kept.iter().peekable();
    for line in said.lines() {
        rest.next_if(|next| **next == line);
    }
    assert_eq!(
        rest.next(),
        None,
        "every line of the page without it is there, in order"
    );
    assert!(said.contains("Anatomy of a delivery"));
    assert_eq!(csv(&with), csv(&without), "one line per trial");
    assert_eq!(summary(&with).scenarios, summary(&without).scenarios);
}

#[test]
fn findings_need_their_rows() {
    let mut anatomy = support::anatomy();
    // As records of before, in which these did not take turns.
    anatomy.batching.clear();
    let all = findings(&anatomy);
    for there in [
        "A read buffer full of zeros, server side: 4.09×",
        "A read buffer full of zeros, client side: 3.43×",
        "SSE and WebSocket at equal engineering: no difference shown",
        "Several threads or one: sse 1.49×, websocket no difference shown",
        "10 messages at a time: 0.11×",
    ] {
        assert!(all.contains(there), "{there} in {all}");
    }
    for stage in &mut anatomy.stages {
        stage.rows.retain(|row| {
            ![
                "websocket/reference@defaults-4k",
                "websocket/tungstenite",
                "sse/bare",
                "sse/axum",
                "websocket/axum",
            ]
            .contains(&row.name.as_str())
        });
    }
    let fewer = findings(&anatomy);
    assert_eq!(fewer, "10 messages at a time: 0.11×");
    anatomy.stages.retain(|stage| stage.batch == 1);
    assert_eq!(findings(&anatomy), "");
    assert!(!words(&alone(anatomy)).contains("What was found"));
}

/// Total instructions decide where they were counted, processor time in turns elsewhere, and what was not measured is not
/// held against anything.
#[test]
fn goals_are_held_against_the_best_figure_there_is() {
    let goals = |anatomy: &Anatomy| anatomy_summary(anatomy).goals;
    let mut anatomy = support::anatomy();
    let by_time = goals(&anatomy).unwrap();
    assert!(
        by_time.contains("sse/pushbench (load generator, median"),
        "{by_time}"
    );
    let missed = "websocket/reference (reference WebSocket server, times the floor)";
    assert!(by_time.contains(missed), "{by_time}");
    for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
        let kernel = if row.name == "websocket/reference" {
            1800.0
        } else {
            3000.0
        };
        row.kernel_instructions = Some(kernel);
    }
    let counted = goals(&anatomy).unwrap();
    assert!(!counted.contains(missed), "{counted}");
    let page = words(&alone(anatomy.clone()));
    assert!(page.contains("instructions of program and kernel"));

    anatomy.stages.clear();
    anatomy.batching.clear();
    anatomy.setups.clear();
    assert!(
        goals(&anatomy)
            .unwrap()
            .starts_with("Held against the goals: 4 met, 2 missed; missed:")
    );
    anatomy.instrument.clear();
    assert_eq!(goals(&anatomy), None);
    assert!(!words(&alone(anatomy)).contains("Held against the goals"));
}

/// Adds what an emulated machine may have counted.
fn emulate(anatomy: &mut Anatomy) {
    let count = |name: &str| match name {
        "floor" => 10_000.0,
        "websocket/reference" => 12_200.0,
        "tcp/bare" => 10_480.0,
        _ => 10_300.0,
    };
    let times = |name: &str| {
        let median = count(name) / 10_000.0;
        (name != "floor").then_some(Quartiles {
            low: median - 0.01,
            median,
            high: median + 0.01,
        })
    };
    for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
        row.instructions = Some(count(&row.name));
        row.instructions_times_floor = times(&row.name);
    }
    for one in &mut anatomy.setups {
        one.instructions = Some(5.0 * count(&one.name));
        one.instructions_times_floor = times(&one.name);
    }
    anatomy.emulation = Some(Emulation {
        emulator: "QEMU emulator version 7.2".into(),
        kernel: "6.1.0".into(),
        ns_per_instruction: [1.0, 1.001],
        turns: 5,
        wall_s: 300.0,
    });
}

/// What an emulated machine has counted stands in for counters that the processor does not share, and says so.
#[test]
fn counts_of_an_emulated_machine_decide_where_the_processor_has_none() {
    let mut anatomy = support::anatomy();
    let plain = words(&alone(anatomy.clone()));
    assert!(plain.contains("scripts/install-extras emulator"));
    assert!(!plain.contains("emulated machine ("));
    emulate(&mut anatomy);
    let page = words(&alone(anatomy.clone()));
    assert!(page.contains("on an emulated machine (QEMU emulator version 7.2, Linux 6.1.0"));
    assert!(!page.contains("scripts/install-extras emulator"));
    let found =
        "on an emulated machine: 10\u{202f}300 against 10\u{202f}300 (no difference is shown).";
    assert!(page.contains(found));
    let text = markdown(&alone(anatomy.clone()));
    let goal = |name: &str, what: &str| {
        let lines = text.lines();
        let mut wanted = lines.filter(|line| {
            line.starts_with(&format!("| {name} | ")) && line.contains(&format!("{what} |"))
        });
        let cells: Vec<&str> = wanted.next().unwrap().split(" | ").collect();
        format!("{} {}", cells[1], cells[2])
    };
    let floor = "times the floor";
    assert_eq!(goal("sse/bare", floor), "met 1.03×<br><sub>1.02–1.04</sub>");
    // The middle half of its slices crosses the goal.
    let at_the_limit = "undecided 1.05×<br><sub>1.04–1.06</sub>";
    assert_eq!(goal("tcp/bare", floor), at_the_limit);
    let beyond = "**missed** 1.22×<br><sub>1.21–1.23</sub>";
    assert_eq!(goal("websocket/reference", floor), beyond);
    let connection = "opening and closing a connection, times the floor";
    assert_eq!(
        goal("sse/bare", connection),
        "met 1.03×<br><sub>1.02–1.04</sub>"
    );
    // Beside the counts in the tables stands how many times the floor's they are.
    assert!(text.contains("12\u{202f}200<br><sub>1.22×</sub><br><sub>1.21–1.23</sub>"));
    assert!(text.contains("51\u{202f}500<br><sub>1.03×</sub><br><sub>1.02–1.04</sub>"));
    // A processor that counts for itself is believed first.
    for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
        row.user_instructions = Some(100.0);
        row.kernel_instructions = Some(900.0);
    }
    let by_processor = markdown(&alone(anatomy));
    assert!(by_processor.contains("| websocket/reference | met | 1.00× |"));
    // Connections are counted by nobody else.
    assert!(by_processor.contains("Emulated: multiples are of instructions"));
}

/// It is drawn beside processor time, and shown over all stages.
#[test]
fn what_an_emulated_machine_has_counted_is_drawn_and_held_together() {
    let mut anatomy = support::anatomy();
    let title = "Instructions of program and kernel per delivery, server side";
    let drawn = |anatomy: &Anatomy| html(&alone(anatomy.clone())).matches(title).count();
    let overview = "| instructions, × floor | ";
    assert_eq!(drawn(&anatomy), 0);
    assert!(!markdown(&alone(anatomy.clone())).contains(overview));
    emulate(&mut anatomy);
    let by_time = html(&alone(anatomy.clone()));
    let bars = by_time.matches("Processor time per delivery, server side");
    assert_eq!(drawn(&anatomy), bars.count());
    let text = markdown(&alone(anatomy.clone()));
    let (_, held) = text.split_once(overview).unwrap();
    let mut rows = held.lines().skip(2);
    // The floor by what it needs itself, the others by their multiples of that.
    let floor = rows.next().unwrap();
    assert!(
        floor.starts_with("| floor | 1<br><sub>10\u{202f}000</sub> |"),
        "{floor}"
    );
    let next = rows.next().unwrap();
    assert!(next.contains("| 1.05<br><sub>1.04–1.06</sub> |"), "{next}");
    // Callgrind counts what neither a processor nor an emulated one does.
    let strange = "Where user instructions are more than those of program and kernel";
    let said = |anatomy: &Anatomy| html(&alone(anatomy.clone())).matches(strange).count();
    for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
        row.user_instructions = Some(100.0);
    }
    assert_eq!(said(&anatomy), 0);
    anatomy.stages[0].rows[1].user_instructions = Some(200_000.0);
    assert_eq!(said(&anatomy), 1);
    anatomy.counting = Counting::Processor;
    assert_eq!(said(&anatomy), 0);
}

/// An answer to a poll has a head of its own that a crowd shares: what each crowd pays is held against the goal.
#[test]
fn a_poll_is_held_against_the_goal_at_each_crowd_that_was_counted() {
    let rows = |anatomy: &Anatomy| {
        let text = markdown(&alone(anatomy.clone()));
        let wanted = |line: &&str| {
            line.starts_with("| long-poll/bare | ")
                && line.contains(", user instructions per delivery |")
        };
        text.lines()
            .filter(wanted)
            .map(|line| {
                let cells: Vec<&str> = line.split(" | ").collect();
                let unit = cells[5].trim_end_matches(" |");
                format!("{} {} {unit}", cells[1], cells[2])
            })
            .collect::<Vec<_>>()
    };
    let count = |anatomy: &mut Anatomy, subscribers: u32, value: Option<f64>| {
        let stages = anatomy.stages.iter_mut();
        for stage in stages.filter(|stage| stage.subscribers == subscribers) {
            for row in &mut stage.rows {
                if row.name == "long-poll/bare" {
                    row.user_instructions = value;
                }
            }
        }
    };
    let mut anatomy = support::anatomy();
    let at_100 = "**missed** 160 user instructions, 100 subscribers";
    assert_eq!(rows(&anatomy), [at_100]);
    count(&mut anatomy, 1000, Some(149.0));
    let at_1000 = "met 149 user instructions, 1000 subscribers";
    let thin = |row: &String| row.replace('\u{202f}', "");
    let both: Vec<String> = rows(&anatomy).iter().map(thin).collect();
    assert_eq!(both, [at_100, at_1000]);
    count(&mut anatomy, 100, None);
    count(&mut anatomy, 1000, None);
    // One subscriber is no crowd, and says so.
    assert_eq!(
        rows(&anatomy),
        ["**missed** 160 user instructions, 1 subscriber"]
    );
    count(&mut anatomy, 1, None);
    assert!(rows(&anatomy).is_empty());
}

/// Figures whose middle halves overlap show no difference; apart by a hair, they do.
#[test]
fn quartiles_decide_whether_a_difference_is_shown() {
    let with = |low: f64, median: f64, high: f64| {
        let mut anatomy = support::anatomy();
        for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
            let quartiles = match row.name.as_str() {
                "websocket/reference@defaults" => Quartiles { low, median, high },
                "websocket/reference@defaults-4k" => Quartiles {
                    low: 1.4,
                    median: 1.5,
                    high: 1.6,
                },
                _ => continue,
            };
            row.times_floor = Some(quartiles);
        }
        findings(&anatomy)
    };
    let title = "A read buffer full of zeros, server side";
    assert!(with(1.6, 3.0, 3.2).contains(&format!("{title}: no difference shown")));
    assert!(with(1.61, 3.0, 3.2).contains(&format!("{title}: 2.00×")));
    assert!(with(0.7, 0.75, 0.8).contains(&format!("{title}: 0.500×")));
}

/// A rung that costs less than the one below it has no part of the bar, and the bar still ends at what it costs.
#[test]
fn noise_draws_no_nonsense() {
    let said = words(&alone(support::not_dearer(support::anatomy())));
    assert!(
        said.contains("Not dearer than the rung below, so without a part of its own: tcp/reference (0.516\u{202f}µs; tcp/bare: 1.20\u{202f}µs)"),
        "{said}"
    );
}

#[test]
fn stages_without_rows_and_transports_with_only_the_floor() {
    let floor = support::only_floor(support::anatomy());
    let said = words(&alone(floor.clone()));
    assert!(
        said.contains("stopped before its end, after 11 stages"),
        "{said}"
    );
    assert_eq!(findings(&floor), "");
    assert_eq!(anatomy_summary(&floor).stages.len(), 2);

    let mut empty = floor;
    for stage in &mut empty.stages {
        stage.rows.clear();
    }
    let said = words(&alone(empty.clone()));
    assert!(said.contains("No stage was measured to its end"));
    assert_eq!(csv(&alone(empty.clone())).lines().count(), 1);
    empty.stages.clear();
    assert!(words(&alone(empty)).contains("No stage was measured to its end"));
}

#[test]
fn one_side_and_one_stage_need_no_overview() {
    let mut anatomy = support::anatomy();
    anatomy
        .stages
        .retain(|stage| (stage.side, stage.subscribers, stage.batch) == (Side::Client, 1000, 10));
    anatomy.setups.clear();
    anatomy.counting = Counting::Nobody {
        because: "valgrind is not installed".into(),
    };
    let said = words(&alone(anatomy));
    assert!(
        said.contains("With 1\u{202f}000 subscribers, 10 messages per wake."),
        "{said}"
    );
    assert!(said.contains("Instructions were not counted: valgrind is not installed."));
    assert!(!said.contains("All stages of the") && !said.contains("Server side"));
}

/// Where connections were counted and not timed, nothing is said of times.
#[test]
fn connections_that_nobody_timed_have_no_times() {
    let mut anatomy = support::anatomy();
    for one in &mut anatomy.setups {
        (one.cpu_ns, one.times_floor) = (None, None);
    }
    let parts = |anatomy: Anatomy| {
        let said = markdown(&alone(anatomy));
        let at = said.find("### What a connection costs").unwrap();
        said[at..said.find("### Left out").unwrap()].to_owned()
    };
    let (timed, untimed) = (parts(support::anatomy()), parts(anatomy));
    for of_times in ["times the floor", "CPU", "Processor time"] {
        assert!(timed.contains(of_times) && !untimed.contains(of_times));
    }
    assert!(untimed.contains("| floor | 900 | 6.00 | 0.900 |"));
}

#[test]
fn what_an_anatomy_says_cannot_leave_its_place() {
    let mut anatomy = support::anatomy();
    let hostile = "</script><script>alert('x')</script>\"|\n<b>&";
    for row in &mut anatomy.stages[2].rows {
        row.about = hostile.into();
        row.name += hostile;
        row.transport += hostile;
    }
    anatomy.left_out[0].reason = hostile.into();
    anatomy.left_out[0].name = hostile.into();
    anatomy.command = vec![hostile.into()];
    anatomy.machine = hostile.into();
    anatomy.counting = Counting::Callgrind {
        because: hostile.into(),
    };
    let page = html(&alone(anatomy));
    page::check(&page).unwrap();
    assert_eq!(page.matches("<script>").count(), 1);
}
