//! Several endpoints of one chain as one: the first that answers is asked, transactions go to all.
//!
//! Falling back is for silence alone. What an endpoint says is never overruled by another's answer: where that matters,
//! [`Endpoints::confirm`] asks all of them the same question and demands one answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use vagus_policy::{Policy, Snapshot};

use crate::{
    BlockAt, Call, Chain, ChainError, ChainReader, ChainResult, ChainWriter, Header, Query,
    SendAnswer, Simulation, Tag, TransactionReceipt,
};

/// The endpoints of one chain, at least one.
#[derive(Debug)]
pub struct Endpoints {
    list: Vec<Arc<dyn Chain>>,
    current: AtomicUsize,
}

macro_rules! first_that_answers {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {{
        let start = $self.current.load(Ordering::Relaxed);
        let mut failure = None;
        for offset in 0..$self.list.len() {
            // Below twice the length of a short list.
            let place = (start + offset) % $self.list.len();
            match $self.list[place].$method($($argument),*).await {
                Err(error @ ChainError::Unreachable { .. }) => {
                    failure.get_or_insert(error);
                }
                answer => {
                    $self.current.store(place, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(failure.unwrap_or_else(|| ChainError::Unreachable {
            endpoint: "The chain".to_owned(),
            cause: "there is no endpoint".to_owned(),
        }))
    }};
}

impl Endpoints {
    /// In order of preference.
    #[must_use]
    pub fn new(list: Vec<Arc<dyn Chain>>) -> Self {
        Self { list, current: AtomicUsize::new(0) }
    }

    /// The endpoint that answered last, for questions that belong together.
    #[must_use]
    pub fn current(&self) -> Option<Arc<dyn Chain>> {
        let place = self.current.load(Ordering::Relaxed);
        self.list.get(place).or_else(|| self.list.first()).cloned()
    }

    /// Demands that every endpoint sees the vault of a snapshot as it stands there, before money moves on it.
    ///
    /// # Errors
    /// [`ChainError::Late`] from one that has not seen the block, [`ChainError::Disagrees`] from one that answers
    /// otherwise, and whatever keeps one from answering.
    pub async fn confirm(
        &self,
        lens: Address,
        query: Query,
        header: &Header,
        expected: &Snapshot,
    ) -> ChainResult<()> {
        if self.list.len() < 2 {
            return Ok(());
        }
        for endpoint in &self.list {
            let late =
                || ChainError::Late { endpoint: endpoint.endpoint(), block: header.block.hash };
            let own = endpoint.header(BlockAt::Hash(header.block.hash)).await?.ok_or_else(late)?;
            let found = endpoint.snapshots(lens, &[query], header).await?;
            if own != *header || found.as_slice() != std::slice::from_ref(expected) {
                return Err(ChainError::Disagrees {
                    endpoint: endpoint.endpoint(),
                    subject: format!("vault {} at block {}", query.vault, header.block.number),
                    expected: "what the other endpoints say".to_owned(),
                    found: "another state".to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ChainReader for Endpoints {
    fn endpoint(&self) -> String {
        self.current().map_or_else(String::new, |current| current.endpoint())
    }

    async fn chain_id(&self) -> ChainResult<u64> {
        first_that_answers!(self, chain_id())
    }

    async fn head(&self, tag: Tag) -> ChainResult<Header> {
        first_that_answers!(self, head(tag))
    }

    async fn header(&self, at: BlockAt) -> ChainResult<Option<Header>> {
        first_that_answers!(self, header(at))
    }

    async fn code_hash(&self, account: Address, block: &Header) -> ChainResult<B256> {
        first_that_answers!(self, code_hash(account, block))
    }

    async fn snapshots(
        &self,
        lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Snapshot>> {
        first_that_answers!(self, snapshots(lens, queries, block))
    }

    async fn policy(&self, guard: Address, block: u64, hash: B256) -> ChainResult<Policy> {
        first_that_answers!(self, policy(guard, block, hash))
    }

    async fn simulate(&self, call: &Call, block: &Header, at: u64) -> ChainResult<Simulation> {
        first_that_answers!(self, simulate(call, block, at))
    }
}

#[async_trait]
impl ChainWriter for Endpoints {
    async fn transaction_count(&self, account: Address, block: Option<B256>) -> ChainResult<u64> {
        first_that_answers!(self, transaction_count(account, block))
    }

    async fn balance(&self, account: Address) -> ChainResult<U256> {
        first_that_answers!(self, balance(account))
    }

    async fn receipt(&self, transaction: B256) -> ChainResult<Option<TransactionReceipt>> {
        first_that_answers!(self, receipt(transaction))
    }

    /// To every endpoint; the best of their answers.
    async fn send_raw(&self, raw: &Bytes) -> ChainResult<SendAnswer> {
        let mut best: Option<ChainResult<SendAnswer>> = None;
        for endpoint in &self.list {
            let answer = endpoint.send_raw(raw).await;
            let is_better = match (&best, &answer) {
                (None, _) => true,
                (Some(Ok(SendAnswer::Accepted)), _) => false,
                (Some(_), Ok(SendAnswer::Accepted)) => true,
                (Some(Err(_)), Ok(_)) => true,
                _ => false,
            };
            if is_better {
                best = Some(answer);
            }
        }
        best.unwrap_or_else(|| {
            Err(ChainError::Unreachable {
                endpoint: "The chain".to_owned(),
                cause: "there is no endpoint".to_owned(),
            })
        })
    }
}

#[cfg(test)]
mod tests;
