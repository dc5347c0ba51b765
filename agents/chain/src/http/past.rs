//! What happened, and how things stood then: events of a range of blocks, and single reads at the end of one.

use alloy::primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;
use serde_json::json;

use super::{
    HttpChain, pinned,
    raw::{Quantity, RawLog},
};
use crate::{ChainError, ChainResult, LogFilter, PlacedLog, Reading, rpc::is_revert};

/// An event as a node lists it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPlaced {
    block_number: Quantity<U64>,
    block_hash: B256,
    transaction_hash: B256,
    log_index: Quantity<U64>,
    #[serde(flatten)]
    log: RawLog,
}

impl HttpChain {
    pub(super) async fn past_logs(&self, filter: &LogFilter) -> ChainResult<Vec<PlacedLog>> {
        let filter = json!({
            "address": filter.addresses,
            "fromBlock": U64::from(filter.first),
            "toBlock": U64::from(filter.last),
            "topics": filter.topics,
        });
        let logs: Vec<RawPlaced> = self.rpc.request("eth_getLogs", (filter,)).await?;
        let logs = logs.into_iter().map(|raw| PlacedLog {
            block_number: raw.block_number.0.to(),
            block_hash: raw.block_hash,
            transaction: raw.transaction_hash,
            log_index: raw.log_index.0.to(),
            log: raw.log.into(),
        });
        let mut logs: Vec<PlacedLog> = logs.collect();
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(logs)
    }

    pub(super) async fn past_reading(
        &self,
        contract: Address,
        input: &Bytes,
        block: B256,
    ) -> ChainResult<Reading> {
        let call = json!({ "to": contract, "input": input });
        let answer: ChainResult<Option<Bytes>> =
            self.rpc.request("eth_call", (call, pinned(block))).await;
        // Only what a contract does is an answer; that a node has no such old state is none.
        if let Err(ChainError::Refused { code, message, data, .. }) = &answer
            && (data.is_some() || is_revert(*code, message))
        {
            return Ok(Reading::Fails);
        }
        self.pinned(answer, block).await.map(Reading::Answer)
    }
}
