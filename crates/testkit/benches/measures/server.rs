//! Eight writers through one server: writes a second beside what the disk syncs a second, times how many share a sync.

use crate::disk::Append;
use crate::http::Server;
use crate::{Bench, report};
use anyhow::{Context as _, Result};
use jay_testkit::measured::{Measured, Target};
use jay_testkit::{Jay, Salad, Stopwatch, TempHome};
use serde_json::json;
use std::sync::Barrier;
use std::time::Duration;

const WRITERS: u64 = 8;
/// How long they write.
const TIME: Duration = Duration::from_secs(5);
/// How long the disk is measured, before and again after.
const DISK_TIME: Duration = Duration::from_secs(1);
/// Writes of each writer before the time begins.
const WARM_UP: usize = 50;
/// The part of syncs times group size that writes must reach, in percent.
const TARGET_PERCENT: f64 = 60.0;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = "8 writers through one server";
    if !bench.runs(name) {
        return Ok(());
    }
    let home = TempHome::new();
    let server = Server::start(&Jay::of_program(bench.stores.program(), &home), &home.path())?;
    let mut append = Append::new(&home.path())?;
    let text = Salad::new(31).memory();
    let syncs_before = append.syncs_per_second(&text, DISK_TIME)?;
    let ready = Barrier::new(usize::try_from(WRITERS)? + 1);
    let (mut latencies, mut elapsed) = (Vec::new(), Duration::ZERO);
    let (mut commits, mut acts) = (0.0, 0.0);
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (server, ready) = (&server, &ready);
                scope.spawn(move || write(server, ready, Salad::new(100 + writer)))
            })
            .collect();
        ready.wait();
        let counted = (server.counter("jay_commits_total"), server.counter("jay_acts_total"));
        // The writers stand at the second barrier until the counters are read: nothing else is in between.
        ready.wait();
        let watch = Stopwatch::start();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??);
        }
        elapsed = watch.elapsed();
        commits = server.counter("jay_commits_total")? - counted.0?;
        acts = server.counter("jay_acts_total")? - counted.1?;
        Ok(())
    })?;
    let syncs = f64::midpoint(syncs_before, append.syncs_per_second(&text, DISK_TIME)?);
    let count = u32::try_from(latencies.len()).context("more writes than fit")?;
    let rate = f64::from(count) / elapsed.as_secs_f64();
    let group = acts / commits.max(1.0);
    let percent = 100.0 * rate / (syncs * group);
    let text = format!(
        "writes/s ≥ {TARGET_PERCENT:.0} % of (fsyncs/s × group size = {:.0}); it is {percent:.0} %",
        syncs * group
    );
    let target = Target::new(text, percent >= TARGET_PERCENT);
    report(&Measured::figure(name, format!("{rate:.0} writes/s"), Some(target)));
    report(&Measured::figure(format!("{name}: this disk, one appender"), format!("{syncs:.0} fsyncs/s"), None));
    report(&Measured::figure(format!("{name}: mean group size"), format!("{group:.2} acts a commit"), None));
    report(&Measured::times(format!("{name}: a write as its caller sees it"), &latencies, None));
    Ok(())
}

fn write(server: &Server, ready: &Barrier, mut salad: Salad) -> Result<Vec<Duration>> {
    let mut client = server.connect();
    let mut remember = || -> Result<Duration> {
        let input = json!({ "text": salad.memory() });
        let watch = Stopwatch::start();
        client.as_mut().map_err(|error| anyhow::anyhow!("{error:#}"))?.call("remember", &input)?;
        Ok(watch.elapsed())
    };
    let warm = (0..WARM_UP).try_for_each(|_| remember().map(drop));
    // Whatever happened, the others wait at the barriers.
    ready.wait();
    ready.wait();
    warm?;
    let mut latencies = Vec::new();
    let watch = Stopwatch::start();
    while watch.elapsed() < TIME {
        latencies.push(remember()?);
    }
    Ok(latencies)
}
