//! A model's files from an address: a server on loopback stands for the hubs of the world, with what goes wrong there.

use super::models::{embed_all, hand, notes};
use super::*;
use expect_test::expect;
use jay_testkit::TinyBert;
use jay_testkit::http::{HttpServer, Request, Response};
use jay_testkit::tiny_bert;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Files below an address, and what was asked for.
struct Hub {
    server: HttpServer,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn of(files: Vec<(&'static str, Vec<u8>)>) -> Self {
        Self::answering(move |request| {
            let file = files.iter().find(|(path, _)| request.path == format!("/acme/tiny/resolve/main/{path}"));
            file.map_or_else(|| Response::new(404, "Entry not found"), |(_, bytes)| Response::new(200, bytes.clone()))
        })
    }

    fn answering(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let server = HttpServer::start(move |request| {
            noted.lock().unwrap().push(request.path.replace("/acme/tiny/resolve/main/", ""));
            answer(request)
        });
        Self { server, asked }
    }

    fn address(&self) -> String {
        format!("{}/acme/tiny/resolve/main", self.server.base())
    }

    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn tokenizer() -> Vec<u8> {
    tiny_bert::tokenizer().into_bytes()
}

fn plain() -> Vec<(&'static str, Vec<u8>)> {
    let settings = b"window_tokens = 64\nquery_prefix = \"query: \"\n".to_vec();
    vec![("model.onnx", TinyBert::default().onnx()), ("tokenizer.json", tokenizer()), ("jay-model.toml", settings)]
}

fn models(world: &World) -> PathBuf {
    world.home.path().join("scrubjay/models")
}

/// What stands in the directory of models but the lock.
fn left(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(models(world)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "fetch.lock" && name != "install.lock");
    names.sort();
    names
}

#[test]
fn a_model_is_fetched_tried_and_used_like_one_of_a_directory() {
    let (world, hub) = (World::embedding(EmbedderChoice::BuiltIn), Hub::of(plain()));
    world.keep(json!({"text": "restart the worker"}));
    let fetched = world.by(&hand(), "model_install", json!({"path": format!("{}/", hub.address())}));
    assert_eq!(
        hub.take_asked(),
        ["tokenizer.json", "jay-model.toml", "1_Pooling/config.json", "config.json", "model.onnx"]
    );
    let model = &fetched["model"];
    assert_eq!(
        (&fetched["outcome"], &model["name"], &model["kind"], &model["source"], &fetched["notes"]),
        (&json!("installed"), &json!("tiny"), &json!("encoder"), &json!(hub.address()), &Value::Null),
        "{fetched}"
    );
    assert_eq!(fetched["fetched"]["from"], json!(hub.address()));
    assert_eq!(strings(&fetched["fetched"]["files"], "file"), ["tokenizer.json", "jay-model.toml", "model.onnx"]);
    let sha256 = fetched["fetched"]["files"][2]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(fetched["fetched"]["files"][2]["bytes"], json!(TinyBert::default().onnx().len()));
    assert_eq!(left(&world), [model["id"].as_str().unwrap()], "only the model is left");

    // The same files from a directory are the same model.
    let directory = world.home.work_dir().join("tiny");
    TinyBert::default().write(&directory, "window_tokens = 64\nquery_prefix = \"query: \"\n");
    let again = world.by(&hand(), "model_install", json!({"path": directory}));
    assert_eq!((&again["outcome"], &again["model"]["id"]), (&json!("already_installed"), &model["id"]));
    let pinned = json!({"path": hub.address(), "sha256": sha256.to_uppercase(), "name": "other"});
    let again = world.by(&hand(), "model_install", pinned);
    assert_eq!((&again["outcome"], &again["model"]["name"]), (&json!("already_installed"), &json!("tiny")));

    world.by(&hand(), "model_use", json!({"model": "tiny"}));
    let world = world.again(EmbedderChoice::BuiltIn);
    assert_eq!(embed_all(&world), 1);
    assert_eq!(notes(&world, "restart the worker"), [""; 0]);
}

#[test]
fn the_layouts_of_exporters_and_flags_are_known() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let int8 = TinyBert { is_int8: true, ..TinyBert::default() }.onnx();
    let hub = Hub::of(vec![
        ("onnx/model.onnx", TinyBert::default().onnx()),
        ("onnx/model_int8.onnx", int8),
        ("tokenizer.json", tokenizer()),
    ]);
    let input = json!({"path": hub.address(), "window_tokens": 64});
    let exported = world.by(&hand(), "model_install", input);
    assert_eq!(
        hub.take_asked(),
        ["tokenizer.json", "jay-model.toml", "1_Pooling/config.json", "config.json", "model.onnx", "onnx/model.onnx"]
    );
    let input = json!({"path": hub.address(), "window_tokens": 64, "pooling": "cls", "name": "cls", "file": "onnx/model_int8.onnx"});
    let named = world.by(&hand(), "model_install", input);
    assert_eq!(
        hub.take_asked(),
        ["tokenizer.json", "jay-model.toml", "1_Pooling/config.json", "config.json", "onnx/model_int8.onnx"]
    );
    assert_eq!((&named["outcome"], &named["model"]["name"]), (&json!("installed"), &json!("cls")));
    assert_ne!(named["model"]["id"], exported["model"]["id"]);
    assert_eq!(strings(&world.ok("model_list", json!({}))["models"], "name"), ["cls", "tiny"]);
}

#[test]
fn what_exporters_say_of_the_pooling_is_heard() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let said = |modes: Value, more: Value| {
        let files = vec![
            ("model.onnx", TinyBert::default().onnx()),
            ("tokenizer.json", tokenizer()),
            ("1_Pooling/config.json", modes.to_string().into_bytes()),
        ];
        let hub = Hub::of(files);
        let mut input = json!({"path": hub.address(), "window_tokens": 64});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.ask(&hand(), "model_install", input)
    };
    let id = |modes: Value, more: Value| said(modes, more).unwrap()["model"]["id"].clone();
    let (cls, mean) = (
        json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}),
        json!({"pooling_mode_mean_tokens": true}),
    );
    let first = id(cls.clone(), json!({}));
    assert_eq!(first, id(json!({}), json!({"pooling": "cls"})));
    assert_ne!(first, id(mean.clone(), json!({})));
    assert_eq!(id(json!({"word_embedding_dimension": 32}), json!({})), id(mean, json!({})));
    assert_eq!(id(cls, json!({"pooling": "mean"})), id(json!({}), json!({"pooling": "mean"})), "a flag goes before it");
    let max = json!({"pooling_mode_max_tokens": true});
    let error = said(max.clone(), json!({})).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::BadInput, "1_Pooling/config.json: pooling_mode_max_tokens is not known")
    );
    id(max, json!({"pooling": "mean"}));
    assert_eq!(said(json!([]), json!({})).unwrap_err().code, Code::BadInput);
}

#[test]
fn what_does_not_come_whole_and_right_is_not_installed() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let without = |missing: &str| Hub::of(plain().into_iter().filter(|(file, _)| *file != missing).collect());
    let with = |file: &'static str, bytes: Vec<u8>| {
        let others = plain().into_iter().filter(move |(other, _)| *other != file);
        Hub::of(others.chain([(file, bytes)]).collect())
    };
    let cut = Hub::answering(|request| match request.path.rsplit('/').next() {
        Some("tokenizer.json") => Response::new(200, tokenizer()),
        Some("model.onnx") => Response { cut_at: Some(900), ..Response::new(200, TinyBert::default().onnx()) },
        _ => Response::new(404, ""),
    });
    let forbids = Hub::answering(|_| Response::new(403, "AccessDenied"));
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n".to_vec();
    let wrong = json!({"sha256": "0".repeat(64)});
    let mut said = String::new();
    for (hub, more) in [
        (without("tokenizer.json"), json!({})),
        (without("model.onnx"), json!({})),
        (Hub::of(plain()), json!({"file": "onnx/model_q4.onnx"})),
        (forbids, json!({})),
        (cut, json!({})),
        (with("model.onnx", pointer), json!({})),
        (with("model.onnx", vec![]), json!({})),
        (with("tokenizer.json", b"{}".to_vec()), json!({})),
        (with("jay-model.toml", b"pooling = \"max\"".to_vec()), json!({})),
        (with("jay-model.toml", vec![b'#'; 70_000]), json!({})),
        (Hub::of(plain()), wrong),
    ] {
        let mut input = json!({"path": hub.address()});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = world.err_by(&hand(), "model_install", input);
        let told = format!("{}: {} / {}\n", error.code.name(), error.message, error.hint.unwrap());
        said.push_str(&told.replace(&hub.address(), "BASE"));
        assert_eq!(left(&world), [""; 0], "{told}");
        let is_small = told.contains("tokenizer.json") || told.contains("jay-model.toml");
        assert_eq!(
            hub.take_asked().iter().any(|file| file.ends_with(".onnx")),
            !is_small,
            "no large file is asked in vain"
        );
    }
    expect![[r#"
        not_found: there is no tokenizer.json below BASE / Name the address below which the files stand; of Hugging Face it is https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.
        not_found: there is no model.onnx and no onnx/model.onnx below BASE / Name the address below which the files stand; of Hugging Face it is https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.
        not_found: there is no onnx/model_q4.onnx below BASE / Name the address below which the files stand; of Hugging Face it is https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.
        not_found: there is no tokenizer.json below BASE that may be read / Name the address below which the files stand; of Hugging Face it is https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.
        unreachable: BASE/model.onnx was not read: unexpected end of file / Run the same command again.
        verification_failed: model.onnx is a pointer of Git LFS, not the file / Hugging Face gives files below …/resolve/main, and pointers below …/raw/main.
        bad_input: model.onnx: cannot be read: unknown model file type / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        bad_input: tokenizer.json: it has no `model` / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        bad_input: jay-model.toml: unknown variant `max`, expected one of `mean`, `cls`, `none` / Its keys are pooling (mean, cls, none), query_prefix, document_prefix, window_tokens, output.
        bad_input: BASE/jay-model.toml is larger than 65536 bytes / Take a smaller model.
        verification_failed: model.onnx has the SHA-256 d073093c928775536c1858cca99e61b0215bf926bda7416f94eabf01588deabb, not 0000000000000000000000000000000000000000000000000000000000000000 / Nothing was installed. Compare with what the publisher says of the file.
    "#]].assert_eq(&said);
}

#[test]
fn an_address_that_may_not_be_noted_is_not_asked() {
    let (world, hub) = (World::embedding(EmbedderChoice::BuiltIn), Hub::of(plain()));
    let base = hub.server.base();
    let key = format!("ghp_{}", "Zx81Qm47Rt".repeat(4).get(..36).unwrap());
    for (path, more) in [
        (base.replace("http://", "http://ann:hunter2@"), json!({})),
        (format!("{base}/tiny?token=hunter2"), json!({})),
        (format!("{base}/{key}/tiny"), json!({})),
        (format!("{base}/tiny"), json!({"file": "../model.onnx"})),
        (format!("{base}/tiny"), json!({"file": "/model.onnx"})),
        (format!("{base}/tiny"), json!({"file": "a?b"})),
        (format!("{base}/tiny"), json!({"sha256": "hunter2"})),
        (format!("{base}/tiny"), json!({"name": "none"})),
        (format!("{base}/tiny"), json!({"model": "tiny"})),
        ("ftp://models.example.com/tiny".to_owned(), json!({})),
    ] {
        let mut input = json!({"path": path});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = world.err_by(&hand(), "model_install", input);
        assert!(matches!(error.code, Code::BadInput | Code::Refused), "{path} {more}: {error:?}");
        assert!(!format!("{error:?}").contains("hunter2") && !format!("{error:?}").contains(&key), "{error:?}");
        assert!(error.hint.is_some(), "{error:?}");
    }
    let robot = someone("robot", ActorKind::Agent, Door::Call, "work/acme/api");
    assert_eq!(world.err_by(&robot, "model_install", json!({"path": hub.address()})).code, Code::Refused);
    let input = json!({"path": world.home.work_dir(), "sha256": "0".repeat(64)});
    assert_eq!(world.err_by(&hand(), "model_install", input).code, Code::BadInput, "a directory has no publisher");
    assert!(hub.take_asked().is_empty());
    assert!(!models(&world).exists());
}

#[test]
fn what_an_interrupted_fetch_left_goes_at_the_next_install() {
    let (world, hub) = (World::embedding(EmbedderChoice::BuiltIn), Hub::of(plain()));
    let leave = || jay_testkit::write(models(&world).join("fetched.unfinished/model.onnx"), "half");
    leave();
    assert_eq!(world.ok("model_list", json!({}))["models"], json!([]), "it is no model");
    let installed = world.by(&hand(), "model_install", json!({"path": hub.address()}));
    let id = installed["model"]["id"].as_str().unwrap().to_owned();
    assert_eq!(left(&world), [id.as_str()]);
    leave();
    let directory = world.home.work_dir().join("tiny");
    TinyBert::default().write(&directory, "window_tokens = 64\nquery_prefix = \"query: \"\n");
    world.by(&hand(), "model_install", json!({"path": directory}));
    assert_eq!(left(&world), [id.as_str()]);

    // One who fetches just now is not disturbed, and is not joined.
    leave();
    let lock = std::fs::File::open(models(&world).join("fetch.lock")).unwrap();
    lock.lock().unwrap();
    world.by(&hand(), "model_install", json!({"path": directory}));
    assert_eq!(world.err_by(&hand(), "model_install", json!({"path": hub.address()})).code, Code::Busy);
    assert!(left(&world).contains(&"fetched.unfinished".to_owned()));
}

#[test]
fn what_the_way_of_the_files_was_is_told() {
    // 0.0.0.0 is this machine and is not known to be.
    let (world, hub) = (World::embedding(EmbedderChoice::BuiltIn), Hub::of(plain()));
    let elsewhere = hub.address().replace("127.0.0.1", "0.0.0.0");
    let answer = world.by(&hand(), "model_install", json!({"path": elsewhere}));
    assert_eq!(answer["notes"], json!(["the files came unencrypted: `--sha256` makes sure of the model"]));
    let files = plain();
    let strict = Hub::answering(move |request| {
        let file = files.iter().find(|(path, _)| request.path.ends_with(path) && *path != "jay-model.toml");
        if request.path.ends_with("config.json") {
            return Response::new(404, "");
        }
        file.map_or_else(|| Response::new(403, ""), |(_, bytes)| Response::new(200, bytes.clone()))
    });
    let answer = world.by(&hand(), "model_install", json!({"path": strict.address(), "window_tokens": 64}));
    assert_eq!(answer["notes"], json!(["the server forbids jay-model.toml (403): it is taken for not there"]));
}
