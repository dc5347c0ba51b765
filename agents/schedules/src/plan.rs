//! What is still to go wrong, shared by everything that can.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use alloy::primitives::{B256, keccak256};
use serde_json::Value;
use tokio::sync::Notify;

use crate::{AnswerFault, WriteFault};

/// The n-th call of a kind.
#[derive(Clone, Debug)]
struct Armed<F> {
    call: &'static str,
    nth: u64,
    fault: F,
}

#[derive(Debug, Default)]
struct Inner {
    answers: Vec<(usize, Armed<AnswerFault>)>,
    writes: Vec<Armed<WriteFault>>,
    /// Whether the call is made first.
    crashes: Vec<Armed<bool>>,
    lags: BTreeMap<usize, usize>,
    down: BTreeMap<usize, ()>,
    /// Raw transactions that arrive with the next block.
    underway: Vec<Value>,
    last_bodies: BTreeMap<usize, Vec<u8>>,
    met: BTreeMap<String, u64>,
    is_dead: bool,
    trace: B256,
    calls: u64,
}

/// What is still to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    inner: Mutex<Inner>,
    killed: Notify,
}

fn take<F: Copy>(list: &mut Vec<Armed<F>>, is_it: impl Fn(&Armed<F>) -> bool) -> Option<F> {
    let place = list.iter().position(is_it)?;
    let armed = &mut list[place];
    if armed.nth > 0 {
        armed.nth = armed.nth.saturating_sub(1);
        return None;
    }
    Some(list.remove(place).fault)
}

impl Plan {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(crate) fn arm_answer(
        &self,
        endpoint: usize,
        call: &'static str,
        nth: u64,
        fault: AnswerFault,
    ) {
        self.inner().answers.push((endpoint, Armed { call, nth, fault }));
    }

    pub(crate) fn arm_write(&self, call: &'static str, nth: u64, fault: WriteFault) {
        self.inner().writes.push(Armed { call, nth, fault });
    }

    pub(crate) fn arm_crash(&self, call: &'static str, nth: u64, is_after: bool) {
        self.inner().crashes.push(Armed { call, nth, fault: is_after });
    }

    pub(crate) fn set_lag(&self, endpoint: usize, depth: usize) {
        if depth == 0 {
            self.inner().lags.remove(&endpoint);
        } else {
            self.inner().lags.insert(endpoint, depth);
        }
    }

    pub(crate) fn set_down(&self, endpoint: usize, is_down: bool) {
        if is_down {
            self.inner().down.insert(endpoint, ());
        } else {
            self.inner().down.remove(&endpoint);
        }
    }

    /// From here on everything goes well.
    pub(crate) fn disarm(&self) {
        let mut inner = self.inner();
        inner.answers.clear();
        inner.writes.clear();
        inner.crashes.clear();
        inner.lags.clear();
        inner.down.clear();
    }

    pub(crate) fn lag(&self, endpoint: usize) -> usize {
        self.inner().lags.get(&endpoint).copied().unwrap_or_default()
    }

    pub(crate) fn is_down(&self, endpoint: usize) -> bool {
        self.inner().down.contains_key(&endpoint)
    }

    pub(crate) fn answer_fault(&self, endpoint: usize, method: &str) -> Option<AnswerFault> {
        let mut inner = self.inner();
        let place =
            inner.answers.iter().position(|(at, armed)| *at == endpoint && armed.call == method)?;
        if inner.answers[place].1.nth > 0 {
            inner.answers[place].1.nth = inner.answers[place].1.nth.saturating_sub(1);
            return None;
        }
        Some(inner.answers.remove(place).1.fault)
    }

    pub(crate) fn write_fault(&self, call: &str) -> Option<WriteFault> {
        take(&mut self.inner().writes, |armed| armed.call == call)
    }

    /// Does not come back if the keeper is to be killed here.
    pub(crate) async fn crash(&self, call: &str, is_after: bool) {
        let is_it = |armed: &Armed<bool>| armed.call == call && armed.fault == is_after;
        let is_due = take(&mut self.inner().crashes, is_it).is_some();
        if !is_due {
            return;
        }
        let when = if is_after { "after" } else { "before" };
        self.meet(format!("crash {when} {call}"));
        self.inner().is_dead = true;
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }

    /// When the keeper is to be killed.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
        self.inner().is_dead = false;
    }

    /// A fault has happened.
    pub(crate) fn meet(&self, kind: String) {
        self.note(kind.as_bytes());
        let mut inner = self.inner();
        let count = inner.met.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn met(&self) -> BTreeMap<String, u64> {
        self.inner().met.clone()
    }

    pub(crate) fn send_later(&self, request: Value) {
        self.inner().underway.push(request);
    }

    pub(crate) fn arriving(&self) -> Vec<Value> {
        std::mem::take(&mut self.inner().underway)
    }

    /// Keeps an answer, and gives back the one before it.
    pub(crate) fn answer_before(&self, endpoint: usize, body: &[u8]) -> Option<Vec<u8>> {
        self.inner().last_bodies.insert(endpoint, body.to_vec())
    }

    /// Adds to the trace: two runs with the same trace made the same calls and got the same answers.
    pub(crate) fn note(&self, bytes: &[u8]) {
        let mut inner = self.inner();
        let before = inner.trace;
        inner.trace = keccak256([before.as_slice(), keccak256(bytes).as_slice()].concat());
        inner.calls = inner.calls.saturating_add(1);
    }

    pub(crate) fn trace(&self) -> (B256, u64) {
        let inner = self.inner();
        (inner.trace, inner.calls)
    }
}
