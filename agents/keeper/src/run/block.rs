//! One head worked off: what is in flight first, then every vault's decision.

use alloy::primitives::Address;
use vagus_allocator::Reason;
use vagus_chain::{Header, lifecycle::Head};
use vagus_journal::LONGEST_RUN_SECONDS;

use super::{
    ChainLoop, RunError,
    transact::Driven,
    vault::{Decided, Moment},
};
use crate::crash;

impl ChainLoop {
    /// Works off one head: settles what is in flight, then gives every vault a decision, or all of them a hold for the
    /// same reason, which it gives back.
    pub(super) async fn block(
        &mut self,
        head: &Header,
        blanket: Option<Reason>,
    ) -> Result<Option<Reason>, RunError> {
        let (finalized, disagreement) = self.settle_finality(head).await?;
        let blanket = blanket.or(disagreement);
        let at = at(head, finalized);
        self.compare_with_chain(head).await?;
        if !self.is_reconciled {
            self.reconcile(at).await?;
            self.is_reconciled = true;
        }
        self.read_standings().await?;
        let Driven { waiting: mut in_flight, is_any } = self.drive_all(at, head, blanket).await?;
        let unsent = self.follow_unsent(head, at).await?;
        in_flight.extend(unsent);
        if is_any || !self.mode.acts() {
            // What came of them may speak against their vaults.
            self.read_standings().await?;
        }
        self.show_in_flight(&in_flight);
        if blanket.is_none() && !self.sight.is_due(head, self.world.config.profile.observe_every) {
            return Ok(None);
        }
        if !self.fleet.decides_any() {
            self.sight.decide(head);
            return Ok(blanket);
        }
        crash::before("observed");
        let step = self.step("observe", &"");
        let sightings = self.world.sightings(head).await?;
        self.data_fee = self.world.data_fee(head).await?;
        drop(step);
        crash::after("observed");
        crash::panic_if_told("observed", self);
        // Reading may have taken long, or been tried often.
        let blanket = blanket.or(self.sight.is_stale().then_some(Reason::StaleHead));
        let decided = self.journal.0.decided_blocks(self.world.config.chain_id).await?;
        for (place, sighting) in sightings.iter().enumerate() {
            if let Ok(snapshot) = sighting
                && self.fleet.decides(self.world.vaults[place].entry.vault)
            {
                self.take_samples(place, snapshot).await?;
            }
        }
        let (mut failure, mut held, mut ready) = (None, Vec::new(), Vec::new());
        for (vault, sighting) in self.world.vaults.iter().zip(&sightings) {
            self.fleet.keep().await?;
            let address = vault.entry.vault;
            if !self.fleet.decides(address) {
                continue;
            }
            let in_flight = in_flight.get(&address).copied();
            let is_decided =
                decided.get(&address).is_some_and(|block| block.hash == head.block.hash);
            let moment = Moment { head, at, is_decided, in_flight, blanket };
            let seen = vault.recognised(sighting).and_then(|snapshot| {
                let is_compared = self.compared.contains(&address);
                is_compared.then_some(snapshot).ok_or("it is compared at the next block".to_owned())
            });
            let done = match seen {
                Ok(snapshot) => self.vault(vault, moment, snapshot).await,
                Err(cause) => self.unseen(vault, moment, &cause).await,
            };
            match done {
                // What stops one vault stops no other one.
                Err(error) if error.is_retried() => failure = failure.or(Some(error)),
                done => match done? {
                    Some(Decided::Hold(hold)) => held.push(*hold),
                    Some(Decided::Plan(plan)) => ready.push(*plan),
                    None => {}
                },
            }
        }
        self.fleet.keep().await?;
        self.store_holds(std::mem::take(&mut held)).await?;
        // The most valuable first: there may not be room for all of them. The sort is stable: then by address.
        ready.sort_by_key(|plan| std::cmp::Reverse(plan.rank));
        let is_busy = !in_flight.is_empty() || !ready.is_empty();
        for plan in ready {
            self.fleet.keep().await?;
            match self.act(plan).await {
                Err(error) if error.is_retried() => failure = failure.or(Some(error)),
                done => held.extend(done?),
            }
        }
        self.store_holds(held).await?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.sight.decide(head);
        self.show_purse(head, is_busy).await;
        self.drop_old_holds(head).await?;
        self.journal.0.tidy().await?;
        Ok(blanket)
    }

    /// The vault whose turn it is for what is done for one vault per block. Blocks that were decided are counted: heights
    /// that are decided may all be multiples of something.
    pub(super) fn turn(&self) -> Option<Address> {
        let count = self.world.vaults.len().max(1) as u64;
        let turn = usize::try_from(self.sight.account().decided % count).ok()?;
        self.world.vaults.get(turn).map(|vault| vault.entry.vault)
    }

    /// A bounded number of old holds, of one vault per block. Where there were none, another look is worth it when a run
    /// of holds may have become old: looking means reading one.
    async fn drop_old_holds(&mut self, head: &Header) -> Result<(), RunError> {
        let Some(keep_seconds) = self.retention.keep_seconds() else { return Ok(()) };
        let Some(vault) = self.turn().filter(|vault| self.fleet.decides(*vault)) else {
            return Ok(());
        };
        let now = head.block.timestamp;
        if self
            .nothing_old
            .get(&vault)
            .is_some_and(|at| now < at.saturating_add(LONGEST_RUN_SECONDS))
        {
            return Ok(());
        }
        let journal = &self.journal.0;
        if journal.drop_old_holds(self.world.config.chain_id, vault, keep_seconds).await? == 0 {
            self.nothing_old.insert(vault, now);
        }
        Ok(())
    }

    /// What another keeper decided since the last head and left to the holder of the key.
    pub(super) async fn take_up_intents(&mut self) -> Result<(), RunError> {
        match (self.sight.last, self.sight.finalized_number()) {
            (Some(last), Some(finalized)) if self.is_reconciled && self.fleet.is_shared() => {
                self.drive_intents(at(&last, finalized), &last).await
            }
            _ => Ok(()),
        }
    }
}

const fn at(head: &Header, finalized_number: u64) -> Head {
    Head {
        number: head.block.number,
        timestamp: head.block.timestamp,
        base_fee_wei: head.base_fee_wei,
        finalized_number,
    }
}
