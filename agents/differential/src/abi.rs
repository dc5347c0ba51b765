//! The parts of the contracts' interfaces that the test calls, mirrored from `contracts/interfaces` and
//! `test/differential`, and their meaning in the policy crate's types.

use alloy_primitives::{Address, U256};
use vagus_policy::{
    AgentState, Bucket, GuardState, LegReceipt, MemberReading, Mode, Move, Policy, Rebalance,
    Receipt, Refusal, Rule,
};

#[allow(missing_docs, unreachable_pub, missing_debug_implementations, clippy::too_many_arguments)]
pub(crate) mod sol {
    alloy_sol_types::sol! {
        struct Move { uint8 index; bool isDeposit; uint128 assets; }
        struct Rebalance {
            uint64 policyVersion; uint64 nonce; uint64 vaultCount; uint64 deadline; bytes32 decision; Move[] moves;
        }
        struct Leg { address strategy; bool isDeposit; uint128 assets; }
        struct LegReceipt {
            uint256 assets; uint256 valueBefore; uint256 valueAfter; uint256 sharesBefore; uint256 sharesAfter;
        }
        struct MemberReading { uint8 index; bool isReadable; uint256 value; uint256 shares; }
        struct Receipt {
            uint256 nav; uint256 base; uint256 idleBefore; uint256 idleAfter; LegReceipt[] legs; MemberReading[] members;
        }
        struct Bucket { uint64 levelWad; uint40 updatedAt; }
        struct GuardState {
            uint64 policyVersion; bytes32 policyHash; uint64 policyBlock; uint8 mode; uint64 rebalanceCount;
            Bucket turnover; Bucket loss;
        }
        struct AgentState {
            bool exists; bool isRevoked; uint64 nonce; uint40 lastRebalanceAt; Bucket turnover; Bucket loss;
        }
        struct StrategyState { address strategy; uint256 referencePrice; uint40 referenceAt; }
        struct NavState {
            uint256 liveAssets; uint256 navAssets; uint256 entryAssets; uint256 baseAssets; uint256 supply;
            uint256 pendingFeeShares; uint256 highWaterPrice; uint256 seasonedWad; uint256 markPrice; uint256 observationPrice; uint256 previousPrice;
            uint256 refreshedAt; bool isEntryOpen; bool isReadable;
        }

        interface Guard {
            error Refused(uint8 rule, uint256 observed, uint256 limit);
            error InvalidPolicy(bytes32 field, uint256 index);
            error InvalidSignature(address agent);
            error NotStricter();
            error FollowedWithinADay(uint40 followableAt);
            error PriceUnreadable(address strategy);
            error CeilingExceeded(bytes32 field, uint256 value, uint256 ceiling);
            function rebalance(Rebalance calldata plan) external returns (Receipt memory receipt);
            function rebalanceFor(Rebalance calldata plan, address agent, bytes calldata signature)
                external returns (Receipt memory receipt);
            function firstRefusal(Rebalance calldata plan, address agent, uint256 at)
                external view returns (uint8 rule, uint256 observed, uint256 limit);
            function guardState() external view returns (GuardState memory);
            function agentState(address agent) external view returns (AgentState memory);
            function strategyStates() external view returns (StrategyState[] memory);
            function rebalanceDigest(Rebalance calldata plan, address agent) external view returns (bytes32);
            function followPrice(uint8 index) external returns (uint256 price);
            function setMode(uint8 mode) external;
            function revokeAgent(address agent) external;
        }

        interface Vault {
            function execute(Leg[] calldata legs, uint256 maxNavAgeSeconds, uint256 seasoningSeconds) external returns (Receipt memory receipt);
            function checkpoint() external;
            function checkpointState() external view returns (uint256 nav, uint256 base, bool isFresh);
            function navState() external view returns (NavState memory);
            function deposit(uint256 assets, address receiver) external returns (uint256 shares);
        }

        interface Token {
            function mint(address to, uint256 amount) external;
            function approve(address spender, uint256 amount) external returns (bool);
            function balanceOf(address account) external view returns (uint256);
        }

        interface Strategy {
            struct Price { uint128 assets; uint128 shares; }
            struct Fees { uint16 entryBps; uint16 exitBps; }
            struct Take { uint128 onDeposit; uint128 onWithdraw; }
            struct Claim { bool isMade; uint256 before; uint256 afterwards; }
            function setPrice(Price calldata price) external;
            function setFees(Fees calldata fees) external;
            function setTake(Take calldata take) external;
            function setClaim(Claim calldata claim) external;
            function setMute(bool isMute) external;
            function balanceOf(address account) external view returns (uint256);
            function convertToAssets(uint256 shares) external view returns (uint256);
            function previewRedeem(uint256 shares) external view returns (uint256);
        }
    }
}

pub(crate) fn rebalance(plan: &Rebalance) -> sol::Rebalance {
    let moves = plan.moves.iter();
    sol::Rebalance {
        policyVersion: plan.policy_version,
        nonce: plan.nonce,
        vaultCount: plan.vault_count,
        deadline: plan.deadline,
        decision: plan.decision,
        moves: moves
            .map(|&Move { index, is_deposit, assets }| sol::Move {
                index,
                isDeposit: is_deposit,
                assets,
            })
            .collect(),
    }
}

/// The moves with their strategies; none if one is not in the list.
pub(crate) fn legs(policy: &Policy, moves: &[Move]) -> Option<Vec<sol::Leg>> {
    moves
        .iter()
        .map(|leg| {
            let entry = policy.strategies.get(usize::from(leg.index))?;
            let (strategy, assets) = (entry.strategy, leg.assets);
            Some(sol::Leg { strategy, isDeposit: leg.is_deposit, assets })
        })
        .collect()
}

pub(crate) fn receipt(receipt: sol::Receipt) -> Receipt {
    Receipt {
        nav: receipt.nav,
        base: receipt.base,
        idle_before: receipt.idleBefore,
        idle_after: receipt.idleAfter,
        legs: receipt
            .legs
            .into_iter()
            .map(|leg| LegReceipt {
                assets: leg.assets,
                value_before: leg.valueBefore,
                value_after: leg.valueAfter,
                shares_before: leg.sharesBefore,
                shares_after: leg.sharesAfter,
            })
            .collect(),
        members: receipt
            .members
            .into_iter()
            .map(|member| MemberReading {
                index: member.index,
                is_readable: member.isReadable,
                value: member.value,
                shares: member.shares,
            })
            .collect(),
    }
}

fn bucket(bucket: &sol::Bucket) -> Bucket {
    Bucket { level_wad: bucket.levelWad, updated_at: bucket.updatedAt.to() }
}

pub(crate) fn guard_state(state: &sol::GuardState) -> GuardState {
    GuardState {
        policy_version: state.policyVersion,
        policy_hash: state.policyHash,
        policy_block: state.policyBlock,
        mode: match state.mode {
            0 => Mode::Active,
            1 => Mode::ExitOnly,
            _ => Mode::Paused,
        },
        rebalance_count: state.rebalanceCount,
        turnover: bucket(&state.turnover),
        loss: bucket(&state.loss),
    }
}

pub(crate) fn agent_state(agent: Address, state: &sol::AgentState) -> AgentState {
    AgentState {
        agent,
        exists: state.exists,
        is_revoked: state.isRevoked,
        nonce: state.nonce,
        last_rebalance_at: state.lastRebalanceAt.to(),
        turnover: bucket(&state.turnover),
        loss: bucket(&state.loss),
    }
}

pub(crate) fn refusal(rule: u8, observed: U256, limit: U256) -> Option<Refusal> {
    Rule::from_number(rule).map(|rule| Refusal { rule, observed, limit })
}
