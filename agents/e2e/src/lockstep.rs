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
};

/// Longest time the keeper may take for one block. A debug build on a busy machine needs far less.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chain whose every block is made on purpose.
#[derive(Debug)]
pub struct Lockstep {
    /// The chain.
    pub chain: Anvil,
    /// The keeper at work, if there is one.
    pub keeper: Option<Keeper>,
    /// The newest block.
    pub head: Head,
}

impl Lockstep {
    /// Takes the chain's clock.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn take(chain: Anvil) -> Result<Self> {
        chain.take_clock().await?;
        let head = chain.head().await?;
        Ok(Self { chain, keeper: None, head })
    }

    /// Waits until the keeper holds a decision for the newest block and has handed over what it wants mined.
    ///
    /// # Errors
    /// If the keeper ends or takes longer than a minute.
    pub async fn settle(&mut self) -> Result<()> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let started = Instant::now();
        loop {
            if keeper.is_done_with(&self.head).await? {
                return Ok(());
            }
            if let Some(status) = keeper.ended()? {
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

    /// Mines the next block, `seconds` after the last, with everything that waits.
    ///
    /// # Errors
    /// As [`Lockstep::settle`].
    pub async fn advance(&mut self, seconds: u64) -> Result<Head> {
        self.settle().await?;
        self.mine(seconds).await
    }

    /// Mines the next block without asking the keeper.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn mine(&mut self, seconds: u64) -> Result<Head> {
        self.chain.mine_at(self.head.timestamp + seconds).await?;
        let head = self.chain.head().await?;
        ensure!(
            head.number == self.head.number + 1,
            "block {} was followed by {}",
            self.head.number,
            head.number
        );
        self.head = head;
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
        self.settle().await?;
        let what = C::SIGNATURE.split('(').next().unwrap_or_default();
        let hash = self.chain.submit(from, to, call).await?;
        self.land(hash, what, seconds).await
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
