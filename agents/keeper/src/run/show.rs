//! What is published of a chain's loop, for HTTP and alerts. Nothing here changes what the loop does.

use std::collections::HashMap;

use alloy::primitives::Address;
use tokio::time::Instant;
use vagus_allocator::Reason;
use vagus_chain::sender::SendError;
use vagus_policy::{Policy, Snapshot};

use super::{ChainLoop, RunError};
use crate::{
    board::{EndpointView, Trouble, TroubleKind},
    status,
    world::VaultWorld,
};

impl RunError {
    const fn kind(&self) -> TroubleKind {
        match self {
            Self::Chain(_) | Self::Send(SendError::Chain(_)) => TroubleKind::Chain,
            Self::Journal(_) | Self::State(_) | Self::Send(SendError::Store(_)) => {
                TroubleKind::Journal
            }
            _ => TroubleKind::Other,
        }
    }
}

impl ChainLoop {
    /// After a round.
    pub(super) fn show_round(&self, error: Option<&RunError>) {
        let Some(board) = self.reporter.board() else { return };
        let tallies = self.world.endpoints.tallies_by_endpoint().into_iter().enumerate();
        let endpoints = tallies
            .map(|(place, (endpoint, tallies))| EndpointView { place, endpoint, tallies })
            .collect();
        let sight = &self.sight;
        board.change_chain(&self.world.config.name, |view| {
            let now = Instant::now();
            view.beat = now;
            view.head_since = now.checked_sub(sight.head_age()).unwrap_or(now);
            if let Some(head) = sight.pending.or(sight.last) {
                view.head = Some(head.block);
                view.base_fee_wei = head.base_fee_wei;
            }
            view.worked_number = sight.last.map(|head| head.block.number);
            view.finalized_number = sight.finalized_number();
            view.account = sight.account();
            view.is_reconciled = self.is_reconciled;
            view.sends = self.fleet.sends();
            view.endpoints = endpoints;
            view.trouble = error.map(|error| Trouble {
                kind: error.kind(),
                failures: view.trouble.map_or(1, |before| before.failures.saturating_add(1)),
                since: view.trouble.map_or(now, |before| before.since),
            });
            view.set_vaults(|vault| self.fleet.decides(vault), None);
        });
    }

    /// Which vaults wait for a transaction.
    pub(super) fn show_in_flight(&self, waiting: &HashMap<Address, Reason>) {
        let Some(board) = self.reporter.board() else { return };
        board.change_chain(&self.world.config.name, |view| {
            view.set_vaults(|vault| self.fleet.decides(vault), Some(waiting));
        });
    }

    /// A vault as it was seen.
    pub(super) fn show_vault(
        &self,
        vault: &VaultWorld,
        policy: Option<&Policy>,
        snapshot: &Snapshot,
    ) {
        let Some(board) = self.reporter.board() else { return };
        let seen = status::view(&self.world, vault, policy, snapshot).into();
        board.change_vault(&vault.config.name, |view| view.seen = Some(seen));
    }

    /// Its loop has ended.
    pub(super) fn show_end(&self) {
        let Some(board) = self.reporter.board() else { return };
        board.change_chain(&self.world.config.name, |view| view.has_ended = true);
    }
}
