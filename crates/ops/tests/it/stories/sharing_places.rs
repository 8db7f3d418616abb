//! Who sees what by its place: a namespace is judged by every name that it has, and what changes that asks first.

use super::sharing::{at_hand, two};
use super::*;
use serde_json::json;

/// Both sync until nothing is on the way, and what one may not share is not on the other.
fn stays(one: &World, other: &World, text: &str) {
    for world in [one, other, one, other] {
        world.ok("sync", json!({}));
    }
    let found = other.ok("list", json!({"all": true}));
    assert!(!found.to_string().contains(text), "{text}: {found}");
}

#[test]
fn a_rename_or_move_that_changes_who_sees_it_is_asked_about() {
    let (_shared, one, _other) = two();
    let secret = one.keep(json!({"text": "the diary", "namespace": "private/diary"}));
    let shared = one.keep(json!({"text": "the lamp", "namespace": "work/lamp"}));
    let before = one.changes();
    for (op, input) in [
        ("namespace_rename", json!({"from": "private/diary", "to": "work/diary"})),
        ("namespace_rename", json!({"from": "work/lamp", "to": "private/lamp"})),
        ("namespace_merge", json!({"from": "private/diary", "into": "work/lamp"})),
        ("move", json!({"id": secret, "to": "work/lamp"})),
        ("move", json!({"id": shared, "to": "private/diary"})),
    ] {
        let refused = one.err(op, input.clone());
        assert_eq!(refused.code, Code::Refused, "{op}");
        assert!(refused.message.contains("shared with home"), "{op}: {}", refused.message);
        assert_eq!(refused.details["confirm"], "change_sharing", "{op}");
    }
    // Who looks first is told.
    let dry = |from: &str| one.ok("namespace_merge", json!({"from": from, "into": "work/lamp", "dry_run": true}));
    let words = "what stands in private/diary is shared with home once it stands in work/lamp";
    assert_eq!(dry("private/diary")["notes"], json!([words]));
    // An agent does not say that it is meant.
    let by_agent = json!({"id": secret, "to": "work/lamp", "change_sharing": true});
    let refused = one.err_by(&agent(), "move", by_agent);
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.hint.unwrap().contains("ask yours"));
    assert_eq!(one.changes(), before);
    one.keep(json!({"text": "the shade", "namespace": "work/shade"}));
    assert_eq!(dry("work/shade").get("notes"), None);
    // Within what is shared, and within what is not, nobody is asked.
    one.ok("namespace_rename", json!({"from": "private/diary", "to": "private/days"}));
    one.ok("namespace_rename", json!({"from": "work/lamp", "to": "work/light"}));
    one.ok("move", json!({"id": secret, "to": "work/light", "change_sharing": true}));
}

#[test]
fn what_is_written_to_a_private_name_stays_whatever_the_namespace_is_called() {
    let (_shared, one, other) = two();
    // In another case than ours.
    one.keep(json!({"text": "the cup", "namespace": "Private/x"}));
    stays(&one, &other, "the cup");
    // By an alias of what was shared, which is asked about: it is shared no longer.
    one.keep(json!({"text": "the home", "namespace": "home"}));
    one.ok("sync", json!({}));
    let input = json!({"path": "home", "alias": "private/home"});
    let refused = one.err("namespace_alias", input.clone());
    assert!(refused.code == Code::Refused && refused.message.contains("no longer shared with home"), "{refused:?}");
    one.ok("namespace_alias", json!({"path": "home", "alias": "private/home", "change_sharing": true}));
    one.keep(json!({"text": "the ring", "namespace": "private/home"}));
    assert_eq!(one.ok("namespace_show", json!({"path": "home"}))["private"], true);
    stays(&one, &other, "the ring");
    let mut back = input;
    back["remove"] = json!(true);
    assert!(one.err("namespace_alias", back).message.contains("is shared with home"));
    // After a merge into what is shared the private path is a namespace of its own, once more.
    one.keep(json!({"text": "the diary", "namespace": "private/diary"}));
    one.keep(json!({"text": "the lamp", "namespace": "work/lamp"}));
    one.ok("namespace_merge", json!({"from": "private/diary", "into": "work/lamp", "change_sharing": true}));
    one.keep(json!({"text": "the night", "namespace": "private/diary"}));
    stays(&one, &other, "the night");
    assert!(other.ok("list", json!({"all": true})).to_string().contains("the diary"));
}

#[test]
fn a_path_that_means_a_private_namespace_is_judged_as_that() {
    let (_shared, one, _other) = two();
    let open = one.keep(json!({"text": "the lamp", "namespace": "work/d"}));
    one.keep(json!({"text": "the desk", "namespace": "work/e"}));
    one.ok("namespace_rename", json!({"from": "work/d", "to": "private/d", "change_sharing": true}));
    let second = one.keep(json!({"text": "the chair", "namespace": "work/e"}));
    for (op, input, words) in [
        ("namespace_rename", json!({"from": "work/d", "to": "work/f"}), "is shared with home"),
        ("namespace_merge", json!({"from": "work/d", "into": "work/e"}), "is shared with home"),
        ("move", json!({"id": second, "to": "work/d"}), "is no longer shared with home"),
        ("move", json!({"id": open, "to": "work/e"}), "is shared with home"),
    ] {
        let refused = one.err(op, input);
        assert_eq!(refused.code, Code::Refused, "{op}");
        assert!(refused.message.contains(words), "{op}: {}", refused.message);
    }
}

#[test]
fn what_was_written_while_it_was_private_is_not_shared_by_a_rename_elsewhere() {
    let (_shared, one, other) = two();
    one.keep(json!({"text": "the lamp", "namespace": "work/x"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    one.ok("namespace_rename", json!({"from": "work/x", "to": "private/x", "change_sharing": true}));
    one.keep(json!({"text": "the secret", "namespace": "private/x"}));
    other.ok("namespace_rename", json!({"from": "work/x", "to": "work/y"}));
    other.keep(json!({"text": "the table", "namespace": "work/y"}));
    stays(&one, &other, "the secret");
    // What others write there goes on coming; here it is told that this stays.
    assert!(one.ok("list", json!({"all": true})).to_string().contains("the table"));
    let path = one.ok("namespace_list", json!({}))["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .find(|namespace| namespace["path"].as_str().unwrap().ends_with("/y") || namespace["path"] == "private/x")
        .map(|namespace| (namespace["path"].as_str().unwrap().to_owned(), namespace["private"].clone()))
        .unwrap();
    assert_eq!(path.1, true, "{path:?}");
    // Another name is given knowingly, and settles it.
    let rename = |meant: bool| json!({"from": path.0, "to": "work/z", "change_sharing": meant});
    assert!(one.err("namespace_rename", rename(false)).message.contains("is shared with home"));
    one.ok("namespace_rename", rename(true));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    assert!(other.ok("list", json!({"all": true})).to_string().contains("the secret"));
}

/// The place of a purge that other machines are, where it does not reach them.
fn others_of(purged: &Value) -> Option<String> {
    let places = purged["places"].as_array().unwrap();
    let place = places.iter().find(|place| place["place"] == "remote home, machines that took it in")?;
    assert_eq!((&place["done"], &purged["done"]), (&json!(false), &json!(false)));
    Some(place["waiting_for"].as_str().unwrap().to_owned())
}

#[test]
fn a_purge_that_no_longer_reaches_the_others_is_not_done() {
    let (shared, one, other) = two();
    let keep = |namespace: &str, text: &str| one.keep(json!({"text": text, "namespace": namespace}));
    let renamed = keep("work/a", "the lamp");
    let aliased = keep("work/b", "the desk");
    let left_out = keep("work/c", "the chair");
    let never = keep("private/d", "the diary");
    let before = keep("work/e", "the cup");
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    let purge = |id: &str| one.by(&at_hand(&one), "purge", json!({"ids": [id], "idempotency_key": id}));
    purge(&before);
    one.ok("sync", json!({}));
    let rename = |from: &str, to: &str| {
        one.ok("namespace_rename", json!({"from": from, "to": to, "change_sharing": true}));
    };
    rename("work/a", "private/a");
    rename("work/e", "private/e");
    one.ok("namespace_alias", json!({"path": "work/b", "alias": "private/b", "change_sharing": true}));
    one.by(&at_hand(&one), "remote_remove", json!({"name": "home"}));
    let url = shared.path().display().to_string();
    one.by(&at_hand(&one), "remote_add", json!({"name": "home", "url": url, "namespace": "work/a,work/b,work/e"}));
    for round in 0..2 {
        for (id, path) in [(&renamed, "private/a"), (&aliased, "work/b"), (&left_out, "work/c")] {
            let said = others_of(&purge(id)).unwrap_or_else(|| panic!("{path}, round {round}"));
            assert!(said.contains(&format!("`{path}` is not shared with `home` any longer")), "{said}");
        }
        // What nobody else ever had, and what they heard of before it was shared no longer.
        assert_eq!((others_of(&purge(&never)), others_of(&purge(&before))), (None, None));
        one.ok("sync", json!({}));
    }
    // Shared again, it goes on its way.
    rename("private/a", "work/a");
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    let purged = purge(&renamed);
    assert_eq!((others_of(&purged), &purged["done"]), (None, &json!(true)), "{purged}");
    assert_eq!(other.err("get", json!({"ids": [renamed]})).code, Code::NotFound);
}

#[test]
fn what_machines_said_apart_of_a_namespace_is_told_as_that_with_what_settles_it() {
    let (_shared, one, other) = two();
    let id = one.keep(json!({"text": "alpha", "namespace": "work"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    let (me, you) = (at_hand(&one), at_hand(&other));
    one.by(&me, "namespace_rename", json!({"from": "work", "to": "here"}));
    other.by(&you, "namespace_rename", json!({"from": "work", "to": "there"}));
    one.by(&me, "namespace_set", json!({"path": "here", "secrets": "allow"}));
    other.by(&you, "namespace_set", json!({"path": "there", "secrets": "refuse"}));
    let forget =
        |world: &World| world.ok("forget", json!({"ids": [id], "reason": world.steps.clock.now().0.to_string()}));
    forget(&one);
    forget(&other);
    let findings = |world: &World| -> Vec<Value> {
        let found = world.ok("doctor", json!({}))["findings"].clone();
        let about =
            |one: &&Value| one["check"].as_str().unwrap().ends_with("conflicts") || one["check"] == "memory namespaces";
        found.as_array().unwrap().iter().filter(about).cloned().collect()
    };
    for world in [&one, &other, &one] {
        world.ok("sync", json!({}));
    }
    for world in [&one, &other] {
        assert_eq!(world.ok("status", json!({}))["conflicts"], 0, "no memory that can be read has two values");
        let found = findings(world);
        assert_eq!(found.len(), 2, "{found:?}");
        let said = serde_json::to_string(&found).unwrap();
        for part in ["`there` and `here`", "jay namespace rename there NAME", "--secrets RULE"] {
            assert!(said.contains(part), "{said}");
        }
    }
    one.by(&me, "namespace_rename", json!({"from": "there", "to": "work"}));
    one.by(&me, "namespace_set", json!({"path": "work", "secrets": "refuse"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(findings(world), Vec::<Value>::new());
    }
}
