//! An endpoint that does not have the newest blocks.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::http::Upstream;

/// Height of the chain itself.
pub(super) async fn head(chain: &mut Upstream) -> Result<u64> {
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] });
    number(&chain.ask(&question).await?["result"]).context("a chain without a height")
}

/// What one that has nothing above a height answers.
pub(super) async fn seen_up_to(chain: &mut Upstream, request: &Value, cap: u64) -> Result<Value> {
    let mut request = request.clone();
    let id = request["id"].clone();
    let nothing = || json!({ "jsonrpc": "2.0", "id": id, "result": null });
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    match method.as_str() {
        "eth_getBlockByNumber" => {
            let asked = request["params"][0].clone();
            if let Some(asked) = number(&asked) {
                if asked > cap {
                    return Ok(nothing());
                }
            } else if asked == "latest" {
                request["params"][0] = json!(format!("0x{cap:x}"));
            } else {
                let answer = chain.ask(&request).await?;
                if number(&answer["result"]["number"]).is_none_or(|found| found <= cap) {
                    return Ok(answer);
                }
                request["params"][0] = json!(format!("0x{cap:x}"));
            }
            chain.ask(&request).await
        }
        "eth_getBlockByHash" | "eth_getTransactionReceipt" => {
            let key = if method == "eth_getBlockByHash" { "number" } else { "blockNumber" };
            let answer = chain.ask(&request).await?;
            let is_above = number(&answer["result"][key]).is_some_and(|found| found > cap);
            Ok(if is_above { nothing() } else { answer })
        }
        "eth_call" | "eth_getTransactionCount" | "eth_getCode" => {
            let at = request["params"][1].clone();
            if at == "latest" {
                request["params"][1] = json!(format!("0x{cap:x}"));
            } else if at["blockHash"].is_string() {
                let question = json!({
                    "jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByHash",
                    "params": [at["blockHash"], false],
                });
                let block = chain.ask(&question).await?;
                if number(&block["result"]["number"]).is_none_or(|found| found > cap) {
                    let error = json!({ "code": -32_000, "message": "header not found" });
                    return Ok(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
                }
            }
            chain.ask(&request).await
        }
        _ => chain.ask(&request).await,
    }
}

fn number(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
