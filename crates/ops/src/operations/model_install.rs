//! `model_install`.

use crate::operation::{Access, Operation};
use jay_core::models::{ModelChanged, Overrides};
use jay_core::{Call, Door};
use jay_types::bounds::{Bounded, Limit, Word};
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Install a model from a directory
///
/// The directory holds model.onnx (a BERT-type encoder, f32 or int8), tokenizer.json (WordPiece) and, where its vectors are
/// not the mean over the tokens, jay-model.toml. The files are copied and tried; `jay model use` then chooses the model.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelInstallInput {
    /// The directory; nothing is downloaded
    #[schemars(extend("x-positional" = true))]
    path: Bounded<4096>,
    /// The ONNX file in it; model.onnx or onnx/model.onnx where not given
    #[serde(default)]
    file: Option<Word>,
    /// What to call the model; the directory's name where not given
    #[serde(default)]
    name: Option<Word>,
    /// How the vectors of its tokens become one; by the shape of its output where not given
    #[serde(default)]
    pooling: Option<Pooling>,
    /// What to put before every question, such as "query: "
    #[serde(default)]
    query_prefix: Option<Bounded<512>>,
    /// What to put before every document
    #[serde(default)]
    document_prefix: Option<Bounded<512>>,
    /// How many tokens it reads; 256 where neither this nor jay-model.toml says
    #[serde(default)]
    window_tokens: Option<Limit<256, 8192>>,
    /// Which of the graph's outputs to take
    #[serde(default)]
    graph_output: Option<Word>,
}

/// How the vectors of tokens become one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Pooling {
    /// Their mean.
    Mean,
    /// The first one.
    Cls,
    /// The output is one vector already.
    None,
}

impl Pooling {
    const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::None => "none",
        }
    }
}

pub(super) struct ModelInstall;

impl Operation for ModelInstall {
    const NAME: &'static str = "model_install";
    const ACCESS: Access = Access::Maintain;
    /// Not from a web page: it reads any directory of this user.
    const DOORS: &'static [Door] = &[Door::Cli, Door::Call];
    type Input = ModelInstallInput;
    type Output = ModelChanged;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        if input.path.as_str().contains("://") {
            return Err(Error::bad_input("`path`: a model is installed from a directory, not from an address")
                .hint("Download it with what you trust, then run `jay model install DIRECTORY`."));
        }
        let overrides = Overrides {
            pooling: input.pooling.map(|pooling| pooling.name().to_owned()),
            query_prefix: input.query_prefix.map(Bounded::into_string),
            document_prefix: input.document_prefix.map(Bounded::into_string),
            window_tokens: input.window_tokens.map(Limit::get),
            output: input.graph_output.map(Word::into_string),
        };
        let (file, name) = (input.file.as_ref().map(Word::as_str), input.name.as_ref().map(Word::as_str));
        jay_core::models::install(call, input.path.as_str(), file, name, overrides)
    }
}
