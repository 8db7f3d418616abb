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
