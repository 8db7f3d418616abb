//! Status, doctor, jobs.

use super::*;

#[test]
fn m21_a_machine_without_a_store_is_told_so() {
    let world = World::new();
    let status = world.ok("status", json!({}));
    assert_eq!(
        (
            &status["exists"],
            &status["memories"],
            status.get("node"),
            status.get("last_session_sync"),
            status.get("not_embedded")
        ),
        (&json!(false), &json!(0), None, None, None),
        "{status}"
    );
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
    assert_eq!(world.ok("jobs_list", json!({}))["jobs"], json!([]));
    assert_eq!(world.ok("jobs_run", json!({}))["done"], 0);
    for (op, input) in [
        ("recall", json!({"query": "x"})),
        ("list", json!({})),
        ("namespace_list", json!({})),
        ("session_list", json!({})),
    ] {
        world.ok(op, input);
    }
    assert_eq!(world.home.files().unwrap(), [], "reading makes no file");
}

#[test]
fn status_counts_what_is_shown() {
    let world = World::with(true);
    let a = world.keep(json!({"text": "a", "key": "k"}));
    world.keep(json!({"text": "b", "key": "k"}));
    let c = world.keep(json!({"text": "c", "namespace": "elsewhere"}));
    let status = world.ok("status", json!({}));
    assert_eq!(
        (&status["memories"], &status["namespaces"], &status["jobs_pending"], &status["not_embedded"]),
        (&json!(2), &json!(2), &json!(3), &json!(3)),
        "{status}"
    );
    world.ok("forget", json!({"ids": [c]}));
    world.ok("purge", json!({"ids": [a]}));
    assert_eq!(world.ok("status", json!({}))["memories"], 1);
    world.ok("jobs_run", json!({"until_empty": true}));
    let status = world.ok("status", json!({}));
    assert_eq!(
        (&status["jobs_pending"], &status["jobs_failed"], &status["not_embedded"]),
        (&json!(0), &json!(0), &json!(0)),
        "{status}"
    );
    assert!(status["bytes_memory"].as_u64().unwrap() > 0 && status["node"].is_string());
}

#[test]
fn jobs_are_listed_and_done_a_few_at_a_time() {
    let world = World::with(true);
    for n in 0..10 {
        world.keep(json!({"text": format!("memory {n}")}));
    }
    let jobs = world.ok("jobs_list", json!({"limit": 4}))["jobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), 4);
    assert_eq!(
        (&jobs[0]["kind"], &jobs[0]["state"], &jobs[0]["store"]),
        (&json!("embed"), &json!("pending"), &json!("memory"))
    );
    let run = world.ok("jobs_run", json!({"max": 3}));
    assert_eq!((&run["done"], &run["pending"]), (&json!(3), &json!(7)));
    let run = world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!((&run["done"], &run["pending"]), (&json!(7), &json!(0)));
}

#[test]
fn m04_m21_after_a_long_random_history_a_rebuild_gives_the_same_rows() {
    for seed in [99, 1, 2] {
        one_history(seed);
    }
}

fn one_history(seed: u64) {
    let world = World::with(true);
    let mut random = Random::new(seed);
    let mut ids = vec![world.keep(json!({"text": "first", "key": "k0"}))];
    let mut done = 0;
    for n in 0..400 {
        let id = random.pick(&ids).unwrap().clone();
        let other = random.pick(&ids).unwrap().clone();
        let word = random.letters(3);
        let (op, input) = match random.below(14) {
            0..=3 => (
                "remember",
                json!({"text": format!("text {}", random.below(60)), "tags": [word], "key": format!("k{}", random.below(5)), "namespace": format!("n{}", random.below(3))}),
            ),
            4 => ("remember", json!({"text": format!("other {n}"), "source": {"message": word}})),
            5 => ("update", json!({"id": id, "text": format!("text {}", random.below(60))})),
            6 => ("update", json!({"id": id, "add_tags": [word], "clear": ["key"]})),
            7 => ("forget", json!({"ids": [id]})),
            8 => ("unforget", json!({"id": id})),
            9 => ("link", json!({"from": id, "to": other})),
            10 => ("move", json!({"id": id, "to": format!("n{}", random.below(4))})),
            11 => ("undo", json!({})),
            12 => ("revert", json!({"id": id, "to": format!("pos:{}", random.below(n + 1))})),
            _ => {
                if random.chance(20) {
                    ("purge", json!({"ids": [id]}))
                } else {
                    ("feedback", json!({"id": id, "verdict": "useful"}))
                }
            }
        };
        match world.ask(&world.me, op, input.clone()) {
            Ok(answer) => {
                done += 1;
                if let Some(id) = answer["id"].as_str().filter(|id| !ids.iter().any(|known| known == id)) {
                    ids.push(id.to_owned());
                }
            }
            Err(error) => {
                assert!(!matches!(error.code, Code::Internal | Code::Damaged | Code::Io), "{op} {input}: {error:?}");
            }
        }
    }
    assert!(done > 200, "only {done} of 400 were done");
    world.ok("jobs_run", json!({"until_empty": true}));
    let answers = || {
        let input = json!({"query": "text other", "all": true, "limit": 50, "include_superseded": true});
        (
            world.ok("recall", input),
            world.ok("list", json!({"all": true, "limit": 500, "include_forgotten": true})),
            world.ok("namespace_list", json!({})),
        )
    };
    let before = answers();
    let diagnosis = world.ok("doctor", json!({"rebuild": true}));
    assert_eq!(diagnosis["healthy"], true, "{diagnosis}");
    let bad: Vec<&Value> = diagnosis["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "ok").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(diagnosis.to_string().contains("every row is the same"), "{diagnosis}");
    let after = answers();
    assert_eq!(after.1, before.1);
    assert_eq!(after.2, before.2);
    assert_eq!(after.0["hits"], before.0["hits"]);
}

/// Everything that one world holds is given to the other.
pub(super) fn send(from: &World, to: &World) -> jay_store::ReceiveReport {
    let entries = stores_of(from).0.read::<_, Error>(|tx| {
        let mut entries = Vec::new();
        for branch in tx.branches()? {
            entries.extend(tx.branch_changes(&branch, 0, u32::MAX)?.iter().map(jay_store::Journalled::entry));
        }
        Ok(entries)
    });
    stores_of(to).0.receive(&entries.unwrap()).unwrap()
}

/// A machine of its own, whose clock is ahead.
pub(super) fn world_ahead(microseconds: i64) -> World {
    let world = World::new();
    world.steps.random.lock().unwrap().fill(&mut [0; 64]);
    world.steps.clock.advance(microseconds);
    world
}

fn finding(world: &World, check: &str) -> Option<Value> {
    let findings = world.ok("doctor", json!({}))["findings"].clone();
    findings.as_array().unwrap().iter().find(|finding| finding["check"] == check).cloned()
}

#[test]
fn a_machine_whose_clock_is_ahead_is_named() {
    let (world, other) = (World::new(), world_ahead(2 * 3_600_000_000));
    world.keep(json!({"text": "here"}));
    assert_eq!((world.ok("status", json!({})).get("clocks_ahead"), finding(&world, "memory clocks")), (None, None));
    other.keep(json!({"text": "from the future", "namespace": "there"}));
    assert_eq!(send(&other, &world).refused, []);
    let status = world.ok("status", json!({}));
    let ahead = &status["clocks_ahead"][0];
    assert_eq!(ahead["node"], other.ok("status", json!({}))["node"]);
    assert!(ahead["changes"].as_u64().unwrap() >= 4 && ahead["own_clock"] == true, "{ahead}");
    assert!((7190..7210).contains(&ahead["ahead_seconds"].as_u64().unwrap()), "{ahead}");
    let found = finding(&world, "memory clocks").unwrap();
    assert_eq!(found["severity"], "warning");
    assert!(found["message"].as_str().unwrap().contains(ahead["node"].as_str().unwrap()), "{found}");
    assert!(found["hint"].as_str().unwrap().contains("Set the clock of that machine"), "{found}");
    assert_eq!(world.list(json!({"all": true})).len(), 2, "it is applied");
    // It stays on record, but nobody is warned for ever.
    world.steps.clock.advance(40 * 86_400_000_000);
    assert_eq!(world.ok("status", json!({}))["clocks_ahead"], status["clocks_ahead"]);
    assert_eq!(finding(&world, "memory clocks"), None);
}

#[test]
fn status_says_until_when_a_stream_that_is_too_far_ahead_waits() {
    const YEAR: i64 = 365 * 86_400_000_000;
    // Its own store believes that clock: it was right when the store was made, as far as it knows.
    let (world, other) = (World::new(), world_ahead(9 * YEAR));
    other.keep(json!({"text": "far", "namespace": "there"}));
    other.steps.clock.advance(3 * YEAR);
    other.keep(json!({"text": "too far", "namespace": "there"}));
    let report = send(&other, &world);
    assert_eq!(report.refused.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(), ["bad_clock"]);
    let note = |world: &World| {
        let notes = world.ok("status", json!({}))["notes"].clone();
        strings_in(&notes).into_iter().find(|note| note.starts_with("bad_clock"))
    };
    let waits = note(&world).unwrap();
    assert!(waits.contains("1 stream is more than ten years ahead") && waits.contains("again from 2028"), "{waits}");
    let found = finding(&world, "memory stopped clocks").unwrap();
    assert!(found["message"].as_str().unwrap().contains("again from 2028") && found["hint"].is_string(), "{found}");
    world.steps.clock.advance(3 * YEAR);
    let due = note(&world).unwrap();
    assert!(due.contains("has caught up with 1 stream"), "{due}");
    // The first write of another process lets it go on; the part comes with the next exchange.
    stores_of(&world).0.finish_jobs(&[]).unwrap();
    assert_eq!((note(&world), &world.ok("status", json!({}))["stopped"]), (None, &json!([])));
    assert_eq!(send(&other, &world).refused, []);
    assert_eq!(world.list(json!({"all": true})), ["too far", "far"]);
}

fn strings_in(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}
