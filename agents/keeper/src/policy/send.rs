//! One transaction of a person's, sent and waited for. It is none of the journal's: whoever sends it looks at what it prints.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use serde::Serialize;
use vagus_chain::{
    AgentKey, ChainWriter as _, SendAnswer,
    signer::{Signed, Unsigned},
};

use super::desk::Desk;
use crate::{
    cli::Way,
    config::{Config, PasswordSource},
    exit::{Exit, Failure},
    keys,
    password::password,
    world::chain_failure,
};

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often at the most. Blocks of a chain that stands still do not come.
const LOOKS: u32 = 300;

/// A transaction that was mined.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// Its hash.
    pub transaction: B256,
    /// Height of its block.
    pub block: u64,
    /// Gas used.
    pub gas_used: u64,
}

/// The key that sends.
pub(super) async fn key(config: &Config, way: &Way) -> Result<AgentKey, Failure> {
    let Some(file) = &way.keystore else {
        return keys::open(&config.agent, way.unsafe_raw_key).await;
    };
    let source = match &way.password_file {
        Some(file) => PasswordSource::File(file.clone()),
        None => PasswordSource::Prompt,
    };
    let password = password(&source, file)?;
    AgentKey::unlock(file, &password).map_err(|error| Failure::new(Exit::Key, error))
}

/// Sends a call and waits until it is mined.
pub(super) async fn send(
    desk: &Desk,
    key: &AgentKey,
    to: Address,
    input: Bytes,
) -> Result<Sent, Failure> {
    let failed = |error| chain_failure(&error);
    let chain = &desk.world.endpoints;
    let fees = desk.world.fee_policy();
    let unsigned = Unsigned {
        chain_id: desk.world.config.chain_id,
        nonce: chain.transaction_count(key.address(), None).await.map_err(failed)?,
        to,
        input,
        gas_limit: desk.vault.config.gas.limit,
        max_fee_wei: fees.max_fee_wei,
        priority_fee_wei: fees.priority_fee_wei.min(fees.max_fee_wei),
    };
    let Signed { hash, raw } =
        key.sign(&unsigned).await.map_err(|error| Failure::new(Exit::Key, error))?;
    match chain.send_raw(&raw).await.map_err(failed)? {
        SendAnswer::Accepted => {}
        SendAnswer::NonceTooLow | SendAnswer::Underpriced => {
            return Err(Failure::new(
                Exit::NotExecuted,
                format_args!(
                    "Another transaction of {} has the nonce {}; wait for it, or send by another account.",
                    key.address(),
                    unsigned.nonce
                ),
            ));
        }
        SendAnswer::Refused(words) => {
            return Err(Failure::new(
                Exit::NotExecuted,
                format_args!("Transaction {hash} is refused: {words}."),
            ));
        }
    }
    for _ in 0..LOOKS {
        if let Some(receipt) = chain.receipt(hash).await.map_err(failed)? {
            if !receipt.is_success {
                let block = receipt.block_number;
                return Err(Failure::new(
                    Exit::NotExecuted,
                    format_args!("Transaction {hash} was mined in block {block} and reverted."),
                ));
            }
            let (block, gas_used) = (receipt.block_number, receipt.gas_used);
            return Ok(Sent { transaction: hash, block, gas_used });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::new(
        Exit::NotExecuted,
        format_args!("Transaction {hash} was sent and is not mined yet; it may still be."),
    ))
}
