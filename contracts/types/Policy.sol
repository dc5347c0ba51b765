// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev Version of the encoding below. A change of any struct, of the order of its members or of a unit is a new
/// version.
uint16 constant POLICY_SCHEMA_VERSION = 1;
uint256 constant MAX_STRATEGIES = 32;
uint256 constant MAX_GROUPS = 16;
uint256 constant MAX_AGENTS = 16;

/// @notice What agents may do at all. Ordered from open to closed: a mode "towards Paused" is a larger number.
enum Mode {
    Active,
    ExitOnly,
    Paused
}

/// @notice What may be done with a strategy. Ordered from open to closed.
enum StrategyStatus {
    Active,
    ExitOnly,
    WrittenOff
}

/// @notice What agents are asked to achieve inside the limits.
enum ObjectiveKind {
    Yield,
    TargetWeights
}

/// @notice Limits of the whole treasury.
/// @param mode What agents may do at all.
/// @param cooldownSeconds Least time between two rebalances of the same agent.
/// @param windowSeconds Time in which a full bucket leaks empty.
/// @param maxTurnoverBps Capacity of the vault's turnover bucket, bps of base.
/// @param maxLossBps Capacity of the vault's loss bucket, bps of base.
/// @param minIdleBps Idle that must remain after a rebalance that deposits, bps of NAV.
/// @param maxGrowthWad Fastest recognised growth of the share price and of price references, per day, 1e18 = 100 %.
/// @param maxDrawdownBps Fall of the mark per `entryHaltSeconds`; entries close when the live value is further below
/// it. @param entryHaltSeconds Time over which the mark may fall by `maxDrawdownBps`.
/// @param seasoningSeconds Time after which new supply counts fully towards base.
/// @param maxNavAgeSeconds Age of the checkpoint up to which a rebalance may use it unrefreshed.
/// @param policyDelaySeconds Time a loosening policy waits before it can be activated.
/// @param depositCap Most NAV that deposits may reach, in the asset's smallest unit; always finite.
/// @param managementFeeBps Yearly management fee, bps of assets.
/// @param performanceFeeBps Performance fee above the high-water mark, bps of the gain.
/// @param feeRecipient Receiver of fee shares.
struct Limits {
    Mode mode;
    uint32 cooldownSeconds;
    uint32 windowSeconds;
    uint16 maxTurnoverBps;
    uint16 maxLossBps;
    uint16 minIdleBps;
    uint64 maxGrowthWad;
    uint16 maxDrawdownBps;
    uint32 entryHaltSeconds;
    uint32 seasoningSeconds;
    uint32 maxNavAgeSeconds;
    uint32 policyDelaySeconds;
    uint128 depositCap;
    uint16 managementFeeBps;
    uint16 performanceFeeBps;
    address feeRecipient;
}

/// @notice One strategy and its limits.
/// @param strategy ERC-4626 whose asset is the vault's asset.
/// @param status Active, ExitOnly or WrittenOff.
/// @param maxWeightBps Most it may hold after a deposit into it, bps of base.
/// @param minWeightBps Least it may hold after a withdrawal from it, bps of NAV.
/// @param cap Most it may hold after a deposit into it, in the asset's smallest unit.
/// @param priceBandBps Widest distance of its share price from the reference, bps of the reference.
/// @param referenceAssets First price reference: this many assets ...
/// @param referenceShares ... for this many shares, both in smallest units and above zero.
/// @param groups Bit i set: member of the i-th group.
struct StrategyPolicy {
    address strategy;
    StrategyStatus status;
    uint16 maxWeightBps;
    uint16 minWeightBps;
    uint128 cap;
    uint16 priceBandBps;
    uint128 referenceAssets;
    uint128 referenceShares;
    uint16 groups;
}

/// @notice A set of strategies that share a risk: a protocol, a collateral, a chain.
/// @param name At most 31 bytes of UTF-8, left-aligned, zero-padded.
/// @param maxWeightBps Most its members may hold together after a deposit into one, bps of base.
/// @param cap The same in the asset's smallest unit.
struct GroupPolicy {
    bytes32 name;
    uint16 maxWeightBps;
    uint128 cap;
}

/// @notice What one agent may do, and until when.
/// @param agent Externally owned account, Safe or contract.
/// @param expiresAt Last second, Unix time, at which it may act.
/// @param scope Bit i set: may touch the i-th strategy.
/// @param maxTurnoverBps Capacity of its own turnover bucket, bps of base.
/// @param maxLossBps Capacity of its own loss bucket, bps of base.
struct AgentPolicy {
    address agent;
    uint40 expiresAt;
    uint32 scope;
    uint16 maxTurnoverBps;
    uint16 maxLossBps;
}

/// @notice What agents are asked to achieve.
/// @param kind Yield, or target weights.
/// @param hurdleBps Yield: least gain over the horizon, above all costs, bps of the assets moved.
/// @param horizonSeconds Yield: time over which a move has to pay for itself.
/// @param bandBps Target weights: distance from the target inside which nothing has to be done, bps of NAV.
/// @param targetWeightsBps Target weights: one per strategy in policy order, bps of NAV; empty under Yield.
struct Objective {
    ObjectiveKind kind;
    uint16 hurdleBps;
    uint32 horizonSeconds;
    uint16 bandBps;
    uint16[] targetWeightsBps;
}

/// @notice The boundaries: one document that governance votes on. Its identity is `keccak256(abi.encode(policy))`.
/// @param schemaVersion `POLICY_SCHEMA_VERSION`.
/// @param strategies At most 32, written-off ones included; the order is the order in which exits draw on them.
/// @param groups At most 16.
/// @param agents At most 16.
struct Policy {
    uint16 schemaVersion;
    Limits limits;
    StrategyPolicy[] strategies;
    GroupPolicy[] groups;
    AgentPolicy[] agents;
    Objective objective;
}

/// @notice What no vote can lift; fixed at deployment.
/// @param maxTurnoverBps Largest turnover per window that a policy may allow.
/// @param maxLossBps Largest loss per window that a policy may allow.
/// @param minWindowSeconds Shortest window.
/// @param minPolicyDelaySeconds Shortest delay, above zero; also the delay at birth.
/// @param maxPolicyDelaySeconds Longest delay.
/// @param maxManagementFeeBps Highest yearly management fee.
/// @param maxPerformanceFeeBps Highest performance fee.
/// @param graceSeconds Time after the delay in which a waiting policy can be activated.
struct Ceilings {
    uint16 maxTurnoverBps;
    uint16 maxLossBps;
    uint32 minWindowSeconds;
    uint32 minPolicyDelaySeconds;
    uint32 maxPolicyDelaySeconds;
    uint16 maxManagementFeeBps;
    uint16 maxPerformanceFeeBps;
    uint32 graceSeconds;
}
