//! The chain in process as a node: JSON-RPC in, JSON-RPC out, in the words of geth.

use alloy::{
    consensus::constants::EMPTY_ROOT_HASH,
    primitives::{Address, B256, Bytes, U64, U256},
    sol_types::{SolCall, SolEvent},
};
use serde_json::{Value, json};

use super::{Model, page};
use crate::{
    BlockAt, Call, Header, Query, SendAnswer, Simulation, TransactionReceipt,
    bindings::{guard::IPolicyGuard, lens::ITreasuryLens},
};

/// Code and words of an error.
type Refused = (i64, String, Option<Bytes>);

const FAILED: i64 = -32_000;
const REVERTED: i64 = 3;

fn refused<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err((FAILED, message.into(), None))
}

fn param<T: serde::de::DeserializeOwned>(params: &Value, place: usize) -> Result<T, Refused> {
    let value = params.get(place).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value)
        .map_err(|error| (-32_602, format!("invalid argument {place}: {error}"), None))
}

/// A block to read at, as EIP-1898 names it.
fn pinned(model: &Model, params: &Value, place: usize) -> Result<Header, Refused> {
    let hash = params.get(place).and_then(|at| at.get("blockHash")).cloned();
    let hash: B256 = match hash.map(serde_json::from_value) {
        Some(Ok(hash)) => hash,
        _ => return refused("expected a block by hash"),
    };
    let Some(header) = model.header(BlockAt::Hash(hash)) else {
        return refused("header for hash not found");
    };
    match model.header(BlockAt::Number(header.block.number)) {
        Some(now) if now.block.hash == hash => Ok(header),
        _ => refused(format!("hash {hash} is not currently canonical")),
    }
}

fn header(header: Option<Header>) -> Value {
    header.map_or(Value::Null, |header| {
        json!({
            "number": U64::from(header.block.number),
            "hash": header.block.hash,
            "parentHash": header.block.parent_hash,
            "timestamp": U64::from(header.block.timestamp),
            "baseFeePerGas": U256::from(header.base_fee_wei),
            "receiptsRoot": EMPTY_ROOT_HASH,
        })
    })
}

fn receipt(receipt: &TransactionReceipt) -> Value {
    let logs = receipt
        .logs
        .iter()
        .map(|log| json!({ "address": log.address, "topics": log.topics, "data": log.data }));
    json!({
        "transactionHash": receipt.hash,
        "blockNumber": U64::from(receipt.block_number),
        "blockHash": receipt.block_hash,
        "status": U64::from(u64::from(receipt.is_success)),
        "gasUsed": U64::from(receipt.gas_used),
        "effectiveGasPrice": U256::from(receipt.gas_price_wei),
        "logs": logs.collect::<Vec<_>>(),
    })
}

/// Answers one request: the response without `jsonrpc` and `id`.
pub(super) fn answer(model: &mut Model, method: &str, params: &Value) -> Value {
    match respond(model, method, params) {
        Ok(result) => json!({ "result": result }),
        Err((code, message, None)) => json!({ "error": { "code": code, "message": message } }),
        Err((code, message, Some(data))) => {
            json!({ "error": { "code": code, "message": message, "data": data } })
        }
    }
}

fn respond(model: &mut Model, method: &str, params: &Value) -> Result<Value, Refused> {
    Ok(match method {
        "eth_chainId" => json!(U64::from(model.chain_id())),
        "eth_getBlockByNumber" => header(match param::<String>(params, 0)?.as_str() {
            "latest" => Some(model.head()),
            "finalized" => Some(model.finalized()),
            _ => model.header(BlockAt::Number(param::<U64>(params, 0)?.to())),
        }),
        "eth_getBlockByHash" => header(model.header(BlockAt::Hash(param(params, 0)?))),
        "eth_getCode" => {
            pinned(model, params, 1)?;
            json!(model.code(param(params, 0)?))
        }
        "eth_getBalance" => json!(U256::from(10u64).pow(U256::from(18))),
        "eth_getTransactionCount" => {
            let account = param(params, 0)?;
            let at = match params.get(1) {
                Some(Value::String(_)) => None,
                _ => Some(pinned(model, params, 1)?.block.hash),
            };
            json!(U64::from(model.transaction_count(account, at)))
        }
        "eth_getTransactionReceipt" => {
            model.receipt(param(params, 0)?).as_ref().map_or(Value::Null, receipt)
        }
        "eth_sendRawTransaction" => send(model, &param::<Bytes>(params, 0)?)?,
        "eth_getLogs" => logs(model, params)?,
        "eth_call" => json!(call(model, params)?),
        other => return Err((-32_601, format!("the method {other} does not exist"), None)),
    })
}

fn send(model: &mut Model, raw: &Bytes) -> Result<Value, Refused> {
    match model.hand_in(raw) {
        SendAnswer::Accepted => Ok(json!(alloy::primitives::keccak256(raw))),
        SendAnswer::NonceTooLow => refused("nonce too low"),
        SendAnswer::Underpriced => refused("replacement transaction underpriced"),
        SendAnswer::Refused(words) => refused(words),
    }
}

/// The event that carries a policy document, the only one that is asked for.
fn logs(model: &Model, params: &Value) -> Result<Value, Refused> {
    let filter = params.get(0).cloned().unwrap_or_default();
    let guard: Address = serde_json::from_value(filter["address"].clone()).unwrap_or_default();
    let hash: B256 = serde_json::from_value(filter["topics"][2].clone()).unwrap_or_default();
    let Some(policy) = model.policy(hash) else { return Ok(json!([])) };
    let event = IPolicyGuard::PolicySubmitted {
        submitter: guard,
        hash,
        activatableAt: Default::default(),
        expiresAt: Default::default(),
        encoding: vagus_policy::encode(&policy).into(),
    }
    .encode_log_data();
    Ok(json!([{ "address": guard, "topics": event.topics(), "data": event.data }]))
}

fn call(model: &Model, params: &Value) -> Result<Bytes, Refused> {
    let block = pinned(model, params, 1)?;
    let request = params.get(0).cloned().unwrap_or_default();
    let input: Bytes = serde_json::from_value(request["input"].clone())
        .map_err(|error| (-32_602, format!("invalid input: {error}"), None))?;
    if let Ok(read) = ITreasuryLens::readCall::abi_decode(&input) {
        return lens(model, &read, block);
    }
    let (from, to) = (address(&request["from"])?, address(&request["to"])?);
    let at = params.get(3).map(|overrides| overrides["time"].clone()).unwrap_or_default();
    let at: U64 = serde_json::from_value(at)
        .map_err(|error| (-32_602, format!("invalid time: {error}"), None))?;
    let call = Call { from, to, input, gas: 0, returns: true };
    match model.simulate(&call, block.block.hash, at.to()) {
        Simulation::Succeeds(output) => Ok(output),
        Simulation::Fails { message, data } if data.is_empty() => Err((REVERTED, message, None)),
        Simulation::Fails { message, data } => Err((REVERTED, message, Some(data))),
    }
}

fn address(value: &Value) -> Result<Address, Refused> {
    serde_json::from_value(value.clone())
        .map_err(|error| (-32_602, format!("invalid address: {error}"), None))
}

/// One page with everything from `start` on.
fn lens(model: &Model, read: &ITreasuryLens::readCall, block: Header) -> Result<Bytes, Refused> {
    let start = usize::try_from(read.start).unwrap_or(usize::MAX);
    let views = read.queries.iter().skip(start).map(|query| {
        let query = Query { vault: query.vault, agent: query.agent };
        match model.snapshot(block.block.hash, query.vault, query.agent) {
            Some(snapshot) => page::view(&snapshot),
            // As the lens does for what it cannot read.
            None => page::empty(query.vault),
        }
    });
    let page = page::page(model.chain_id(), block, views.collect(), read.queries.len());
    Ok(ITreasuryLens::readCall::abi_encode_returns(&page).into())
}
