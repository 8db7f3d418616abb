//! Counts of calls and commits for `/metrics`, in Prometheus' text form. No label holds anything that a caller wrote.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Calls by operation and outcome.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<(&'static str, &'static str), Series>>);

#[derive(Clone, Copy, Debug, Default)]
struct Series {
    calls: u64,
    microseconds: u64,
}

impl Metrics {
    /// Counts one call of `op` that took `microseconds` and ended with `outcome` (`ok` or an error code).
    pub(crate) fn count(&self, op: &'static str, outcome: &'static str, microseconds: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry((op, outcome)).or_default();
        series.calls += 1;
        series.microseconds += microseconds;
    }

    /// The page; `commits` of the memory and the `acts` in them tell how well writers share.
    pub(crate) fn page(&self, (commits, acts): (usize, usize)) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut page =
            String::from("# HELP jay_calls_total Calls of operations by outcome.\n# TYPE jay_calls_total counter\n");
        for ((op, outcome), series) in &all {
            page.push_str(&format!("jay_calls_total{{op=\"{op}\",outcome=\"{outcome}\"}} {}\n", series.calls));
        }
        page.push_str(
            "# HELP jay_call_seconds_total Time spent in operations.\n# TYPE jay_call_seconds_total counter\n",
        );
        for ((op, outcome), series) in &all {
            let (whole, rest) = (series.microseconds / 1_000_000, series.microseconds % 1_000_000);
            page.push_str(&format!("jay_call_seconds_total{{op=\"{op}\",outcome=\"{outcome}\"}} {whole}.{rest:06}\n"));
        }
        page.push_str(&format!(
            "# HELP jay_commits_total Durable commits of the memory by this process.\n\
             # TYPE jay_commits_total counter\n\
             jay_commits_total {commits}\n\
             # HELP jay_acts_total Acts in those commits; acts divided by commits is the mean group size.\n\
             # TYPE jay_acts_total counter\n\
             jay_acts_total {acts}\n"
        ));
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sums() {
        let metrics = Metrics::default();
        metrics.count("recall", "ok", 1500);
        metrics.count("recall", "ok", 1_000_000);
        metrics.count("get", "not_found", 7);
        expect_test::expect![[r#"
            # HELP jay_calls_total Calls of operations by outcome.
            # TYPE jay_calls_total counter
            jay_calls_total{op="get",outcome="not_found"} 1
            jay_calls_total{op="recall",outcome="ok"} 2
            # HELP jay_call_seconds_total Time spent in operations.
            # TYPE jay_call_seconds_total counter
            jay_call_seconds_total{op="get",outcome="not_found"} 0.000007
            jay_call_seconds_total{op="recall",outcome="ok"} 1.001500
            # HELP jay_commits_total Durable commits of the memory by this process.
            # TYPE jay_commits_total counter
            jay_commits_total 3
            # HELP jay_acts_total Acts in those commits; acts divided by commits is the mean group size.
            # TYPE jay_acts_total counter
            jay_acts_total 12
        "#]]
        .assert_eq(&metrics.page((3, 12)));
    }
}
