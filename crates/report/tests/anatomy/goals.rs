//! Figures held against goals: by the processor, by an emulated machine, by time.

use pushbench_model::anatomy::{Anatomy, Counting, Emulation, Quartiles};
use pushbench_report::{anatomy_summary, html, markdown};

use super::{alone, support, words};

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
    count(&mut anatomy, 1000, None);
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
