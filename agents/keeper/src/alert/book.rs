//! What is said about what is wrong, and when. Pure: time is an argument, and so is what the journal remembers.
//!
//! The book of every keeper of a journal is the same one. What a keeper tells it first writes down, on the condition that
//! nobody was faster; so a restart neither tells anew nor forgets to tell the end, and an heir goes on where another ended.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use vagus_journal::{AlertChange, StoredAlert};

use super::{AlertKind, Condition};

/// That an alert still lasts is written down this often.
const KEEP_UP: Duration = Duration::from_secs(60);
/// What was written down as told and not as delivered for so long is in nobody's hands any more: no channel takes longer.
const IN_HAND_FOR: Duration = Duration::from_secs(180);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The keeper that saw it begin; with it the identity is the same whoever tells the end.
    pub keeper: String,
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

/// What was last told of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Telling {
    change: Change,
    #[serde(with = "milliseconds")]
    at: Duration,
    /// Whether every channel has it, or was given up.
    is_delivered: bool,
}

/// What is remembered of an alert. Times are the journal's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// Who saw it begin.
    keeper: String,
    condition: Condition,
    /// When it was first seen, and last.
    #[serde(with = "milliseconds")]
    first: Duration,
    #[serde(with = "milliseconds")]
    last: Duration,
    /// None if nobody was told yet.
    told: Option<Telling>,
}

impl Memory {
    fn begun(keeper: &str, condition: Condition, now: Duration) -> Self {
        Self { keeper: keeper.to_owned(), condition, first: now, last: now, told: None }
    }

    fn is_open(&self) -> bool {
        self.told.is_some_and(|told| told.change != Change::Resolved)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    memory: Memory,
    /// As the journal has it, with its version.
    stored: Option<(u64, Memory)>,
    /// Whether this keeper saw it itself. What others see is theirs to forget, until they are gone.
    is_own: bool,
    /// Whether what was told last is on its way to this keeper's channels.
    is_in_hand: bool,
    /// Whether nothing is left to be told of it.
    is_over: bool,
}

impl Entry {
    fn has_told(&self) -> Option<Telling> {
        self.stored.as_ref().and_then(|(_, stored)| stored.told)
    }

    fn tell(&mut self, identity: &str, change: Change, now: Duration) -> Alert {
        self.memory.told = Some(Telling { change, at: now, is_delivered: false });
        self.is_in_hand = true;
        let Memory { keeper, condition, first, last, .. } = &self.memory;
        Alert {
            identity: identity.to_owned(),
            keeper: keeper.clone(),
            condition: condition.clone(),
            lasted: last.saturating_sub(*first),
        }
    }

    /// What the journal has to be told of it.
    fn change(&self, identity: &str) -> Option<AlertChange> {
        let expected = self.stored.as_ref().map(|(version, _)| *version);
        let identity = identity.to_owned();
        if self.is_over {
            return expected.map(|_| AlertChange { identity, expected, body: None });
        }
        let is_news = self.memory.told != self.has_told();
        let seen = self.stored.as_ref().map_or(self.memory.first, |(_, stored)| stored.last);
        let is_left_behind = self.memory.last.saturating_sub(seen) >= KEEP_UP;
        if !is_news && !is_left_behind {
            return None;
        }
        let body = serde_json::to_value(&self.memory).ok()?;
        Some(AlertChange { identity, expected, body: Some(body) })
    }
}

/// What is known to be wrong.
#[derive(Clone, Debug)]
pub struct Book {
    keeper: String,
    timing: Timing,
    entries: BTreeMap<String, Entry>,
    has_read: bool,
}

impl Book {
    /// Of a keeper with which nothing is wrong.
    #[must_use]
    pub fn new(keeper: &str, timing: Timing) -> Self {
        Self { keeper: keeper.to_owned(), timing, entries: BTreeMap::new(), has_read: false }
    }

    /// From now on with other times.
    pub const fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Whether nothing is wrong that is known of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in what the journal remembers of what this keeper watches. What it remembers when the keeper starts may still
    /// be so, and nobody has looked meanwhile: it is over only when it is not seen for as long as usual from now on.
    pub fn take_in(
        &mut self,
        now: Duration,
        remembered: &[StoredAlert],
        watches: impl Fn(&Condition) -> bool,
    ) {
        let mut known = BTreeMap::new();
        for row in remembered {
            match serde_json::from_value::<Memory>(row.body.clone()) {
                Ok(memory) if watches(&memory.condition) => {
                    known.insert(row.identity.clone(), (row.version, memory));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!("alerts: {} is not understood: {error}", row.identity),
            }
        }
        let keeper = self.keeper.clone();
        self.entries.retain(|identity, entry| {
            let is_gone = entry.stored.is_some() && !known.contains_key(identity);
            if is_gone && entry.is_own {
                // Another keeper has told its end, and here it still is: it has begun anew.
                entry.stored = None;
                entry.memory = Memory::begun(&keeper, entry.memory.condition.clone(), now);
            }
            !is_gone || entry.is_own
        });
        for (identity, (version, stored)) in known {
            let mut memory = stored.clone();
            if !self.has_read {
                memory.last = memory.last.max(now);
            }
            let entry = self.entries.entry(identity).or_insert_with(|| Entry {
                memory: memory.clone(),
                stored: None,
                is_own: false,
                is_in_hand: false,
                is_over: false,
            });
            if entry.stored.as_ref().is_some_and(|(known, _)| *known == version) {
                continue;
            }
            memory.last = memory.last.max(entry.memory.last);
            if entry.is_own {
                memory.condition = entry.memory.condition.clone();
            }
            (entry.memory, entry.is_in_hand, entry.is_over) = (memory, false, false);
            entry.stored = Some((version, stored));
        }
        self.has_read = true;
    }

    /// Takes in what is wrong now. Gives back what is to be told, what has begun first.
    pub fn step(&mut self, now: Duration, conditions: Vec<Condition>) -> Vec<Notice> {
        for condition in conditions {
            let begun = || Memory::begun(&self.keeper, condition.clone(), now);
            let entry = self.entries.entry(condition.identity()).or_insert_with(|| Entry {
                memory: begun(),
                stored: None,
                is_own: true,
                is_in_hand: false,
                is_over: false,
            });
            if entry.is_over || entry.memory.told.is_some() && !entry.memory.is_open() {
                // Its end was told: this is the next one.
                (entry.memory, entry.is_over) = (begun(), false);
            }
            (entry.memory.condition, entry.memory.last, entry.is_own) = (condition, now, true);
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
        for change in [Change::Opened, Change::Repeated, Change::Resolved] {
            tell(change, self.undelivered(now, change));
        }
        self.forget(now);
        notices
    }

    /// All that are due, once one of them has waited for the others.
    fn opened(&mut self, now: Duration) -> Vec<Alert> {
        let ripe = |memory: &Memory, wait: Duration| {
            let since = now.saturating_sub(memory.first);
            memory.told.is_none() && memory.last == now && since >= wait
        };
        let after = |kind: AlertKind| kind.after();
        let group = self.timing.group;
        let is_ripe = |e: &Entry| ripe(&e.memory, after(e.memory.condition.kind).max(group));
        if !self.entries.values().any(is_ripe) {
            return Vec::new();
        }
        self.tell(now, Change::Opened, |e| {
            e.is_own && ripe(&e.memory, after(e.memory.condition.kind))
        })
    }

    fn repeated(&mut self, now: Duration) -> Vec<Alert> {
        let repeat = self.timing.repeat;
        self.tell(now, Change::Repeated, |entry| {
            let is_due = |told: Telling| now.saturating_sub(told.at) >= repeat;
            let Entry { memory, .. } = entry;
            entry.is_own
                && memory.last == now
                && memory.is_open()
                && memory.told.is_some_and(is_due)
        })
    }

    fn resolved(&mut self, now: Duration) -> Vec<Alert> {
        let resolve = self.timing.resolve;
        self.tell(now, Change::Resolved, |entry| {
            entry.memory.is_open() && now.saturating_sub(entry.memory.last) >= resolve
        })
    }

    /// What was told, and is in the hands of nobody who still brings it anywhere.
    fn undelivered(&mut self, now: Duration, change: Change) -> Vec<Alert> {
        self.tell(now, change, |entry| {
            let is_lost = |told: Telling| {
                let is_old = now.saturating_sub(told.at) >= IN_HAND_FOR;
                told.change == change && !told.is_delivered && is_old
            };
            !entry.is_in_hand && entry.memory.told.is_some_and(is_lost)
        })
    }

    fn tell(
        &mut self,
        now: Duration,
        change: Change,
        is_due: impl Fn(&Entry) -> bool,
    ) -> Vec<Alert> {
        let due = self.entries.iter_mut().filter(|(_, entry)| is_due(entry));
        due.map(|(identity, entry)| entry.tell(identity, change, now)).collect()
    }

    /// What nobody was told of is forgotten at once: it has to last from anew. What another keeper saw is, when that has not
    /// seen it for long.
    fn forget(&mut self, now: Duration) {
        let resolve = self.timing.resolve;
        self.entries.retain(|_, entry| {
            let unseen = now.saturating_sub(entry.memory.last);
            let is_gone = if entry.is_own { entry.memory.last < now } else { unseen >= resolve };
            entry.is_over |= entry.memory.told.is_none() && is_gone;
            !entry.is_over || entry.stored.is_some()
        });
    }

    /// What the journal is to remember from now on.
    #[must_use]
    pub fn changes(&self) -> Vec<AlertChange> {
        self.entries.iter().filter_map(|(identity, entry)| entry.change(identity)).collect()
    }

    /// Takes in which changes were made, by the versions that they left. What another keeper was faster with is read anew,
    /// and not told: of the notices, those are left that are this keeper's to tell.
    #[must_use]
    pub fn settle(
        &mut self,
        changes: &[AlertChange],
        made: &[Option<u64>],
        notices: Vec<Notice>,
    ) -> Vec<Notice> {
        let mut lost = Vec::new();
        for (change, made) in changes.iter().zip(made) {
            match (made, &change.body, self.entries.get_mut(&change.identity)) {
                (Some(version), Some(_), Some(entry)) => {
                    entry.stored = Some((*version, entry.memory.clone()));
                }
                (None, ..) => {
                    lost.push(change.identity.as_str());
                    self.entries.remove(&change.identity);
                }
                _ => {
                    self.entries.remove(&change.identity);
                }
            }
        }
        let mine = notices.into_iter().map(|mut notice| {
            notice.alerts.retain(|alert| !lost.contains(&alert.identity.as_str()));
            notice
        });
        mine.filter(|notice| !notice.alerts.is_empty()).collect()
    }

    /// Takes in that every channel has what was told of an alert, or was given up.
    pub fn delivered(&mut self, identity: &str, change: Change) {
        let Some(entry) = self.entries.get_mut(identity) else { return };
        let Some(told) = entry.memory.told.as_mut().filter(|told| told.change == change) else {
            return;
        };
        told.is_delivered = true;
        entry.is_in_hand = false;
        entry.is_over |= change == Change::Resolved;
        if entry.is_over && entry.stored.is_none() {
            self.entries.remove(identity);
        }
    }
}

/// Durations since the epoch of Unix as milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
