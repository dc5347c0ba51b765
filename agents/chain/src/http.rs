//! The chain over HTTP: one endpoint, every request with a limit in time, every read pinned to a block by hash.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use alloy::primitives::{Address, B256, Bytes, U64, U128, U256, keccak256};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use vagus_policy::{BlockRef, Policy, Snapshot};

use crate::{
    BlockAt, Call, ChainError, ChainReader, ChainResult, ChainWriter, EndpointUrl, EventLog,
    Header, Query, SendAnswer, Simulation, Tag, TransactionReceipt, guard, lens, rpc::Rpc,
};

/// One endpoint of a chain.
#[derive(Debug)]
pub struct HttpChain {
    rpc: Rpc,
    // Documents never change under their hash.
    policies: Mutex<HashMap<B256, Policy>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
}

impl From<RawHeader> for Header {
    fn from(raw: RawHeader) -> Self {
        Self {
            block: BlockRef {
                number: raw.number.to(),
                hash: raw.hash,
                parent_hash: raw.parent_hash,
                timestamp: raw.timestamp.to(),
            },
            base_fee_wei: raw.base_fee_per_gas.map_or(0, |fee| fee.to()),
        }
    }
}

#[derive(Deserialize)]
struct RawLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl From<RawLog> for EventLog {
    fn from(raw: RawLog) -> Self {
        Self { address: raw.address, topics: raw.topics, data: raw.data }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    transaction_hash: B256,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    status: Option<U64>,
    gas_used: U64,
    effective_gas_price: Option<U128>,
    logs: Vec<RawLog>,
}

fn pinned(block: B256) -> Value {
    json!({ "blockHash": block, "requireCanonical": true })
}

impl HttpChain {
    /// An endpoint; `timeout` holds for every request. Nothing is asked yet.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(url: EndpointUrl, timeout: Duration) -> ChainResult<Self> {
        Ok(Self { rpc: Rpc::new(url, timeout)?, policies: Mutex::default() })
    }

    /// Tells a refusal because of the block from any other: a block that is unknown, or no longer in the chain.
    async fn explain(&self, error: ChainError, block: B256) -> ChainError {
        if !matches!(&error, ChainError::Refused { data: None, .. }) {
            return error;
        }
        match self.header(BlockAt::Hash(block)).await {
            Ok(None) => ChainError::Late { endpoint: self.rpc.endpoint(), block },
            Ok(Some(header)) => match self.header(BlockAt::Number(header.block.number)).await {
                Ok(Some(now)) if now.block.hash == block => error,
                Ok(_) => ChainError::Reorganised { endpoint: self.rpc.endpoint(), block },
                Err(other) => other,
            },
            Err(other) => other,
        }
    }

    async fn call(&self, to: Address, input: Vec<u8>, block: B256) -> ChainResult<Bytes> {
        let call = json!({ "to": to, "input": Bytes::from(input) });
        match self.rpc.request("eth_call", (call, pinned(block))).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.explain(error, block).await),
        }
    }
}

#[async_trait]
impl ChainReader for HttpChain {
    fn endpoint(&self) -> String {
        self.rpc.endpoint()
    }

    async fn chain_id(&self) -> ChainResult<u64> {
        let id: U64 = self.rpc.request("eth_chainId", ()).await?;
        Ok(id.to())
    }

    async fn head(&self, tag: Tag) -> ChainResult<Header> {
        let tag = match tag {
            Tag::Latest => "latest",
            Tag::Finalized => "finalized",
        };
        let header: Option<RawHeader> =
            self.rpc.request("eth_getBlockByNumber", (tag, false)).await?;
        header.map(Header::from).ok_or_else(|| {
            self.rpc.malformed("eth_getBlockByNumber", format_args!("no {tag} block"))
        })
    }

    async fn header(&self, at: BlockAt) -> ChainResult<Option<Header>> {
        let header: Option<RawHeader> = match at {
            BlockAt::Hash(hash) => self.rpc.request("eth_getBlockByHash", (hash, false)).await?,
            BlockAt::Number(number) => {
                self.rpc.request("eth_getBlockByNumber", (U64::from(number), false)).await?
            }
        };
        let header = header.map(Header::from);
        let is_asked = header.is_none_or(|header| match at {
            BlockAt::Hash(hash) => header.block.hash == hash,
            BlockAt::Number(number) => header.block.number == number,
        });
        if !is_asked {
            return Err(self.rpc.malformed("eth_getBlockBy…", "it is another block's header"));
        }
        Ok(header)
    }

    async fn code_hash(&self, account: Address, block: &Header) -> ChainResult<B256> {
        let hash = block.block.hash;
        match self.rpc.request::<_, Bytes>("eth_getCode", (account, pinned(hash))).await {
            Ok(code) => Ok(keccak256(code)),
            Err(error) => Err(self.explain(error, hash).await),
        }
    }

    async fn snapshots(
        &self,
        lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Snapshot>> {
        let chain_id = self.chain_id().await?;
        let mut snapshots = Vec::with_capacity(queries.len());
        let mut start = 0;
        while start < queries.len() {
            let answer = self.call(lens, lens::encode(queries, start), block.block.hash).await?;
            let (page, next) = lens::decode(&answer, queries, start, block, chain_id)
                .map_err(|cause| self.rpc.malformed("the lens", cause))?;
            snapshots.extend(page);
            start = next;
        }
        Ok(snapshots)
    }

    async fn policy(&self, guard: Address, block: u64, hash: B256) -> ChainResult<Policy> {
        // A poisoned lock only means that another task died between two whole writes.
        let known = self.policies.lock().unwrap_or_else(|e| e.into_inner()).get(&hash).cloned();
        if let Some(policy) = known {
            return Ok(policy);
        }
        let filter = json!({
            "address": guard,
            "fromBlock": U64::from(block),
            "toBlock": U64::from(block),
            "topics": [guard::policy_submitted_topic(), null, hash],
        });
        let logs: Vec<RawLog> = self.rpc.request("eth_getLogs", (filter,)).await?;
        let logs: Vec<EventLog> = logs.into_iter().map(EventLog::from).collect();
        let encoding = guard::find_policy_encoding(guard, hash, &logs).ok_or_else(|| {
            ChainError::PolicyNotFound { endpoint: self.rpc.endpoint(), guard, block, hash }
        })?;
        let policy = vagus_policy::decode(&encoding).map_err(|error| {
            ChainError::PolicyUnreadable { guard, hash, cause: error.to_string() }
        })?;
        self.policies.lock().unwrap_or_else(|e| e.into_inner()).insert(hash, policy.clone());
        Ok(policy)
    }

    async fn simulate(&self, call: &Call, block: &Header, at: u64) -> ChainResult<Simulation> {
        let hash = block.block.hash;
        let request = json!({
            "from": call.from,
            "to": call.to,
            "input": call.input,
            "gas": U64::from(call.gas),
        });
        let overrides = json!({
            "number": U64::from(block.block.number.saturating_add(1)),
            "time": U64::from(at),
        });
        let answer =
            self.rpc.request("eth_call", (request, pinned(hash), json!({}), overrides)).await;
        match answer {
            Ok(output) => Ok(Simulation::Succeeds(output)),
            Err(error) => match self.explain(error, hash).await {
                error @ ChainError::Refused { .. } if error.is_transient() => Err(error),
                ChainError::Refused { message, data, .. } => {
                    Ok(Simulation::Fails { message, data: data.unwrap_or_default() })
                }
                error => Err(error),
            },
        }
    }
}

#[async_trait]
impl ChainWriter for HttpChain {
    async fn transaction_count(&self, account: Address, block: Option<B256>) -> ChainResult<u64> {
        let at = block.map_or_else(|| json!("latest"), pinned);
        match self.rpc.request::<_, U64>("eth_getTransactionCount", (account, at)).await {
            Ok(count) => Ok(count.to()),
            Err(error) => match block {
                Some(block) => Err(self.explain(error, block).await),
                None => Err(error),
            },
        }
    }

    async fn balance(&self, account: Address) -> ChainResult<U256> {
        self.rpc.request("eth_getBalance", (account, "latest")).await
    }

    async fn receipt(&self, transaction: B256) -> ChainResult<Option<TransactionReceipt>> {
        let raw: Option<RawReceipt> =
            self.rpc.request("eth_getTransactionReceipt", (transaction,)).await?;
        let Some(raw) = raw else { return Ok(None) };
        if raw.transaction_hash != transaction {
            return Err(self
                .rpc
                .malformed("eth_getTransactionReceipt", "it is another transaction's receipt"));
        }
        // Some nodes answer for transactions that are still pending.
        let (Some(block_number), Some(block_hash)) = (raw.block_number, raw.block_hash) else {
            return Ok(None);
        };
        Ok(Some(TransactionReceipt {
            hash: raw.transaction_hash,
            block_number: block_number.to(),
            block_hash,
            is_success: raw.status == Some(U64::from(1)),
            gas_used: raw.gas_used.to(),
            gas_price_wei: raw.effective_gas_price.map_or(0, |price| price.to()),
            logs: raw.logs.into_iter().map(EventLog::from).collect(),
        }))
    }

    async fn send_raw(&self, raw: &Bytes) -> ChainResult<SendAnswer> {
        let expected = keccak256(raw);
        match self.rpc.request::<_, B256>("eth_sendRawTransaction", (raw,)).await {
            Ok(hash) if hash == expected => Ok(SendAnswer::Accepted),
            Ok(hash) => Err(ChainError::Disagrees {
                endpoint: self.rpc.endpoint(),
                subject: "the hash of a transaction".to_owned(),
                expected: expected.to_string(),
                found: hash.to_string(),
            }),
            Err(ChainError::Refused { message, .. }) => Ok(send_answer(message)),
            Err(error) => Err(error),
        }
    }
}

/// Nodes have no codes for these; their words differ in case and detail.
fn send_answer(message: String) -> SendAnswer {
    let words = message.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&["already known", "already imported", "known transaction"]) {
        SendAnswer::Accepted
    } else if has(&["nonce too low", "nonce is too low", "old nonce"]) {
        SendAnswer::NonceTooLow
    } else if has(&["underpriced", "gas price too low to replace"]) {
        SendAnswer::Underpriced
    } else {
        SendAnswer::Refused(message)
    }
}

#[cfg(test)]
mod tests;
