//! What a running keeper shows of itself: the newest state of each chain, published by its loop after every round and
//! read by HTTP and alerts.
//!
//! Nobody waits for anybody: a reader takes the newest state by a counted reference, and a loop that publishes while it is
//! being read works on a copy.

mod view;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{sync::watch, time::Instant};
use vagus_journal::OutcomeState;

pub use view::{ChainView, EndpointView, Latest, Purse, Seen, Trouble, TroubleKind, VaultView};

use crate::{report::Event, world::ChainWorld};

/// The newest state of all chains.
#[derive(Debug)]
pub struct Board {
    /// When the keeper was started, Unix time.
    pub started_at: u64,
    chains: Vec<watch::Sender<Arc<ChainView>>>,
}

/// A state of a transaction as it is written everywhere.
#[must_use]
pub const fn state_word(state: OutcomeState) -> &'static str {
    match state {
        OutcomeState::Held => "held",
        OutcomeState::SimulationFailed => "simulation-failed",
        OutcomeState::Submitted => "submitted",
        OutcomeState::Included => "included",
        OutcomeState::Executed => "executed",
        OutcomeState::Reverted => "reverted",
        OutcomeState::Cancelled => "cancelled",
        OutcomeState::Expired => "expired",
        OutcomeState::Foreign => "foreign",
        OutcomeState::Proposed => "proposed",
        OutcomeState::InShadow => "in-shadow",
        OutcomeState::Shadowed => "shadowed",
    }
}

/// Unix time by this machine's clock.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn add_one<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

impl Board {
    /// Of chains of which nothing is known yet.
    #[must_use]
    pub fn new(worlds: &[ChainWorld]) -> Self {
        let chains = worlds.iter().map(|world| watch::Sender::new(Arc::new(ChainView::new(world))));
        Self { started_at: unix_now(), chains: chains.collect() }
    }

    /// The newest state of every chain, in the order of the configuration.
    #[must_use]
    pub fn views(&self) -> Vec<Arc<ChainView>> {
        self.chains.iter().map(|chain| chain.borrow().clone()).collect()
    }

    fn change(&self, is_it: impl Fn(&ChainView) -> bool, change: impl FnOnce(&mut ChainView)) {
        if let Some(chain) = self.chains.iter().find(|chain| is_it(&chain.borrow())) {
            chain.send_modify(|view| change(Arc::make_mut(view)));
        }
    }

    /// Changes what is shown of a chain.
    pub fn change_chain(&self, name: &str, change: impl FnOnce(&mut ChainView)) {
        self.change(|view| view.name == name, change);
    }

    /// Changes what is shown of a vault.
    pub fn change_vault(&self, name: &str, change: impl FnOnce(&mut VaultView)) {
        self.change(
            |view| view.vaults.iter().any(|vault| vault.name == name),
            |view| {
                if let Some(vault) = view.vaults.iter_mut().find(|vault| vault.name == name) {
                    change(Arc::make_mut(vault));
                }
            },
        );
    }

    /// Counts something that was said.
    pub fn count(&self, event: &Event) {
        match event {
            Event::Hold(hold) => self.change_vault(&hold.vault, |vault| {
                add_one(&mut vault.decisions, hold.reason);
                vault.decide(hold.block, hold.reason, hold.decision, false);
            }),
            Event::Rebalance(rebalance) => self.change_vault(&rebalance.vault, |vault| {
                add_one(&mut vault.decisions, rebalance.reason);
                add_one(&mut vault.transactions, state_word(OutcomeState::Submitted));
                vault.is_in_flight = true;
                vault.decide(rebalance.block, rebalance.reason, rebalance.decision, true);
            }),
            Event::Upkeep(upkeep) => self.change_vault(&upkeep.vault, |vault| {
                add_one(&mut vault.decisions, upkeep.reason);
                add_one(&mut vault.transactions, state_word(OutcomeState::Submitted));
                vault.is_in_flight = true;
                vault.decide(upkeep.block, upkeep.reason, upkeep.decision, true);
            }),
            Event::Settled(settled) => self.change_vault(&settled.vault, |vault| {
                add_one(&mut vault.transactions, state_word(settled.state));
                let news = Some((settled.decision, Instant::now()));
                match settled.state {
                    OutcomeState::Reverted => vault.reverted = news,
                    OutcomeState::Foreign => vault.foreign = news,
                    _ => {}
                }
                if settled.state.is_terminal() {
                    vault.fees_wei = vault.fees_wei.saturating_add(settled.fee_wei);
                }
            }),
            Event::Chain(chain) => self.change_chain(&chain.chain, |view| {
                add_one(&mut view.held, chain.reason);
                view.held_at.insert(chain.reason, Instant::now());
            }),
            #[allow(unreachable_patterns, reason = "what else is said is not counted")]
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use vagus_allocator::Reason;
    use vagus_chain::AgentKey;

    use super::*;
    use crate::{report::UpkeepEvent, testing};

    #[test]
    fn a_vault_whose_first_act_is_upkeep_has_decided() {
        let (_, world) = testing::world(&AgentKey::random());
        let board = Board::new(std::slice::from_ref(&world));
        let vault = || board.views()[0].vaults[0].clone();
        assert!(vault().latest.is_none());
        board.count(&Event::Upkeep(UpkeepEvent {
            vault: world.vaults[0].config.name.clone(),
            block: 7,
            reason: Reason::Checkpoint,
            decision: B256::ZERO,
        }));
        let seen = vault();
        let latest = seen.latest.expect("it has decided");
        assert_eq!((latest.block, latest.reason), (7, Reason::Checkpoint));
        assert_eq!(seen.decisions.get(&Reason::Checkpoint), Some(&1));
        assert_eq!(seen.transactions.get("submitted"), Some(&1));
        assert!(seen.is_in_flight);
    }
}
