//! The figures as Markdown, and their place in docs/benchmarks.md.

use super::measure::percentile;
use super::{divan, processes};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::time::Duration;

/// Between these lines the page belongs to `cargo xtask bench --write`.
const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Both tables with the machine above them.
pub(crate) fn render(machine: &str, in_code: &[divan::Row], of_processes: &[processes::Row]) -> String {
    let mut page = format!(
        "{machine}.\nData: texts of about {} words by Zipf's law (`jay_testkit::Salad`), the same in every run.\n",
        jay_testkit::WORDS_PER_MEMORY
    );
    if !in_code.is_empty() {
        page.push_str("\n| in the code | median | fastest | slowest | samples | throughput |\n");
        page.push_str("| --- | ---: | ---: | ---: | ---: | ---: |\n");
    }
    for row in in_code {
        let throughput = row.throughput.as_deref().unwrap_or("–");
        let figures = [&row.median, &row.fastest, &row.slowest, &row.samples, throughput].join(" | ");
        line(&mut page, &row.name, &figures);
    }
    if !of_processes.is_empty() {
        page.push_str("\n| whole processes | median CPU | p95 CPU | median wall | p95 wall | runs | target |\n");
        page.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
    }
    for row in of_processes {
        let target = row.cpu_target.map_or_else(
            || "–".to_owned(),
            |target| {
                format!(
                    "median CPU ≤ {}: {}",
                    milliseconds(Some(target)),
                    if row.is_kept() { "kept" } else { "missed" }
                )
            },
        );
        let times = [(&row.cpu, 50), (&row.cpu, 95), (&row.wall, 50), (&row.wall, 95)];
        let figures = times.map(|(values, percent)| milliseconds(percentile(values, percent))).join(" | ");
        line(&mut page, &row.name, &format!("{figures} | {} | {target}", row.cpu.len()));
    }
    page
}

fn line(page: &mut String, name: &str, figures: &str) {
    writeln!(page, "| {name} | {figures} |").expect("a string takes every text");
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1_000.0))
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
        let in_code = [divan::Row {
            name: "types/hash".into(),
            fastest: "1 ns".into(),
            slowest: "3 ns".into(),
            median: "2 ns".into(),
            samples: "100".into(),
            throughput: None,
        }];
        let of_processes = [processes::Row {
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

            | whole processes | median CPU | p95 CPU | median wall | p95 wall | runs | target |
            | --- | ---: | ---: | ---: | ---: | ---: | --- |
            | cold jay recall | 8.0 ms | 8.0 ms | 12.3 ms | 12.3 ms | 1 | median CPU ≤ 7.0 ms: missed |
        "#]]
        .assert_eq(&render("Quick 9000, 2 cores", &in_code, &of_processes));
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
