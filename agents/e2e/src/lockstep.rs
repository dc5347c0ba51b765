//! The world's clock: a block is mined only after the keeper, if there is one, has dealt with the last.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{Address, B256},
    rpc::types::TransactionReceipt,
    sol_types::SolCall,
};
use anyhow::{Context, Result, bail, ensure};

use crate::{
    anvil::{Anvil, Head},
    keeper::Keeper,
    trial::Supervisor,
};

/// Longest time the keeper may take for one block. A debug build on a busy machine needs far less.
const PATIENCE: Duration = Duration::from_secs(60);

/// Seconds between blocks while a transaction of the keeper waits.
const BLOCK_SECONDS: u64 = 12;
/// A keeper that has something to send after so many blocks in a row is not settling.
const MOST_BLOCKS_BETWEEN: usize = 20;

/// A chain whose every block is made on purpose.
///
/// The script says when the next thing happens. What the keeper sends before that is mined in blocks of its own, twelve
/// seconds apart, which do not move the script: the same script gives the same times with and without a keeper.
#[derive(Debug)]
pub struct Lockstep {
    /// The chain.
    pub chain: Anvil,
    /// The keeper at work, if there is one.
    pub keeper: Option<Keeper>,
    /// Who looks after a keeper that may be killed; with none, a keeper that ends is an error.
    pub supervisor: Option<Supervisor>,
    /// The newest block.
    pub head: Head,
    /// Time that the script has come to.
    due: u64,
    /// Account of the keeper, whose transactions are mined in blocks of their own.
    pub agent: Address,
}

impl Lockstep {
    /// Takes the chain's clock.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn take(chain: Anvil) -> Result<Self> {
        chain.take_clock().await?;
        let head = chain.head().await?;
        let agent = Keeper::agent()?;
        Ok(Self { chain, keeper: None, supervisor: None, head, due: head.timestamp, agent })
    }

    /// Waits until the keeper holds a decision for the newest block and has handed over what it wants mined.
    ///
    /// # Errors
    /// If the keeper ends or takes longer than a minute.
    pub async fn settle(&mut self) -> Result<()> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let started = Instant::now();
        loop {
            let mut is_handed_over = true;
            if let Some(supervisor) = &mut self.supervisor {
                if supervisor.is_absent(keeper, &self.head).await? {
                    return Ok(());
                }
                is_handed_over = supervisor.is_handed_over(&self.chain, self.agent).await?;
            }
            if is_handed_over && keeper.is_done_with(&self.head).await? {
                self.supervisor.iter_mut().for_each(Supervisor::settled);
                return Ok(());
            }
            // Between the two questions it may have died: the supervisor sees that in the next round.
            if let (None, Some(status)) = (&self.supervisor, keeper.ended()?) {
                bail!("the keeper ended ({status}); see {}", keeper.log().display());
            }
            ensure!(
                started.elapsed() < PATIENCE,
                "the keeper has no decision for block {} after {} s; see {}",
                self.head.number,
                PATIENCE.as_secs(),
                keeper.log().display()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets the keeper finish what it began: waits for it, and mines what it sent, before `until`.
    ///
    /// # Errors
    /// As [`Lockstep::settle`].
    async fn quiet(&mut self, until: u64) -> Result<()> {
        self.settle().await?;
        if self.keeper.is_none() {
            return Ok(());
        }
        for _ in 0..MOST_BLOCKS_BETWEEN {
            let is_late = self.head.timestamp + BLOCK_SECONDS >= until;
            if is_late || self.chain.waiting(self.agent).await? == 0 {
                return Ok(());
            }
            self.mine_at(self.head.timestamp + BLOCK_SECONDS).await?;
            self.settle().await?;
        }
        bail!("the keeper sends in every block since {MOST_BLOCKS_BETWEEN} blocks")
    }

    /// The script goes on: `seconds` after its last event the next block is mined, with everything that waits.
    ///
    /// # Errors
    /// As [`Lockstep::settle`].
    pub async fn advance(&mut self, seconds: u64) -> Result<Head> {
        self.quiet(self.due + seconds).await?;
        self.mine(seconds).await
    }

    /// As [`Lockstep::advance`], without asking the keeper.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn mine(&mut self, seconds: u64) -> Result<Head> {
        self.due = (self.due + seconds).max(self.head.timestamp + 1);
        self.mine_at(self.due).await
    }

    async fn mine_at(&mut self, timestamp: u64) -> Result<Head> {
        self.chain.mine_at(timestamp).await?;
        let head = self.chain.head().await?;
        ensure!(
            head.number == self.head.number + 1,
            "block {} was followed by {}",
            self.head.number,
            head.number
        );
        self.head = head;
        if let (Some(supervisor), Some(keeper)) = (&mut self.supervisor, &mut self.keeper) {
            supervisor.mined(keeper).await?;
        }
        Ok(head)
    }

    /// Somebody acts: the call is mined in the next block, `seconds` after the last, and must succeed.
    ///
    /// # Errors
    /// If it reverts, or as [`Lockstep::settle`].
    pub async fn act<C: SolCall>(
        &mut self,
        from: Address,
        to: Address,
        call: C,
        seconds: u64,
    ) -> Result<TransactionReceipt> {
        self.quiet(self.due + seconds).await?;
        let what = C::SIGNATURE.split('(').next().unwrap_or_default();
        let hash = self.chain.submit(from, to, call).await?;
        self.land(hash, what, seconds).await
    }

    /// Waits until somebody may hand over a transaction that is to be mined `seconds` after the script's last event.
    ///
    /// # Errors
    /// As [`Lockstep::settle`].
    pub async fn ready(&mut self, seconds: u64) -> Result<()> {
        self.quiet(self.due + seconds).await
    }

    /// The chain was taken over or set back: goes on from its newest block.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn resume(&mut self) -> Result<()> {
        self.head = self.chain.head().await?;
        self.due = self.head.timestamp;
        Ok(())
    }

    /// Mines a transaction that was handed over already; it must succeed.
    ///
    /// # Errors
    /// If it reverts, or as [`Lockstep::settle`].
    pub async fn land(
        &mut self,
        hash: B256,
        what: &str,
        seconds: u64,
    ) -> Result<TransactionReceipt> {
        self.mine(seconds).await?;
        let receipt = self.chain.receipt(hash).await.with_context(|| what.to_owned())?;
        ensure!(receipt.status(), "{what} reverted in block {}", self.head.number);
        Ok(receipt)
    }
}
