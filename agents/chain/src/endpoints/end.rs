//! What ends a transaction for good, as several endpoints see it: a final block, a receipt in it, or that there is none.

use std::future::Future;

use alloy::primitives::{Address, B256};
use futures_util::future::join_all;

use super::{Endpoints, Next, quorum};
use crate::{
    BlockAt, BlockId, ChainError, ChainReader as _, ChainResult, Header, Tag, TransactionReceipt,
};

impl Endpoints {
    /// Demands that as many endpoints as have to agree call a block final, and that none has another one in its place.
    /// `depth` is that at which a block counts as final; none: the chain's own tag.
    ///
    /// # Errors
    /// [`ChainError::Disagrees`] if one has another block there, [`ChainError::NoQuorum`] if too few call it final yet.
    pub async fn agreed_final(&self, block: BlockId, depth: Option<u64>) -> ChainResult<()> {
        let subject = format!("the final block {}", block.number);
        let said = |place| self.final_at(place, block, depth);
        self.all_say(&block.hash, &subject, said).await
    }

    /// Demands the same receipt of as many endpoints as have to agree, in a block that they call final.
    ///
    /// # Errors
    /// As [`Self::agreed_final`], and [`ChainError::Disagrees`] if one has another receipt.
    pub async fn agreed_receipt(
        &self,
        receipt: &TransactionReceipt,
        depth: Option<u64>,
    ) -> ChainResult<()> {
        if self.quorum < 2 {
            return Ok(());
        }
        let block = BlockId { number: receipt.block_number, hash: receipt.block_hash };
        self.agreed_final(block, depth).await?;
        let subject = format!("the receipt of {}", receipt.hash);
        let said = |place| async move {
            // One that has the block may still have to index it.
            self.receipt_of(place, receipt.hash)
                .await?
                .ok_or_else(|| self.is_late(place, block.hash))
        };
        self.all_say(receipt, &subject, said).await
    }

    /// Demands of as many endpoints as have to agree that none of these transactions was mined up to a block that they call
    /// final.
    ///
    /// # Errors
    /// As [`Self::agreed_final`], and [`ChainError::Disagrees`] if one has a receipt of one of them.
    pub async fn agreed_missing(
        &self,
        hashes: &[B256],
        block: BlockId,
        depth: Option<u64>,
    ) -> ChainResult<()> {
        if self.quorum < 2 {
            return Ok(());
        }
        self.agreed_final(block, depth).await?;
        let said = |place| async move {
            for &hash in hashes {
                if self.receipt_of(place, hash).await?.is_some() {
                    return Ok(Some(hash));
                }
            }
            Ok(None)
        };
        self.all_say(&None, "which of our transactions was mined", said).await
    }

    /// Demands of as many endpoints as have to agree that a guard did not execute a decision between two heights, the last
    /// of which is of a block that they call final.
    ///
    /// # Errors
    /// As [`Self::agreed_final`], and [`ChainError::Disagrees`] if one knows of an execution.
    pub async fn agreed_unexecuted(
        &self,
        guard: Address,
        decision: B256,
        range: (u64, u64),
        last: &Header,
        depth: Option<u64>,
    ) -> ChainResult<()> {
        if self.quorum < 2 {
            return Ok(());
        }
        self.agreed_final(BlockId::from(last), depth).await?;
        let said = |place| self.execution_of(place, guard, decision, range);
        self.all_say(&None, &format!("the execution of {decision}"), said).await
    }

    async fn execution_of(
        &self,
        place: usize,
        guard: Address,
        decision: B256,
        range: (u64, u64),
    ) -> ChainResult<Option<B256>> {
        ask!(self, place, execution(guard, decision, range)).unwrap_or_else(|failed| failed)
    }

    async fn receipt_of(
        &self,
        place: usize,
        hash: B256,
    ) -> ChainResult<Option<TransactionReceipt>> {
        ask!(self, place, receipt(hash)).unwrap_or_else(|failed| failed)
    }

    async fn final_at(
        &self,
        place: usize,
        block: BlockId,
        depth: Option<u64>,
    ) -> ChainResult<B256> {
        let tag = if depth.is_some() { Tag::Latest } else { Tag::Finalized };
        let newest = ask!(self, place, head(tag)).unwrap_or_else(|failed| failed)?.block.number;
        if newest.saturating_sub(depth.unwrap_or_default()) < block.number {
            return Err(self.is_late(place, block.hash));
        }
        let at = BlockAt::Number(block.number);
        let header = ask!(self, place, header(at)).unwrap_or_else(|failed| failed)?;
        header.map(|header| header.block.hash).ok_or_else(|| self.is_late(place, block.hash))
    }

    /// Demands an answer of as many endpoints as have to agree, and of none another one.
    async fn all_say<T, F>(
        &self,
        expected: &T,
        subject: &str,
        ask: impl Fn(usize) -> F,
    ) -> ChainResult<()>
    where
        T: PartialEq + std::fmt::Debug,
        F: Future<Output = ChainResult<T>>,
    {
        if self.quorum < 2 {
            return Ok(());
        }
        let answers = join_all((0..self.list.len()).map(ask)).await;
        let names = self.list.iter().map(|one| one.endpoint());
        let agreed = quorum::agree(names.zip(answers).collect(), subject, self.quorum)?;
        if agreed == *expected {
            return Ok(());
        }
        // All of them say something else than the one that was asked first did.
        Err(ChainError::Disagrees {
            endpoint: self.endpoint(),
            subject: subject.to_owned(),
            expected: format!("{expected:?}"),
            found: format!("{agreed:?}"),
        })
    }

    fn is_late(&self, place: usize, block: B256) -> ChainError {
        ChainError::Late { endpoint: self.list[place].endpoint(), block }
    }
}
