//! Against a real server on loopback that does what servers do.

use super::*;
use expect_test::expect;
use jay_testkit::http::{HttpServer, Request, Response, unreachable_base};
use std::sync::{Arc, Mutex};

const BODY: &[u8] = b"abc";
/// Of BODY, as FIPS 180 gives it.
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const QUICK: FetchPatience =
    FetchPatience { connect: Duration::from_secs(5), piece: Duration::from_millis(500), file: Duration::from_secs(20) };

fn source(base: &str) -> FileSource {
    FileSource::new(Address::parse(base).unwrap(), QUICK)
}

type Steps = Vec<(u64, u64)>;

/// The answer, the bytes and the steps.
fn fetch(base: &str, path: &str, max: u64) -> (Result<Answer, Error>, Vec<u8>, Steps) {
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    let mut take = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok(())
    };
    let answer = source(base).fetch(path, max, &mut take, &mut |done, all| steps.push((done, all)));
    (answer, bytes, steps)
}

fn serving(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> HttpServer {
    HttpServer::start(answer)
}

#[test]
fn a_file_comes_whole_with_its_hash_and_steps() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let server = serving(move |request| {
        requests.lock().unwrap().push(request.clone());
        Response::new(200, BODY)
    });
    let (answer, bytes, steps) = fetch(&format!("{}/a/b/", server.base()), "onnx/model.onnx", 3);
    assert_eq!(answer.unwrap(), Answer::File(FetchedFile { bytes: 3, sha256: SHA256.to_owned() }));
    assert_eq!((bytes.as_slice(), steps.as_slice()), (BODY, &[(3, 3)][..]));
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/a/b/onnx/model.onnx"));
    assert_eq!((seen[0].header("authorization"), seen[0].header("cookie")), (None, None));
    let large = vec![7; 3 * PIECE_BYTES + 5];
    let body = large.clone();
    let server = serving(move |_| Response::new(200, body.clone()));
    let (answer, bytes, steps) = fetch(&server.base(), "model.onnx", large.len() as u64);
    answer.unwrap();
    assert!(bytes == large && steps.len() > 3 && steps.is_sorted());
}

#[test]
fn a_slow_link_that_moves_is_waited_for_and_one_that_stands_is_not() {
    let server = serving(|request| match request.path.as_str() {
        "/moves" => Response::new(200, vec![1; 80]).slowly(5, QUICK.piece / 3),
        _ => Response::new(200, vec![1; 80]).slowly(2, QUICK.piece * 2),
    });
    let (answer, bytes, _) = fetch(&server.base(), "moves", 100);
    assert!(matches!(answer.unwrap(), Answer::File(FetchedFile { bytes: 80, .. })));
    assert_eq!(bytes.len(), 80);
    let (answer, bytes, _) = fetch(&server.base(), "stands", 100);
    let error = answer.unwrap_err();
    assert_eq!(error.message.replace(&server.base(), "BASE"), "BASE/stands was not read: nothing came for 0.5 seconds");
    assert_eq!((error.code, bytes.len()), (Code::Unreachable, 40));
}

#[test]
fn redirects_are_followed_so_far_and_not_told() {
    let server = serving(|request| match request.path.as_str() {
        "/model.onnx" => Response::new(302, "").header("location", "/store/x?signature=hunter2"),
        "/store/x?signature=hunter2" => Response::new(307, "").header("location", "y"),
        "/store/y" => Response::new(200, BODY),
        "/gone" => Response::new(302, "").header("location", "/store/z?signature=hunter2"),
        "/failing" => Response::new(302, "").header("location", "/broken?signature=hunter2"),
        path if path.starts_with("/broken") => Response::new(500, "hunter2"),
        "/loop" => Response::new(302, "").header("location", "/loop"),
        _ => Response::new(404, ""),
    });
    let answer = fetch(&server.base(), "model.onnx", 3).0.unwrap();
    assert_eq!(answer, Answer::File(FetchedFile { bytes: 3, sha256: SHA256.to_owned() }));
    assert_eq!(fetch(&server.base(), "gone", 3).0.unwrap(), Answer::Absent(404));
    assert_eq!(fetch(&server.base(), "loop", 3).0.unwrap_err().code, Code::Refused);
    let error = fetch(&server.base(), "failing", 3).0.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn from_https_nothing_leads_to_http() {
    let uris = |uris: &[&'static str]| uris.iter().map(|uri| Uri::from_static(uri)).collect::<Vec<_>>();
    assert!(!leaves_tls(&uris(&["http://a/", "http://b/", "https://c/", "https://d/"])));
    assert!(leaves_tls(&uris(&["http://a/", "https://b/", "http://c/"])));
    let secure = source("https://models.example.com/a");
    assert!(secure.agent.config().https_only() && !source("http://127.0.0.1:1").agent.config().https_only());
    let error = secure.failed("URL", &ureq::Error::RequireHttpsOnly("http://hunter2".to_owned()));
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::Refused, "URL leads from https to http, and that is not followed")
    );
}

#[test]
fn what_a_server_does_wrong_is_told() {
    let mut said = String::new();
    let answers = [
        Response::new(401, ""),
        Response::new(403, ""),
        Response::new(404, "not here"),
        Response::new(410, ""),
        Response::new(206, BODY),
        Response::new(204, ""),
        Response::new(429, ""),
        Response::new(503, ""),
        Response::new(418, "teapot"),
        Response::new(302, ""),
        Response::new(200, "<html>Sign in</html>").header("content-type", "text/html; charset=utf-8"),
        Response::new(200, vec![0; 101]),
        Response { cut_at: Some(9), ..Response::new(200, vec![0; 90]) },
        Response::new(200, BODY).after(QUICK.piece * 2),
    ];
    for answer in answers {
        let server = serving(move |_| answer.clone());
        let told = match fetch(&server.base(), "f", 100).0 {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => {
                assert!(error.hint.is_some());
                format!("{}: {}", error.code.name(), error.message.replace(&server.base(), "BASE"))
            }
        };
        said.push_str(&format!("{told}\n"));
    }
    let nobody = unreachable_base();
    let error = fetch(&nobody, "f", 100).0.unwrap_err();
    said.push_str(&format!("{}: {}\n", error.code.name(), error.message.replace(&nobody, "BASE")));
    expect![[r#"
        refused: BASE/f wants a key (401)
        Absent(403)
        Absent(404)
        Absent(410)
        verification_failed: BASE/f answered 206
        verification_failed: BASE/f answered 204
        unreachable: BASE/f answered 429
        unreachable: BASE/f answered 503
        verification_failed: BASE/f answered 418
        verification_failed: BASE/f: the answer is not HTTP as it should be
        verification_failed: BASE/f is a page, not a file
        bad_input: BASE/f is larger than 100 bytes
        unreachable: BASE/f was not read: unexpected end of file
        unreachable: BASE/f was not read: nothing came for 0.5 seconds
        unreachable: BASE/f was not read: connection refused
    "#]]
    .assert_eq(&said);
}

#[test]
fn no_byte_beyond_the_bound_is_taken_and_the_takers_failure_is_the_answer() {
    // Without a length the bound holds while it comes.
    let server = serving(|_| Response { has_length: false, ..Response::new(200, vec![0; 4]) });
    let (answer, bytes, _) = fetch(&server.base(), "f", 3);
    assert_eq!((answer.unwrap_err().code, bytes.len()), (Code::BadInput, 0));
    let (answer, bytes, steps) = fetch(&server.base(), "f", 4);
    assert_eq!((answer.is_ok(), bytes.len(), steps.len()), (true, 4, 0), "of how many is not known");
    let mut full = |_: &[u8]| Err(Error::new(Code::Io, "the disk is full"));
    let error = source(&server.base()).fetch("f", 4, &mut full, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.code, Code::Io);
}
