//! Over servers of buckets that `scripts/test buckets` starts: one of S3, with a user who may do what docs/remotes.md says and
//! no more, and one of Azure. A target of its own, which runs where it is named only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../conformance.rs"]
mod conformance;
#[path = "../support.rs"]
#[allow(dead_code, reason = "what the tests over folders need too")]
mod support;
#[path = "../world.rs"]
#[allow(dead_code, reason = "what the tests over folders need too")]
mod world;

use conformance::{conforms, paths};
use jay_testkit::Random;
use jay_transfer::remote::bucket::{Bucket, BucketSettings};
use jay_transfer::remote::{Created, Remote};
use jay_types::{Code, EntityId, NamespaceId};
use std::sync::Barrier;
use world::{Home, settle, vault_at};

#[expect(clippy::disallowed_methods, reason = "what scripts/test started is told by the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: these tests need a server; `./scripts/test buckets` starts it and runs them")
    })
}

fn settings(id: &str, secret: &str) -> BucketSettings {
    let variables = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    BucketSettings { variables: variables.into_iter().map(owned).collect(), ..BucketSettings::default() }
}

/// The clouds that there are servers of.
const CLOUDS: [&str; 2] = ["JAY_TEST_S3", "JAY_TEST_AZURE"];

/// The address of a cloud's bucket, with one more name in its prefix.
fn address(cloud: &str, name: &str) -> String {
    variable(cloud).replacen('?', &format!("/{name}?"), 1)
}

fn bucket(cloud: &str, name: &str) -> Bucket {
    let mut settings = if cloud == "JAY_TEST_S3" {
        settings(&variable("JAY_TEST_S3_ID"), &variable("JAY_TEST_S3_SECRET"))
    } else {
        settings("", "")
    };
    if cloud == "JAY_TEST_AZURE" {
        settings.variables.insert("AZURE_STORAGE_KEY".to_owned(), variable("JAY_TEST_AZURE_KEY"));
    }
    Bucket::new(&address(cloud, name), &settings).unwrap()
}

#[test]
fn a_bucket_conforms() {
    for cloud in CLOUDS {
        conforms(&bucket(cloud, "conforms"));
    }
}

#[test]
fn the_server_keeps_what_it_is_told_to_create() {
    for cloud in CLOUDS {
        let bucket = bucket(cloud, "conditions");
        assert!(bucket.holds_writers_apart().unwrap(), "{cloud}");
        assert!(bucket.holds_writers_apart().unwrap(), "{cloud}: and again");
        assert_eq!(bucket.list("").unwrap(), []);
    }
}

#[test]
fn a_listing_of_several_pages_is_whole() {
    let bucket = bucket("JAY_TEST_S3", "pages");
    let names: Vec<String> = (0..1_203).map(|n| format!("nodes/a/{n:05}")).collect();
    for name in &names {
        bucket.replace(name, b"x").unwrap();
    }
    assert_eq!(paths(&bucket, ""), names);
    assert_eq!(paths(&bucket, "nodes/a/0120").len(), 3);
}

#[test]
fn of_several_who_create_one_file_one_does() {
    let home = tempfile::tempdir().unwrap();
    // Azure has no condition on the completion of a large one.
    for (cloud, name, bytes) in [(CLOUDS[0], "small", 10), (CLOUDS[0], "large", 9 << 20), (CLOUDS[1], "small", 10)] {
        let barrier = Barrier::new(4);
        let made: Vec<Created> = std::thread::scope(|scope| {
            let each = |number: u8| {
                let (barrier, from) = (&barrier, home.path().join(format!("{cloud}-{name}-{number}")));
                scope.spawn(move || {
                    jay_testkit::write(&from, vec![number; bytes]);
                    let bucket = bucket(cloud, "race");
                    barrier.wait();
                    bucket.upload(&format!("nodes/a/{name}"), &from, &mut |_| ()).unwrap()
                })
            };
            let threads: Vec<_> = (0..4).map(each).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|made| **made == Created::Written).count(), 1, "{cloud} {name}: {made:?}");
        let winner = u8::try_from(made.iter().position(|made| *made == Created::Written).unwrap()).unwrap();
        let there = bucket(cloud, "race").read(&format!("nodes/a/{name}"), u64::MAX).unwrap().unwrap();
        assert!(there == vec![winner; bytes], "{cloud} {name}: what is there is the winner's");
    }
}

#[test]
fn who_has_no_rights_is_refused_without_a_word_of_the_credential() {
    let (id, secret) = (variable("JAY_TEST_S3_STRANGER_ID"), variable("JAY_TEST_S3_STRANGER_SECRET"));
    let member = variable("JAY_TEST_S3_ID");
    for (id, secret) in [(&id, secret.as_str()), (&member, "a-wrong-secret"), (&"AKIANOBODY".to_owned(), &secret)] {
        let bucket = Bucket::new(&address(CLOUDS[0], "rights"), &settings(id, secret)).unwrap();
        let errors = [
            bucket.list("").unwrap_err(),
            bucket.read("nodes/a/x", 10).unwrap_err(),
            bucket.create("nodes/a/x", b"x").unwrap_err(),
            bucket.replace("nodes/a/x", b"x").unwrap_err(),
            bucket.delete("nodes/a/x").unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.code, Code::Refused, "{error:?}");
            assert!(error.hint.as_ref().unwrap().contains("AWS_ACCESS_KEY_ID"), "{error:?}");
            let told = format!("{error:?} {bucket:?}");
            assert!(!told.contains(id.as_str()) && !told.contains(secret), "{told}");
        }
    }
}

#[test]
fn a_wrong_key_and_a_missing_container_are_told() {
    let mut settings = settings("", "");
    settings.variables.insert("AZURE_STORAGE_KEY".to_owned(), "aHVudGVyMg==".to_owned());
    let error = Bucket::new(&address(CLOUDS[1], "rights"), &settings).unwrap().list("").unwrap_err();
    assert_eq!(error.code, Code::Refused, "{error:?}");
    assert!(error.hint.as_ref().unwrap().contains("AZURE_STORAGE_KEY"), "{error:?}");
    assert!(!format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");

    settings.variables.insert("AZURE_STORAGE_KEY".to_owned(), variable("JAY_TEST_AZURE_KEY"));
    let missing = variable(CLOUDS[1]).replacen("jay-test", "missing", 1);
    let bucket = Bucket::new(&missing, &settings).unwrap();
    for error in [
        bucket.list("").unwrap_err(),
        bucket.read("nodes/a/x", 1).unwrap_err(),
        bucket.create("nodes/a/x", b"x").unwrap_err(),
    ] {
        assert_eq!(error.code, Code::Unreachable, "{error:?}");
        assert!(error.message.contains("no such bucket"), "{error:?}");
    }
}

#[test]
fn outside_of_the_prefix_nothing_is_allowed() {
    let (id, secret) = (variable("JAY_TEST_S3_ID"), variable("JAY_TEST_S3_SECRET"));
    let outside = variable("JAY_TEST_S3").replacen("/team?", "/elsewhere?", 1);
    let bucket = Bucket::new(&outside, &settings(&id, &secret)).unwrap();
    assert_eq!(bucket.create("nodes/a/x", b"x").unwrap_err().code, Code::Refused);
}

/// What three machines do before each sync.
const ROUNDS: u64 = 8;

/// One of them writes or edits something, and those who sync do so at the same time.
fn round(
    homes: &[Home],
    cloud: &str,
    random: &mut Random,
    known: &mut Vec<(usize, (NamespaceId, EntityId))>,
    number: u64,
) {
    for _ in 0..5 {
        let at = random.index(homes.len());
        let own: Vec<_> = known.iter().filter(|(of, _)| *of == at).map(|(_, note)| *note).collect();
        match random.pick(&own) {
            Some(note) if random.chance(50) => {
                homes[at].edit(*note, &format!("edited in {number}: {}", random.letters(12)));
            }
            _ => known.push((at, homes[at].remember("work/acme", &format!("{number}: {}", random.letters(12))))),
        }
    }
    std::thread::scope(|scope| {
        for home in homes.iter().filter(|_| random.chance(70)) {
            scope.spawn(move || home.sync(&bucket(cloud, "machines")));
        }
    });
}

#[test]
fn machines_that_share_a_bucket_end_with_the_same() {
    for cloud in CLOUDS {
        let at = bucket(cloud, "machines");
        let homes = vault_at(&at, 2);
        let (mut random, mut known) = (Random::new(1), Vec::new());
        for number in 0..ROUNDS {
            round(&homes, cloud, &mut random, &mut known, number);
        }
        settle(&homes, &at);
        for home in &homes {
            assert_eq!(home.texts().len(), known.len(), "{cloud}");
            assert_eq!(home.dump(), homes[0].dump(), "{cloud}");
        }
        // What is there is sealed.
        for file in at.list("").unwrap() {
            let bytes = at.read(&file.path, u64::MAX).unwrap().unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("work/acme"), "{}", file.path);
        }
        // Nothing new costs nothing.
        let again = homes[1].sync(&at);
        assert_eq!((again.bytes_read, again.bytes_written), (0, 0), "{cloud}");
    }
}
