//! Two machines and a folder: remotes, sync, the vault.

use super::*;
use jay_store::Attempt;
use jay_testkit::files_below;
use serde_json::json;

/// A machine whose ids and keys are its own.
pub(super) fn machine(seed: u64) -> World {
    let steps = Steps { clock: Clock::new(), random: Mutex::new(Random::new(seed)), passes: 0.into() };
    let options = World::options(&TempHome::new(), EmbedderChoice::Test, "host");
    let home = TempHome::new();
    let options = EngineOptions { data_dir: home.path().join("scrubjay"), host: format!("machine-{seed}"), ..options };
    World::open_with(home, Arc::new(steps), options)
}

/// The person at the command line.
pub(super) fn at_hand(world: &World) -> Caller {
    Caller { door: Door::Cli, ..world.me.clone() }
}

/// A vault in a folder with two machines.
pub(super) fn two() -> (tempfile::TempDir, World, World) {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (machine(21), machine(22));
    let url = shared.path().display().to_string();
    let made = one.by(&at_hand(&one), "remote_add", json!({"name": "home", "url": url}));
    assert_eq!(made["vault"], "made");
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    let added = other.by(&at_hand(&other), "remote_add", json!({"name": "home", "url": url}));
    assert_eq!(added["vault"], "must_join");
    let refused = other.err("sync", json!({}));
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.hint.unwrap().contains("jay vault join home --code CODE"));
    other.ok("vault_join", json!({"code": code}));
    other.ok("sync", json!({}));
    one.ok("sync", json!({}));
    other.ok("sync", json!({}));
    (shared, one, other)
}

#[test]
fn what_arrived_is_found_by_text_and_meaning_when_the_command_returns() {
    let (_shared, one, other) = two();
    one.keep(json!({"text": "staging postgres listens on 5433", "tags": ["db"]}));
    let synced = one.ok("sync", json!({"remote": "home"}));
    assert_eq!(
        (&synced["pushed"], &synced["pulled"], &synced["outcome"]),
        (&json!(4), &json!(0), &json!("ok")),
        "{synced}"
    );
    let synced = other.ok("sync", json!({}));
    assert_eq!(synced["pulled"], 4, "{synced}");
    assert_eq!(synced["nodes"][0]["applied"], 4, "{synced}");
    assert_eq!(synced["nodes"][0]["name"], "machine-21", "{synced}");
    let hits = other.ok("recall", json!({"query": "postgres staging", "all": true, "explain": true}))["hits"].clone();
    assert_eq!(hits[0]["text"], "staging postgres listens on 5433", "{hits}");
    // The test embedder's vectors are made by jobs, and the answer says how many wait.
    other.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(other.ok("sync", json!({}))["not_embedded"], 0);
    let status = other.ok("sync_status", json!({}));
    assert_eq!(status["last"]["outcome"], "ok");
    assert_eq!(status["vault"]["is_member"], true);
    let nodes = status["remotes"][0]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{status}");
    assert!(nodes.iter().all(|node| node["standing"] == "member"), "{status}");
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let (shared, one, other) = two();
    one.keep(json!({"text": "alpha"}));
    let files = || files_below(shared.path()).unwrap().len();
    let before = (files(), one.changes());
    let told = one.ok("sync", json!({"dry_run": true}));
    assert_eq!((&told["pushed"], &told["pulled"]), (&json!(4), &json!(0)), "{told}");
    assert_eq!((files(), one.changes()), before);
    one.ok("sync", json!({"pull": true}));
    assert_eq!(files(), before.0, "nothing was shared");
    one.ok("sync", json!({"push": true}));
    let there = other.changes();
    let told = other.ok("sync", json!({"dry_run": true}));
    assert_eq!(told["pulled"], 4, "{told}");
    assert_eq!(other.changes(), there);
    other.ok("sync", json!({"push": true}));
    assert_eq!(other.changes(), there);
    other.ok("sync", json!({}));
    assert!(other.changes() > there);
}

#[test]
fn what_cannot_be_a_remote_is_refused_and_changes_nothing() {
    let world = machine(31);
    let shared = tempfile::tempdir().unwrap();
    let url = shared.path().display().to_string();
    let me = at_hand(&world);
    let missing = shared.path().join("no/such/place").display().to_string();
    let data = world.home.path().join("scrubjay/inside").display().to_string();
    let places = tempfile::tempdir().unwrap();
    let beside = |name: &str| places.path().join(name).display().to_string();
    jay_testkit::write(beside("file"), b"no folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/no/such/place", beside("link")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.home.path(), beside("way")).unwrap();
    #[cfg(unix)]
    for link in ["link", "way/scrubjay/inside", "way"] {
        assert_eq!(world.err_by(&me, "remote_add", json!({"name": "home", "url": beside(link)})).code, Code::BadInput);
    }
    let around = world.home.path().join("scrubjay/../scrubjay/inside").display().to_string();
    for (input, code) in [
        (json!({"name": "a b", "url": url}), Code::BadInput),
        (json!({"name": "-x", "url": url}), Code::BadInput),
        (json!({"name": "home", "url": beside("file")}), Code::BadInput),
        (json!({"name": "home", "url": beside("a\u{1}b")}), Code::BadInput),
        (json!({"name": "home", "url": "~/Sync"}), Code::BadInput),
        (json!({"name": "home", "url": "gopher://x/y"}), Code::BadInput),
        (json!({"name": "home", "url": url, "namespace": "private/x"}), Code::BadInput),
        (json!({"name": "home", "url": url, "namespace": "a//b"}), Code::BadInput),
        (json!({"name": "home", "url": missing}), Code::Unreachable),
        (json!({"name": "home", "url": data}), Code::BadInput),
        (json!({"name": "home", "url": around}), Code::BadInput),
        (json!({"name": "status", "url": url}), Code::BadInput),
    ] {
        assert_eq!(world.err_by(&me, "remote_add", input.clone()).code, code, "{input}");
    }
    assert_eq!(world.ok("remote_list", json!({}))["remotes"], json!([]));
    assert_eq!(files_below(shared.path()).unwrap().len(), 0);
    assert_eq!(world.err("sync", json!({})).code, Code::NotFound);
    assert_eq!(world.err("remote_show", json!({"name": "home"})).code, Code::NotFound);
    assert_eq!(world.err("vault_members", json!({})).code, Code::NotFound);
    // Paths are for the machine's own doors, and who shares with whom is for people.
    assert_eq!(world.err("remote_add", json!({"name": "home", "url": url})).code, Code::Refused);
    assert_eq!(world.err_by(&agent(), "vault_invite", json!({})).code, Code::Refused);

    world.by(&me, "remote_add", json!({"name": "home", "url": url}));
    assert_eq!(world.err_by(&me, "remote_add", json!({"name": "home", "url": url})).code, Code::Conflict);
    assert_eq!(world.err_by(&me, "remote_add", json!({"name": "other", "url": url})).code, Code::Conflict);
    let again = format!("{url}/../{}", shared.path().file_name().unwrap().display());
    assert_eq!(world.err_by(&me, "remote_add", json!({"name": "other", "url": again})).code, Code::Conflict);
    let checked = world.ok("remote_check", json!({"name": "home"}));
    assert_eq!((&checked["is_ours"], &checked["is_writable"]), (&json!(true), &json!(true)));
    // A machine of another vault does not mix with this one.
    let stranger = machine(32);
    let elsewhere = tempfile::tempdir().unwrap();
    stranger.by(
        &at_hand(&stranger),
        "remote_add",
        json!({"name": "own", "url": elsewhere.path().display().to_string()}),
    );
    assert_eq!(
        stranger.err_by(&at_hand(&stranger), "remote_add", json!({"name": "home", "url": url})).code,
        Code::Conflict
    );
    world.ok("remote_remove", json!({"name": "home"}));
    assert_eq!(world.ok("remote_list", json!({}))["remotes"], json!([]));
}

#[test]
fn a_removed_machine_learns_nothing_more_and_tells_nothing_more() {
    let (_shared, one, other) = two();
    other.keep(json!({"text": "written before"}));
    other.ok("sync", json!({}));
    let members = one.ok("vault_remove", json!({"who": "machine-22"}));
    assert_eq!(members["epoch"], 2);
    other.keep(json!({"text": "written after"}));
    other.ok("sync", json!({"push": true}));
    one.keep(json!({"text": "not for the other"}));
    one.ok("sync", json!({}));
    let all = |world: &World| {
        let mut texts = world.list(json!({"all": true}));
        texts.sort();
        texts
    };
    assert_eq!(all(&one), ["not for the other", "written before"]);
    // Its folder still has the files; it cannot open what is sealed with the new key.
    let answer = other.ask(&other.me, "sync", json!({}));
    assert!(!all(&other).contains(&"not for the other".to_owned()), "{answer:?}");
    // Nothing of it is lost on its own machine.
    assert_eq!(all(&other), ["written after", "written before"]);
    // A person lets it back in, by its id.
    let members = one.ok("vault_members", json!({}));
    assert_eq!(one.ok("vault_members", json!({"remote": "home"})), members);
    assert_eq!(one.err("vault_members", json!({"remote": "other"})).code, Code::NotFound);
    let of_other = members["members"].as_array().unwrap().iter().find(|member| member["name"] == "machine-22").unwrap();
    let id = of_other["node"].as_str().unwrap();
    assert_eq!(one.err("vault_add", json!({"who": "machine-22"})).code, Code::NotFound, "by its name only who asks");
    one.ok("vault_add", json!({"who": id}));
    for world in [&other, &one, &other, &one] {
        world.ok("sync", json!({}));
    }
    let everything = ["not for the other", "written after", "written before"];
    assert_eq!(
        (all(&one), all(&other)),
        (everything.map(str::to_owned).to_vec(), everything.map(str::to_owned).to_vec())
    );
}

#[test]
fn people_open_the_vault_with_a_passphrase_and_are_let_in_by_hand() {
    let (shared, one, _other) = two();
    one.keep(json!({"text": "the basin is deep"}));
    assert_eq!(one.err("vault_add", json!({"passphrase": "short"})).code, Code::BadInput);
    assert_eq!(one.err("vault_add", json!({"who": "age1nonsense"})).code, Code::BadInput);
    one.ok("vault_add", json!({"passphrase": "five words picked by dice"}));
    one.ok("sync", json!({}));
    let third = machine(23);
    let url = shared.path().display().to_string();
    third.by(&at_hand(&third), "remote_add", json!({"name": "home", "url": url}));
    assert_eq!(third.err("vault_join", json!({"passphrase": "other words altogether"})).code, Code::NotFound);
    assert_eq!(third.err("vault_join", json!({"code": "ABC"})).code, Code::BadInput);
    assert_eq!(third.err("vault_join", json!({})).code, Code::BadInput);
    third.ok("vault_join", json!({"passphrase": "five words picked by dice"}));
    third.keep(json!({"text": "from the third"}));
    third.ok("sync", json!({}));
    assert!(third.list(json!({"all": true})).contains(&"the basin is deep".to_owned()));
    let asking = one.ok("sync", json!({}));
    assert!(asking["notes"].to_string().contains("jay vault add"), "{asking}");
    let node = one.ok("sync_status", json!({}))["remotes"][0]["asking"][0]["node"].clone();
    one.ok("vault_add", json!({"who": node}));
    one.ok("sync", json!({}));
    assert!(one.list(json!({"all": true})).contains(&"from the third".to_owned()));
}

#[test]
fn a_purge_is_done_only_when_the_remote_is_rid_of_it() {
    let (_shared, one, other) = two();
    let id = one.keep(json!({"text": "the word is swordfish"}));
    for world in [&one, &other, &one] {
        world.ok("sync", json!({}));
    }
    other.ok("update", json!({"id": id, "text": "the word was swordfish"}));
    for world in [&other, &one, &other] {
        world.ok("sync", json!({}));
    }
    let place = |purged: &Value| -> Value {
        purged["places"].as_array().unwrap().iter().find(|place| place["place"] == "remote home").unwrap().clone()
    };
    let purge = json!({"ids": [id], "idempotency_key": "k"});
    let purged = one.by(&at_hand(&one), "purge", purge.clone());
    assert_eq!((&purged["done"], &place(&purged)["done"]), (&json!(false), &json!(false)), "{purged}");
    one.ok("sync", json!({}));
    // The other's file held it, too.
    let last = one.by(&at_hand(&one), "purge", purge);
    assert_eq!((&last["done"], &place(&last)["done"]), (&json!(true), &json!(true)), "{last}");
}

#[test]
fn what_a_killed_sync_left_in_plain_text_goes_with_a_purge() {
    let (_shared, one, _other) = two();
    let id = one.keep(json!({"text": "the word is swordfish"}));
    let (memory, archive) = stores_of(&one);
    let left = memory.state_file("checkpoint-plain-00ff.tmp");
    jay_testkit::write(&left, "the word is swordfish");
    let purge = json!({"ids": [id], "idempotency_key": "k"});
    let Attempt::Taken(running) = archive.exclusive("sync-remotes").unwrap() else { panic!("nobody holds it") };
    let purged = one.by(&at_hand(&one), "purge", purge.clone());
    let place = |purged: &Value| -> Value {
        let name = left.display().to_string();
        purged["places"].as_array().unwrap().iter().find(|place| place["place"] == name).unwrap().clone()
    };
    assert_eq!((&purged["done"], &place(&purged)["done"]), (&json!(false), &json!(false)), "{purged}");
    let who = format!("the sync of process {}", std::process::id());
    assert_eq!(place(&purged)["waiting_for"], who, "it may be its own: {purged}");
    assert!(left.exists());
    drop(running);
    let last = one.by(&at_hand(&one), "purge", purge);
    assert_eq!((&last["done"], &place(&last)["done"]), (&json!(true), &json!(true)), "{last}");
    assert!(!left.exists());
}

#[test]
fn what_was_said_at_one_moment_stands_in_one_order_on_every_machine() {
    let (_shared, one, other) = two();
    for world in [&one, &other, &one] {
        world.ok("sync", json!({}));
    }
    for round in 0..3 {
        for (world, name) in [(&other, "other"), (&one, "one")] {
            let text = format!("staging postgres of machine {name} {round}");
            world.keep(json!({"text": text, "created_at": "2026-01-01T00:00:00Z", "namespace": "work"}));
        }
        one.steps.clock.advance(jay_types::time::SECOND);
    }
    for world in [&one, &other, &one] {
        world.ok("sync", json!({}));
    }
    let pages = |world: &World, more: Value| {
        let (mut texts, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({"all": true, "limit": 2, "cursor": cursor});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let page = world.ok("list", input);
            texts.extend(page["memories"].as_array().unwrap().iter().map(|memory| memory["text"].clone()));
            match page.get("next") {
                Some(next) => cursor = next.clone(),
                None => return texts,
            }
        }
    };
    let listed = pages(&one, json!({}));
    assert_eq!(listed.len(), 6);
    assert_eq!(listed, pages(&other, json!({})));
    assert_eq!(listed, pages(&other, json!({"as_of": format!("pos:{}", other.changes())})));
    let recalled = |world: &World| -> Vec<Value> {
        let hits = world.ok("recall", json!({"query": "staging postgres", "all": true}))["hits"].clone();
        hits.as_array().unwrap().iter().map(|hit| hit["text"].clone()).collect()
    };
    assert_eq!(recalled(&one), recalled(&other));
    assert_eq!(recalled(&one).len(), 6);
}
