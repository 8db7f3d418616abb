//! Machines whose clocks are wrong share a folder (J4): nothing is lost, whoever has seen a value can change it, and each is told whose
//! clock is off.

use super::sharing::{at_hand, machine};
use super::*;
use jay_types::time::DAY;

pub(super) const YEAR: i64 = 365 * DAY;

/// Machines of one vault, and the folder between them.
pub(super) struct Vault {
    shared: tempfile::TempDir,
    pub(super) machines: Vec<World>,
}

impl Vault {
    /// Machines with these clocks, beside the right one; they were right when the machines joined.
    pub(super) fn with_clocks(off: &[i64]) -> Self {
        let shared = tempfile::tempdir().unwrap();
        let machines: Vec<World> = (41..).take(off.len()).map(machine).collect();
        let mut vault = Self { shared, machines };
        for (at, world) in vault.machines.iter().enumerate() {
            vault.add_remote(world);
            if at > 0 {
                let code = vault.machines[0].ok("vault_invite", json!({}))["code"].clone();
                world.ok("vault_join", json!({"code": code}));
                world.ok("sync", json!({}));
            }
        }
        vault.settle();
        vault.set_clocks(off);
        vault
    }

    pub(super) fn add_remote(&self, world: &World) -> Value {
        let url = self.shared.path().display().to_string();
        world.by(&at_hand(world), "remote_add", json!({"name": "home", "url": url}))
    }

    /// Each is `off` from what the first machine shows, whose own clock moves by the first of them.
    pub(super) fn set_clocks(&mut self, off: &[i64]) {
        let now = self.machines[0].steps.clock.now().0;
        for (world, off) in self.machines.iter().zip(off) {
            let clock = &world.steps.clock;
            clock.advance(now + off - clock.now().0);
        }
    }

    /// Everybody syncs until all know everything and that the others know it.
    pub(super) fn settle(&self) {
        for _ in 0..3 {
            for world in &self.machines {
                world.ok("sync", json!({}));
            }
        }
    }

    /// What `of` says on every machine, which is to be the same.
    #[track_caller]
    pub(super) fn everywhere<T: PartialEq + std::fmt::Debug>(&self, of: impl Fn(&World) -> T) -> T {
        let mut all: Vec<T> = self.machines.iter().map(of).collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:#?}");
        all.remove(0)
    }
}

pub(super) fn node_of(world: &World) -> Value {
    world.ok("status", json!({}))["node"].clone()
}

/// What sync status says of the clock of another machine: by the field's name.
#[track_caller]
fn clock(world: &World, of: &World, field: &str) -> Option<Value> {
    let status = world.ok("sync_status", json!({}));
    let node = node_of(of);
    let nodes = status["remotes"][0]["nodes"].as_array().unwrap();
    nodes.iter().find(|one| one["node"] == node).unwrap_or_else(|| panic!("{status:#}")).get(field).cloned()
}

/// That it is about so much off now.
#[track_caller]
fn is_off(world: &World, of: &World, field: &str, by: i64) {
    let off = clock(world, of, field).unwrap_or_else(|| panic!("no {field} of {}", of.home.path().display()));
    let by_ms = by / 1000;
    let most_ms = off["most_ms"].as_i64().unwrap();
    assert!(off["is_now"] == true && (by_ms - 600_000..by_ms + 600_000).contains(&most_ms), "{field} {by_ms}: {off}");
    assert!(off["since"].as_str().unwrap() <= off["last_at"].as_str().unwrap(), "{off}");
}

#[track_caller]
fn is_well(world: &World, of: &World) {
    assert_eq!([clock(world, of, "clock_ahead"), clock(world, of, "clock_behind")], [None, None]);
}

fn text_of(id: &str) -> impl Fn(&World) -> String {
    move |world| world.get(id)["text"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_has_seen_a_value_changes_it_whatever_the_clocks_say() {
    let vault = Vault::with_clocks(&[0, DAY, -YEAR]);
    let [right, ahead, behind] = &vault.machines[..] else { panic!() };
    let id = ahead.keep(json!({"text": "the port is 1 by tomorrow's clock", "tags": ["a"]}));
    vault.settle();
    // Round and round: the one a year behind wins over the one a day ahead, and the other way round.
    for round in 0..3 {
        for (who, name) in [(behind, "behind"), (ahead, "ahead"), (right, "right")] {
            let text = format!("the port is {round} as {name} says");
            who.ok("update", json!({"id": id, "text": text, "add_tags": [format!("{name}-{round}")]}));
            who.ok("sync", json!({}));
            vault.settle();
            assert_eq!(vault.everywhere(text_of(&id)), text);
            assert_eq!(vault.everywhere(|world| world.get(&id)["conflicts"].clone()), json!(null));
        }
    }
    assert_eq!(right.get(&id)["tags"].as_array().unwrap().len(), 10, "no tag is lost");
    // What was forgotten by a clock that is behind stays forgotten; a new memory of it is nobody's to hide.
    behind.ok("forget", json!({"ids": [id]}));
    vault.settle();
    assert_eq!(vault.everywhere(|world| world.list(json!({"all": true}))), Vec::<String>::new());
    assert_eq!(vault.everywhere(|world| world.ok("doctor", json!({}))["healthy"].clone()), true);
}

#[test]
fn edits_at_the_same_time_end_equal_and_both_can_be_read() {
    let vault = Vault::with_clocks(&[0, DAY, -YEAR]);
    let [right, ahead, behind] = &vault.machines[..] else { panic!() };
    let id = right.keep(json!({"text": "the lamp is green"}));
    vault.settle();
    for (world, text) in [(ahead, "the lamp is blue"), (behind, "the lamp is red"), (right, "the lamp is white")] {
        world.ok("update", json!({"id": id, "text": text}));
        // Each has something besides.
        world.keep(json!({"text": format!("{text}, says its owner")}));
    }
    vault.settle();
    vault.everywhere(|world| world.get(&id)["text"].clone());
    let values = |world: &World| {
        let conflicts = world.get(&id)["conflicts"].clone();
        let heads = conflicts[0]["heads"].as_array().unwrap_or_else(|| panic!("{conflicts}")).clone();
        let mut texts: Vec<String> = heads.iter().map(|head| head["value"]["text"].to_string()).collect();
        texts.sort();
        texts
    };
    let read = vault.everywhere(values);
    assert_eq!(read, ["\"the lamp is blue\"", "\"the lamp is red\"", "\"the lamp is white\""]);
    // The one who is a year behind settles it for all.
    behind.ok("update", json!({"id": id, "text": "the lamp is off"}));
    vault.settle();
    assert_eq!(vault.everywhere(text_of(&id)), "the lamp is off");
    assert_eq!(vault.everywhere(|world| world.get(&id)["conflicts"].clone()), json!(null));
    let listed = |world: &World| {
        let mut texts = world.list(json!({"all": true}));
        texts.sort();
        texts
    };
    assert_eq!(vault.everywhere(listed).len(), 4);
}

#[test]
fn sync_status_tells_whose_clock_is_off_and_nothing_of_who_is_right() {
    let mut vault = Vault::with_clocks(&[0, 0, DAY, -YEAR]);
    vault.settle();
    for (at, world) in vault.machines.iter().enumerate() {
        world.keep(json!({"text": format!("note {at}")}));
    }
    vault.settle();
    // They have seen each other's clocks, and what they write now goes on from the one that is ahead.
    for (at, world) in vault.machines.iter().enumerate() {
        world.keep(json!({"text": format!("note {at}, later")}));
    }
    vault.settle();
    let [right, also_right, ahead, behind] = &vault.machines[..] else { panic!() };
    for (one, other) in [(right, also_right), (also_right, right)] {
        is_well(one, other);
        is_off(one, ahead, "clock_ahead", DAY);
        is_off(one, behind, "clock_behind", YEAR);
        assert_eq!(clock(one, ahead, "clock_behind"), None);
        assert_eq!(clock(one, behind, "clock_ahead"), None);
        assert!(clock(one, ahead, "clock_ahead").unwrap()["changes"].as_u64().unwrap() > 3);
        let notes = one.ok("sync_status", json!({}))["notes"].to_string();
        assert!(!notes.contains("this machine's clock") && !notes.contains("have clocks"), "{notes}");
        // Doctor and status name the same ones, once each, and not those who only went on from that clock.
        let findings = one.ok("doctor", json!({}))["findings"].as_array().unwrap().clone();
        let of_clocks =
            findings.iter().filter(|one| one["severity"] == "warning").map(|one| one["message"].to_string());
        let of_clocks: Vec<String> = of_clocks.collect();
        assert_eq!(of_clocks.len(), 2, "{of_clocks:#?}");
        assert!(of_clocks.iter().any(|said| said.contains(node_of(ahead).as_str().unwrap())), "{of_clocks:#?}");
        assert!(of_clocks.iter().any(|said| said.contains("machine-44") && said.contains("behind")), "{of_clocks:#?}");
        let status = one.ok("status", json!({}));
        assert_eq!(status["clocks_ahead"].as_array().unwrap().len(), 1, "{status}");
    }
    // To those who are off all others look wrong: they are told that it may be they.
    let said = |world: &World| world.ok("sync_status", json!({}))["notes"].to_string();
    assert!(
        said(ahead).contains("3 of the 3 other machines") && said(ahead).contains("this one that is ahead"),
        "{}",
        said(ahead)
    );
    assert!(
        said(behind).contains("3 of the 3 other machines") && said(behind).contains("this one that is behind"),
        "{}",
        said(behind)
    );
    // Set right, they say so themselves; that it was so is told for a while.
    vault.set_clocks(&[0, 0, 0, 0]);
    assert!(said(&vault.machines[2]).contains("less than when it last told of itself"), "{}", said(&vault.machines[2]));
    let findings = vault.machines[2].ok("doctor", json!({}))["findings"].to_string();
    assert!(findings.contains("by a clock that was ahead: when that was is not known"), "{findings}");
    for (at, world) in vault.machines.iter().enumerate() {
        world.keep(json!({"text": format!("note {at}, by right clocks")}));
    }
    vault.settle();
    for world in &vault.machines {
        let status = world.ok("sync_status", json!({}));
        for node in status["remotes"][0]["nodes"].as_array().unwrap() {
            for field in ["clock_ahead", "clock_behind"] {
                assert!(node.get(field).is_none_or(|off| off["is_now"] == false), "{node:#}");
            }
        }
        assert_eq!(status["notes"], json!([]));
    }
    let was = clock(&vault.machines[0], &vault.machines[2], "clock_ahead").unwrap();
    assert!(was["most_ms"].as_i64().unwrap() > DAY / 1000 - 600_000, "{was}");
    for world in &vault.machines {
        world.steps.clock.advance(40 * DAY);
    }
    is_well(&vault.machines[0], &vault.machines[2]);
}

#[test]
fn a_clock_that_jumps_between_writes_loses_nothing() {
    let mut vault = Vault::with_clocks(&[0, 0, 0]);
    let id = vault.machines[0].keep(json!({"text": "step 0"}));
    let mut kept = vec!["step 0".to_owned()];
    vault.settle();
    for (step, off) in [DAY, -YEAR, 30 * DAY, -DAY, YEAR, -2 * YEAR, 0].into_iter().enumerate() {
        vault.set_clocks(&[0, off, 0]);
        let jumping = &vault.machines[1];
        let text = format!("step {}", step + 1);
        jumping.ok("update", json!({"id": id, "text": text}));
        let note = format!("written at jump {step}");
        jumping.keep(json!({"text": note}));
        // It jumps in the middle of things, too.
        vault.set_clocks(&[0, -off, 0]);
        vault.machines[1].keep(json!({"text": format!("{note}, and back")}));
        kept.extend([note.clone(), format!("{note}, and back")]);
        vault.settle();
        assert_eq!(vault.everywhere(text_of(&id)), text);
        // Who has seen it wins over it, however far ahead it was.
        let right = &vault.machines[2];
        right.ok("update", json!({"id": id, "text": format!("{text}, and the right one after it")}));
        vault.settle();
        assert_eq!(vault.everywhere(text_of(&id)), format!("{text}, and the right one after it"));
        is_well(&vault.machines[0], &vault.machines[2]);
    }
    kept[0] = "step 7, and the right one after it".to_owned();
    kept.sort();
    let listed = |world: &World| {
        let mut texts = world.list(json!({"all": true, "limit": 100}));
        texts.sort();
        texts
    };
    assert_eq!(vault.everywhere(listed), kept);
    assert_eq!(vault.everywhere(|world| world.get(&id)["version"].clone()), 15);
    assert_eq!(vault.everywhere(|world| world.get(&id)["conflicts"].clone()), json!(null));
    let was = clock(&vault.machines[0], &vault.machines[1], "clock_ahead").unwrap();
    assert!(was["is_now"] == false && was["most_ms"].as_i64().unwrap() > 700 * DAY / 1000, "{was}");
}

#[test]
fn a_stream_more_than_ten_years_ahead_stops_alone_and_goes_on_by_itself() {
    let mut vault = Vault::with_clocks(&[0, 0, 9 * YEAR]);
    let texts = |world: &World| {
        let mut texts = world.list(json!({"all": true}));
        texts.sort();
        texts
    };
    // Nine years are believed.
    vault.machines[2].keep(json!({"text": "far", "namespace": "there"}));
    vault.set_clocks(&[0, 0, 21 * YEAR]);
    let refused = vault.machines[2].err("remember", json!({"text": "nobody would believe it"}));
    assert!(refused.code == Code::Refused && refused.hint.unwrap().contains("Set the clock"), "{}", refused.message);
    vault.set_clocks(&[0, 0, 12 * YEAR]);
    vault.machines[2].keep(json!({"text": "too far", "namespace": "there"}));
    vault.machines[1].keep(json!({"text": "of today", "namespace": "there"}));
    vault.settle();
    for world in &vault.machines[..2] {
        assert_eq!(texts(world), ["far", "of today"]);
        let status = world.ok("sync_status", json!({}));
        let refused = &status["refused"][0];
        assert_eq!((&refused["node"], &refused["reason"]), (&node_of(&vault.machines[2]), &json!("bad_clock")));
        assert!(refused["retry_from"].as_str().unwrap().starts_with("2028-"), "{refused}");
        let notes = status["notes"].to_string();
        for part in
            ["bad_clock: 1 stream of machine-43", "Look at both clocks", "`jay sync`", "once this clock shows 2028-"]
        {
            assert!(notes.contains(part), "no `{part}` in {notes}");
        }
        let waiting = status["remotes"][0]["faults"].to_string();
        assert!(waiting.contains("bad_clock") && waiting.contains("\"is_quarantined\":false"), "{waiting}");
        is_off(world, &vault.machines[2], "clock_ahead", 12 * YEAR);
    }
    // Nothing of others waits for it.
    vault.machines[0].keep(json!({"text": "and on it goes", "namespace": "there"}));
    vault.settle();
    assert_eq!(texts(&vault.machines[1]).len(), 3);
    // Three years later it is no longer too far.
    for world in &vault.machines[..2] {
        world.steps.clock.advance(3 * YEAR);
    }
    vault.settle();
    assert_eq!(vault.everywhere(texts), ["and on it goes", "far", "of today", "too far"]);
    for world in &vault.machines {
        assert_eq!(world.ok("sync_status", json!({}))["refused"], json!([]));
        assert!(!world.ok("sync_status", json!({}))["notes"].to_string().contains("bad_clock"));
    }
}

#[test]
fn a_machine_that_wakes_up_in_the_past_takes_everything_in_once_its_clock_is_set() {
    let mut vault = Vault::with_clocks(&[0, 0, 0]);
    // A board without a battery.
    vault.set_clocks(&[0, 0, -20 * YEAR]);
    vault.machines[0].keep(json!({"text": "from the one"}));
    vault.machines[1].keep(json!({"text": "from the other"}));
    vault.machines[2].keep(json!({"text": "from long ago"}));
    vault.settle();
    let late = &vault.machines[2];
    assert_eq!(late.list(json!({"all": true})), ["from long ago"]);
    let status = late.ok("sync_status", json!({}));
    assert!(status["refused"].as_array().unwrap().len() >= 2, "{status}");
    let notes = status["notes"].to_string();
    assert!(notes.contains("of machine-41") && notes.contains("of machine-42"), "{notes}");
    assert!(notes.contains("this one that is behind"), "{notes}");
    // What it writes is everybody's meanwhile.
    for world in &vault.machines[..2] {
        assert_eq!(world.list(json!({"all": true})).len(), 3);
        is_off(world, late, "clock_behind", 20 * YEAR);
    }
    vault.set_clocks(&[0, 0, 0]);
    vault.settle();
    let late = &vault.machines[2];
    assert_eq!(late.list(json!({"all": true})).len(), 3);
    assert_eq!(late.ok("sync_status", json!({}))["refused"], json!([]));
    assert_eq!(vault.everywhere(|world| world.ok("doctor", json!({}))["healthy"].clone()), true);
}
