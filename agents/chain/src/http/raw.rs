//! Answers as they stand in JSON.

use std::str::FromStr;

use alloy::primitives::{Address, B256, Bytes, U64, U128};
use serde::{Deserialize, Deserializer, de::Error};
use vagus_policy::BlockRef;

use crate::{EventLog, Header};

/// A number as JSON-RPC writes it: 0x and at least one digit. "0x" alone, which libraries read as zero, is what some
/// nodes answer when they have nothing to answer with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity<T>(pub(super) T);

impl<'de, T: FromStr> Deserialize<'de> for Quantity<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unfit = || D::Error::custom(format!("expected a number, found {text:?}"));
        let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.ok_or_else(unfit)?;
        text.parse().map(Self).map_err(|_| unfit())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawHeader {
    pub(super) number: Quantity<U64>,
    pub(super) hash: B256,
    pub(super) parent_hash: B256,
    pub(super) timestamp: Quantity<U64>,
    pub(super) base_fee_per_gas: Option<Quantity<U128>>,
}

impl From<RawHeader> for Header {
    fn from(raw: RawHeader) -> Self {
        Self {
            block: BlockRef {
                number: raw.number.0.to(),
                hash: raw.hash,
                parent_hash: raw.parent_hash,
                timestamp: raw.timestamp.0.to(),
            },
            base_fee_wei: raw.base_fee_per_gas.map_or(0, |fee| fee.0.to()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawLog {
    pub(super) address: Address,
    pub(super) topics: Vec<B256>,
    pub(super) data: Bytes,
}

impl From<RawLog> for EventLog {
    fn from(raw: RawLog) -> Self {
        Self { address: raw.address, topics: raw.topics, data: raw.data }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawReceipt {
    pub(super) transaction_hash: B256,
    pub(super) block_number: Option<Quantity<U64>>,
    pub(super) block_hash: Option<B256>,
    pub(super) status: Option<Quantity<U64>>,
    pub(super) gas_used: Quantity<U64>,
    pub(super) effective_gas_price: Option<Quantity<U128>>,
    /// Of the OP Stack.
    #[serde(default)]
    pub(super) l1_fee: Option<Quantity<U128>>,
    pub(super) logs: Vec<RawLog>,
}
