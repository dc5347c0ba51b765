//! The chain that holders send to, and the gate that they are held at.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use alloy_primitives::{Address, B256, keccak256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc::UnboundedSender};
use vagus_draw::Draw;
use vagus_journal::Pauses;

/// Signed bytes, as far as the chain looks at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed {
    pub(super) decision: B256,
    pub(super) vault: Address,
    pub(super) nonce: u64,
    pub(super) is_cancel: bool,
    /// Whoever signs, signs other bytes: fees differ.
    pub(super) token: u64,
    /// Rebalances of the vault that had been executed when it was decided.
    pub(super) seen: u64,
}

impl Signed {
    pub(super) fn hash(&self) -> B256 {
        keccak256(format!("{self:?}"))
    }
}

/// One account's transactions, in the order of their nonces; nothing else is looked at.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) pool: Vec<Signed>,
    pub(super) mined: Vec<Signed>,
}

impl Chain {
    pub(super) fn count(&self) -> u64 {
        self.mined.len() as u64
    }

    /// Rebalances of a vault that were executed.
    pub(super) fn executed(&self, vault: Address) -> u64 {
        self.mined.iter().filter(|mined| mined.vault == vault && !mined.is_cancel).count() as u64
    }

    pub(super) fn broadcast(&mut self, signed: Signed) {
        if signed.nonce >= self.count() && !self.pool.contains(&signed) {
            self.pool.push(signed);
        }
    }

    pub(super) fn is_mined(&self, hash: B256) -> Option<Signed> {
        self.mined.iter().find(|mined| mined.hash() == hash).copied()
    }

    /// Whichever of the next nonce.
    pub(super) fn mine(&mut self, draw: &mut Draw) {
        let next = self.count();
        let open: Vec<_> = self.pool.iter().filter(|s| s.nonce == next).copied().collect();
        if !open.is_empty() {
            let chosen = draw.below(open.len() as u64);
            self.mined.push(open[usize::try_from(chosen).unwrap()]);
            self.pool.retain(|signed| signed.nonce != next);
        }
    }
}

/// A chain as holders see it.
#[async_trait]
pub(super) trait Ledger: Send + Sync {
    async fn count(&self) -> u64;
    async fn executed(&self, vault: Address) -> u64;
    async fn mined_of(&self, hashes: &[B256]) -> Option<Signed>;
    async fn broadcast(&self, signed: Signed);
    /// The clock that deadlines go by, milliseconds.
    fn now(&self) -> u64;
}

/// In this process, with the driver's clock.
#[derive(Default)]
pub(super) struct InProcess {
    pub(super) chain: Mutex<Chain>,
    pub(super) clock: AtomicU64,
}

#[async_trait]
impl Ledger for InProcess {
    async fn count(&self) -> u64 {
        self.chain.lock().unwrap().count()
    }

    async fn executed(&self, vault: Address) -> u64 {
        self.chain.lock().unwrap().executed(vault)
    }

    async fn mined_of(&self, hashes: &[B256]) -> Option<Signed> {
        let chain = self.chain.lock().unwrap();
        hashes.iter().find_map(|hash| chain.is_mined(*hash))
    }

    async fn broadcast(&self, signed: Signed) {
        self.chain.lock().unwrap().broadcast(signed);
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }
}

/// Where a holder waits until the driver lets it go on.
pub(super) struct Gate {
    pub(super) holder: usize,
    pub(super) arrived: UnboundedSender<usize>,
    pub(super) permits: Arc<Semaphore>,
}

#[async_trait]
impl Pauses for Gate {
    async fn pause(&self) {
        // A driver that is gone lets everybody through.
        if self.arrived.send(self.holder).is_ok()
            && let Ok(permit) = self.permits.acquire().await
        {
            permit.forget();
        }
    }
}
