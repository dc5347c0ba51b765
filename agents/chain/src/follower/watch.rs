//! How old the newest head is, on a clock that only goes forward. Time is an argument.

use std::time::Duration;

/// Watches over one chain's head.
#[derive(Clone, Copy, Debug)]
pub struct HeadWatch {
    since: Duration,
    stale_after: Duration,
    is_stale: bool,
}

/// What became of a head's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As it was.
    Unchanged,
    /// It has just become stale.
    BecameStale,
    /// It was stale, and a new head is there.
    IsFreshAgain,
}

impl HeadWatch {
    /// Begins to watch; the head counts as new now.
    #[must_use]
    pub const fn new(stale_after: Duration, now: Duration) -> Self {
        Self { since: now, stale_after, is_stale: false }
    }

    /// A head came that was not known.
    pub fn new_head(&mut self, now: Duration) -> Freshness {
        self.since = now;
        if std::mem::take(&mut self.is_stale) {
            return Freshness::IsFreshAgain;
        }
        Freshness::Unchanged
    }

    /// Time has passed.
    pub fn look(&mut self, now: Duration) -> Freshness {
        let is_stale = self.age(now) > self.stale_after;
        if is_stale && !self.is_stale {
            self.is_stale = true;
            return Freshness::BecameStale;
        }
        Freshness::Unchanged
    }

    /// Time since the newest head came.
    #[must_use]
    pub const fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Whether the head is too old to decide on.
    #[must_use]
    pub fn is_stale(&self, now: Duration) -> bool {
        self.age(now) > self.stale_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_stale_one_moment_after_the_limit_and_that_is_said_once() {
        let limit = Duration::from_secs(60);
        let moment = Duration::from_nanos(1);
        let mut watch = HeadWatch::new(limit, Duration::from_secs(5));
        let at_limit = Duration::from_secs(65);
        assert_eq!((watch.look(at_limit), watch.is_stale(at_limit)), (Freshness::Unchanged, false));
        assert!(watch.is_stale(at_limit + moment));
        assert_eq!(watch.look(at_limit + moment), Freshness::BecameStale);
        assert_eq!(watch.look(at_limit + limit), Freshness::Unchanged);
        let later = Duration::from_secs(500);
        assert_eq!(watch.new_head(later), Freshness::IsFreshAgain);
        assert_eq!(watch.new_head(later), Freshness::Unchanged);
        assert!(!watch.is_stale(later + limit));
    }
}
