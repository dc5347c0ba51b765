//! A receipt as an outcome has it.

use vagus_chain::{Header, TransactionReceipt};
use vagus_journal::ReceiptSummary;

/// What an endpoint tells of a transaction, with the time of its block.
pub(crate) fn summary(receipt: &TransactionReceipt, header: &Header) -> ReceiptSummary {
    ReceiptSummary {
        transaction_hash: receipt.hash,
        block_number: receipt.block_number,
        block_hash: receipt.block_hash,
        block_timestamp: header.block.timestamp,
        is_success: receipt.is_success,
        gas_used: receipt.gas_used,
        effective_gas_price_wei: receipt.gas_price_wei,
        data_fee_wei: receipt.data_fee_wei,
    }
}
