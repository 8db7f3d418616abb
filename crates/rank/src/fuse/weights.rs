//! The constants of fusion, each with where it comes from.

/// The most that all priors together add: two candidates whose relevance differs by more keep their order.
/// Relevance is about 1 for the best candidate, so this is a difference that no reader would see.
pub const PRIOR_MAX: f64 = 0.02;

/// Shares of the priors; they sum to 1 and are scaled by [`PRIOR_MAX`].
///
/// Their proportions are a choice, not a measurement: with [`PRIOR_MAX`] they only order equals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorShares {
    /// Of importance.
    pub importance: f64,
    /// Of confidence.
    pub confidence: f64,
    /// Of a pin.
    pub pinned: f64,
    /// Of recency, 1 now, half after [`PriorShares::half_life_days`].
    pub recency: f64,
    /// Of feedback: half for none, saturating at about four marks either way.
    pub feedback: f64,
    /// Days after which recency is half.
    pub half_life_days: f64,
}

/// How text, vectors and late interaction share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Legs {
    /// Text.
    pub text: f64,
    /// The table's vector.
    pub vector: f64,
    /// The installed model's vector.
    pub model: f64,
    /// Late interaction.
    pub late: f64,
}

/// Every constant of fusion.
///
/// "Measured" means: chosen on conversational retrieval (LoCoMo turns, recall@10), most of them with
/// leave-one-conversation-out; they carry over to other texts only as far as those resemble conversations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Text, beside vectors and late interaction; legs that no candidate has leave their weight to the others (measured;
    /// a min-max sum beats reciprocal-rank fusion by 6 to 7 points).
    pub text: f64,
    /// Vector (measured with the static model).
    pub vector: f64,
    /// The cosine of the table's vectors of texts that have nothing to do with each other: less tells nothing (measured).
    pub unrelated: f64,
    /// Late interaction (measured; +1 for sessions found, +0.5 for turns).
    pub late: f64,
    /// In place of the three, for what an installed model has read (measured with all-MiniLM-L6-v2 in int8: turns 77.9 to
    /// 78.7; paraphrases, where words differ, 55 to 68. A greater share of the model is better there and worse for turns).
    pub with_model: Legs,
    /// Entity neighbourhood; a choice, as much as a name.
    pub entity: f64,
    /// Each turn at distance 1 in the same session, times its own base score (measured, +5 points with the next).
    pub neighbour_1: f64,
    /// Each turn at distance 2 (measured).
    pub neighbour_2: f64,
    /// For the turn after a question, times the question's base score: an answer need not repeat the words that it was asked
    /// with (measured, with the next +1.5 for turns).
    pub answer: f64,
    /// Taken off a turn that asks something itself: it is seldom an answer (measured).
    pub question: f64,
    /// How much of the query the session covers (measured; +1 for turns beside [`Weights::crowding`]).
    pub session: f64,
    /// Taken off for each better hit of the same session: answers that stand in several sessions are found (measured;
    /// +3 for sessions found, -0.4 for turns).
    pub crowding: f64,
    /// The speaker or an entity is named in the query (measured, +2).
    pub name: f64,
    /// Inside the query's time; a choice, below a name, because a time may be read wrongly.
    pub time: f64,
    /// Tie-breaks.
    pub priors: PriorShares,
}

impl Weights {
    /// Where sessions are asked for and not turns: what a session says as a whole counts more (measured as the others, by
    /// the share of sessions found). Which of its turns asks and which answers is nothing to a session, and many weak
    /// likenesses of its turns are something.
    #[must_use]
    pub fn for_sessions() -> Self {
        let legs = Self { text: 0.2, vector: 0.4, unrelated: 0.0, late: 0.4, ..Self::default() };
        Self { session: 0.6, name: 0.45, neighbour_1: 0.2, answer: 0.0, question: 0.0, ..legs }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            text: 0.36,
            vector: 0.19,
            unrelated: 0.3,
            late: 0.45,
            with_model: Legs { text: 0.25, vector: 0.0, model: 0.4, late: 0.35 },
            entity: 0.25,
            neighbour_1: 0.22,
            neighbour_2: 0.05,
            answer: 0.3,
            question: 0.1,
            session: 0.4,
            crowding: 0.06,
            name: 0.34,
            time: 0.15,
            priors: PriorShares {
                importance: 0.25,
                confidence: 0.1,
                pinned: 0.2,
                recency: 0.25,
                feedback: 0.2,
                half_life_days: 90.0,
            },
        }
    }
}
