//! Changes whose clock was ahead of ours when they came (J4): applied, and reported.
//!
//! How far ahead a change was is told by the wall clock at its arrival, which nothing else keeps: `arrivals` is made
//! monotonic and does not go back where that clock is set back. So this is a local record, one row of `meta` for each
//! author, and no projection: a rebuild leaves it, another store has its own.
//!
//! **Invariant:** it counts each change once, when it is journalled.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::Header;
use jay_types::time::MINUTE;
use jay_types::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

/// How far ahead a clock may be without a word.
const REPORTED_FROM: i64 = 5 * MINUTE;
/// Before the node's id in the record's name.
const NAME: &str = "ahead ";

/// What came from one node ahead of this store's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAhead {
    /// Whose changes they are.
    pub node: NodeId,
    /// How many.
    pub changes: u64,
    /// The most that a change's logical clock was ahead, microseconds.
    pub ahead_us: i64,
    /// The most that its author's own wall clock was ahead, microseconds; small or negative where the author only went on
    /// from a clock that it had seen.
    pub wall_ahead_us: i64,
    /// When the first of them came, by this store's wall clock.
    pub first_at: Timestamp,
    /// When the last of them came.
    pub last_at: Timestamp,
    /// Those that the author's own wall clock was far ahead of when they came; none where there are none.
    #[serde(default)]
    pub wall: Option<WallAhead>,
}

/// Changes whose author's own wall clock was far ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallAhead {
    /// How many.
    pub changes: u64,
    /// When the first of them came, by this store's wall clock.
    pub first_at: Timestamp,
    /// When the last of them came.
    pub last_at: Timestamp,
}

impl WallAhead {
    fn and(self, other: Self) -> Self {
        Self {
            changes: self.changes.saturating_add(other.changes),
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
        }
    }
}

/// Counts those of a part that are far ahead.
pub(crate) fn note<'h>(tx: &Tx<'_>, headers: impl Iterator<Item = &'h Header>, now: i64) -> Result<()> {
    let ahead_of = |clock: i64| clock.saturating_sub(now);
    let far = headers
        .map(|header| (header, ahead_of(i64::try_from(header.hlc.0).unwrap_or(i64::MAX))))
        .filter(|(_, ahead_us)| *ahead_us > REPORTED_FROM);
    let mut of_part: Option<ClockAhead> = None;
    for (header, ahead_us) in far {
        let (now, wall_ahead_us) = (Timestamp(now), ahead_of(header.at.0));
        let of_wall = WallAhead { changes: 1, first_at: now, last_at: now };
        let one = ClockAhead {
            node: header.node,
            changes: 1,
            ahead_us,
            wall_ahead_us,
            first_at: now,
            last_at: now,
            wall: Some(of_wall).filter(|_| wall_ahead_us > REPORTED_FROM),
        };
        of_part = Some(of_part.map_or(one, |so_far| so_far.and(&one)));
    }
    // A part has one author.
    let Some(of_part) = of_part else { return Ok(()) };
    let name = format!("{NAME}{}", of_part.node);
    let known = tx.meta_text(&name)?.and_then(|text| serde_json::from_str::<ClockAhead>(&text).ok());
    let all = known.map_or(of_part, |known| known.and(&of_part));
    let text = serde_json::to_string(&all).map_err(|error| jay_types::Error::internal(error.to_string()))?;
    tx.set_meta_text(&name, &text)
}

impl ClockAhead {
    /// True where the author's own wall clock was ahead, rather than a clock that it had seen.
    #[must_use]
    pub const fn is_own_clock(&self) -> bool {
        self.wall_ahead_us > REPORTED_FROM
    }

    /// Both together, for records of the same node.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            node: self.node,
            changes: self.changes.saturating_add(other.changes),
            ahead_us: self.ahead_us.max(other.ahead_us),
            wall_ahead_us: self.wall_ahead_us.max(other.wall_ahead_us),
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
            wall: match (self.wall, other.wall) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            },
        }
    }
}

impl Tx<'_> {
    /// What came ahead of this store's clock, by node.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clocks_ahead(&self) -> Result<Vec<ClockAhead>> {
        let texts: Vec<String> =
            self.all("SELECT value FROM meta WHERE name >= ?1 AND name < 'ahead!' ORDER BY name", [NAME], |row| {
                row.get(0)
            })?;
        Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }
}
