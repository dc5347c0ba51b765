//! Samples of share prices: taken each hour at the newest settled block, kept in the journal.

use vagus_allocator::Inputs;
use vagus_chain::{BlockAt, ChainReader as _};
use vagus_policy::Snapshot;

use super::{ChainLoop, RunError};
use crate::{
    history::{Past, filled},
    world::VaultWorld,
};

/// Seconds of chain time from one look to the next.
const AGAIN_SECONDS: u64 = 600;

/// A strategy whose past is kept.
#[derive(Debug, Default)]
pub(super) struct Watched {
    past: Past,
    /// Time from which on a sample is looked for again.
    next_at: u64,
}

impl ChainLoop {
    /// Takes the samples that are due. What cannot be read is tried again at the next block; nothing waits for it.
    ///
    /// # Errors
    /// If the journal fails.
    pub(super) async fn take_samples(
        &mut self,
        vault: usize,
        snapshot: &Snapshot,
    ) -> Result<(), RunError> {
        let chain_id = self.world.config.chain_id;
        for place in 0..self.world.vaults[vault].config.rates.len() {
            let rate = &self.world.vaults[vault].config.rates[place];
            let address = rate.input.strategy;
            let strategies = &snapshot.vault.strategies;
            let listed = strategies.iter().find(|one| one.strategy == address);
            let (Some(windows), Some(strategy)) = (rate.windows, listed) else { continue };
            if !self.pasts.contains_key(&address) {
                let stored = self.journal.0.cursor(chain_id, address).await?;
                let past = stored.map(serde_json::from_value).transpose()?.unwrap_or_default();
                self.pasts.insert(address, Watched { past, next_at: 0 });
            }
            let Some(settled) = self.sight.finalized_number() else { continue };
            let watched = self.pasts.entry(address).or_default();
            let now = snapshot.block.timestamp;
            if now < watched.next_at {
                continue;
            }
            watched.next_at = now.saturating_add(AGAIN_SECONDS);
            let past = &mut watched.past;
            let Ok(Some(block)) = self.world.endpoints.header(BlockAt::Number(settled)).await
            else {
                continue;
            };
            if !past.wants(block.block.timestamp) {
                continue;
            }
            if past.samples.is_empty() {
                *past = self.world.past_before(strategy, windows, &block).await;
            }
            match self.world.sample(strategy, &block).await {
                Ok(Some(sample)) => past.keep(sample, windows),
                Ok(None) => tracing::warn!("strategy {address} tells no price of its shares"),
                Err(error) => tracing::debug!("no sample of {address}: {error}"),
            }
            let stored = serde_json::to_value(&*past)?;
            self.journal.0.put_cursor(chain_id, address, &stored).await?;
        }
        Ok(())
    }

    /// Inputs with the samples that their histories use.
    pub(super) fn with_pasts(&self, vault: &VaultWorld, mut inputs: Inputs) -> Inputs {
        let none = Past::default();
        let past = |strategy| self.pasts.get(strategy).map_or(&none, |watched| &watched.past);
        let rates = vault.config.rates.iter();
        inputs.rates = rates.map(|rate| filled(rate, past(&rate.input.strategy))).collect();
        inputs
    }
}
