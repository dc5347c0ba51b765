// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The guard's rules. The number is the rule's stable id: `Rule.Turnover` is R7. Of several refusals the lowest
/// rule's is named, then the earliest leg's. All limits are inclusive. Values are `previewRedeem(balance)`; after legs,
/// as the receipt has them.
///
/// - R1 `Mode`: Active; in ExitOnly only withdrawals.
/// - R2 `Mandate`: there is one, not revoked, not expired.
/// - R3 `Scope`: it covers every strategy touched.
/// - R4 `Freshness`: policy version, nonce and deadline hold, and the vault's count if the plan names one.
/// - R5 `Cooldown`: since this agent's last rebalance.
/// - R6 `Shape`: 1 to 16 moves, each strategy once, nothing zero, withdrawals first.
/// - R7 `Turnover`: the sum of all amounts fits the vault's bucket, then the agent's.
/// - R8 `Weight`: each deposit ends at or below min(cap, ⌊base × maxWeightBps ÷ 10,000⌋), zero if the strategy is
/// not
/// Active; a limit of zero refuses any deposit.
/// - R9 `Group`: each group of each such strategy, once, in leg and group order: members (not written off, in list
/// order) must be readable, else observed is 2^256 − 1; must be inside their price band on both sides unless they
/// have
/// no shares, else the limit is the crossed bound; and their sum, stopping at 2^256 − 1, stays at or below
/// min(group cap, ⌊base × group maxWeightBps ÷ 10,000⌋).
/// - R10 `Floor`: in mode Active, each withdrawal ends at or above ⌈NAV × minWeightBps ÷ 10,000⌉, zero if the
/// strategy is not Active.
/// - R11 `Idle`: after a deposit, idle is at or above ⌈NAV × minIdleBps ÷ 10,000⌉.
/// - R12 `Loss`: what the legs lost fits the vault's bucket, then the agent's.
/// - R13 `Price`: before a withdrawal not below the band around the reference, after a deposit on neither side of it.
/// - R14 `Objective`: in mode Active and under target weights, with target = 0 if the strategy is not Active: a leg
/// that ends with more shares ends at or below ⌊NAV × min(target + band, 10,000) ÷ 10,000⌋, one that ends with
/// fewer at
/// or above ⌈NAV × max(target − band, 0) ÷ 10,000⌉.
enum Rule {
    None,
    Mode,
    Mandate,
    Scope,
    Freshness,
    Cooldown,
    Shape,
    Turnover,
    Weight,
    Group,
    Floor,
    Idle,
    Loss,
    Price,
    Objective
}
