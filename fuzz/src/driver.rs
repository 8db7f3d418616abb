//! Runs targets for a bounded time on stable Rust and keeps the input that broke one.
//!
//! **Invariant:** an input is known before the target sees it, so that a panic and a hang both leave it behind.

use crate::Target;
use crate::mutate::mutate;
use jay_testkit::{Random, Stopwatch};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

/// One input that takes longer than this is a failure: every reader is bounded.
const HANG: Duration = Duration::from_secs(10);
/// How many inputs are kept to make others from, beside the seeds.
const POOL_MAX: usize = 256;

/// How one target fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The target's name.
    pub target: &'static str,
    /// How many inputs it has read.
    pub runs: u64,
    /// What broke it.
    pub failure: Option<Failure>,
}

/// An input that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was said about it.
    pub message: String,
    /// The input.
    pub input: Vec<u8>,
}

/// Runs every target in a thread of its own for `time`, from `seed`; a target stops at its first failure.
#[must_use]
pub fn run_all(targets: &'static [Target], time: Duration, seed: u64) -> Vec<Outcome> {
    let states: Vec<State> = targets.iter().map(|_| State::default()).collect();
    // Threads of their own life: one that hangs cannot be joined, and must not keep the others' result back.
    let states: &'static [State] = Vec::leak(states);
    for (target, state) in targets.iter().zip(states) {
        std::thread::Builder::new()
            .name(target.name.to_owned())
            .spawn(move || search(target, state, time, seed))
            .expect("a machine that runs tests can start a thread");
    }
    targets.iter().zip(states).map(|(target, state)| state.wait(target.name)).collect()
}

/// What a searching thread lets others see.
#[derive(Default)]
struct State {
    now: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    runs: u64,
    input: Vec<u8>,
    since: Option<Stopwatch>,
    failure: Option<String>,
    ended: bool,
}

impl State {
    /// Waits until the thread has ended, failed or hung.
    fn wait(&self, target: &'static str) -> Outcome {
        loop {
            {
                let now = self.now.lock().expect("no thread panics while it holds the lock");
                let hangs = now.since.is_some_and(|since| since.elapsed() > HANG);
                let message = match &now.failure {
                    Some(message) => Some(message.clone()),
                    None if hangs && !now.ended => Some(format!("no end after {HANG:?}")),
                    None => None,
                };
                if now.ended || message.is_some() {
                    let failure = message.map(|message| Failure { message, input: now.input.clone() });
                    return Outcome { target, runs: now.runs, failure };
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn search(target: &Target, state: &State, time: Duration, seed: u64) {
    let mut random = Random::new(seed);
    let mut pool: Vec<Vec<u8>> = target.seeds.all();
    let seed_count = pool.len();
    let watch = Stopwatch::start();
    let mut seeds = pool.clone().into_iter();
    let mut failure = None;
    while failure.is_none() && watch.elapsed() < time {
        // The seeds go first, as they are.
        let input = seeds.next().unwrap_or_else(|| {
            let other = random.pick(&pool).cloned().unwrap_or_default();
            let mut input = random.pick(&pool).cloned().unwrap_or_default();
            mutate(&mut random, &mut input, &other);
            input
        });
        {
            let mut now = state.now.lock().expect("no thread panics while it holds the lock");
            now.runs += 1;
            now.input.clone_from(&input);
            now.since = Some(Stopwatch::start());
        }
        failure = catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).err().map(|panic| message(panic.as_ref()));
        // A few inputs far from the seeds are kept, so that the search walks on; the seeds always stay.
        if random.chance(1) {
            if pool.len() < POOL_MAX {
                pool.push(input);
            } else if let Some(kept) = pool.get_mut(seed_count..).and_then(|kept| {
                let at = random.index(kept.len());
                kept.get_mut(at)
            }) {
                *kept = input;
            }
        }
    }
    let mut now = state.now.lock().expect("no thread panics while it holds the lock");
    now.failure = failure;
    now.ended = true;
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seeds;

    fn fine(_: &[u8]) {}

    fn broken(input: &[u8]) {
        assert!(!input.windows(2).any(|pair| pair == b"\xff/"), "two bytes that must not meet");
    }

    fn endless(input: &[u8]) {
        if input == b"stop" {
            std::thread::sleep(Duration::from_secs(3_600));
        }
    }

    const TARGETS: &[Target] = &[
        Target { name: "fine", run: fine, seeds: Seeds::Written(&[b"a"]) },
        Target { name: "broken", run: broken, seeds: Seeds::Written(&[b"a/b"]) },
        Target { name: "endless", run: endless, seeds: Seeds::Written(&[b"go", b"stop"]) },
    ];

    #[test]
    fn what_breaks_or_hangs_is_found_with_its_input() {
        let outcomes = run_all(TARGETS, Duration::from_secs(4), 1);
        let [fine, broken, endless] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert!(fine.runs > 1_000 && fine.failure.is_none(), "{fine:?}");
        let failure = broken.failure.as_ref().expect("it is easy to find");
        assert_eq!(failure.message, "two bytes that must not meet");
        assert!(failure.input.windows(2).any(|pair| pair == b"\xff/"), "{failure:?}");
        assert_eq!(endless.runs, 2);
        assert_eq!(endless.failure.as_ref().map(|failure| failure.input.as_slice()), Some(b"stop".as_slice()));
    }
}
