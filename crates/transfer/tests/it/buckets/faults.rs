//! Over a server that fails: what is asked again, what is not, when it ends, and what is said.

use super::cloud::{Asked, Cloud, Fate, cut, refusal};
use super::{ID, SECRET, settings};
use crate::conformance::{conforms, paths};
use jay_testkit::Stopwatch;
use jay_testkit::http::{HttpServer, Response, unreachable_base};
use jay_transfer::remote::bucket::{Bucket, Patience};
use jay_transfer::remote::{Created, Remote};
use jay_types::{Code, Error};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// No word of a credential in it, and a hint.
fn sound(error: Error) -> Error {
    let told = format!("{error:?} {error}");
    assert!(!told.contains("hunter2") && !told.contains("HUNTER2") && !told.contains("Signature="), "{told}");
    assert!(error.hint.is_some(), "{error:?}");
    error
}

/// The failure of each operation.
fn failures(bucket: &Bucket) -> Vec<Error> {
    let errors = [
        bucket.list("").unwrap_err(),
        bucket.read("nodes/a/x", 10).unwrap_err(),
        bucket.download("nodes/a/x", &mut Vec::new(), &mut |_| ()).unwrap_err(),
        bucket.create("nodes/a/x", b"x").unwrap_err(),
        bucket.replace("nodes/a/x", b"x").unwrap_err(),
        bucket.delete("nodes/a/x").unwrap_err(),
    ];
    errors.into_iter().map(sound).collect()
}

/// Every first two of three requests of a kind fail.
fn twice_failing(instead: impl Fn() -> Response + Send + Sync + 'static) -> Cloud {
    Cloud::start(move |request, state| {
        let asked = format!("{} {}", request.method, request.path);
        if state.count(&asked) % 3 == 0 { Fate::Served } else { Fate::Instead(instead()) }
    })
}

#[test]
fn a_server_in_order_gets_what_a_remote_is_asked() {
    conforms(&Cloud::healthy().bucket());
    let cloud = Cloud::healthy();
    conforms(&cloud.google());
    let state = cloud.state.lock().unwrap();
    let creates = |asked: &&Asked| asked.what.replace("%2F", "/") == "PUT /box/team/nodes/a/x";
    assert!(state.asked.iter().filter(creates).count() > 0);
    assert!(state.asked.iter().filter(creates).all(|asked| asked.is_conditional));
}

#[test]
fn one_bucket_serves_many_threads() {
    let cloud = twice_failing(|| refusal(503, "SlowDown"));
    let bucket = cloud.bucket();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let bucket = &bucket;
            scope.spawn(move || {
                let (path, bytes) = (format!("nodes/{number}/x"), format!("{number}").into_bytes());
                assert_eq!(bucket.create(&path, &bytes).unwrap(), Created::Written);
                assert_eq!(bucket.read(&path, 10).unwrap().unwrap(), bytes);
            });
        }
    });
    assert_eq!(bucket.list("").unwrap().len(), 8);
}

#[test]
fn what_fails_twice_is_asked_three_times() {
    for instead in
        [|| refusal(503, "SlowDown"), || refusal(500, "InternalError"), || refusal(429, "TooMany"), || cut(200, 9, 4)]
    {
        let cloud = twice_failing(instead);
        let bucket = cloud.bucket();
        assert_eq!(bucket.create("nodes/a/x", b"x").unwrap(), Created::Written);
        assert_eq!(cloud.count("PUT /box/team/nodes/a/x"), 3);
        assert_eq!(paths(&bucket, ""), ["nodes/a/x"]);
        assert_eq!(bucket.read("nodes/a/x", 10).unwrap().unwrap(), b"x");
        bucket.replace("nodes/a/x", b"y").unwrap();
        assert_eq!(cloud.get("nodes/a/x").unwrap(), b"y");
        bucket.delete("nodes/a/x").unwrap();
        assert_eq!(cloud.get("nodes/a/x"), None);
    }
}

#[test]
fn a_piece_that_broke_off_is_fetched_again_and_no_byte_twice() {
    let cloud = twice_failing(|| cut(206, 8 << 20, 3 << 20).header("content-range", "bytes 0-8388607/20000000"));
    let whole: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    cloud.put("nodes/a/large", &whole);
    let (mut back, mut done) = (Vec::new(), Vec::new());
    assert!(cloud.bucket().download("nodes/a/large", &mut back, &mut |bytes| done.push(bytes)).unwrap());
    assert!(back == whole);
    assert_eq!(done, [8 << 20, 16 << 20, 20_000_000]);
}

#[test]
fn a_server_that_stays_out_of_order_is_given_up() {
    let cloud = Cloud::start(|_, _| Fate::Instead(refusal(503, "SlowDown")));
    for error in failures(&cloud.bucket()) {
        assert_eq!(error.code, Code::Unreachable, "{error:?}");
        assert!(error.message.ends_with("it answered 503 SlowDown, asked 4 times"), "{error:?}");
    }
    assert_eq!(cloud.count("DELETE"), 4);
    let cloud = Cloud::start(|_, _| Fate::Instead(cut(200, 100, 50)));
    for error in failures(&cloud.bucket()) {
        assert_eq!(error.code, Code::Unreachable, "{error:?}");
        assert!(error.message.contains("no connection ("), "{error:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let cloud = Cloud::start(|_, _| Fate::Instead(Response::new(200, "").after(Duration::from_millis(400))));
    let mut settings = settings(ID, SECRET);
    settings.patience = Patience { answer: Duration::from_millis(50), retries_max: 2, ..settings.patience };
    let watch = Stopwatch::start();
    let error = sound(cloud.bucket_with(&settings).list("").unwrap_err());
    assert_eq!(error.code, Code::Unreachable);
    assert!(error.message.ends_with("no answer in time, asked 3 times"), "{error:?}");
    assert!(watch.elapsed() < Duration::from_secs(30));

    // One that sends a little now and then does not hold a request open either.
    let dribble = || Response::new(200, vec![b'x'; 40]).slowly(40, Duration::from_millis(50));
    let cloud = Cloud::start(move |_, _| Fate::Instead(dribble()));
    settings.patience = Patience { transfer: Duration::from_millis(200), retries_max: 1, ..settings.patience };
    settings.patience.answer = Duration::from_secs(2);
    let error = sound(cloud.bucket_with(&settings).list("").unwrap_err());
    assert!(error.message.ends_with("no answer in time, asked 2 times"), "{error:?}");
}

#[test]
fn after_its_time_no_repetition_begins() {
    let cloud = Cloud::start(|_, _| Fate::Instead(refusal(503, "SlowDown")));
    let mut settings = settings(ID, SECRET);
    settings.patience.retries_max = usize::MAX;
    settings.patience.within = Duration::from_millis(100);
    sound(cloud.bucket_with(&settings).list("").unwrap_err());
    assert!(cloud.count("GET") >= 2);
}

#[test]
fn where_nobody_listens_is_unreachable() {
    let address = format!("s3://box/team?endpoint={}", unreachable_base());
    for error in failures(&Bucket::new(&address, &settings(ID, SECRET)).unwrap()) {
        assert_eq!(error.code, Code::Unreachable, "{error:?}");
    }
}

#[test]
fn what_is_refused_is_refused_at_once() {
    for (status, code) in [(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (401, ""), (400, "ExpiredToken")] {
        let cloud = Cloud::start(move |_, _| Fate::Instead(refusal(status, code)));
        for error in failures(&cloud.bucket()) {
            assert_eq!(error.code, Code::Refused, "{error:?}");
            assert!(error.hint.unwrap().contains("AWS_SECRET_ACCESS_KEY"));
        }
        assert_eq!(cloud.state.lock().unwrap().asked.len(), 6, "one request each");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_no_empty_one() {
    let cloud = Cloud::start(|_, _| Fate::Instead(refusal(404, "NoSuchBucket")));
    for error in failures(&cloud.bucket()) {
        assert_eq!(error.code, Code::Unreachable, "{error:?}");
        assert!(error.message.ends_with("there is no such bucket"), "{error:?}");
    }
}

#[test]
fn a_server_without_conditions_loses_no_file() {
    // It ignores them.
    let cloud = Cloud::healthy();
    let bucket = cloud.bucket();
    assert!(bucket.holds_writers_apart().unwrap());
    cloud.state.lock().unwrap().ignores_conditions = true;
    assert!(!bucket.holds_writers_apart().unwrap(), "it is found out");
    assert_eq!(bucket.create("nodes/a/x", b"first").unwrap(), Created::Written);
    assert_eq!(bucket.create("nodes/a/x", b"second").unwrap(), Created::Exists);
    assert_eq!(cloud.get("nodes/a/x").unwrap(), b"first");
    assert_eq!(paths(&bucket, ""), ["nodes/a/x"], "the trial left nothing");

    // It says that it knows none.
    let cloud = Cloud::start(|request, _| match request.header("if-none-match") {
        Some(_) => Fate::Instead(refusal(501, "NotImplemented")),
        None => Fate::Served,
    });
    let bucket = cloud.bucket();
    assert!(!bucket.holds_writers_apart().unwrap());
    assert_eq!(bucket.create("nodes/a/x", b"first").unwrap(), Created::Written);
    assert_eq!(bucket.create("nodes/a/x", b"second").unwrap(), Created::Exists);
    assert_eq!(cloud.get("nodes/a/x").unwrap(), b"first");
    bucket.create("nodes/a/y", b"y").unwrap();
    assert_eq!(cloud.count("PUT /box/team/nodes/a/y"), 1, "it is not asked for a condition again");
    let (home, large) = large();
    assert_eq!(bucket.upload("nodes/a/large", &home.path().join("large"), &mut |_| ()).unwrap(), Created::Written);
    assert!(cloud.get("nodes/a/large").unwrap() == large);
}

#[test]
fn a_write_whose_answer_was_lost_is_there_once_and_whole() {
    let cloud = Cloud::start(|request, state| match request.method.as_str() {
        "PUT" | "POST" | "DELETE" if state.count(&format!("{} {}", request.method, request.path)) == 1 => {
            Fate::AnswerLost
        }
        _ => Fate::Served,
    });
    let bucket = cloud.bucket();
    assert_eq!(bucket.create("nodes/a/x", b"first").unwrap(), Created::Written);
    assert_eq!(bucket.create("nodes/a/empty", b"").unwrap(), Created::Written);
    assert_eq!(cloud.get("nodes/a/x").unwrap(), b"first");
    bucket.replace("nodes/a/head", b"head").unwrap();
    assert_eq!(cloud.get("nodes/a/head").unwrap(), b"head");
    let (home, large) = large();
    assert_eq!(bucket.upload("nodes/a/large", &home.path().join("large"), &mut |_| ()).unwrap(), Created::Written);
    assert!(cloud.get("nodes/a/large").unwrap() == large);
    assert_eq!(bucket.create("nodes/a/large-too", &large).unwrap(), Created::Written);
    assert!(cloud.get("nodes/a/large-too").unwrap() == large);
    bucket.delete("nodes/a/x").unwrap();
    assert_eq!(cloud.get("nodes/a/x"), None);
}

/// A file of three pieces.
fn large() -> (tempfile::TempDir, Vec<u8>) {
    let home = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    jay_testkit::write(home.path().join("large"), &bytes);
    (home, bytes)
}

#[test]
fn an_upload_that_fails_leaves_nothing() {
    let cloud = Cloud::start(|request, _| match request.path.contains("partNumber=2") {
        true => Fate::Instead(refusal(403, "AccessDenied")),
        false => Fate::Served,
    });
    let (home, _) = large();
    let mut done = Vec::new();
    let error = cloud.bucket().upload("nodes/a/large", &home.path().join("large"), &mut |bytes| done.push(bytes));
    assert_eq!(sound(error.unwrap_err()).code, Code::Refused);
    assert_eq!(done, [8 << 20]);
    let state = cloud.state.lock().unwrap();
    assert!(state.files.is_empty() && state.uploads.is_empty(), "its parts were dropped");
}

#[test]
fn a_file_that_came_while_another_was_sent_stays() {
    let cloud = Cloud::start(|request, state| {
        // After the last look, before the completion.
        if request.method == "POST" && !request.path.contains("uploads") {
            state.files.insert("team/nodes/a/large".to_owned(), b"another's".to_vec());
        }
        Fate::Served
    });
    let (home, _) = large();
    let created = cloud.bucket().upload("nodes/a/large", &home.path().join("large"), &mut |_| ()).unwrap();
    assert_eq!(created, Created::Exists);
    assert_eq!(cloud.get("nodes/a/large").unwrap(), b"another's");
    let state = cloud.state.lock().unwrap();
    assert!(state.uploads.is_empty(), "its parts were dropped");
    assert!(state.asked.iter().any(|asked| asked.what.starts_with("POST") && asked.is_conditional));

    // The same with a small one, between the look and the writing.
    let cloud = Cloud::start(|request, state| {
        if request.method == "PUT" {
            state.files.insert("team/nodes/a/x".to_owned(), b"another's".to_vec());
        }
        Fate::Served
    });
    assert_eq!(cloud.bucket().create("nodes/a/x", b"mine").unwrap(), Created::Exists);
    assert_eq!(cloud.get("nodes/a/x").unwrap(), b"another's");
}

#[test]
fn another_write_that_was_under_way_and_failed_is_no_file() {
    let cloud = Cloud::start(|request, state| match request.method.as_str() {
        "PUT" if state.count("PUT") == 1 => Fate::Instead(refusal(409, "ConditionalRequestConflict")),
        _ => Fate::Served,
    });
    assert_eq!(cloud.bucket().create("nodes/a/x", b"mine").unwrap(), Created::Written);
    assert_eq!(cloud.get("nodes/a/x").unwrap(), b"mine");
    let cloud = Cloud::start(|request, _| match request.method.as_str() {
        "PUT" => Fate::Instead(refusal(409, "ConditionalRequestConflict")),
        _ => Fate::Served,
    });
    assert_eq!(sound(cloud.bucket().create("nodes/a/x", b"mine").unwrap_err()).code, Code::Busy);
}

#[test]
fn pieces_of_two_files_are_not_put_together() {
    let cloud = Cloud::start(|request, state| {
        if request.header("range").is_some_and(|range| !range.starts_with("bytes=0-")) {
            state.files.insert("team/nodes/a/large".to_owned(), vec![b'n'; 20_000_000]);
        }
        Fate::Served
    });
    cloud.put("nodes/a/large", &vec![b'o'; 20_000_000]);
    let error = sound(cloud.bucket().read("nodes/a/large", u64::MAX).unwrap_err());
    assert_eq!((error.code, error.message.ends_with("it was changed meanwhile")), (Code::Io, true), "{error:?}");
}

#[test]
fn a_request_is_sent_nowhere_else() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let elsewhere = HttpServer::start(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Response::new(200, "")
    });
    let base = elsewhere.base();
    let cloud = Cloud::start(move |request, _| {
        let answer = refusal(307, "TemporaryRedirect").header("location", format!("{base}{}", request.path));
        Fate::Instead(answer.header("x-amz-bucket-region", "eu-west-3"))
    });
    for error in failures(&cloud.bucket()) {
        assert_eq!(error.code, Code::BadInput, "{error:?}");
        assert!(error.hint.unwrap().contains("region=eu-west-3"));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[test]
fn what_is_no_bucket_or_says_too_much_is_told() {
    let cloud = Cloud::start(|_, _| Fate::Instead(Response::new(200, "<html>welcome</html>")));
    let error = sound(cloud.bucket().list("").unwrap_err());
    assert_eq!((error.code, error.message.contains("no listing")), (Code::Unreachable, true), "{error:?}");
    let broken = "<ListBucketResult><Contents><Key>team/x</Key>";
    let cloud = Cloud::start(move |_, _| Fate::Instead(Response::new(200, broken)));
    let error = sound(cloud.bucket().list("").unwrap_err());
    assert_eq!((error.code, error.message.contains("not what it should be")), (Code::Io, true), "{error:?}");
    let cloud = Cloud::start(|_, _| Fate::Instead(Response::new(200, vec![b'x'; 17 << 20])));
    let error = sound(cloud.bucket().list("").unwrap_err());
    assert_eq!((error.code, error.message.contains("too long")), (Code::Unreachable, true), "{error:?}");
}

#[test]
fn only_files_of_the_remote_are_listed() {
    let cloud = Cloud::healthy();
    for name in ["nodes/a/x", "nodes/.hidden", ".jay-check", "nodes/a/y*", "nodes/a/z (conflicted copy).jay"] {
        cloud.put(name, b"x");
    }
    let mut state = cloud.state.lock().unwrap();
    for key in ["team/", "teammate/x", "x"] {
        state.files.insert(key.to_owned(), b"".to_vec());
    }
    drop(state);
    assert_eq!(paths(&cloud.bucket(), ""), ["nodes/a/x", "nodes/a/z (conflicted copy).jay"]);
}
