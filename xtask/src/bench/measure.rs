//! What a process costs: wall-clock time, CPU time of it and its children, peak memory.
//!
//! CPU time is what a busy machine does not disturb; the targets of whole processes are in it.
//!
//! **Invariant:** one child at a time: the kernel adds up the CPU time of all children that were waited for.

use anyhow::{Context, Result, ensure};
use jay_testkit::Stopwatch;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What one run of a process cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// From the start of the process to its end.
    pub(crate) wall: Duration,
    /// User and system time.
    pub(crate) cpu: Duration,
}

/// Runs `command` to its end with no input and its output thrown away, which must succeed.
pub(crate) fn measure(command: &mut Command) -> Result<Cost> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let before = cpu_of_children()?;
    let watch = Stopwatch::start();
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let wall = watch.elapsed();
    let cpu = cpu_of_children()?.saturating_sub(before);
    ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        command.get_program().display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(Cost { wall, cpu })
}

fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("getrusage")?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds).context("the kernel counts CPU time upwards")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    // One test, since costs are told apart only while no other child of this process ends.
    #[test]
    fn waiting_costs_time_and_counting_costs_cpu() {
        let asleep = measure(&mut shell("sleep 0.2")).expect("sh runs");
        assert!(asleep.wall >= Duration::from_millis(200), "{asleep:?}");
        let busy = measure(&mut shell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done")).expect("sh runs");
        assert!(busy.cpu >= Duration::from_millis(20), "{busy:?}");
        let error = measure(&mut shell("echo broken >&2; exit 3")).expect_err("it failed");
        assert!(error.to_string().contains("broken"), "{error}");
        assert!(measure(&mut Command::new("/no/such/program")).is_err());
    }
}
