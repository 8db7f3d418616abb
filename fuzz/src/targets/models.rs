//! The readers of `jay-models`: a tokenizer's file is read or refused with a reason.

use crate::{Seeds, Target};
use jay_models::transformer::{Settings, Transformer};

pub(super) const TOKENIZERS: Target = Target {
    name: "tokenizers",
    run: tokenizers,
    seeds: Seeds::Made(|| vec![jay_testkit::tiny_bert::tokenizer().into_bytes()]),
};

pub(super) const MODEL_SETTINGS: Target = Target {
    name: "model_settings",
    run: settings,
    seeds: Seeds::Written(&[
        b"pooling = \"cls\"\nquery_prefix = \"query: \"\ndocument_prefix = \"passage: \"\nwindow_tokens = 512\n",
        b"output = \"sentence_embedding\"",
    ]),
};

fn tokenizers(input: &[u8]) {
    if let Err(error) = Transformer::check_tokenizer(input) {
        assert!(error.message.starts_with("tokenizer.json"), "{error:?}");
    }
}

/// What is accepted is written in a form that is read as the same.
fn settings(input: &[u8]) {
    let Ok(settings) = Settings::parse(&String::from_utf8_lossy(input)).and_then(Settings::checked) else { return };
    let written = settings.to_toml().expect("settings that were read can be written");
    let again = Settings::parse(&written).and_then(Settings::checked).expect("and read again");
    assert_eq!(again.to_toml().expect("settings"), written);
}
