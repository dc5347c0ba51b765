//! A plan as a file for people to sign: a batch of one call, in the JSON that the Transaction Builder of Safe imports.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Map, Value, json};
use vagus_chain::guard::encode_rebalance;
use vagus_journal::{Body, DecisionRecord};
use vagus_policy::{ALL_ASSETS, Rebalance};

use crate::{
    exit::{Exit, Failure},
    render::number::{assets, short, time},
    words,
    world::VaultWorld,
};

/// Version of the format.
const FORMAT: &str = "1.0";
/// Version of the Transaction Builder that the format was taken from.
const BUILDER_VERSION: &str = "1.18.2";

/// The batch of a record that is a rebalance; of any other record an empty one.
#[must_use]
pub fn batch(vault: &VaultWorld, decision: B256, record: &DecisionRecord) -> Value {
    let transactions = match &record.body {
        Body::Rebalance { rebalance, .. } => {
            let sent = Rebalance { decision, ..rebalance.clone() };
            vec![call(record, &sent)]
        }
        _ => Vec::new(),
    };
    let header = &record.header;
    of_transactions(
        (header.chain_id, record.first().block().timestamp.saturating_mul(1_000)),
        (&format!("Rebalance of {}", vault.config.name), &description(vault, decision, record)),
        Some(header.agent),
        transactions,
    )
}

/// The batch of one call, on a chain and made at a Unix time in milliseconds, with its name and description, for a Safe if
/// that is known.
#[must_use]
pub fn batch_of_call(
    place: (u64, u64),
    words: (&str, &str),
    safe: Option<Address>,
    (to, data): (Address, &Bytes),
) -> Value {
    let transaction = json!({
        "to": to.to_string(),
        "value": "0",
        "data": data,
        "contractMethod": null,
        "contractInputsValues": null,
    });
    of_transactions(place, words, safe, vec![transaction])
}

fn of_transactions(
    (chain_id, created_at_ms): (u64, u64),
    (name, description): (&str, &str),
    safe: Option<Address>,
    transactions: Vec<Value>,
) -> Value {
    with_checksum(json!({
        "version": FORMAT,
        "chainId": chain_id.to_string(),
        "createdAt": created_at_ms,
        "meta": {
            "name": name,
            "description": description,
            "txBuilderVersion": BUILDER_VERSION,
            "createdFromSafeAddress": safe.map_or_else(String::new, |safe| safe.to_string()),
            "createdFromOwnerAddress": "",
        },
        "transactions": transactions,
    }))
}

fn call(record: &DecisionRecord, sent: &Rebalance) -> Value {
    let inputs = [
        ("policyVersion", "uint64"),
        ("nonce", "uint64"),
        ("vaultCount", "uint64"),
        ("deadline", "uint64"),
        ("decision", "bytes32"),
    ];
    let named =
        |(name, kind): (&str, &str)| json!({ "internalType": kind, "name": name, "type": kind });
    let mut components: Vec<Value> = inputs.into_iter().map(named).collect();
    let leg = [("index", "uint8"), ("isDeposit", "bool"), ("assets", "uint128")].map(named);
    components.push(json!({
        "components": leg, "internalType": "struct Move[]", "name": "moves", "type": "tuple[]",
    }));
    let moves: Vec<Value> = sent
        .moves
        .iter()
        .map(|leg| json!([leg.index.to_string(), leg.is_deposit, leg.assets.to_string()]))
        .collect();
    let values = json!([
        sent.policy_version.to_string(),
        sent.nonce.to_string(),
        sent.vault_count.to_string(),
        sent.deadline.to_string(),
        sent.decision,
        moves,
    ]);
    json!({
        "to": record.header.guard.to_string(),
        "value": "0",
        "data": encode_rebalance(sent),
        "contractMethod": {
            "inputs": [{
                "components": components,
                "internalType": "struct Rebalance",
                "name": "rebalance_",
                "type": "tuple",
            }],
            "name": "rebalance",
            "payable": false,
        },
        "contractInputsValues": { "rebalance_": values.to_string() },
    })
}

/// What it does and why, in words.
fn description(vault: &VaultWorld, decision: B256, record: &DecisionRecord) -> String {
    let Body::Rebalance { observation, rebalance, .. } = &record.body else { return String::new() };
    let asset = &observation.snapshot.vault.asset;
    let reason = record.reason();
    let mut text = format!("{reason:?}: {}.", words::reason(reason));
    for leg in &rebalance.moves {
        let listed = observation.snapshot.vault.strategies.get(usize::from(leg.index));
        let name = listed.map_or_else(
            || format!("strategy {}", leg.index),
            |listed| {
                let name = vault.config.strategies.get(&listed.strategy);
                name.unwrap_or(&listed.symbol).clone()
            },
        );
        let amount = match leg.assets {
            ALL_ASSETS => "everything".to_owned(),
            some => assets(U256::from(some), asset),
        };
        let way = if leg.is_deposit { "into" } else { "out of" };
        // Writing into a string does not fail.
        let _ = write!(text, " {amount} {way} {name}.");
    }
    let _ = write!(
        text,
        " Seen at block {}; the guard takes it until {} and as long as nothing else was moved. Decision {}.",
        observation.snapshot.block.number,
        time(rebalance.deadline),
        decision
    );
    text
}

/// The batch with the checksum by which the Transaction Builder tells whether it was changed.
fn with_checksum(mut batch: Value) -> Value {
    let checksum = checksum(&batch);
    if let Some(meta) = batch.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("checksum".to_owned(), json!(checksum));
    }
    batch
}

/// Keccak-256 of the batch without name and checksum, its keys in order.
#[must_use]
pub fn checksum(batch: &Value) -> B256 {
    let mut bare = batch.clone();
    if let Some(meta) = bare.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("checksum");
        meta.insert("name".to_owned(), Value::Null);
    }
    let mut text = String::new();
    serialise(&bare, &mut text);
    keccak256(text)
}

/// The form that the checksum is taken of: an object is the list of its keys, then its values, each with a comma.
fn serialise(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                serialise(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => of_object(fields, out),
        plain => out.push_str(&plain.to_string()),
    }
}

fn of_object(fields: &Map<String, Value>, out: &mut String) {
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort();
    out.push('{');
    out.push_str(&json!(keys).to_string());
    for key in keys {
        serialise(&fields[key], out);
        out.push(',');
    }
    out.push('}');
}

/// Writes a batch into a folder, whole or not at all, unless its file is there. Gives back where.
///
/// # Errors
/// If the folder cannot be written to.
pub fn write(
    folder: &Path,
    vault: &str,
    decision: B256,
    batch: &Value,
) -> Result<PathBuf, Failure> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = vault.chars().map(safe).collect();
    let file = folder.join(format!("{name}-{}.json", short(decision).trim_end_matches('…')));
    if file.exists() {
        return Ok(file);
    }
    std::fs::create_dir_all(folder).map_err(|error| unwritten(&file, &error))?;
    write_whole(&file, batch)?;
    Ok(file)
}

fn unwritten(file: &Path, error: &std::io::Error) -> Failure {
    let place = file.display();
    Failure::new(Exit::Config, format_args!("{place}: the proposal cannot be written: {error}."))
}

/// Writes a batch into a file, whole or not at all.
///
/// # Errors
/// If it cannot be written to.
pub fn write_whole(file: &Path, batch: &Value) -> Result<(), Failure> {
    let failed = |error: std::io::Error| unwritten(file, &error);
    let unfinished = file.with_extension("unfinished");
    let mut out = std::fs::File::create(&unfinished).map_err(failed)?;
    out.write_all(format!("{batch:#}\n").as_bytes()).map_err(failed)?;
    out.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, file).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch that was exported from the Transaction Builder itself, with its checksum.
    #[test]
    fn the_checksum_is_the_transaction_builders() {
        let batch = json!({
            "version": "1.0",
            "chainId": "1",
            "createdAt": 1_761_326_849_944_u64,
            "meta": {
                "name": "Transactions Batch",
                "description": "",
                "txBuilderVersion": "1.18.2",
                "createdFromSafeAddress": "0xA77DE01e157f9f57C7c4A326eeE9C4874D0598b6",
                "createdFromOwnerAddress": "",
                "checksum": "0x8b5032f716845c8b08bab3d63dbd9ba92e056f3557793cd041e59b84e16aa989"
            },
            "transactions": [{
                "to": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
                "value": "0",
                "data": null,
                "contractMethod": {
                    "inputs": [
                        { "internalType": "address", "name": "spender", "type": "address" },
                        { "internalType": "uint256", "name": "value", "type": "uint256" }
                    ],
                    "name": "approve",
                    "payable": false
                },
                "contractInputsValues": {
                    "spender": "0x474e5Ded6b5D078163BFB8F6dBa355C3aA5478C8",
                    "value": "100000000000"
                }
            }]
        });
        assert_eq!(json!(checksum(&batch)), batch["meta"]["checksum"]);
        let mut changed = batch.clone();
        changed["meta"]["name"] = json!("another");
        assert_eq!(checksum(&changed), checksum(&batch), "the name is no part of it");
        changed["transactions"][0]["value"] = json!("1");
        assert_ne!(checksum(&changed), checksum(&batch));
    }
}
