//! kill -9 of the real binary under a writing load: what was answered is there, and the doctor finds nothing.

use super::Home;
use super::doors::Server;
use jay_testkit::kill::{KillAfter, feed_and_kill};
use jay_testkit::{Random, Salad, counts};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// Lines that are offered to each process; more than it answers before it is killed.
const LINES: usize = 3000;

#[test]
fn every_answered_memory_survives_kill_9() {
    let home = Home::new();
    let mut random = Random::new(9);
    let mut salad = Salad::new(9);
    let mut answered: Vec<String> = Vec::new();
    let mut killed_running = 0;
    for _ in 0..counts().kills() {
        let lines: Vec<String> =
            (0..LINES).map(|_| json!({"op": "remember", "input": {"text": salad.text(20)}}).to_string()).collect();
        let after = KillAfter { answers: 1 + random.index(200), pause: Duration::from_micros(random.below(3000)) };
        let killed = feed_and_kill(home.jay(&["call"]), lines, after);
        killed_running += usize::from(killed.was_running);
        for line in &killed.answers {
            let answer: Value = serde_json::from_str(line).unwrap();
            assert_eq!(answer["ok"], true, "{line}");
            answered.push(answer["value"]["id"].as_str().unwrap().to_owned());
        }
    }
    assert!(killed_running > 0, "no process was killed while it wrote");
    all_there(&home, &answered);
}

/// Writers that share commits: none is answered before its own.
#[test]
fn every_answer_of_a_server_survives_kill_9() {
    const WRITERS: u64 = 8;
    const PATIENCE_MS: u32 = 60_000;
    let home = Home::new();
    let mut random = Random::new(10);
    let answered = Mutex::new(Vec::new());
    for kill in 0..u64::from(counts().kills()) {
        let server = Server::start(&home, &[]);
        let before = answered.lock().unwrap().len();
        // Counted in answers, so that a slow machine kills it under load too.
        let (enough, pause) = (before + 1 + random.index(60), Duration::from_micros(random.below(3000)));
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (server, answered) = (&server, &answered);
                scope.spawn(move || {
                    let mut salad = Salad::new(1000 * kill + writer);
                    while let Some((status, answer)) = server.try_post("/v1/remember", &json!({"text": salad.text(20)}))
                    {
                        assert_eq!(status, 200, "{answer}");
                        answered.lock().unwrap().push(answer["id"].as_str().unwrap().to_owned());
                    }
                });
            }
            for _ in 0..PATIENCE_MS {
                if answered.lock().unwrap().len() >= enough {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(pause);
            server.process.kill();
        });
    }
    let answered = answered.into_inner().unwrap();
    assert!(answered.len() > counts().kills() as usize, "{} answered", answered.len());
    all_there(&home, &answered);
}

/// Every one of these memories is there, and the store is sound.
fn all_there(home: &Home, answered: &[String]) {
    for ids in answered.chunks(100) {
        let input = json!({"op": "get", "input": {"ids": ids}}).to_string();
        let done = home.run_with(&["call"], &format!("{input}\n"));
        let answer: Value = serde_json::from_str(done.stdout.trim()).unwrap();
        assert_eq!(answer["value"]["memories"].as_array().map(Vec::len), Some(ids.len()), "{answer}");
    }
    let doctor = home.run(&["doctor", "--rebuild"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.stdout, doctor.stderr);
    assert!(doctor.stdout.contains("every row is the same"), "{}", doctor.stdout);
}
