//! A span of time that a query names, and how well a moment fits it.
//!
//! **Invariant:** a moment inside fits wholly; outside the fit falls with the distance to the nearer end, whatever lies
//! beyond the other one.

use jay_types::Timestamp;
use jay_types::time::DAY;
use serde::Serialize;

/// Distance outside of an open window, microseconds, at which the fit is a half. An open window has no length to measure
/// by: a share of the time since 1970 would take nearly every moment for one that fits. A month is about how far off the
/// end of an "until spring" is remembered.
const OPEN_HALF: i64 = 30 * DAY;

/// A span of time; `from` is in it, `to` is not. Soft: nothing is left out by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first moment; none where it is open to the past.
    pub from: Option<Timestamp>,
    /// The moment after the last; none where it is open to the future.
    pub to: Option<Timestamp>,
    /// Distance outside, microseconds, at which the fit is a half.
    half: i64,
}

impl Window {
    /// From one moment to before another. The fit is a half at one length (at least a day) outside.
    #[must_use]
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        let half = to.0.saturating_sub(from.0).max(DAY);
        Self { from: Some(from), to: Some(to), half }
    }

    /// From a moment on, without end. The fit is a half thirty days before it.
    #[must_use]
    pub const fn since(from: Timestamp) -> Self {
        Self { from: Some(from), to: None, half: OPEN_HALF }
    }

    /// Up to a moment. The fit is a half thirty days after it.
    #[must_use]
    pub const fn until(to: Timestamp) -> Self {
        Self { from: None, to: Some(to), half: OPEN_HALF }
    }

    /// The same span with another scale, microseconds.
    pub(super) const fn with_half(self, half: i64) -> Self {
        Self { half, ..self }
    }

    /// How well `at` fits, 0 to 1: 1 inside, half at the window's scale outside, falling to 0.
    #[must_use]
    pub fn fit(&self, at: Timestamp) -> f64 {
        let before = self.from.map_or(0, |from| from.0.saturating_sub(at.0));
        let behind = self.to.map_or(0, |to| at.0.saturating_sub(to.0));
        let outside = before.max(behind).max(0);
        let fit = (-std::f64::consts::LN_2 * (outside as f64) / (self.half as f64)).exp();
        if fit < 0.01 { 0.0 } else { fit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp(number * DAY)
    }

    fn fits(window: Window, expected: &[(i64, f64)]) {
        for (at, fit) in expected {
            assert!((window.fit(day(*at)) - fit).abs() < 1e-9, "{window:?} day {at}: {}", window.fit(day(*at)));
        }
    }

    #[test]
    fn a_closed_window_is_measured_by_its_length() {
        fits(Window::between(day(10), day(12)), &[(11, 1.0), (8, 0.5), (14, 0.5), (1000, 0.0)]);
        fits(Window::between(day(10), day(10)), &[(9, 0.5)]);
        assert!(Window::between(day(10), day(12)).fit(Timestamp(i64::MIN)) == 0.0);
    }

    #[test]
    fn an_open_window_is_measured_by_a_month_however_long_it_is() {
        fits(Window::until(day(20_000)), &[(0, 1.0), (20_000, 1.0), (20_030, 0.5), (20_060, 0.25), (20_300, 0.0)]);
        fits(Window::since(day(20_000)), &[(30_000, 1.0), (20_000, 1.0), (19_970, 0.5), (19_000, 0.0)]);
        for window in [Window::until(day(5)), Window::since(day(5))] {
            for at in [i64::MIN, i64::MAX] {
                assert!((0.0..=1.0).contains(&window.fit(Timestamp(at))));
            }
        }
    }
}
