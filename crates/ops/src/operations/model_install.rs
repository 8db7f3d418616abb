//! `model_install`.

use crate::operation::{Access, Operation, Progress};
use jay_core::models::{EndpointAsked, FilesAsked, ModelChanged, Overrides};
use jay_core::{Call, Door};
use jay_types::bounds::{Bounded, Limit, Word};
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Install a model from a directory or an address, or note one on a server
///
/// A directory holds model.onnx (a BERT-type encoder, f32 or int8), tokenizer.json (WordPiece) and, where its vectors are
/// not the mean over the tokens, jay-model.toml; the files are copied and tried.
///
/// A model whose graph has an output `logits` with one value for a pair is a cross-encoder: it is kept as one, and `jay model use`
/// lets it judge the best hits.
///
/// An address, as in `jay model install https://huggingface.co/OWNER/NAME/resolve/main`, is one below which these files stand:
/// they are fetched, and installed like those of a directory.
///
/// A server is named by its address with --api, as in `jay model install http://127.0.0.1:11434 --api ollama --model NAME`, and
/// asked for two vectors. `jay model use` then chooses the model.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelInstallInput {
    /// The directory, or the address of one; with --api the address of a server
    #[schemars(extend("x-positional" = true))]
    path: Bounded<4096>,
    /// The ONNX file in it; model.onnx or onnx/model.onnx where not given
    #[serde(default)]
    file: Option<Word>,
    /// What the SHA-256 of the ONNX file at an address must be, in hexadecimal digits; nothing is installed where it is another
    #[serde(default)]
    sha256: Option<Word>,
    /// What to call the model; the directory's or the server's name for it where not given
    #[serde(default)]
    name: Option<Word>,
    /// How the vectors of its tokens become one; by 1_Pooling/config.json and the shape of its output where not given
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
    /// What the server speaks: openai for POST {address}/embeddings, ollama for POST {address}/api/embed
    #[serde(default)]
    api: Option<Api>,
    /// What the server calls the model
    #[serde(default)]
    model: Option<Word>,
    /// The environment variable that holds the server's key; the key itself is stored nowhere
    #[serde(default)]
    api_key_env: Option<Word>,
    /// Milliseconds that a question waits for the server before the built-in table answers alone; 2000 where not given
    #[serde(default)]
    query_timeout_ms: Option<Limit<2000, 30_000>>,
    /// Milliseconds that a batch of texts waits for it; 60000 where not given
    #[serde(default)]
    document_timeout_ms: Option<Limit<60_000, 600_000>>,
}

/// What a server of embeddings speaks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Api {
    /// As OpenAI has it and many servers took over.
    Openai,
    /// As Ollama has it.
    Ollama,
}

impl Api {
    const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Ollama => "ollama",
        }
    }
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
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let is_address = input.path.as_str().contains("://");
        match (input.api, is_address) {
            (Some(api), true) => jay_core::models::install_endpoint(call, endpoint(api, input)?),
            (Some(_), false) => Err(Error::bad_input("`api`: a server is named by its address, not by a directory")
                .hint("Write it like `jay model install http://127.0.0.1:11434 --api ollama --model NAME`.")),
            (None, true) => files(call, input, progress),
            (None, false) => directory(call, &input),
        }
    }
}

fn given(input: &ModelInstallInput) -> (Option<String>, Option<String>, Option<usize>) {
    let text = |value: &Option<Bounded<512>>| value.as_ref().map(|value| value.as_str().to_owned());
    (text(&input.query_prefix), text(&input.document_prefix), input.window_tokens.map(Limit::get))
}

/// Refuses fields that say nothing of what is installed: whoever sent them meant something else.
fn only_for(what: &str, fields: &[(&str, bool)]) -> Result<()> {
    match fields.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Error::bad_input(format!("`{name}`: it is for {what} only"))
            .hint("`jay model install --help` says which field belongs to what.")),
        None => Ok(()),
    }
}

fn only_for_files(input: &ModelInstallInput) -> Result<()> {
    only_for(
        "a model on a server (--api)",
        &[
            ("model", input.model.is_some()),
            ("api_key_env", input.api_key_env.is_some()),
            ("query_timeout_ms", input.query_timeout_ms.is_some()),
            ("document_timeout_ms", input.document_timeout_ms.is_some()),
        ],
    )
}

fn overrides(input: &ModelInstallInput) -> Overrides {
    let (query_prefix, document_prefix, window_tokens) = given(input);
    Overrides {
        pooling: input.pooling.map(|pooling| pooling.name().to_owned()),
        query_prefix,
        document_prefix,
        window_tokens,
        output: input.graph_output.clone().map(Word::into_string),
    }
}

fn directory(call: &Call<'_>, input: &ModelInstallInput) -> Result<ModelChanged> {
    only_for_files(input)?;
    only_for("files from an address", &[("sha256", input.sha256.is_some())])?;
    let (file, name) = (input.file.as_ref().map(Word::as_str), input.name.as_ref().map(Word::as_str));
    jay_core::models::install(call, input.path.as_str(), file, name, overrides(input))
}

fn files(call: &Call<'_>, input: ModelInstallInput, progress: &mut Progress<'_>) -> Result<ModelChanged> {
    only_for_files(&input)?;
    let overrides = overrides(&input);
    let name = input.name.map(Word::into_string);
    let asked = FilesAsked {
        base: input.path.as_str().to_owned(),
        graph: input.file.map(Word::into_string),
        sha256: input.sha256.map(Word::into_string),
    };
    jay_core::models::install_files(call, &asked, name.as_deref(), overrides, progress)
}

fn endpoint(api: Api, input: ModelInstallInput) -> Result<EndpointAsked> {
    only_for(
        "a model of files",
        &[
            ("file", input.file.is_some()),
            ("sha256", input.sha256.is_some()),
            ("pooling", input.pooling.is_some()),
            ("graph_output", input.graph_output.is_some()),
        ],
    )?;
    let (query_prefix, document_prefix, window_tokens) = given(&input);
    let milliseconds = |given: Option<usize>| given.and_then(|given| u32::try_from(given).ok());
    Ok(EndpointAsked {
        base: input.path.as_str().to_owned(),
        api: api.name().to_owned(),
        model: input.model.map(Word::into_string).ok_or_else(|| {
            Error::bad_input("`model` is missing").hint("Say what the server calls it: --model nomic-embed-text.")
        })?,
        name: input.name.map(Word::into_string),
        api_key_env: input.api_key_env.map(Word::into_string),
        query_prefix,
        document_prefix,
        window_tokens,
        query_timeout_ms: milliseconds(input.query_timeout_ms.map(Limit::get)),
        document_timeout_ms: milliseconds(input.document_timeout_ms.map(Limit::get)),
    })
}
