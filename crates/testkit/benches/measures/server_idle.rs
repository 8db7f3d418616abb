//! What a server takes in memory while nobody asks it anything, and after some questions.

use crate::http::Server;
use crate::{Bench, report};
use anyhow::Result;
use jay_testkit::Salad;
use jay_testkit::measured::{Measured, Target};
use serde_json::json;
use std::time::Duration;

const MEMORIES: usize = 10_000;
/// What an idle one may take.
const BYTES_MAX: u64 = 60_000_000;
/// Until it has done what it does at its start.
const SETTLES: Duration = Duration::from_secs(8);
const QUESTIONS: usize = 100;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = format!("jay serve, {MEMORIES} memories: resident when idle");
    if !bench.runs(&name) {
        return Ok(());
    }
    let jay = bench.stores.jay(MEMORIES)?;
    let server = Server::start(&jay, &bench.stores.home(MEMORIES))?;
    std::thread::sleep(SETTLES);
    let Some(idle) = server.resident_bytes() else {
        report(&Measured::figure(name, "not known on this system", None));
        return Ok(());
    };
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let target = Target::new(format!("≤ {}", megabytes(BYTES_MAX)), idle <= BYTES_MAX);
    report(&Measured::figure(&name, megabytes(idle), Some(target)));
    let (mut client, mut salad) = (server.connect()?, Salad::new(51));
    for _ in 0..QUESTIONS {
        client.call("recall", &json!({ "query": salad.text(6), "all": true }))?;
    }
    let after = server.resident_bytes().unwrap_or_default();
    report(&Measured::figure(format!("{name}: after {QUESTIONS} recalls"), megabytes(after), None));
    Ok(())
}
