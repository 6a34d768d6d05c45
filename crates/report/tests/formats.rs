//! What each format says about a synthetic record, and that it says it the same way every time.

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::record::{Record, RecordedTrial};
use pushbench_report::table::Column;
use pushbench_report::{csv, html, markdown, summary};

/// A record small enough to read its CSV.
fn two_servers() -> Record {
    let mut record = support::record();
    record.trials.retain(|t| {
        let server = t.trial.server.to_string();
        ["sse/express", "websocket/ws"].contains(&server.as_str())
            && (3..=5).contains(&t.trial.repetition)
    });
    record
}

#[test]
fn markdown_says() {
    insta::assert_snapshot!(markdown(&support::record()));
}

#[test]
fn csv_says() {
    insta::assert_snapshot!(csv(&two_servers()));
}

#[test]
fn html_says() {
    insta::assert_snapshot!(page::skeleton(&html(&support::record())));
}

#[test]
fn summary_says() {
    let summary = summary(&support::record());
    let mut lines = summary.notices;
    for scenario in summary.scenarios {
        lines.push(format!("# {}, {}", scenario.name, scenario.tuning));
        lines.push(scenario.answer);
        lines.extend(scenario.further);
        lines.push(scenario.rests_on);
        for table in [
            Some(scenario.table),
            scenario.same_stack,
            scenario.defaults_cost,
        ]
        .into_iter()
        .flatten()
        {
            let headings: Vec<String> = table.columns.iter().map(Column::heading).collect();
            lines.push(format!("{}: {}", table.head, headings.join("; ")));
            for row in table.rows {
                let cells = row.cells.iter().map(|c| {
                    [std::slice::from_ref(&c.text), &c.small]
                        .concat()
                        .join(" ~ ")
                });
                lines.push(format!(
                    "{}: {}",
                    row.name,
                    cells.collect::<Vec<_>>().join("; ")
                ));
            }
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn twice_the_same_bytes() {
    let (one, other) = (support::record(), support::record());
    assert!(html(&one) == html(&other));
    assert!(markdown(&one) == markdown(&other));
    assert!(csv(&one) == csv(&other));
    assert_eq!(summary(&one), summary(&other));
}

#[test]
fn page_is_well_formed_and_stands_alone() {
    for record in [support::record(), support::with_counters(support::record())] {
        let page = html(&record);
        page::check(&page).unwrap();
        assert!(page.len() < 800_000, "{} bytes", page.len());
        // Nothing is fetched.
        for loader in ["src=", "href=\"http", "@import", "url(", "fetch(", "<link"] {
            assert!(!page.contains(loader), "{loader}");
        }
        let mut ids: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|s| s.split('"').next())
            .collect();
        for target in page
            .split("href=\"#")
            .skip(1)
            .filter_map(|s| s.split('"').next())
        {
            assert!(ids.contains(&target), "no target for #{target}");
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "ids are unique");
    }
}

#[test]
fn csv_has_a_line_per_trial_with_as_many_fields() {
    let record = support::record();
    let text = csv(&record);
    let fields = |line: &str| {
        let mut quoted = false;
        line.chars()
            .filter(|&c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .count()
    };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), record.trials.len() + 1);
    assert!(lines.iter().all(|line| fields(line) == fields(lines[0])));
}

#[test]
fn instructions_appear_where_there_are_counters() {
    let with = summary(&support::with_counters(support::record()));
    let columns = |s: &pushbench_report::Summary| {
        let columns = s.scenarios[0].table.columns.iter();
        columns
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert!(columns(&with).contains("server instructions per delivery"));
    let without = summary(&support::record());
    assert!(!columns(&without).contains("instructions"));
    let notes = without.scenarios[0].table.notes.join(" ");
    assert!(
        notes.contains("No counters on this machine: the processor's counters"),
        "{notes}"
    );
}

/// One trial that could not see the kernel's instructions takes them out of all figures.
#[test]
fn instructions_of_the_kernel_count_everywhere_or_nowhere() {
    let mut record = support::with_counters(support::record());
    let mut pure = record.clone();
    let without = |recorded: &mut RecordedTrial| {
        let usages = [
            &mut recorded.trial.server_usage,
            &mut recorded.trial.load_usage,
        ];
        for counters in usages
            .into_iter()
            .flatten()
            .flat_map(|u| &mut u.cost.counters)
        {
            counters.kernel_instructions = None;
        }
    };
    pure.trials.iter_mut().for_each(without);
    without(&mut record.trials[0]);
    assert_eq!(summary(&record), summary(&pure));
    assert_eq!(csv(&record), csv(&pure));
    let names = &summary(&record).scenarios[0].table.columns;
    let label = "server user-space instructions per delivery";
    assert!(names.iter().any(|column| column.name == label));
    assert!(csv(&record).contains(",server_user_space_instructions_per_operation,"));
    let page = html(&record);
    assert!(page.contains("User-space instructions per delivery"));
    assert!(!page.contains(">server instructions per delivery"));
}

/// Anonymous memory where it is known, else resident, never proportional.
#[test]
fn memory_comes_from_anonymous_or_resident_pages() {
    let first = |record: &Record| {
        let text = csv(record);
        let mut lines = text.lines().map(|line| line.split(','));
        let mut names = lines.next().expect("a head");
        let at = names
            .position(|name| name == "server_memory_bytes_per_connection")
            .expect("a column");
        let field = lines.next().and_then(|mut fields| fields.nth(at));
        field
            .and_then(|text| text.parse::<f64>().ok())
            .expect("a figure")
    };
    let mut record = two_servers();
    let page = html(&record);
    assert!(page.contains("Anonymous memory per connection"));
    let memory = record.trials[0].trial.server_usage.as_mut();
    let memory = memory
        .and_then(|usage| usage.memory.as_mut())
        .expect("held");
    let difference = |after: u64, before: u64| (after - before) as f64 / 100.0;
    let anonymous = memory.anonymous_connected.zip(memory.anonymous_before);
    let anonymous = anonymous.map(|(after, before)| difference(after, before));
    let resident = difference(memory.rss_connected, memory.rss_before);
    memory.anonymous_before = None;
    let fallen_back = record;
    assert_eq!(Some(first(&two_servers())), anonymous);
    assert_eq!(first(&fallen_back), resident);
}

#[test]
fn who_publishes_is_said() {
    let all = markdown(&support::record());
    assert!(all.contains("Compare relayed servers with each other"));
    let mut record = support::record();
    record
        .trials
        .retain(|t| ["express", "ws"].contains(&t.trial.server.stack.as_str()));
    let alike = markdown(&record);
    assert!(alike.contains(" relay |") && !alike.contains("Compare relayed servers"));
    assert!(!alike.contains("published differently"));
    assert!(all.contains(", published differently: factor"));
}

/// Protocol, library and framework at the top of an answer.
#[test]
fn layers_stand_side_by_side() {
    let summary = summary(&support::with_layers());
    let answers = summary.scenarios.iter().map(|scenario| {
        let lines = std::iter::once(&scenario.answer).chain(scenario.further.iter().take(2));
        let lines: Vec<&str> = lines.map(String::as_str).collect();
        format!(
            "# {}, {}\n{}",
            scenario.name,
            scenario.tuning,
            lines.join("\n")
        )
    });
    insta::assert_snapshot!("layers_say", answers.collect::<Vec<_>>().join("\n"));
}
