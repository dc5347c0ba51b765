// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev Most moves in one rebalance.
uint256 constant MAX_MOVES = 16;
/// @dev On a withdraw leg: all shares.
uint128 constant ALL_ASSETS = type(uint128).max;
/// @dev `vaultCount` of a plan that does not name the vault's rebalance count.
uint64 constant ANY_COUNT = type(uint64).max;

/// @notice One move between idle and a strategy.
/// @param index Place of the strategy in the policy's list under the rebalance's `policyVersion`.
/// @param isDeposit True: idle into the strategy. False: out of it.
/// @param assets Amount in the asset's smallest unit; `ALL_ASSETS` on a withdraw leg means all shares.
struct Move {
    uint8 index;
    bool isDeposit;
    uint128 assets;
}

/// @notice What an agent asks for: moves, bound to a policy version, a nonce, a deadline and a decision.
/// @param policyVersion Version of the policy that the moves were planned under.
/// @param nonce The agent's next nonce at this guard, from zero.
/// @param vaultCount Rebalance count of the vault the plan was made on, or `ANY_COUNT`.
/// @param deadline Last second, Unix time, at which it may execute.
/// @param decision Hash of the decision record behind it.
/// @param moves One to sixteen, withdrawals first.
struct Rebalance {
    uint64 policyVersion;
    uint64 nonce;
    uint64 vaultCount;
    uint64 deadline;
    bytes32 decision;
    Move[] moves;
}

/// @dev EIP-712 types of a rebalance; the domain is (name "Vagus PolicyGuard", version "1", chain id, guard).
bytes32 constant MOVE_TYPEHASH = keccak256("Move(uint8 index,bool isDeposit,uint128 assets)");
bytes32 constant REBALANCE_TYPEHASH = keccak256(
    "Rebalance(address agent,uint64 policyVersion,uint64 nonce,uint64 vaultCount,uint64 deadline,bytes32 decision,Move[] moves)Move(uint8 index,bool isDeposit,uint128 assets)"
);

/// @notice A move with its strategy resolved, as the guard hands it to the vault.
struct Leg {
    address strategy;
    bool isDeposit;
    uint128 assets;
}

/// @notice What one leg did. Values are `previewRedeem(balance)` of the vault's position.
/// @param assets Amount asked; for "all", the amount the strategy reported.
/// @param valueBefore Value of the position before the leg.
/// @param valueAfter Value of the position after the leg.
/// @param sharesBefore Shares held before the leg.
/// @param sharesAfter Shares held after the leg.
struct LegReceipt {
    uint256 assets;
    uint256 valueBefore;
    uint256 valueAfter;
    uint256 sharesBefore;
    uint256 sharesAfter;
}

/// @notice A member of a group, read by the guard after the legs because one of them deposited into the group and none
/// touched this member.
/// @param index Place of the strategy in the policy's list.
/// @param isReadable Whether balance and value could be read; if not, both are zero here.
/// @param value `previewRedeem(balance)` of the vault's position.
/// @param shares Shares held.
struct MemberReading {
    uint8 index;
    bool isReadable;
    uint256 value;
    uint256 shares;
}

/// @notice What an execution did.
/// @param nav Net asset value by the checkpoint in force before the legs.
/// @param base NAV × seasoned share of supply, likewise; what caps and budgets are fractions of.
/// @param idleBefore The vault's own balance of the asset before the legs.
/// @param idleAfter The same after the legs. Expected: `idleBefore` + withdrawn − deposited.
/// @param legs One per move, in order.
/// @param members Untouched members of the groups deposited into, in policy order; filled by the guard.
struct Receipt {
    uint256 nav;
    uint256 base;
    uint256 idleBefore;
    uint256 idleAfter;
    LegReceipt[] legs;
    MemberReading[] members;
}
