//! EIP-712 hash and digest of a rebalance by an agent; types of `contracts/types/Rebalance.sol`.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{Eip712Domain, SolStruct};

use crate::rebalance::Rebalance;

#[allow(missing_docs, unreachable_pub, missing_debug_implementations)]
mod sol {
    alloy_sol_types::sol! {
        struct Move {
            uint8 index;
            bool isDeposit;
            uint128 assets;
        }

        struct Rebalance {
            address agent;
            uint64 policyVersion;
            uint64 nonce;
            uint64 vaultCount;
            uint64 deadline;
            bytes32 decision;
            Move[] moves;
        }
    }
}

/// EIP-712 `hashStruct` of a rebalance by an agent.
#[must_use]
pub fn rebalance_struct_hash(rebalance: &Rebalance, agent: Address) -> B256 {
    typed(rebalance, agent).eip712_hash_struct()
}

/// EIP-712 digest of a rebalance by an agent, for one guard on one chain: the answer of the guard's `rebalanceDigest`.
#[must_use]
pub fn rebalance_digest(
    rebalance: &Rebalance,
    agent: Address,
    chain_id: u64,
    guard: Address,
) -> B256 {
    let domain = Eip712Domain {
        name: Some("Vagus PolicyGuard".into()),
        version: Some("1".into()),
        chain_id: Some(U256::from(chain_id)),
        verifying_contract: Some(guard),
        salt: None,
    };
    typed(rebalance, agent).eip712_signing_hash(&domain)
}

fn typed(rebalance: &Rebalance, agent: Address) -> sol::Rebalance {
    sol::Rebalance {
        agent,
        policyVersion: rebalance.policy_version,
        nonce: rebalance.nonce,
        vaultCount: rebalance.vault_count,
        deadline: rebalance.deadline,
        decision: rebalance.decision,
        moves: rebalance
            .moves
            .iter()
            .map(|leg| sol::Move {
                index: leg.index,
                isDeposit: leg.is_deposit,
                assets: leg.assets,
            })
            .collect(),
    }
}
