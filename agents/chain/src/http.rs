//! The chain over HTTP: one endpoint, every request with a limit in time, every read pinned to a block by hash.

mod past;
mod raw;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use alloy::primitives::{Address, B256, Bytes, U64, U256, keccak256};
use async_trait::async_trait;
use serde_json::{Value, json};
use vagus_policy::Policy;

use self::raw::{Quantity, RawHeader, RawLog, RawReceipt};
use crate::{
    BlockAt, Call, ChainError, ChainReader, ChainResult, ChainWriter, EndpointUrl, EventLog,
    Header, LogFilter, PlacedLog, Query, Reading, SendAnswer, Sighting, Simulation, Tag, Tally,
    TransactionReceipt, Witness, guard, lens,
    rpc::{BlockTrouble, Rpc, Wire, block_trouble},
};

/// Gas of one page of the lens unless the configuration says otherwise: what nodes allow a call as they come.
pub const DEFAULT_LENS_GAS: u64 = 50_000_000;

/// One endpoint of a chain.
#[derive(Debug)]
pub struct HttpChain {
    rpc: Rpc,
    lens_gas: u64,
    // An endpoint serves one chain; every page of the lens proves it again.
    chain_id: OnceLock<u64>,
    // Documents never change under their hash.
    policies: Mutex<HashMap<B256, Policy>>,
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
        Rpc::new(url, timeout).map(Self::with_rpc)
    }

    /// An endpoint that is reached in another way than over HTTP; the url is its name.
    #[must_use]
    pub fn over(wire: Arc<dyn Wire>, url: EndpointUrl, timeout: Duration) -> Self {
        Self::with_rpc(Rpc::over(wire, url, timeout))
    }

    fn with_rpc(rpc: Rpc) -> Self {
        let (chain_id, policies) = (OnceLock::new(), Mutex::default());
        Self { rpc, lens_gas: DEFAULT_LENS_GAS, chain_id, policies }
    }

    /// With another gas limit for each page of the lens.
    #[must_use]
    pub fn with_lens_gas(mut self, gas: u64) -> Self {
        self.lens_gas = gas;
        self
    }

    /// Tells a refusal because of the block from any other: a block that is unknown, or no longer in the chain.
    async fn explain(&self, error: ChainError, block: B256) -> ChainError {
        let ChainError::Refused { data: None, code, message, .. } = &error else { return error };
        let endpoint = self.rpc.endpoint();
        match block_trouble(*code, message) {
            Some(BlockTrouble::Unknown) => return ChainError::Late { endpoint, block },
            Some(BlockTrouble::NotCanonical) => return ChainError::Reorganised { endpoint, block },
            None => {}
        }
        match self.header(BlockAt::Hash(block)).await {
            Ok(None) => ChainError::Late { endpoint, block },
            Ok(Some(header)) => match self.header(BlockAt::Number(header.block.number)).await {
                Ok(Some(now)) if now.block.hash == block => error,
                // Behind the block that it has by hash.
                Ok(None) => ChainError::Late { endpoint, block },
                Ok(Some(_)) => ChainError::Reorganised { endpoint, block },
                Err(other) => other,
            },
            Err(other) => other,
        }
    }

    /// The answer to a question about a block; null is that of an endpoint that does not have the block.
    async fn pinned<T>(&self, answer: ChainResult<Option<T>>, block: B256) -> ChainResult<T> {
        match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(ChainError::Late { endpoint: self.rpc.endpoint(), block }),
            Err(error) => Err(self.explain(error, block).await),
        }
    }

    async fn read_lens(&self, lens: Address, input: Vec<u8>, block: B256) -> ChainResult<Bytes> {
        let gas = U64::from(self.lens_gas);
        let call = json!({ "to": lens, "input": Bytes::from(input), "gas": gas });
        let answer = self.rpc.request("eth_call", (call, pinned(block))).await;
        let answer: Bytes = self.pinned(answer, block).await?;
        if answer.is_empty() {
            let cause = "it is empty: there is no lens at this address, or no state behind it";
            return Err(self.rpc.malformed("the lens", cause));
        }
        Ok(answer)
    }

    /// One page, from a query on; a vault that is too dear for a page is passed by.
    async fn read_page(
        &self,
        lens: Address,
        queries: &[Query],
        start: usize,
        block: &Header,
    ) -> ChainResult<(Vec<Sighting>, usize)> {
        let chain_id = self.served_chain().await?;
        let mut reserve = lens::GAS_RESERVE;
        let answer = loop {
            let input = lens::encode(queries, start, reserve);
            match self.read_lens(lens, input, block.block.hash).await {
                Ok(answer) => break answer,
                Err(ChainError::Refused { data: Some(data), .. })
                    if lens::is_gas_too_low(&data) =>
                {
                    let cause = format!("it needs more than the {} gas of a page", self.lens_gas);
                    let too_dear = queries.get(start).map(|query| Err(lens::unseen(query, cause)));
                    return Ok((too_dear.into_iter().collect(), start.saturating_add(1)));
                }
                // Returning costs by the square of what is returned, which no one reserve suits. Less is read while more is kept.
                Err(ChainError::Refused { data: None, .. }) if reserve < self.lens_gas / 2 => {
                    reserve = reserve.saturating_mul(2);
                }
                Err(error) => return Err(error),
            }
        };
        lens::decode(&answer, queries, start, block, chain_id)
            .map_err(|cause| self.rpc.malformed("the lens", cause))
    }

    /// The chain's id, asked once.
    async fn served_chain(&self) -> ChainResult<u64> {
        match self.chain_id.get() {
            Some(id) => Ok(*id),
            None => self.chain_id().await,
        }
    }
}

#[async_trait]
impl ChainReader for HttpChain {
    fn endpoint(&self) -> String {
        self.rpc.endpoint()
    }

    async fn chain_id(&self) -> ChainResult<u64> {
        let id: Quantity<U64> = self.rpc.request("eth_chainId", ()).await?;
        Ok(*self.chain_id.get_or_init(|| id.0.to()))
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
        self.code(account, block).await.map(keccak256)
    }

    async fn code(&self, account: Address, block: &Header) -> ChainResult<Bytes> {
        let hash = block.block.hash;
        let answer = self.rpc.request("eth_getCode", (account, pinned(hash))).await;
        self.pinned(answer, hash).await
    }

    async fn storage(&self, account: Address, slot: B256, block: &Header) -> ChainResult<B256> {
        let hash = block.block.hash;
        let answer = self.rpc.request("eth_getStorageAt", (account, slot, pinned(hash))).await;
        self.pinned(answer, hash).await
    }

    async fn snapshots(
        &self,
        lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Sighting>> {
        let mut sightings = Vec::with_capacity(queries.len());
        let mut start = 0;
        while start < queries.len() {
            let (page, next) = self.read_page(lens, queries, start, block).await?;
            sightings.extend(page);
            start = next;
        }
        Ok(sightings)
    }

    async fn witness(&self, lens: Address, query: Query, block: &Header) -> ChainResult<Witness> {
        let (hash, chain_id) = (block.block.hash, self.served_chain().await?);
        let queries = [query];
        let answer =
            self.read_lens(lens, lens::encode(&queries, 0, lens::GAS_RESERVE), hash).await?;
        lens::witness(&answer, &queries, block, chain_id)
            .map_err(|cause| self.rpc.malformed("the lens", cause))
    }

    fn tallies(&self) -> Vec<(&'static str, Tally)> {
        self.rpc.tallies()
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

    async fn execution(
        &self,
        guard: Address,
        decision: B256,
        (first, last): (u64, u64),
    ) -> ChainResult<Option<B256>> {
        /// Of a log, where it was raised.
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Place {
            transaction_hash: B256,
        }
        let filter = json!({
            "address": guard,
            "fromBlock": U64::from(first),
            "toBlock": U64::from(last),
            "topics": [guard::rebalanced_topic(), null, null, decision],
        });
        let logs: Vec<Place> = self.rpc.request("eth_getLogs", (filter,)).await?;
        Ok(logs.first().map(|log| log.transaction_hash))
    }

    async fn logs(&self, filter: &LogFilter) -> ChainResult<Vec<PlacedLog>> {
        self.past_logs(filter).await
    }

    async fn read(&self, contract: Address, input: &Bytes, block: &Header) -> ChainResult<Reading> {
        self.past_reading(contract, input, block.block.hash).await
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
        match self.pinned::<Bytes>(answer, hash).await {
            // What returns something: nothing is what an endpoint without the state says.
            Ok(output) if output.is_empty() && call.returns => {
                Err(self.rpc.malformed("eth_call", "it is empty"))
            }
            Ok(output) => Ok(Simulation::Succeeds(output)),
            Err(error) => match error {
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
        let method = "eth_getTransactionCount";
        let Some(block) = block else {
            return self
                .rpc
                .request::<_, Quantity<U64>>(method, (account, "latest"))
                .await
                .map(|n| n.0.to());
        };
        let answer =
            self.rpc.request::<_, Option<Quantity<U64>>>(method, (account, pinned(block))).await;
        Ok(self.pinned(answer, block).await?.0.to())
    }

    async fn balance(&self, account: Address) -> ChainResult<U256> {
        let answer = self.rpc.request::<_, Quantity<U256>>("eth_getBalance", (account, "latest"));
        Ok(answer.await?.0)
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
            block_number: block_number.0.to(),
            block_hash,
            is_success: raw.status.is_some_and(|status| status.0 == U64::from(1)),
            gas_used: raw.gas_used.0.to(),
            gas_price_wei: raw.effective_gas_price.map_or(0, |price| price.0.to()),
            data_fee_wei: raw.l1_fee.map_or(0, |fee| fee.0.to()),
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
