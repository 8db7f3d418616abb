//! Reads what divan prints: a tree of names, a line of figures each.

/// One benchmark of the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Groups and name, joined by `/`.
    pub(crate) name: String,
    /// The quickest sample.
    pub(crate) fastest: String,
    /// The slowest sample.
    pub(crate) slowest: String,
    /// The median sample.
    pub(crate) median: String,
    /// How many samples were taken.
    pub(crate) samples: String,
    /// Throughput at the median, where the benchmark counts bytes or items.
    pub(crate) throughput: Option<String>,
}

/// The rows of one or more bench binaries, in the order printed.
pub(crate) fn parse(output: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for line in output.lines() {
        let rest = line.trim_start_matches(['│', '├', '╰', '─', ' ']);
        let prefix: Vec<char> = line.chars().take(line.chars().count() - rest.chars().count()).collect();
        let cells: Vec<&str> = rest.split('│').map(str::trim).collect();
        if cells.len() < 5 {
            continue;
        }
        let is_named = prefix.is_empty() || prefix.iter().any(|c| matches!(c, '├' | '╰'));
        if !is_named {
            // A line of its own below the times: what was counted, per second.
            if let (Some(row), [_, _, median, ..]) = (rows.last_mut(), cells.as_slice())
                && median.ends_with("/s")
            {
                row.throughput = Some((*median).to_owned());
            }
            continue;
        }
        let depth = prefix.len() / 3;
        groups.truncate(depth);
        let (name, fastest) = cells.first().map_or(("", ""), |cell| split_name(cell));
        groups.push(name.to_owned());
        if let [_, slowest, median, _, samples, ..] = cells.as_slice()
            && fastest.starts_with(|c: char| c.is_ascii_digit())
        {
            rows.push(Row {
                name: groups.join("/"),
                fastest: fastest.to_owned(),
                slowest: (*slowest).to_owned(),
                median: (*median).to_owned(),
                samples: (*samples).to_owned(),
                throughput: None,
            });
        }
    }
    rows
}

/// A name and the first figure, which stand two or more blanks apart.
fn split_name(cell: &str) -> (&str, &str) {
    cell.split_once("  ").map_or((cell, ""), |(name, figure)| (name, figure.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_printed_tree_is_read() {
        let output = "\
Timer precision: 29 ns
types          fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ derived_id  231.4 ns      │ 1.222 µs      │ 239.6 ns      │ 250.1 ns      │ 100     │ 3200
├─ recall                    │               │               │               │         │
│  ├─ 1000     1.4 ms        │ 2.1 ms        │ 1.5 ms        │ 1.6 ms        │ 100     │ 100
│  ╰─ 10000    9.4 ms        │ 12.1 ms       │ 9.5 ms        │ 9.6 ms        │ 100     │ 100
╰─ hash        431.4 ns      │ 2.222 µs      │ 439.6 ns      │ 450.1 ns      │ 100     │ 1600
               1.021 GB/s    │ 198.2 MB/s    │ 1.002 GB/s    │ 978.7 MB/s    │         │

running 0 tests
";
        let found: Vec<String> = parse(output)
            .into_iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {} {:?}",
                    row.name, row.fastest, row.slowest, row.median, row.samples, row.throughput
                )
            })
            .collect();
        expect![[r#"
            types/derived_id 231.4 ns 1.222 µs 239.6 ns 100 None
            types/recall/1000 1.4 ms 2.1 ms 1.5 ms 100 None
            types/recall/10000 9.4 ms 12.1 ms 9.5 ms 100 None
            types/hash 431.4 ns 2.222 µs 439.6 ns 100 Some("1.002 GB/s")"#]]
        .assert_eq(&found.join("\n"));
    }
}
