//! From events to changes of holdings. Pure.
//!
//! What changes a vault's holdings are transfers of the asset and of strategies' shares to and from it. What they were is said by
//! the event that follows them in the same transaction: `Deposit`, `Withdraw`, `RedeemedInKind`, `Rebalanced`, `StrategyPulled`,
//! `StrategyTrimmed`. Entries, exits and rebalances refresh the vault before they move anything, so what lies before a refresh
//! belongs to none of them. What no such event claims was sent for nothing: a donation if nothing went out, else unexplained.
//! At the end of each block what was counted is held against what the tokens say; a difference is a flow of its own.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, I256, U256};
use vagus_attribution::{Delta, FlowKind};
use vagus_chain::{
    PlacedLog,
    events::{VaultEvent, event_of},
    guard::Rebalanced,
};
use vagus_policy::StrategyStatus;

use super::view::FeeKind;

/// Strategies with what may be done with each.
pub(crate) type ExitList = Vec<(Address, StrategyStatus)>;

/// What an entry of the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A flow.
    Flow(FlowKind),
    /// A rebalance.
    Rebalance(Rebalanced),
    /// The guardian's pull.
    Pull,
    /// Somebody's trim.
    Trim { by: Address },
}

/// One change of the holdings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Height of its block.
    pub(crate) block: u64,
    /// Its transaction; none if no event explains it.
    pub(crate) transaction: Option<B256>,
    /// Version of the policy in force.
    pub(crate) policy_version: u64,
    /// What it is.
    pub(crate) kind: EntryKind,
    /// What it changed, of what counts.
    pub(crate) delta: Delta,
}

/// Fee shares that were minted. They change nobody's holdings but the shareholders'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minted {
    /// Height of its block.
    pub(crate) block: u64,
    /// Its transaction.
    pub(crate) transaction: B256,
    /// Which fee.
    pub(crate) kind: FeeKind,
    /// Above zero.
    pub(crate) shares: U256,
}

/// A vault whose events are followed from an opening on.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    vault: Address,
    guard: Address,
    asset: Address,
    places: BTreeMap<Address, usize>,
    /// What the vault has, counted or not.
    held: Delta,
    /// Whether a strategy counts towards the live value.
    counted: Vec<bool>,
    policy_version: u64,
    pending: Delta,
    transaction: Option<B256>,
    entries: Vec<Entry>,
    fees: Vec<Minted>,
}

/// Contracts of a vault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contracts {
    pub(crate) vault: Address,
    pub(crate) guard: Address,
    pub(crate) asset: Address,
}

/// Bits of an amount up to which products with a price, of at most 128, stay in range. No honest token comes near.
pub(crate) const AMOUNT_BITS: usize = 127;

/// What no honest token says counts as nothing: the reconciliation with balances then finds what is true of it.
fn believed(amount: U256) -> I256 {
    let is_sane = amount.bit_len() <= AMOUNT_BITS;
    I256::try_from(amount).ok().filter(|_| is_sane).unwrap_or_default()
}

fn counts(status: StrategyStatus) -> bool {
    status != StrategyStatus::WrittenOff
}

impl Ledger {
    /// From what the vault had at the opening, counted or not, and the list in force there.
    pub(crate) fn new(
        contracts: Contracts,
        strategies: &[Address],
        held: Delta,
        list: &[(Address, StrategyStatus)],
        policy_version: u64,
    ) -> Self {
        let Contracts { vault, guard, asset } = contracts;
        let places = strategies.iter().enumerate().map(|(place, one)| (*one, place)).collect();
        let is_counted =
            |one: &Address| list.iter().any(|(of, status)| of == one && counts(*status));
        Self {
            vault,
            guard,
            asset,
            places,
            counted: strategies.iter().map(is_counted).collect(),
            pending: Delta::none(strategies.len()),
            held,
            policy_version,
            transaction: None,
            entries: Vec::new(),
            fees: Vec::new(),
        }
    }

    /// What counts at the moment.
    pub(crate) fn book(&self) -> Delta {
        self.counting(self.held.clone())
    }

    fn counting(&self, mut delta: Delta) -> Delta {
        for (shares, is_counted) in delta.shares.iter_mut().zip(&self.counted) {
            if !is_counted {
                *shares = I256::ZERO;
            }
        }
        delta
    }

    /// All logs of one block, in their order, and what the tokens say at its end.
    pub(crate) fn block(&mut self, block: u64, logs: &[PlacedLog], actual: &Delta) {
        let first = self.entries.len();
        for placed in logs {
            if self.transaction.is_some_and(|hash| hash != placed.transaction) {
                self.unclaimed(block);
            }
            self.transaction = Some(placed.transaction);
            if let Some(event) = event_of(self.vault, self.guard, &placed.log) {
                self.take(block, placed.log.address, event);
            }
        }
        self.unclaimed(block);
        self.transaction = None;
        self.reconcile(block, first, actual);
    }

    /// Everything found, and the fees.
    pub(crate) fn finish(self) -> (Vec<Entry>, Vec<Minted>) {
        (self.entries, self.fees)
    }

    fn take(&mut self, block: u64, address: Address, event: VaultEvent) {
        match event {
            VaultEvent::Transfer { from, to, value } => self.transfer(address, from, to, value),
            VaultEvent::Checkpointed => self.unclaimed(block),
            VaultEvent::FeesAccrued { management_shares, performance_shares } => {
                self.unclaimed(block);
                let both = [
                    (FeeKind::Management, management_shares),
                    (FeeKind::Performance, performance_shares),
                ];
                // Every event has a transaction.
                let transaction = self.transaction.unwrap_or_default();
                for (kind, shares) in both.into_iter().filter(|(_, shares)| !shares.is_zero()) {
                    self.fees.push(Minted { block, transaction, kind, shares });
                }
            }
            VaultEvent::Deposit { assets } => {
                // What an entry brings is known; anything beside it is not the entrant's.
                let brought = believed(assets).min(self.pending.idle);
                self.pending.idle = self.pending.idle.saturating_sub(brought);
                self.unclaimed(block);
                self.pending.idle = brought;
                self.claim(block, EntryKind::Flow(FlowKind::Deposit));
            }
            VaultEvent::Withdraw => self.claim(block, EntryKind::Flow(FlowKind::Withdrawal)),
            VaultEvent::RedeemedInKind => self.claim(block, EntryKind::Flow(FlowKind::InKind)),
            VaultEvent::Rebalanced(event) => self.claim(block, EntryKind::Rebalance(event)),
            VaultEvent::Pulled => self.claim(block, EntryKind::Pull),
            VaultEvent::Trimmed { by } => self.claim(block, EntryKind::Trim { by }),
            VaultEvent::Adopted(list) => self.adopt(block, &list),
            VaultEvent::Version(version) => self.policy_version = version,
        }
    }

    fn transfer(&mut self, token: Address, from: Address, to: Address, value: U256) {
        let place = self.places.get(&token).copied();
        if place.is_none() && token != self.asset {
            return;
        }
        let sign = i8::from(to == self.vault) - i8::from(from == self.vault);
        let value = match sign {
            1 => believed(value),
            -1 => -believed(value),
            _ => return,
        };
        for delta in [&mut self.pending, &mut self.held] {
            let amount = match place {
                None => &mut delta.idle,
                Some(place) => &mut delta.shares[place],
            };
            *amount = amount.saturating_add(value);
        }
    }

    /// A list takes strategies in or out; what is held of them comes or goes with them.
    fn adopt(&mut self, block: u64, list: &[(Address, StrategyStatus)]) {
        self.unclaimed(block);
        let venues = self.counted.len();
        let (mut out, mut moved) = (Delta::none(venues), Delta::none(venues));
        for (strategy, place) in self.places.clone() {
            let status = list.iter().find(|(of, _)| *of == strategy).map(|(_, status)| *status);
            let is_counted = status.is_some_and(counts);
            let held = self.held.shares[place];
            match (self.counted[place], is_counted) {
                (true, false) if status.is_some() => out.shares[place] = -held,
                (true, false) => moved.shares[place] = -held,
                (false, true) => moved.shares[place] = held,
                _ => {}
            }
            self.counted[place] = is_counted;
        }
        self.push(block, EntryKind::Flow(FlowKind::WriteOff), out);
        self.push(block, EntryKind::Flow(FlowKind::Listing), moved);
    }

    /// What was transferred since the last event belongs to this one.
    fn claim(&mut self, block: u64, kind: EntryKind) {
        let nothing = Delta::none(self.counted.len());
        let pending = std::mem::replace(&mut self.pending, nothing);
        let delta = self.counting(pending);
        self.push(block, kind, delta);
    }

    fn unclaimed(&mut self, block: u64) {
        let is_gift = !self.pending.idle.is_negative()
            && self.pending.shares.iter().all(|shares| !shares.is_negative());
        let kind = if is_gift { FlowKind::Donation } else { FlowKind::Other };
        self.claim(block, EntryKind::Flow(kind));
    }

    /// A decision is one even if nothing has changed; a flow of nothing is none.
    fn push(&mut self, block: u64, kind: EntryKind, delta: Delta) {
        if delta.is_none() && matches!(kind, EntryKind::Flow(_)) {
            return;
        }
        let (transaction, policy_version) = (self.transaction, self.policy_version);
        self.entries.push(Entry { block, transaction, policy_version, kind, delta });
    }

    /// What came without an event stands before the block's entries, because they may have used it; what went stands behind.
    fn reconcile(&mut self, block: u64, first: usize, actual: &Delta) {
        let venues = self.counted.len();
        let (mut came, mut went) = (Delta::none(venues), Delta::none(venues));
        let put = |actual: I256, held: I256, came: &mut I256, went: &mut I256| {
            let off = actual.saturating_sub(held);
            *(if off.is_negative() { went } else { came }) = off;
        };
        put(actual.idle, self.held.idle, &mut came.idle, &mut went.idle);
        for place in 0..venues {
            let (came, went) = (&mut came.shares[place], &mut went.shares[place]);
            put(actual.shares[place], self.held.shares[place], came, went);
        }
        self.held = actual.clone();
        let (came, went) = (self.counting(came), self.counting(went));
        self.push(block, EntryKind::Flow(FlowKind::Other), went);
        let end = self.entries.len();
        self.push(block, EntryKind::Flow(FlowKind::Other), came);
        // Into its place before the others of the block.
        if self.entries.len() > end {
            self.entries[first..].rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests;
