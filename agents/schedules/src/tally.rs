//! What many schedules met.

use std::{collections::BTreeMap, fmt};

use crate::{AnswerFault, Ran, WriteFault, schedule};

/// Faults that come from the world, as [`crate::What::kind`] names them.
const WORLDLY: [&str; 13] = [
    "endpoint lags",
    "endpoint down",
    "reorg",
    "reorg deep",
    "final rewritten",
    "pool dropped",
    "crowded",
    "fee spike",
    "foreign use",
    "exit",
    "entry",
    "rates turn",
    "asleep",
];

/// Counts over many schedules.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    schedules: u64,
    in_flight: u64,
    executed: u64,
    restarts: u64,
    calls: u64,
    met: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds one run.
    pub fn add(&mut self, ran: &Ran) {
        self.schedules = self.schedules.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(u64::from(ran.had_in_flight));
        self.executed = self.executed.saturating_add(ran.executed);
        self.restarts = self.restarts.saturating_add(ran.restarts);
        self.calls = self.calls.saturating_add(ran.calls);
        self.count(&ran.met);
    }

    /// Adds what others counted.
    pub fn merge(&mut self, other: &Self) {
        self.schedules = self.schedules.saturating_add(other.schedules);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.executed = self.executed.saturating_add(other.executed);
        self.restarts = self.restarts.saturating_add(other.restarts);
        self.calls = self.calls.saturating_add(other.calls);
        self.count(&other.met);
    }

    fn count(&mut self, met: &BTreeMap<String, u64>) {
        for (kind, count) in met {
            let all = self.met.entry(kind.clone()).or_default();
            *all = all.saturating_add(*count);
        }
    }

    /// What came up too seldom: each kind of fault 20 times, each crash point 5, a transaction in flight in half of all.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut floors: Vec<(String, u64)> = Vec::new();
        floors.extend(WORLDLY.iter().map(|kind| ((*kind).to_owned(), 20)));
        floors.extend(AnswerFault::ALL.iter().map(|fault| (format!("answer {fault:?}"), 20)));
        floors.extend(WriteFault::ALL.iter().map(|fault| (format!("write {fault:?}"), 20)));
        for call in schedule::WRITES.iter().chain(&schedule::METHODS) {
            floors.extend(["before", "after"].map(|when| (format!("crash {when} {call}"), 5)));
        }
        self.below(&floors)
    }

    /// What came up less often than these floors say, and whether a transaction was in flight in less than half of all.
    #[must_use]
    pub fn below(&self, floors: &[(String, u64)]) -> Vec<String> {
        let mut missing: Vec<String> = floors
            .iter()
            .filter_map(|(kind, floor)| {
                let count = self.met.get(kind).copied().unwrap_or_default();
                (count < *floor).then(|| format!("{kind}: {count} times, expected {floor}"))
            })
            .collect();
        if self.in_flight.saturating_mul(2) < self.schedules {
            let (flying, all) = (self.in_flight, self.schedules);
            missing.push(format!("a transaction in flight in {flying} of {all} schedules"));
        }
        missing
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} schedules, {} with a transaction in flight at a fault, {} rebalances executed, {} starts after \
             the first, {} calls",
            self.schedules, self.in_flight, self.executed, self.restarts, self.calls
        )?;
        for (kind, count) in &self.met {
            writeln!(f, "  {kind:<44} {count:>7}")?;
        }
        Ok(())
    }
}
