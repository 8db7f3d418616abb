//! Documents at other doors and on other machines: what is made of files is changed by files alone.

use super::documents::{GUIDE, add, counts, documents, folder, titled};
use super::machine::{send, world_ahead};
use super::*;

#[test]
fn a_document_is_made_by_its_file_alone() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let before = world.changes();
    assert_eq!(world.err("remember", json!({"text": "x", "kind": "document"})).code, Code::BadInput);
    let note = world.keep(json!({"text": "a note"}));
    assert_eq!(world.err("update", json!({"id": note, "kind": "document"})).code, Code::BadInput);
    let filling = titled(&documents(&world), "Guide › Filling")["id"].clone();
    assert_eq!(world.err("update", json!({"id": filling, "kind": "note"})).code, Code::BadInput);
    assert_eq!(world.changes(), before + 1);
    // Its words may be changed by hand; the file says them again.
    world.ok("update", json!({"id": filling, "text": "by hand", "tags": ["oil"]}));
    assert_eq!(counts(&add(&world, &folder)), "changed 1, unchanged 1; changed 1, unchanged 3");
    let filling = world.get(filling.as_str().unwrap());
    assert_eq!((&filling["text"], &filling["tags"]), (&json!("## Filling\n\nUse the blue oil."), &json!(["oil"])));
    let moved = world.ok("move", json!({"id": filling["id"], "to": "elsewhere"}));
    assert_eq!(counts(&add(&world, &folder)), "changed 1, unchanged 1; added 1, unchanged 3");
    assert_eq!(world.get(moved["id"].as_str().unwrap())["place"]["line"], 5, "a copy knows where it stood");
}

#[test]
fn the_same_file_of_two_machines_is_one_document() {
    let (world, other) = (World::new(), world_ahead(5_000_000));
    world.keep(json!({"text": "the namespace is made here"}));
    send(&world, &other);
    let (here, there) = (folder(&world), folder(&other));
    // Both add it before they meet.
    assert_eq!(counts(&add(&world, &here)), "added 2; added 4");
    assert_eq!(counts(&add(&other, &there)), "added 2; added 4");
    assert_eq!((send(&world, &other).refused, send(&other, &world).refused), (vec![], vec![]));
    for (world, folder) in [(&world, &here), (&other, &there)] {
        assert_eq!(documents(world).len(), 4, "one holds each slot");
        let before = world.changes();
        assert_eq!(counts(&add(world, folder)), "unchanged 2; unchanged 4");
        assert_eq!(world.changes(), before, "whose folder it is is not written to and fro");
    }
    jay_testkit::write(here.join("guide.md"), GUIDE.replace("blue", "red"));
    assert_eq!(counts(&add(&world, &here)), "changed 1, unchanged 1; changed 1, unchanged 3");
    send(&world, &other);
    assert_eq!(other.recall(json!({"query": "red oil"})).len(), 1);
    jay_testkit::write(there.join("guide.md"), GUIDE.replace("blue", "red"));
    assert_eq!(counts(&add(&other, &there)), "unchanged 2; unchanged 4");
    // With a slot its other claims go: none comes to light.
    std::fs::remove_file(here.join("guide.md")).unwrap();
    assert_eq!(counts(&add(&world, &here)).split("; ").next(), Some("removed 1, unchanged 1"));
    assert_eq!(documents(&world).len(), 1);
    send(&world, &other);
    assert_eq!(documents(&other).len(), 1);
}

#[test]
fn a_clone_that_another_machine_read_is_taken_out_by_its_name_here() {
    let (world, other) = (World::new(), world_ahead(5_000_000));
    let (here, there) = (folder(&world), folder(&other));
    for world in [&world, &other] {
        world.home.write("notes/.git/HEAD", "ref: refs/heads/main\n");
    }
    add(&world, &here);
    send(&world, &other);
    other.ok("remember", json!({"text": "a note of the other machine"}));
    let before = other.changes();
    assert_eq!((counts(&add(&other, &there)), other.changes()), ("unchanged 2; unchanged 4".to_owned(), before));
    // A checkout that lags behind takes nothing away.
    std::fs::remove_file(there.join("guide.md")).unwrap();
    assert_eq!((counts(&add(&other, &there)), documents(&other).len()), ("unchanged 1; unchanged 1".to_owned(), 4));
    assert_eq!(other.ok("docs_remove", json!({"path": there.join("deep")}))["chunks"], 1);
    assert_eq!(other.ok("docs_list", json!({"path": there}))["files"][0]["path"], "guide.md");
    assert_eq!(other.ok("docs_remove", json!({"path": there}))["chunks"], 3);
}

#[test]
fn only_the_machine_itself_reads_its_files() {
    let world = World::new();
    let folder = folder(&world);
    for door in [Door::Http, Door::Mcp, Door::Web] {
        let caller = Caller { door, ..world.me.clone() };
        assert_eq!(world.err_by(&caller, "docs_add", json!({"path": folder})).code, Code::Refused, "{door:?}");
    }
    assert_eq!(world.err_by(&agent(), "docs_remove", json!({"path": folder})).code, Code::Refused);
    add(&world, &folder);
    let seen = world.by(&agent(), "docs_list", json!({}));
    assert_eq!(seen["roots"][0]["chunks"], 4);
    let rows = world.ok(
        "sql",
        json!({"query": "SELECT path, line, line_end, title FROM memories WHERE path IS NOT NULL ORDER BY path, line"}),
    );
    assert_eq!(rows["rows"][1], json!(["notes/guide.md", 1, 3, "Guide"]), "{rows}");
}
