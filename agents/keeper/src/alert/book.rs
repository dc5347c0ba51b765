//! What is said about what is wrong, and when. Pure: time is an argument.

use std::{collections::BTreeMap, time::Duration};

use super::{AlertKind, Condition};

/// Times of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What begins within so long is told together.
    pub group: Duration,
    /// What lasts is told again after so long.
    pub repeat: Duration,
    /// What was not there for so long is over; until then it has only paused.
    pub resolve: Duration,
}

impl Timing {
    /// The usual times, with this one between repetitions.
    #[must_use]
    pub const fn new(repeat: Duration) -> Self {
        Self { group: Duration::from_secs(10), repeat, resolve: Duration::from_secs(300) }
    }
}

/// What happened to the alerts of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// They have begun.
    Opened,
    /// They still last.
    Repeated,
    /// They are over.
    Resolved,
}

/// One alert as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What makes it the same one from its beginning to its end.
    pub identity: String,
    /// What was wrong, as last seen.
    pub condition: Condition,
    /// How long it has lasted.
    pub lasted: Duration,
}

/// What is told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub change: Change,
    /// To which, by identity; at least one.
    pub alerts: Vec<Alert>,
}

#[derive(Clone, Debug)]
struct Entry {
    condition: Condition,
    /// When it was first seen, and last.
    first: Duration,
    last: Duration,
    /// When it was last told; none if it was not yet.
    told: Option<Duration>,
}

/// What is known to be wrong.
#[derive(Clone, Debug)]
pub struct Book {
    timing: Timing,
    entries: BTreeMap<String, Entry>,
}

impl Book {
    /// Of a keeper with which nothing is wrong.
    #[must_use]
    pub const fn new(timing: Timing) -> Self {
        Self { timing, entries: BTreeMap::new() }
    }

    /// From now on with other times.
    pub const fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Takes in what is wrong now. Gives back what is to be told, what has begun first.
    pub fn step(&mut self, now: Duration, conditions: Vec<Condition>) -> Vec<Notice> {
        for condition in conditions {
            let entry = self.entries.entry(condition.identity()).or_insert_with(|| Entry {
                condition: condition.clone(),
                first: now,
                last: now,
                told: None,
            });
            (entry.condition, entry.last) = (condition, now);
        }
        let mut notices = Vec::new();
        let mut tell = |change, alerts: Vec<Alert>| {
            if !alerts.is_empty() {
                notices.push(Notice { change, alerts });
            }
        };
        tell(Change::Opened, self.opened(now));
        tell(Change::Repeated, self.repeated(now));
        tell(Change::Resolved, self.resolved(now));
        notices
    }

    /// All that are due, once one of them has waited for the others.
    fn opened(&mut self, now: Duration) -> Vec<Alert> {
        let ripe = |entry: &Entry, wait: Duration| {
            let since = now.saturating_sub(entry.first);
            entry.told.is_none() && entry.last == now && since >= wait
        };
        let after = |kind: AlertKind| kind.after();
        let group = self.timing.group;
        if !self.entries.values().any(|e| ripe(e, after(e.condition.kind).max(group))) {
            return Vec::new();
        }
        self.tell(now, |entry| ripe(entry, after(entry.condition.kind)))
    }

    fn repeated(&mut self, now: Duration) -> Vec<Alert> {
        let repeat = self.timing.repeat;
        self.tell(now, |entry| {
            entry.last == now && entry.told.is_some_and(|told| now.saturating_sub(told) >= repeat)
        })
    }

    fn tell(&mut self, now: Duration, is_due: impl Fn(&Entry) -> bool) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for (identity, entry) in &mut self.entries {
            if is_due(entry) {
                entry.told = Some(now);
                alerts.push(alert(identity, entry));
            }
        }
        alerts
    }

    fn resolved(&mut self, now: Duration) -> Vec<Alert> {
        let resolve = self.timing.resolve;
        let mut alerts = Vec::new();
        self.entries.retain(|identity, entry| {
            let is_gone = entry.last < now;
            let is_over = now.saturating_sub(entry.last) >= resolve;
            match entry.told {
                // What nobody was told of is forgotten at once: it has to last from anew.
                None => !is_gone,
                Some(_) if is_over => {
                    alerts.push(alert(identity, entry));
                    false
                }
                Some(_) => true,
            }
        });
        alerts
    }
}

fn alert(identity: &str, entry: &Entry) -> Alert {
    Alert {
        identity: identity.to_owned(),
        condition: entry.condition.clone(),
        lasted: entry.last.saturating_sub(entry.first),
    }
}
