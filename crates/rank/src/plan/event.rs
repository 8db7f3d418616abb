//! Times that hang on something that happened: "before the release", "since the outage".
//!
//! Which event is meant, and when it was, is told by other texts; here is what the query says, which texts can tell, and
//! what follows from what they tell. The words stay terms of the query: an event that nobody told is a word like others.
//!
//! **Invariant:** pure, bounded, and soft: a wrong reading costs a little order and no answer.

use super::Window;
use crate::analyse;
use jay_types::Timestamp;
use jay_types::time::DAY;
use serde::Serialize;

/// Words of a query or text that are looked at.
const WORDS_MAX: usize = 512;
/// Words of an event's name at most, [`JOINERS`] aside.
const NAME_MAX: usize = 4;
/// How far apart the times that several texts tell may lie for them to be of one event, microseconds.
const APART_MAX: i64 = 7 * DAY;
/// What is said of something that went on is said in the days after it, too: the scale of "during", microseconds.
const DURING: i64 = 7 * DAY;

/// How a query's time hangs on the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Before it began.
    Before,
    /// Up to its end.
    Until,
    /// After it.
    After,
    /// From its beginning on.
    Since,
    /// While it went on.
    During,
}

impl Relation {
    /// The word of the query.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Until => "until",
            Self::After => "after",
            Self::Since => "since",
            Self::During => "during",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "before" => Self::Before,
            "until" | "till" => Self::Until,
            "after" => Self::After,
            "since" => Self::Since,
            "during" => Self::During,
            _ => return None,
        })
    }
}

/// An event that a query names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// How the query's time hangs on it.
    pub relation: Relation,
    /// The words that say so, as they are written: "before the release".
    pub phrase: String,
    /// The terms of its name; a text that tells of it holds all of them.
    pub terms: Vec<String>,
}

/// What a text tells of an event's time: equal where it is a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
}

impl Told {
    /// At a moment.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self { from: at, to: at }
    }
}

/// What several texts tell of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// When it was, and by which of the texts.
    On(Told, usize),
    /// They tell of times too far apart: which event is meant is not known.
    Apart,
    /// None tells of it.
    Untold,
}

/// Words behind an article that name no event.
const GENERIC: [&str; 32] = [
    "afternoon",
    "beginning",
    "day",
    "days",
    "end",
    "evening",
    "fact",
    "first",
    "future",
    "last",
    "moment",
    "month",
    "months",
    "morning",
    "next",
    "night",
    "one",
    "ones",
    "other",
    "others",
    "past",
    "present",
    "rest",
    "same",
    "start",
    "time",
    "times",
    "way",
    "week",
    "weekend",
    "weeks",
    "year",
];
/// Words that join those of a name: "the switch from npm to pnpm".
const JOINERS: [&str; 10] = ["a", "an", "for", "from", "my", "of", "our", "the", "to", "with"];
/// Words that end an event's name.
const ENDS: [&str; 42] = [
    "about", "and", "at", "because", "but", "by", "he", "how", "i", "if", "in", "into", "it", "nor", "on", "or", "per",
    "she", "so", "than", "that", "then", "they", "this", "via", "we", "what", "when", "where", "which", "while", "who",
    "whose", "why", "without", "you", "before", "after", "since", "until", "till", "during",
];
/// Words that show that what stands before them is the subject of a clause: "since the port is 5433" gives a reason.
const VERBS: [&str; 26] = [
    "am", "are", "can", "cannot", "could", "did", "do", "does", "goes", "had", "has", "have", "is", "isn't", "may",
    "might", "must", "needs", "shall", "should", "was", "were", "will", "won't", "would", "gets",
];
/// Words before the time that make the question one about a rule or a plan, whatever else it says.
const RULES: [&str; 10] =
    ["always", "each", "every", "must", "never", "ought", "shall", "should", "usually", "whenever"];
/// The same where the question does not tell of something past.
const PLANS: [&str; 11] = ["can", "do", "does", "may", "might", "need", "needs", "to", "will", "would", "could"];
/// Words of a question about something past.
const PAST: [&str; 5] = ["did", "had", "happened", "was", "were"];

/// The first event of `text` that a time hangs on; none where there is none.
#[must_use]
pub fn event(text: &str) -> Option<Event> {
    // Nearly every query ends here.
    let is_relation = |word: &str| Relation::read(&word.to_ascii_lowercase()).is_some();
    if !text.split(|c: char| !c.is_alphanumeric()).filter(|word| (4..=6).contains(&word.len())).any(is_relation) {
        return None;
    }
    let words = words(text, true);
    let relations = words.iter().enumerate().filter_map(|(at, word)| Some((at, Relation::read(&word.clean)?)));
    relations.filter(|(at, _)| !is_rule(words.get(..*at).unwrap_or_default())).find_map(|(at, relation)| {
        let behind = words.get(at..)?;
        let name = name(behind)?;
        let phrase = behind.get(..name.end)?.iter().map(|word| word.shown).collect::<Vec<_>>().join(" ");
        let terms = super::terms(&name.text);
        (!terms.is_empty()).then_some(Event { relation, phrase, terms })
    })
}

/// One word of a text.
struct Word<'a> {
    /// Without the signs around it.
    shown: &'a str,
    /// The same in lower case.
    clean: String,
    /// A sign behind it ends what it belongs to.
    closes: bool,
}

/// The words of a text; with `unquoted` without those in quotation marks, which are looked for as they stand.
fn words(text: &str, unquoted: bool) -> Vec<Word<'_>> {
    let mut is_quoted = false;
    let mut words: Vec<Word<'_>> = Vec::new();
    for raw in text.split_whitespace().take(WORDS_MAX) {
        let marks = raw.chars().filter(|c| matches!(c, '"' | '“' | '”' | '„')).count();
        let was_quoted = is_quoted;
        is_quoted ^= marks % 2 == 1;
        let shown = raw.trim_matches(|c: char| !c.is_alphanumeric());
        if shown.is_empty() || (unquoted && (was_quoted || marks > 0)) {
            // What stands around a dash or a quotation is not one name.
            if let Some(Word { closes, .. }) = words.last_mut() {
                *closes = true;
            }
            continue;
        }
        let signs = raw.get(raw.trim_end_matches(|c: char| !c.is_alphanumeric()).len()..).unwrap_or_default();
        let closes = signs.contains([',', '.', '?', '!', ';', ':', ')']);
        words.push(Word { shown, clean: shown.to_lowercase().replace('’', "'"), closes });
    }
    words
}

/// Whether what stands before the time asks for a rule: "what must run before the deploy".
fn is_rule(before: &[Word<'_>]) -> bool {
    let holds = |set: &[&str]| before.iter().any(|word| set.contains(&word.clean.as_str()));
    holds(&RULES) || (holds(&PLANS) && !holds(&PAST))
}

/// The name of an event.
struct Name {
    /// The word behind it, counted from the relation.
    end: usize,
    text: String,
}

/// The name behind a relation and an article: up to four words to the end of the sentence or to a word that ends it.
fn name(words: &[Word<'_>]) -> Option<Name> {
    let (relation, article) = (words.first()?, words.get(1)?);
    if relation.closes || article.closes || !matches!(article.clean.as_str(), "the" | "our" | "my") {
        return None;
    }
    let start = of_what(words);
    let mut end = start;
    let mut count = 0;
    while let Some(word) = words.get(end) {
        if VERBS.contains(&word.clean.as_str()) || word.clean.ends_with("n't") {
            return None;
        }
        if ENDS.contains(&word.clean.as_str()) {
            break;
        }
        end += 1;
        count += usize::from(!JOINERS.contains(&word.clean.as_str()));
        if word.closes {
            break;
        }
    }
    // "after the migration to" goes on elsewhere.
    let is_open = |word: &Word<'_>| JOINERS.contains(&word.clean.as_str());
    let named = words.get(start..end)?;
    let is_something = |word: &Word<'_>| {
        let clean = word.clean.as_str();
        let letters = clean.chars().filter(|c| c.is_alphabetic()).count();
        letters >= 2 && !GENERIC.contains(&clean) && !analyse::is_stop_word(clean)
    };
    if count > NAME_MAX || named.last().is_none_or(is_open) || !named.iter().any(is_something) {
        return None;
    }
    Some(Name { end, text: named.iter().map(|word| word.shown).collect::<Vec<_>>().join(" ") })
}

/// Where a name begins: behind the article, and behind "end of the" and the like.
fn of_what(words: &[Word<'_>]) -> usize {
    let clean = |at: usize| words.get(at).map_or("", |word| word.clean.as_str());
    match (clean(2), clean(3), clean(4)) {
        ("end" | "start" | "beginning" | "time" | "day" | "night", "of", "the" | "our" | "my") => 5,
        ("end" | "start" | "beginning" | "time" | "day" | "night", "of", _) => 4,
        _ => 2,
    }
}

impl Event {
    /// Whether a text can tell when the event was. One that itself hangs on it cannot ("before the release we must …"),
    /// and one that states a rule does not; unless `is_event`, where it is kept as something that happened.
    #[must_use]
    pub fn may_be_told_by(&self, text: &str, is_event: bool) -> bool {
        let words = words(text, false);
        let states_rule = || words.iter().any(|word| RULES.contains(&word.clean.as_str()));
        !self.hangs(&words) && !analyse::is_question(text) && (is_event || !states_rule())
    }

    /// Whether these words say that something was, or is to be, at another time than the event.
    fn hangs(&self, words: &[Word<'_>]) -> bool {
        let is_relation = |at: usize| {
            let clean = words.get(at).map_or("", |word| word.clean.as_str());
            Relation::read(clean).is_some() || matches!(clean, "by" | "prior" | "following" | "pending" | "once")
        };
        let places = (0..words.len()).filter(|at| is_relation(*at) && words.get(*at).is_some_and(|word| !word.closes));
        places.into_iter().any(|at| {
            let behind = words.get(at + 1..).unwrap_or_default();
            let end = behind.iter().position(|word| word.closes).map_or(behind.len(), |last| last + 1);
            let near: Vec<&str> = behind.iter().take(end.min(2 * NAME_MAX)).map(|word| word.shown).collect();
            let terms = analyse::index_terms(&near.join(" "));
            self.terms.iter().all(|term| terms.contains(term))
        })
    }

    /// The time that the query names, where the event was at this one.
    #[must_use]
    pub fn window(&self, told: Told) -> Window {
        match self.relation {
            Relation::Before => Window::until(told.from),
            Relation::Until => Window::until(told.to),
            Relation::After => Window::since(told.to),
            Relation::Since => Window::since(told.from),
            Relation::During => Window::between(told.from, told.to).with_half(DURING),
        }
    }
}

/// When an event was, by what texts tell of it, best first, each with whether it is kept as something that happened: those
/// that are count alone where there are any.
#[must_use]
pub fn agree(texts: &[(Told, bool)]) -> Agreed {
    let is_kept = texts.iter().any(|(_, is_event)| *is_event);
    let mut counted = texts.iter().enumerate().filter(|(_, (_, is_event))| *is_event == is_kept);
    let Some((place, (told, _))) = counted.next() else { return Agreed::Untold };
    let (mut latest, mut soonest_over) = (told.from, told.to);
    for (_, (other, _)) in counted {
        (latest, soonest_over) = (latest.max(other.from), soonest_over.min(other.to));
    }
    if latest.0.saturating_sub(soonest_over.0) > APART_MAX { Agreed::Apart } else { Agreed::On(*told, place) }
}

#[cfg(test)]
mod tests;
