//! WordPiece by a model's own `tokenizer.json`.
//!
//! The kinds of characters are those of the built-in vocabulary's file, which asked the tokenizers library for every code
//! point; padding and truncation of the file are not taken over, since they belong to whoever fills a batch.
//!
//! **Invariant:** special tokens stand where the file's template puts them and are never read out of a text.

use crate::static_table::vocabulary::{Kind, kind};
use jay_types::Error;
use serde_json::Value;
use std::collections::HashMap;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Characters of a word from which it is unknown, where the file does not say.
const WORD_CHARS_MAX: u64 = 100;

/// A tokenizer as its file describes it.
#[derive(Debug)]
pub(super) struct Tokenizer {
    vocabulary: HashMap<String, u32>,
    /// Bytes of the longest token.
    longest: usize,
    inner_prefix: String,
    unknown: u32,
    word_chars_max: usize,
    lowercase: bool,
    strip_accents: bool,
    single_chinese: bool,
    before: Vec<u32>,
    after: Vec<u32>,
    /// True where the file puts pairs together as BERT does, or does not say how.
    has_usual_pairs: bool,
}

fn refused(what: impl std::fmt::Display) -> Error {
    Error::bad_input(format!("tokenizer.json: {what}"))
        .hint("A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.")
}

impl Tokenizer {
    /// Reads the file.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        let file: Value = serde_json::from_slice(json).map_err(refused)?;
        let model = file.get("model").ok_or_else(|| refused("it has no `model`"))?;
        if let Some(kind) = model.get("type").and_then(Value::as_str).filter(|kind| *kind != "WordPiece") {
            return Err(refused(format!("the model is {kind}")));
        }
        let mut vocabulary = HashMap::new();
        for (token, id) in model.get("vocab").and_then(Value::as_object).ok_or_else(|| refused("no vocabulary"))? {
            vocabulary.insert(token.clone(), number(id)?);
        }
        let mut special = HashMap::new();
        for token in file.get("added_tokens").and_then(Value::as_array).into_iter().flatten() {
            if let (Some(content), Some(id)) = (token.get("content").and_then(Value::as_str), token.get("id")) {
                special.insert(content.to_owned(), number(id)?);
            }
        }
        let named = |name: &str| special.get(name).or_else(|| vocabulary.get(name)).copied();
        let text = |key: &str, default: &str| model.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
        let unknown = text("unk_token", "[UNK]");
        let unknown = named(&unknown).ok_or_else(|| refused(format!("{unknown} is not in the vocabulary")))?;
        let (before, after) = template(file.get("post_processor").unwrap_or(&Value::Null), &named)?;
        let has_usual_pairs =
            has_usual_pairs(file.get("post_processor").unwrap_or(&Value::Null), &named, &before, &after);
        let (lowercase, strip_accents, single_chinese) = normaliser(file.get("normalizer").unwrap_or(&Value::Null))?;
        let word_chars = model.get("max_input_chars_per_word").and_then(Value::as_u64).unwrap_or(WORD_CHARS_MAX);
        Ok(Self {
            longest: vocabulary.keys().map(String::len).max().unwrap_or_default(),
            inner_prefix: text("continuing_subword_prefix", "##"),
            unknown,
            word_chars_max: usize::try_from(word_chars.min(1000)).unwrap_or_default(),
            lowercase,
            strip_accents,
            single_chinese,
            before,
            after,
            has_usual_pairs,
            vocabulary,
        })
    }

    /// The greatest id that a text can have.
    pub(super) fn greatest(&self) -> u32 {
        let special = self.before.iter().chain(&self.after).chain([&self.unknown]);
        self.vocabulary.values().chain(special).copied().max().unwrap_or_default()
    }

    /// The ids of a text with the special tokens around them, at most `window` in all, and whether the text has any.
    pub(super) fn encode(&self, text: &str, window: usize) -> (Vec<u32>, bool) {
        let room = window.saturating_sub(self.before.len() + self.after.len());
        let mut pieces = self.pieces(text, room);
        let has_words = !pieces.is_empty();
        let mut ids = self.before.clone();
        ids.append(&mut pieces);
        ids.extend(&self.after);
        (ids, has_words)
    }

    /// Refuses a file that puts pairs together in another way than [`Tokenizer::pair`].
    pub(super) fn demand_pairs(&self) -> Result<(), Error> {
        if self.has_usual_pairs { Ok(()) } else { Err(refused("its template for pairs is not that of BERT")) }
    }

    /// The ids of a question's pieces, with which it is paired with many documents: at most `max` and half of the window.
    pub(super) fn question(&self, text: &str, window: usize, max: usize) -> Vec<u32> {
        self.pieces(text, max.min(window / 2))
    }

    /// `[CLS] question [SEP] document [SEP]`, at most `window` in all, and where the document's part begins. Of what is too long
    /// the longer is cut first; a question of [`Tokenizer::question`] is the longer one in the smallest windows only.
    pub(super) fn pair(&self, question: &[u32], document: &str, window: usize) -> (Vec<u32>, usize) {
        let room = window.saturating_sub(self.before.len() + 2 * self.after.len());
        let mut pieces = self.pieces(document, room);
        let (first, second) = longest_first(question.len(), pieces.len(), room);
        pieces.truncate(second);
        let mut ids = self.before.clone();
        ids.extend(question.iter().take(first));
        ids.extend(&self.after);
        let begins = ids.len();
        ids.append(&mut pieces);
        ids.extend(&self.after);
        (ids, begins)
    }

    /// The ids of a text without special tokens, at most `room`.
    fn pieces(&self, text: &str, room: usize) -> Vec<u32> {
        let mut reader = Reader { tokenizer: self, word: String::new(), chars: 0, ids: Vec::new(), room };
        reader.read(text);
        reader.ids
    }

    fn longest_piece(&self, rest: &str, is_inner: bool, buffer: &mut String) -> Option<(u32, usize)> {
        let mut end = rest.len().min(self.longest);
        loop {
            if let Some(piece) = rest.get(..end).filter(|piece| !piece.is_empty()) {
                let found = if is_inner {
                    buffer.clear();
                    buffer.push_str(&self.inner_prefix);
                    buffer.push_str(piece);
                    self.vocabulary.get(buffer.as_str())
                } else {
                    self.vocabulary.get(piece)
                };
                if let Some(id) = found {
                    return Some((*id, end));
                }
            }
            end = end.checked_sub(1)?;
        }
    }
}

/// What is left of two lengths where `room` holds less than both: of the longer one is taken until they are equal, then of
/// both.
pub(super) fn longest_first(first: usize, second: usize, room: usize) -> (usize, usize) {
    if first + second <= room {
        return (first, second);
    }
    let half = room / 2;
    match (first <= half, second <= half) {
        (true, _) => (first, room - first),
        (false, true) => (room - second, second),
        (false, false) => (room - half, half),
    }
}

fn number(value: &Value) -> Result<u32, Error> {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id <= i32::MAX as u32);
    id.ok_or_else(|| refused("a token's id is no number"))
}

/// The ids that stand before and after a text.
fn template(processor: &Value, named: &dyn Fn(&str) -> Option<u32>) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let id = |name: &str| named(name).ok_or_else(|| refused(format!("{name} is not in the vocabulary")));
    let (mut before, mut after) = (Vec::new(), Vec::new());
    match processor.get("type").and_then(Value::as_str) {
        Some("TemplateProcessing") => {
            let mut is_after = false;
            for piece in processor.get("single").and_then(Value::as_array).into_iter().flatten() {
                let special = piece.get("SpecialToken").and_then(|token| token.get("id")).and_then(Value::as_str);
                match special {
                    Some(name) if is_after => after.push(id(name)?),
                    Some(name) => before.push(id(name)?),
                    None => is_after = true,
                }
            }
        }
        None | Some("BertProcessing") => {
            let name = |key: &str, default: &str| -> String {
                let first = processor.get(key).and_then(|pair| pair.get(0)).and_then(Value::as_str);
                first.unwrap_or(default).to_owned()
            };
            before.push(id(&name("cls", "[CLS]"))?);
            after.push(id(&name("sep", "[SEP]"))?);
        }
        Some(other) => return Err(refused(format!("the post-processor is {other}"))),
    }
    // The smallest window has room for them and for words.
    if before.len() + after.len() > 4 {
        return Err(refused("more than four special tokens around a text"));
    }
    Ok((before, after))
}

/// True where a template for pairs is `before A after B after`, with type 1 from B on, or is not there.
fn has_usual_pairs(processor: &Value, named: &dyn Fn(&str) -> Option<u32>, before: &[u32], after: &[u32]) -> bool {
    let Some(pieces) = processor.get("pair").and_then(Value::as_array) else { return true };
    let special = |id: &u32, of: u64| (Some(*id), of);
    let usual = before.iter().map(|id| special(id, 0)).chain([(None, 0)]).chain(after.iter().map(|id| special(id, 0)));
    let usual = usual.chain([(None, 1)]).chain(after.iter().map(|id| special(id, 1)));
    let given = pieces.iter().map(|piece| {
        let token = piece.get("SpecialToken").or_else(|| piece.get("Sequence"));
        let id = piece.get("SpecialToken").and_then(|token| token.get("id")).and_then(Value::as_str).and_then(named);
        (id, token.and_then(|token| token.get("type_id")).and_then(Value::as_u64).unwrap_or_default())
    });
    usual.eq(given)
}

/// Whether to lower-case, to strip accents, to take Chinese characters one by one.
fn normaliser(value: &Value) -> Result<(bool, bool, bool), Error> {
    match value.get("type").and_then(Value::as_str) {
        Some("BertNormalizer") => {
            let flag = |key: &str| value.get(key).and_then(Value::as_bool);
            let lowercase = flag("lowercase").unwrap_or(true);
            Ok((lowercase, flag("strip_accents").unwrap_or(lowercase), flag("handle_chinese_chars").unwrap_or(true)))
        }
        Some(other) => Err(refused(format!("the normaliser is {other}"))),
        None => Err(refused("there is no normaliser")),
    }
}

/// Reads one text.
struct Reader<'a> {
    tokenizer: &'a Tokenizer,
    word: String,
    /// Characters of the word, also those beyond the maximum, which `word` does not hold.
    chars: usize,
    ids: Vec<u32>,
    room: usize,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            if self.ids.len() >= self.room {
                self.ids.truncate(self.room);
                return;
            }
            match kind(c) {
                Kind::Dropped if self.tokenizer.strip_accents || !is_combining_mark(c) => {}
                Kind::Space => self.finish(),
                Kind::Single if self.tokenizer.single_chinese => {
                    self.finish();
                    self.fold(c);
                    self.finish();
                }
                _ => self.fold(c),
            }
        }
        self.finish();
        self.ids.truncate(self.room);
    }

    /// Takes a character as the normaliser has it; what it becomes may be punctuation.
    fn fold(&mut self, c: char) {
        if !self.tokenizer.strip_accents {
            self.lower(c);
            return;
        }
        decompose_canonical(c, |part| {
            if kind(part) != Kind::Dropped {
                self.lower(part);
            }
        });
    }

    fn lower(&mut self, c: char) {
        if self.tokenizer.lowercase {
            for lower in c.to_lowercase() {
                self.push(lower);
            }
        } else {
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        let is_alone = kind(c) == Kind::Punctuation;
        if is_alone {
            self.finish();
        }
        self.chars += 1;
        if self.chars <= self.tokenizer.word_chars_max {
            self.word.push(c);
        }
        if is_alone {
            self.finish();
        }
    }

    /// Ends the word, if there is one.
    fn finish(&mut self) {
        if self.chars == 0 {
            return;
        }
        let first = self.ids.len();
        let word = std::mem::take(&mut self.word);
        let mut rest = if self.chars > self.tokenizer.word_chars_max { "" } else { word.as_str() };
        let mut buffer = String::new();
        while let Some((id, len)) = self.tokenizer.longest_piece(rest, self.ids.len() > first, &mut buffer) {
            self.ids.push(id);
            rest = rest.get(len..).unwrap_or_default();
        }
        if !rest.is_empty() || self.ids.len() == first {
            // One part without a token makes the whole word unknown.
            self.ids.truncate(first);
            self.ids.push(self.tokenizer.unknown);
        }
        self.word = word;
        self.word.clear();
        self.chars = 0;
    }
}
