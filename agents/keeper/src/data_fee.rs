//! What a rollup charges for a rebalance's bytes: in its cost against its gain, and in the daily budget.

use alloy::primitives::{B256, Bytes, U256, keccak256};
use vagus_allocator::{Inputs, NativePrice};
use vagus_chain::{
    ChainError, ChainReader as _, Header, Simulation,
    data_fee::DataFeeModel,
    guard::{encode_rebalance, encode_rebalance_for},
};
use vagus_policy::{MAX_MOVES, Move, Rebalance};

use crate::{config::FeeModel, world::ChainWorld};

/// Legs of the rebalance that is asked about.
const SAMPLE_LEGS: u8 = 8;
/// Bytes of call data that a leg takes: three words.
const LEG_BYTES: usize = 96;

/// What the bytes of a rebalance cost at a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataFee {
    /// Nothing: the chain has no such fee.
    #[default]
    None,
    /// It has one, and whoever knows it does not tell.
    Unknown,
    /// So much, rounded up.
    Known {
        /// Before the first leg, wei.
        base_wei_up: u128,
        /// Each leg, wei.
        leg_wei_up: u128,
        /// Whether it is paid as gas of the transaction, within its gas limit.
        is_gas: bool,
    },
}

fn share_up(fee_wei: u128, part: usize, whole: usize) -> u128 {
    let share = U256::from(fee_wei).saturating_mul(U256::from(part));
    let share = share.div_ceil(U256::from(whole.max(1)));
    u128::try_from(share).unwrap_or(u128::MAX)
}

impl DataFee {
    /// Inputs that cost a plan with this fee: as the gas that costs as much, so that it stands in the record. An unknown one is
    /// a missing price: nothing is moved for income.
    #[must_use]
    pub fn charge(self, inputs: Inputs) -> Inputs {
        match self {
            Self::None => inputs,
            Self::Unknown => Inputs { native_price: NativePrice::Missing, ..inputs },
            Self::Known { base_wei_up, leg_wei_up, .. } => {
                let gas_price_wei = inputs.gas_price_wei.max(1);
                let as_gas_up =
                    |wei: u128| u64::try_from(wei.div_ceil(gas_price_wei)).unwrap_or(u64::MAX);
                Inputs {
                    gas_price_wei,
                    base_gas: inputs.base_gas.saturating_add(as_gas_up(base_wei_up)),
                    leg_gas: inputs.leg_gas.saturating_add(as_gas_up(leg_wei_up)),
                    ..inputs
                }
            }
        }
    }

    /// Most that one transaction can cost beside its gas, wei; none if it is not known.
    #[must_use]
    pub fn most_wei_up(self) -> Option<u128> {
        match self {
            Self::None | Self::Known { is_gas: true, .. } => Some(0),
            Self::Unknown => None,
            Self::Known { base_wei_up, leg_wei_up, .. } => {
                Some(base_wei_up.saturating_add(leg_wei_up.saturating_mul(MAX_MOVES as u128)))
            }
        }
    }
}

/// A rebalance whose numbers do not compress: no real one costs more for its size.
fn sample() -> Rebalance {
    let noise = |n: u8| keccak256([n]);
    let amount =
        |n: u8| u128::from_be_bytes(*noise(n).0.first_chunk::<16>().unwrap_or(&[0xa5; 16]));
    Rebalance {
        policy_version: u64::from(u32::MAX),
        nonce: u64::from(u32::MAX),
        vault_count: u64::from(u32::MAX),
        deadline: u64::from(u32::MAX),
        decision: B256::from(noise(0xff)),
        moves: (0..SAMPLE_LEGS)
            .map(|index| Move { index, is_deposit: index % 2 == 0, assets: amount(index) })
            .collect(),
    }
}

impl ChainWorld {
    /// What a rebalance's bytes cost at a block.
    ///
    /// # Errors
    /// If no endpoint answers. An answer that makes no sense is an unknown fee.
    pub async fn data_fee(&self, head: &Header) -> Result<DataFee, ChainError> {
        let model = match self.config.profile.fee_model {
            FeeModel::L1 => return Ok(DataFee::None),
            FeeModel::Op => DataFeeModel::Op,
            FeeModel::Arbitrum => DataFeeModel::Arbitrum,
        };
        let Some(vault) = self.vaults.first() else { return Ok(DataFee::None) };
        let input = if self.word_bytes == 0 {
            encode_rebalance(&sample())
        } else {
            let word = (0..self.word_bytes).map(|n| keccak256(n.to_be_bytes()).0[0]);
            encode_rebalance_for(&sample(), self.agent, &Bytes::from_iter(word))
        };
        let guard = vault.entry.guard;
        let (call, bytes) = model.question(self.config.chain_id, self.account, guard, input);
        let answer = match self.endpoints.simulate(&call, head, head.block.timestamp).await {
            Ok(Simulation::Succeeds(output)) => model.fee_wei(&output),
            Ok(Simulation::Fails { .. }) | Err(ChainError::Malformed { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(fee_wei) = answer else {
            tracing::warn!("chain {}: {} does not tell what bytes cost", self.config.name, call.to);
            return Ok(DataFee::Unknown);
        };
        let leg_bytes = LEG_BYTES * usize::from(SAMPLE_LEGS);
        Ok(DataFee::Known {
            base_wei_up: share_up(fee_wei, bytes.saturating_sub(leg_bytes), bytes),
            leg_wei_up: share_up(fee_wei, LEG_BYTES, bytes),
            is_gas: model == DataFeeModel::Arbitrum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_fee_is_charged_as_gas_and_never_below() {
        let inputs = testing::inputs(Default::default());
        assert_eq!(DataFee::None.charge(inputs.clone()), inputs);
        let missing = DataFee::Unknown.charge(inputs.clone());
        assert_eq!(missing.native_price, NativePrice::Missing);
        let price = inputs.gas_price_wei;
        let fee = DataFee::Known { base_wei_up: price + 1, leg_wei_up: price, is_gas: false };
        let charged = fee.charge(inputs.clone());
        assert_eq!(charged.base_gas, inputs.base_gas + 2, "rounded up");
        assert_eq!(charged.leg_gas, inputs.leg_gas + 1);
        let free = DataFee::Known { base_wei_up: 7, leg_wei_up: 1, is_gas: false };
        let charged = free.charge(Inputs { gas_price_wei: 0, ..inputs.clone() });
        assert_eq!((charged.gas_price_wei, charged.base_gas), (1, inputs.base_gas + 7));
    }

    #[test]
    fn the_most_is_that_of_the_longest_plan() {
        let fee = |is_gas| DataFee::Known { base_wei_up: 100, leg_wei_up: 10, is_gas };
        assert_eq!(fee(false).most_wei_up(), Some(260));
        assert_eq!(fee(true).most_wei_up(), Some(0), "within the gas limit");
        assert_eq!((DataFee::None.most_wei_up(), DataFee::Unknown.most_wei_up()), (Some(0), None));
        for (part, expected) in [(1, 34), (2, 67), (3, 100)] {
            assert_eq!(share_up(100, part, 3), expected);
        }
    }
}
