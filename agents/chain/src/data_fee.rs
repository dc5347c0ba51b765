//! What a rollup charges for publishing a transaction's bytes on the chain below it, beside the gas.

use alloy::{
    consensus::{SignableTransaction, TxEip1559},
    primitives::{Address, Bytes, TxKind, U256, address},
    sol,
    sol_types::SolCall,
};

use crate::Call;

sol! {
    /// OP Stack's `GasPriceOracle`.
    #[allow(missing_docs)]
    interface GasPriceOracle {
        function getL1Fee(bytes data) external view returns (uint256 feeWei);
    }

    /// Arbitrum's `NodeInterface`.
    #[allow(missing_docs)]
    interface NodeInterface {
        function gasEstimateL1Component(address to, bool contractCreation, bytes data)
            external
            payable
            returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
    }
}

/// Where every OP Stack chain has its oracle.
pub const OP_ORACLE: Address = address!("420000000000000000000000000000000000000F");
/// Where every Arbitrum chain answers such questions.
pub const ARBITRUM_NODE: Address = address!("00000000000000000000000000000000000000C8");
/// Gas of the question. What it costs is nobody's.
const QUESTION_GAS: u64 = 5_000_000;

/// Who is asked for the fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFeeModel {
    /// OP Stack: a fee beside the gas, by the bytes of the whole transaction.
    Op,
    /// Arbitrum: paid as gas of the transaction, by the call data. Asked without executing the call, so that a plan that would
    /// fail has its price too.
    Arbitrum,
}

impl DataFeeModel {
    /// The question what a transaction would cost, and the number of bytes that it is about.
    #[must_use]
    pub fn question(
        self,
        chain_id: u64,
        from: Address,
        to: Address,
        input: Bytes,
    ) -> (Call, usize) {
        let ask = |to, input: Vec<u8>| Call {
            from,
            to,
            input: input.into(),
            gas: QUESTION_GAS,
            returns: true,
        };
        match self {
            Self::Op => {
                let transaction = TxEip1559 {
                    chain_id,
                    nonce: u64::from(u32::MAX),
                    gas_limit: u64::from(u32::MAX),
                    max_fee_per_gas: u128::from(u64::MAX),
                    max_priority_fee_per_gas: u128::from(u32::MAX),
                    to: TxKind::Call(to),
                    value: U256::ZERO,
                    access_list: Default::default(),
                    input,
                };
                let bytes = transaction.encoded_for_signing();
                let length = bytes.len();
                let call = GasPriceOracle::getL1FeeCall { data: bytes.into() };
                (ask(OP_ORACLE, call.abi_encode()), length)
            }
            Self::Arbitrum => {
                let length = input.len();
                let call = NodeInterface::gasEstimateL1ComponentCall {
                    to,
                    contractCreation: false,
                    data: input,
                };
                (ask(ARBITRUM_NODE, call.abi_encode()), length)
            }
        }
    }

    /// The fee in an answer, wei; none if it is something else.
    #[must_use]
    pub fn fee_wei(self, answer: &[u8]) -> Option<u128> {
        match self {
            Self::Op => {
                let fee = GasPriceOracle::getL1FeeCall::abi_decode_returns(answer).ok()?;
                u128::try_from(fee).ok()
            }
            Self::Arbitrum => {
                let said = NodeInterface::gasEstimateL1ComponentCall::abi_decode_returns(answer);
                let said = said.ok()?;
                let base_fee_wei = u128::try_from(said.baseFee).ok()?;
                u128::from(said.gasEstimateForL1).checked_mul(base_fee_wei)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolValue;

    use super::*;

    const TO: Address = Address::repeat_byte(3);

    fn ask(model: DataFeeModel, length: usize) -> (Call, usize) {
        model.question(10, Address::ZERO, TO, vec![7; length].into())
    }

    #[test]
    fn the_oracle_is_asked_about_the_whole_transaction() {
        let (call, length) = ask(DataFeeModel::Op, 1_000);
        assert_eq!((call.to, call.returns), (OP_ORACLE, true));
        assert!((1_030..1_100).contains(&length), "{length}");
        let asked = GasPriceOracle::getL1FeeCall::abi_decode(&call.input).expect("the call");
        assert_eq!((asked.data[0], asked.data.len()), (2, length), "an EIP-1559 transaction");
        let fee = U256::from(123_456_789_u64).abi_encode();
        assert_eq!(DataFeeModel::Op.fee_wei(&fee), Some(123_456_789));
        assert_eq!(DataFeeModel::Op.fee_wei(&U256::MAX.abi_encode()), None);
        assert_eq!(DataFeeModel::Op.fee_wei(&[]), None, "nobody is there");
    }

    #[test]
    fn arbitrum_is_asked_about_the_call_and_answers_in_gas() {
        let (call, length) = ask(DataFeeModel::Arbitrum, 1_000);
        assert_eq!((call.to, length), (ARBITRUM_NODE, 1_000));
        let asked = NodeInterface::gasEstimateL1ComponentCall::abi_decode(&call.input);
        let asked = asked.expect("the call");
        assert_eq!((asked.to, asked.contractCreation, asked.data.len()), (TO, false, 1_000));
        let answer = (U256::from(2_000_u64), U256::from(100_000_000_u64), U256::from(9_u64));
        let answer = answer.abi_encode_params();
        assert_eq!(DataFeeModel::Arbitrum.fee_wei(&answer), Some(200_000_000_000));
        assert_eq!(DataFeeModel::Arbitrum.fee_wei(&answer[..64]), None);
        let most = (U256::from(u64::MAX), U256::MAX, U256::ZERO).abi_encode_params();
        assert_eq!(DataFeeModel::Arbitrum.fee_wei(&most), None, "no fee, not a small one");
    }
}
