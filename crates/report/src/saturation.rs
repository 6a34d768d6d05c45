//! A search for the highest sustained rate: its curves, tables and sentences.

use pushbench_model::measurement::histogram_name;
use pushbench_model::record::{Record, RecordedTrial};
use pushbench_model::search::{End, LONG_ENOUGH_S, Probe, ProbeVerdict, Search, ServerSearch};
use pushbench_stats::{merge, percentile};

use crate::number::{THIN, counted, short, significant};
use crate::table::{Cell, Column, Table, Tone};

/// Points below which a curve has no knee.
const FEWEST_POINTS: usize = 4;

/// Everything a report shows of a search.
#[derive(Debug)]
pub(crate) struct Saturation<'a> {
    /// As recorded.
    pub(crate) search: &'a Search,
    /// One per server.
    pub(crate) arms: Vec<Searched<'a>>,
}

/// The search over one server.
#[derive(Debug)]
pub(crate) struct Searched<'a> {
    /// As recorded.
    pub(crate) found: &'a ServerSearch,
    /// Latency over load, by the rate asked.
    pub(crate) points: Vec<Point>,
    /// Server's processor time over time at the sustained rate, publishing left out; 1 is a whole core.
    cpu: Option<f64>,
}

/// All probes at one rate that say something, together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Messages per second asked.
    pub(crate) rate: f64,
    /// Deliveries per second that arrived.
    pub(crate) delivered: f64,
    /// Nanoseconds.
    pub(crate) p50: Option<f64>,
    /// Response time at the objective's percentile, nanoseconds.
    pub(crate) at_quantile: Option<f64>,
}

impl<'a> Saturation<'a> {
    /// Of `record`, if it is one of a search.
    pub(crate) fn of(record: &'a Record) -> Option<Self> {
        let search = record.search.as_ref()?;
        let arm = |found: &'a ServerSearch| {
            let points = points(record, found, search.objective.quantile);
            Searched {
                cpu: found.sustained.and_then(|rate| cpu(record, found, rate)),
                points,
                found,
            }
        };
        Some(Self {
            search,
            arms: search.servers.iter().map(arm).collect(),
        })
    }

    /// Probes of all servers.
    pub(crate) fn probes(&self) -> usize {
        self.arms.iter().map(|arm| arm.found.probes.len()).sum()
    }

    /// What was found, a sentence per server, then what limits these sentences.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.arms.iter().map(|arm| self.sentence(arm)).collect();
        sentences.extend(self.limits());
        sentences
    }

    pub(crate) fn sentence(&self, arm: &Searched<'_>) -> String {
        let ServerSearch {
            server,
            sustained,
            failed_at,
            end,
            ended,
            ..
        } = arm.found;
        let Some(rate) = sustained else {
            return format!(
                "{server}: no rate is confirmed with {}. {ended}",
                self.search.objective
            );
        };
        let least = if is_bound(*end) { "at least " } else { "" };
        let deliveries = arm.point(*rate).map_or_else(String::new, |point| {
            format!(" ({} deliveries/s)", significant(point.delivered, 3))
        });
        let failed =
            failed_at.map_or_else(String::new, |rate| format!("; {} failed", per_second(rate)));
        format!(
            "{server} sustains {least}{}{deliveries} with {}{failed}. {ended}",
            per_second(*rate),
            self.search.objective
        )
    }

    /// What the probes cannot see.
    fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        let seconds = self.search.probe_s;
        if seconds < LONG_ENOUGH_S {
            limits.push(format!(
                "Probes of {}{THIN}s are shorter than the {LONG_ENOUGH_S}{THIN}s that show slow growth and rare stalls: the \
                 rates that a server sustains for long may be lower.",
                short(seconds)
            ));
        }
        let blind = self
            .arms
            .iter()
            .flat_map(|arm| &arm.found.probes)
            .filter(|probe| {
                probe.judgement.verdict == ProbeVerdict::Held
                    && probe.judgement.backlog_slope.is_none()
            })
            .count();
        if blind > 0 {
            limits.push(format!(
                "In {} that held there is no telling whether a backlog grew.",
                counted(blind, "probe")
            ));
        }
        limits
    }

    /// A row per server: what it sustains, what that costs, and where it fails.
    pub(crate) fn results(&self) -> Table {
        let name = self.search.objective.percentile();
        let columns = vec![
            Column::numbers("sustained", "messages/s"),
            Column::numbers("delivered", "/s"),
            Column::numbers(format!("{name} there"), "ms"),
            Column::numbers("failed at", "messages/s"),
            Column::numbers("knee", "messages/s"),
            Column::numbers("server CPU there", "% of a core"),
            Column::words("end"),
        ];
        let mut table = Table::new("server", columns);
        for arm in &self.arms {
            let found = arm.found;
            let point = found.sustained.and_then(|rate| arm.point(rate));
            let sustained = found.sustained.map(|rate| {
                let least = if is_bound(found.end) {
                    "≥\u{202f}"
                } else {
                    ""
                };
                format!("{least}{}", rate_text(rate))
            });
            let cells = vec![
                text_or_absent(sustained),
                number(point.map(|p| p.delivered), 1.0),
                number(point.and_then(|p| p.at_quantile), 1e6),
                text_or_absent(found.failed_at.map(rate_text)),
                text_or_absent(arm.knee().map(|p| rate_text(p.rate))),
                number(arm.cpu, 0.01),
                Cell::plain(end_in_words(found.end)),
            ];
            table.row(found.server.to_string(), cells);
        }
        table
    }

    /// A row per probe, in the order they ran.
    pub(crate) fn probe_table(&self) -> Table {
        let name = self.search.objective.percentile();
        let columns = vec![
            Column::numbers("trial", ""),
            Column::words("for"),
            Column::numbers("asked", "messages/s"),
            Column::numbers("delivered", "/s"),
            Column::numbers("p50", "ms"),
            Column::numbers(name, "ms"),
            Column::numbers("growth", "ms per s"),
            Column::words("result"),
            Column::words("why"),
        ];
        let mut table = Table::new("server", columns);
        let mut probes: Vec<(&Probe, &ServerSearch)> = self
            .arms
            .iter()
            .flat_map(|arm| arm.found.probes.iter().map(|probe| (probe, arm.found)))
            .collect();
        probes.sort_by_key(|(probe, _)| probe.trial);
        for (probe, found) in probes {
            let judgement = &probe.judgement;
            let nanoseconds = |value: Option<u64>| number(value.map(|ns| ns as f64), 1e6);
            let result = Cell {
                tone: match judgement.verdict {
                    ProbeVerdict::Held => Tone::Plain,
                    ProbeVerdict::Failed => Tone::Bad,
                    ProbeVerdict::Void => Tone::Absent,
                },
                ..Cell::plain(judgement.verdict.label())
            };
            let cells = vec![
                Cell::plain(probe.trial.to_string()),
                Cell::plain(probe.purpose.label()),
                Cell::plain(rate_text(probe.rate)),
                Cell::plain(significant(judgement.delivered_per_s, 3)),
                nanoseconds(judgement.p50_ns),
                nanoseconds(judgement.at_quantile_ns),
                number(judgement.backlog_slope, 1e-3),
                result,
                Cell::plain(judgement.reasons.join("; ")),
            ];
            table.row(found.server.to_string(), cells);
        }
        table
    }
}

#[cfg(test)]
impl<'a> Searched<'a> {
    /// A search over one server whose curve is given.
    pub(crate) fn with_points(found: &'a ServerSearch, points: Vec<Point>) -> Self {
        Self {
            found,
            points,
            cpu: None,
        }
    }
}

impl Searched<'_> {
    /// The point at `rate`.
    pub(crate) fn point(&self, rate: f64) -> Option<&Point> {
        self.points.iter().find(|point| point.rate == rate)
    }

    /// The knee of the curve: where the ratio of throughput to response time, its *power*, is greatest (Kleinrock,
    /// ICC 1979); the response time at the objective's percentile is meant.
    pub(crate) fn knee(&self) -> Option<&Point> {
        let power = |point: &&Point| Some(point.delivered / point.at_quantile?);
        if self.points.iter().filter_map(|p| power(&p)).count() < FEWEST_POINTS {
            return None;
        }
        let powers = self.points.iter().filter_map(|p| Some((p, power(&p)?)));
        powers
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(point, _)| point)
    }
}

/// Whether what is sustained is only a lower bound.
fn is_bound(end: End) -> bool {
    matches!(end, End::Range | End::Generator | End::Probes)
}

fn end_in_words(end: End) -> &'static str {
    match end {
        End::Unfinished => "stopped",
        End::Found => "limit found",
        End::Range => "highest rate allowed",
        End::Generator => "the load generator's limit",
        End::Nothing => "nothing held",
        End::Probes => "too many probes",
    }
}

/// Whether `trial` is a probe that says something: its figures are shown, valid or not.
pub(crate) fn says_something(record: &Record, trial: u32) -> bool {
    let probe = probe_of(record, trial);
    probe.is_some_and(|probe| probe.judgement.verdict != ProbeVerdict::Void)
}

/// The probe that `trial` was.
pub(crate) fn probe_of(record: &Record, trial: u32) -> Option<&Probe> {
    let servers = record.search.iter().flat_map(|search| &search.servers);
    let mut probes = servers.flat_map(|server| &server.probes);
    probes.find(|probe| probe.trial == trial)
}

fn per_second(rate: f64) -> String {
    format!("{} messages/s", rate_text(rate))
}

/// A rate as it was asked for: four digits, and no zeros behind its point.
fn rate_text(rate: f64) -> String {
    let text = significant(rate, 4);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

fn text_or_absent(text: Option<String>) -> Cell {
    text.map_or_else(|| Cell::absent(""), Cell::plain)
}

fn number(value: Option<f64>, divisor: f64) -> Cell {
    text_or_absent(value.map(|value| significant(value / divisor, 3)))
}

/// Trials of the probes at `rate` that say something.
fn trials_at<'a>(
    record: &'a Record,
    found: &'a ServerSearch,
    rate: f64,
) -> impl Iterator<Item = &'a RecordedTrial> {
    let said = |probe: &&Probe| probe.judgement.verdict != ProbeVerdict::Void;
    let probes = found.probes.iter().filter(said);
    let numbers = probes.filter(move |probe| probe.rate == rate);
    numbers.filter_map(|probe| record.trials.iter().find(|t| t.trial.trial == probe.trial))
}

fn points(record: &Record, found: &ServerSearch, quantile: f64) -> Vec<Point> {
    let mut rates: Vec<f64> = found.probes.iter().map(|probe| probe.rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let point = |rate| {
        let trials: Vec<&RecordedTrial> = trials_at(record, found, rate).collect();
        let measured = || trials.iter().filter_map(|t| t.trial.measurement.as_ref());
        let seconds: f64 = measured().map(|m| m.elapsed_ns as f64 / 1e9).sum();
        if seconds <= 0.0 {
            return None;
        }
        let operations: u64 = measured().map(|m| m.operations).sum();
        let lost = measured()
            .map(|m| m.lost_beside(histogram_name::RESPONSE))
            .sum();
        let parts = trials
            .iter()
            .filter_map(|t| t.histograms.get(histogram_name::RESPONSE));
        let whole = merge(parts);
        Some(Point {
            rate,
            delivered: operations as f64 / seconds,
            p50: percentile(&whole, lost, 0.5).value(),
            at_quantile: percentile(&whole, lost, quantile).value(),
        })
    };
    rates.into_iter().filter_map(point).collect()
}

fn cpu(record: &Record, found: &ServerSearch, rate: f64) -> Option<f64> {
    let used = trials_at(record, found, rate).filter_map(|t| {
        let usage = t.trial.server_usage.as_ref()?;
        let measured = t.trial.measurement.as_ref()?;
        Some((
            usage.cost.delivery_cpu_ns() as f64,
            measured.elapsed_ns as f64,
        ))
    });
    let (cpu, elapsed) = used.fold((0.0, 0.0), |(c, e), (cpu, elapsed)| (c + cpu, e + elapsed));
    (elapsed > 0.0).then(|| cpu / elapsed)
}
