//! What is still to go wrong between keeper and chain, shared by the proxies and whoever runs the schedule.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::Value;
use vagus_schedules::AnswerFault;

/// What an endpoint has of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// All of it.
    #[default]
    Whole,
    /// All but so many of the newest blocks.
    Behind(u64),
    /// What was there at a height, and nothing newer.
    UpTo(u64),
    /// It takes questions and answers none.
    Silent,
    /// It breaks every connection.
    Down,
}

#[derive(Debug)]
struct Armed {
    endpoint: usize,
    method: &'static str,
    nth: u64,
    fault: AnswerFault,
}

#[derive(Debug, Default)]
struct Inner {
    armed: Vec<Armed>,
    views: BTreeMap<usize, View>,
    underway: Vec<Value>,
    met: BTreeMap<String, u64>,
    notes: Vec<String>,
    calls: u64,
    is_in_flight: bool,
    was_in_flight: bool,
}

/// What is still to go wrong, and what has.
#[derive(Debug, Default)]
pub struct Plan {
    inner: Mutex<Inner>,
}

impl Plan {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A poisoned lock only means that another task died between two whole changes.
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Binds a fault to the n-th question of a method to an endpoint from here on, counted from zero.
    pub fn arm(&self, endpoint: usize, method: &'static str, nth: u64, fault: AnswerFault) {
        self.inner().armed.push(Armed { endpoint, method, nth, fault });
    }

    /// Says what an endpoint has of the chain from here on.
    pub fn set_view(&self, endpoint: usize, view: View) {
        self.inner().views.insert(endpoint, view);
    }

    /// What an endpoint has of the chain.
    #[must_use]
    pub fn view(&self, endpoint: usize) -> View {
        self.inner().views.get(&endpoint).copied().unwrap_or_default()
    }

    /// From here on everything goes well.
    pub fn disarm(&self) {
        let mut inner = self.inner();
        inner.armed.clear();
        inner.views.clear();
    }

    /// Forgets all, before another schedule.
    pub fn clear(&self) {
        *self.inner() = Inner::default();
    }

    /// The fault that a question meets. Every question counts for every fault that is bound to its method.
    pub(crate) fn fault(&self, endpoint: usize, method: &str) -> Option<AnswerFault> {
        let mut inner = self.inner();
        inner.calls = inner.calls.saturating_add(1);
        let mut due = None;
        for (place, armed) in inner.armed.iter_mut().enumerate() {
            if armed.endpoint != endpoint || armed.method != method {
                continue;
            }
            if armed.nth > 0 {
                armed.nth = armed.nth.saturating_sub(1);
            } else if due.is_none() {
                due = Some(place);
            }
        }
        due.map(|place| inner.armed.remove(place).fault)
    }

    /// Keeps a question that arrives with the next block.
    pub(crate) fn send_later(&self, request: Value) {
        self.inner().underway.push(request);
    }

    /// The questions that arrive now.
    #[must_use]
    pub fn arriving(&self) -> Vec<Value> {
        std::mem::take(&mut self.inner().underway)
    }

    /// A fault has happened.
    pub fn meet(&self, kind: String) {
        let mut inner = self.inner();
        let count = inner.met.entry(kind).or_default();
        *count = count.saturating_add(1);
        inner.was_in_flight |= inner.is_in_flight;
    }

    /// Keeps what is worth to be known when something is wrong.
    pub fn note(&self, words: &str) {
        self.inner().notes.push(words.to_owned());
    }

    /// What was noted.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.inner().notes.clone()
    }

    /// Number of questions that were asked.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.inner().calls
    }

    /// Whether a transaction is in flight now.
    pub fn set_in_flight(&self, is_in_flight: bool) {
        self.inner().is_in_flight = is_in_flight;
    }

    /// How often each kind of fault was met.
    #[must_use]
    pub fn met(&self) -> BTreeMap<String, u64> {
        self.inner().met.clone()
    }

    /// Whether a transaction was in flight when a fault was met.
    #[must_use]
    pub fn was_in_flight(&self) -> bool {
        self.inner().was_in_flight
    }
}
