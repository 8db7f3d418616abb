//! The figures as Markdown, and their place in docs/benchmarks.md.

use super::{divan, processes};
use anyhow::{Context, Result};
use jay_testkit::measured::{Measured, Target, percentile, show};
use std::fmt::Write as _;
use std::time::Duration;

/// Between these lines the page belongs to `cargo xtask bench --write`.
const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// All that was found out in one run.
pub(crate) struct Found {
    /// Functions.
    pub(crate) in_code: Vec<divan::Row>,
    /// Engine and server.
    pub(crate) measured: Vec<Measured>,
    /// Processes.
    pub(crate) of_processes: Vec<processes::Row>,
}

impl Found {
    /// Whether no benchmark was run.
    pub(crate) const fn is_empty(&self) -> bool {
        self.in_code.is_empty() && self.measured.is_empty() && self.of_processes.is_empty()
    }
}

/// The tables with the machine above them.
pub(crate) fn render(machine: &str, found: &Found) -> String {
    let mut page = format!(
        "{machine}.\nData: texts of about {} words by Zipf's law (`jay_testkit::Salad`), the same in every run.\n",
        jay_testkit::WORDS_PER_MEMORY
    );
    let in_code = found.in_code.iter().map(|row| {
        let throughput = row.throughput.as_deref().unwrap_or("–");
        let figures = [&row.median, &row.fastest, &row.slowest, &row.samples, throughput];
        (row.name.as_str(), figures.map(str::to_owned).to_vec())
    });
    table(&mut page, "in the code", "median fastest slowest samples throughput", in_code);
    let times = found.measured.iter().filter_map(|measured| match measured {
        Measured::Times(row) => {
            let times: Vec<Duration> = row.nanoseconds.iter().copied().map(Duration::from_nanos).collect();
            let mut figures = [50, 95, 99].map(|percent| percentile(&times, percent).map_or_else(none, show)).to_vec();
            figures.extend([times.len().to_string(), verdict(row.target.as_ref())]);
            Some((row.name.as_str(), figures))
        }
        Measured::Figure(_) => None,
    });
    table(&mut page, "engine and server", "p50 p95 p99 runs target", times);
    let figures = found.measured.iter().filter_map(|measured| match measured {
        Measured::Figure(row) => Some((row.name.as_str(), vec![row.value.clone(), verdict(row.target.as_ref())])),
        Measured::Times(_) => None,
    });
    table(&mut page, "rates and sizes", "figure target", figures);
    let of_processes = found.of_processes.iter().map(|row| {
        let times = [(&row.cpu, 50), (&row.cpu, 95), (&row.wall, 50), (&row.wall, 95)];
        let mut figures = times.map(|(values, percent)| percentile(values, percent).map_or_else(none, show)).to_vec();
        figures.extend([row.cpu.len().to_string(), verdict(row.target().as_ref())]);
        (row.name.as_str(), figures)
    });
    table(&mut page, "whole processes", "median-CPU p95-CPU median-wall p95-wall runs target", of_processes);
    page
}

/// A table whose columns are the words of `columns`; nothing where there are no rows.
fn table<'a>(page: &mut String, of: &str, columns: &str, rows: impl Iterator<Item = (&'a str, Vec<String>)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let columns: Vec<String> = columns.split(' ').map(|column| column.replace('-', " ")).collect();
    let alignment = |column: &String| if column == "target" { "---" } else { "---:" };
    page.push('\n');
    line(page, of, &columns.join(" | "));
    line(page, "---", &columns.iter().map(alignment).collect::<Vec<_>>().join(" | "));
    for (name, figures) in rows {
        line(page, name, &figures.join(" | "));
    }
}

fn none() -> String {
    "–".to_owned()
}

fn verdict(target: Option<&Target>) -> String {
    target.map_or_else(none, Target::verdict)
}

fn line(page: &mut String, name: &str, figures: &str) {
    writeln!(page, "| {name} | {figures} |").expect("a string takes every text");
}

/// `page` with the table between its markers replaced.
pub(crate) fn replace(page: &str, table: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no line {END} after {BEGIN}"))?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn tables_carry_their_machine_and_targets() {
        let in_code = vec![divan::Row {
            name: "types/hash".into(),
            fastest: "1 ns".into(),
            slowest: "3 ns".into(),
            median: "2 ns".into(),
            samples: "100".into(),
            throughput: None,
        }];
        let measured = vec![
            Measured::figure("8 writers", "900 writes/s", Some(Target::new("≥ 60 %", true))),
            Measured::times("remember", &[1, 2, 9].map(Duration::from_millis), None),
        ];
        let of_processes = vec![processes::Row {
            name: "cold jay recall".into(),
            wall: vec![Duration::from_micros(12_340)],
            cpu: vec![Duration::from_micros(8_000)],
            cpu_target: Some(Duration::from_millis(7)),
        }];
        expect![[r#"
            Quick 9000, 2 cores.
            Data: texts of about 60 words by Zipf's law (`jay_testkit::Salad`), the same in every run.

            | in the code | median | fastest | slowest | samples | throughput |
            | --- | ---: | ---: | ---: | ---: | ---: |
            | types/hash | 2 ns | 1 ns | 3 ns | 100 | – |

            | engine and server | p50 | p95 | p99 | runs | target |
            | --- | ---: | ---: | ---: | ---: | --- |
            | remember | 2.00 ms | 9.00 ms | 9.00 ms | 3 | – |

            | rates and sizes | figure | target |
            | --- | ---: | --- |
            | 8 writers | 900 writes/s | ≥ 60 %: kept |

            | whole processes | median CPU | p95 CPU | median wall | p95 wall | runs | target |
            | --- | ---: | ---: | ---: | ---: | ---: | --- |
            | cold jay recall | 8.00 ms | 8.00 ms | 12.3 ms | 12.3 ms | 1 | median CPU ≤ 7 ms: NOT kept |
        "#]]
        .assert_eq(&render("Quick 9000, 2 cores", &Found { in_code, measured, of_processes }));
    }

    #[test]
    fn a_filtered_run_has_only_its_table() {
        let measured = vec![Measured::figure("a", "1 MB/s", None)];
        let page = render("Quick 9000", &Found { in_code: vec![], measured, of_processes: vec![] });
        assert_eq!(page.matches("\n| --- |").count(), 1, "{page}");
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nz\n");
        assert_eq!(replace(&page, "new\n").ok(), Some(format!("a\n{BEGIN}\nnew\n{END}\nz\n")));
        for page in ["", BEGIN, &format!("{END} {BEGIN}")] {
            assert!(replace(page, "new").is_err(), "{page}");
        }
    }
}
