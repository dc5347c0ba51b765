// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ceilings, Mode, Policy} from "../types/Policy.sol";
import {Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";

/// @notice A leaky bucket: `level` leaks by 1e18 × elapsed ÷ window. The level in force at time t is
/// max(0, levelWad − ⌊1e18 × (t − updatedAt) ÷ windowSeconds⌋). A charge of x against capacity C = ⌊base ×
/// bps ÷ 10,000⌋ is allowed if ⌈level × C ÷ 1e18⌉ + x ≤ C, and adds ⌈x × 1e18 ÷ C⌉ to the level
/// (nothing if x is zero).
struct Bucket {
    uint64 levelWad;
    uint40 updatedAt;
}

/// @notice State of the guard that concerns the whole vault.
/// @param policyVersion Counts every change of what is in force, zero at birth.
/// @param policyHash Hash of the document in force, zero at birth.
/// @param policyBlock Block of the `PolicySubmitted` event that carries the document in force.
/// @param mode Mode in force: the document's, or the guardian's overlay.
/// @param rebalanceCount Rebalances, trims and pulls so far.
struct GuardState {
    uint64 policyVersion;
    bytes32 policyHash;
    uint64 policyBlock;
    Mode mode;
    uint64 rebalanceCount;
    Bucket turnover;
    Bucket loss;
}

/// @notice State of one agent's mandate in force.
/// @param exists Whether the policy in force names the agent.
/// @param isRevoked Whether it was revoked or resigned since.
/// @param nonce Nonce its next rebalance must carry.
/// @param lastRebalanceAt Unix time of its last rebalance, zero before the first.
struct AgentState {
    bool exists;
    bool isRevoked;
    uint64 nonce;
    uint40 lastRebalanceAt;
    Bucket turnover;
    Bucket loss;
}

/// @notice State of the price reference of one strategy.
/// @param strategy Address at that place of the list.
/// @param referencePrice Value × 2^128 ÷ shares.
/// @param referenceAt Unix time at which it was set or last followed the price. It follows after every rebalance with a
/// leg on the strategy, and by `followPrice`, a day later at the soonest.
struct StrategyState {
    address strategy;
    uint256 referencePrice;
    uint40 referenceAt;
}

/// @notice A policy that waits.
/// @param hash Zero if none waits.
struct PendingPolicy {
    bytes32 hash;
    uint64 submittedBlock;
    uint40 activatableAt;
    uint40 expiresAt;
}

/// @title The door
/// @notice Holds the limits governance votes on and validates every rebalance. It is the only operator of its vault.
interface IPolicyGuard {
    /// @notice A document was submitted. `encoding` is `abi.encode(policy)`, `hash` its keccak-256.
    /// `activatableAt` equals the block's time when it took effect at once.
    event PolicySubmitted(
        address indexed submitter, bytes32 indexed hash, uint40 activatableAt, uint40 expiresAt, bytes encoding
    );
    /// @notice What is in force changed to this document.
    event PolicyAdopted(uint64 indexed version, bytes32 indexed hash);
    /// @notice A waiting document was vetoed by the owner or the guardian.
    event PolicyVetoed(address indexed by, bytes32 indexed hash);
    /// @notice A waiting document was voided because what is in force changed, or because another one replaced it.
    event PolicyVoided(bytes32 indexed hash);
    /// @notice Mode was set by overlay.
    event ModeSet(address indexed by, uint64 indexed version, Mode mode);
    /// @notice An agent's mandate ended before its expiry.
    event AgentRevoked(address indexed by, uint64 indexed version, address indexed agent);
    /// @notice An agent gave up its mandate; the policy version does not change.
    event AgentResigned(address indexed agent);
    /// @notice A rebalance was executed and settled.
    event Rebalanced(
        address indexed agent,
        uint64 indexed nonce,
        bytes32 indexed decision,
        uint64 rebalanceCount,
        uint256 turnoverAssets,
        uint256 lossAssets
    );
    /// @notice The guardian brought a strategy back to idle.
    event StrategyPulled(address indexed strategy, uint256 assets);
    /// @notice Someone brought a strategy down to its absolute cap.
    event StrategyTrimmed(address indexed by, address indexed strategy, uint256 assets);
    /// @notice Someone had a strategy's price reference follow its price: it went from one to the other, or stayed.
    event PriceFollowed(address indexed by, address indexed strategy, uint256 priceBefore, uint256 priceAfter);
    /// @notice A guardian was named; it takes office by `activateGuardian` from `activatableAt` on.
    event GuardianNamed(address indexed guardian, uint40 activatableAt);
    /// @notice A named guardian took office.
    event GuardianReplaced(address indexed previous, address indexed guardian);
    /// @notice Ownership was offered; it moves by `acceptOwnership`.
    event OwnershipOffered(address indexed owner, address indexed offered);
    /// @notice Ownership moved.
    event OwnershipTransferred(address indexed previous, address indexed owner);

    /// @notice A rule refuses: which one, what was seen, what was allowed.
    error Refused(Rule rule, uint256 observed, uint256 limit);
    /// @notice The signature is not the agent's over this rebalance, at this guard, on this chain.
    error InvalidSignature(address agent);
    /// @notice The caller may not do this.
    error Unauthorized(address caller);
    /// @notice A call arrived while another one was under way.
    error Locked();
    /// @notice The document breaks the schema: `field` says where, `index` which entry (zero where there is no list).
    error InvalidPolicy(bytes32 field, uint256 index);
    /// @notice The document would pass a ceiling.
    error CeilingExceeded(bytes32 field, uint256 value, uint256 ceiling);
    /// @notice From the guardian: the document is not strictly tighter than the one in force.
    error NotStricter();
    /// @notice The document is not the one that waits.
    error NotPending(bytes32 given, bytes32 pending);
    /// @notice Too early: it can be activated from `activatableAt` on.
    error DelayNotOver(uint40 activatableAt);
    /// @notice Too late: it expired at `expiresAt`.
    error GraceOver(uint40 expiresAt);
    /// @notice The mode can only be moved towards Paused.
    error ModeNotStricter(Mode current, Mode asked);
    /// @notice Nothing stands above the absolute cap.
    error NothingToTrim(uint256 value, uint256 cap);
    /// @notice Something stands above the absolute cap, but none of it can be withdrawn now.
    error NothingLiquid(uint256 excess);
    /// @notice The reference was set, or followed the price, less than a day ago: it can follow from `followableAt` on.
    error FollowedWithinADay(uint40 followableAt);
    /// @notice The strategy does not tell its price: it reverts, answers with no amount, or eats its gas.
    error PriceUnreadable(address strategy);
    /// @notice No guardian is named to take office.
    error NoGuardianNamed();
    /// @notice No strategy at this place of the list.
    error NoSuchStrategy(uint256 index);
    /// @notice No such mandate, or it has ended already.
    error NoSuchAgent(address agent);

    /// @notice Executes a rebalance for the calling agent. Reverts with `Refused` if a rule refuses, and then nothing
    /// has moved. A member of a group that fails a read without its full gas allowance reverts the vault's `GasTooLow`.
    function rebalance(Rebalance calldata rebalance_) external returns (Receipt memory receipt);

    /// @notice Executes a rebalance that `agent` signed, whoever brings it: the same as if the agent had called
    /// `rebalance`, under its mandate, its budgets, its nonce and its name. The signature holds until the plan's
    /// deadline or until the nonce is used; the relayer can choose the moment, and nothing else.
    /// @param signature Over `rebalanceDigest(rebalance_, agent)`: 65 bytes of ECDSA if the agent has no code,
    /// otherwise whatever its `isValidSignature` (ERC-1271) accepts. An account that delegates to code (EIP-7702) has
    /// code.
    /// Reverts `InvalidSignature` before any rule is asked.
    function rebalanceFor(Rebalance calldata rebalance_, address agent, bytes calldata signature)
        external
        returns (Receipt memory receipt);

    /// @notice Submits a document, by the owner or the guardian. It takes effect at once if it is stricter by the
    /// closed list of the design, otherwise it waits (from the guardian: `NotStricter`). Replaces a waiting one.
    /// @return hash The document's hash.
    /// @return isInForce Whether it took effect at once.
    function submitPolicy(Policy calldata policy) external returns (bytes32 hash, bool isInForce);

    /// @notice Puts a waiting document in force, after its delay and within the grace period. Anyone may call.
    function activatePolicy(Policy calldata policy) external;

    /// @notice Ends the waiting document. Owner or guardian.
    function vetoPolicy() external;

    /// @notice Sets the mode towards Paused. Guardian or owner.
    function setMode(Mode mode) external;

    /// @notice Ends an agent's mandate. Guardian or owner.
    function revokeAgent(address agent) external;

    /// @notice The calling agent ends its own mandate.
    function resign() external;

    /// @notice Brings a strategy back to idle; obeys no rule and fills no bucket. Guardian only.
    /// @param index Place of the strategy in the list in force.
    /// @param assets Amount, or the largest uint128 for all shares.
    /// @param minAssets Least amount that must arrive.
    function pull(uint8 index, uint128 assets, uint256 minAssets) external returns (uint256 received);

    /// @notice Withdraws what stands above the strategy's absolute cap (ExitOnly: all), as far as liquid. Anyone may
    /// call, in every mode; obeys R12 with the vault's bucket, and R13.
    function trim(uint8 index) external returns (uint256 assets);

    /// @notice Has a strategy's price reference, by which R9 and R13 judge, follow its price as after a leg, so that a
    /// strategy that no rebalance touches does not leave its band for good. Anyone may call, in every mode; at most
    /// once a day, counted from when the reference was set or last followed, whoever made it.
    ///
    /// The price is `previewRedeem` of ⌈2^158 ÷ reference⌉ shares, about 2^30 smallest units, whatever the vault
    /// holds.
    /// The reference goes towards it by at most `maxGrowth` × the days since and by at most the strategy's price
    /// band. Moves no money, fills no bucket, and a rebalance under way or signed is as valid as before.
    ///
    /// Reverts `NoSuchStrategy`, `FollowedWithinADay`, `PriceUnreadable`, with `Locked` in the midst of anything that
    /// the guard or its vault does, and with the vault's `GasTooLow` if the
    /// strategy fails for want of the 1,000,000 gas that a read is given.
    /// @param index Place of the strategy in the list in force.
    /// @return price The new reference, value × 2^128 ÷ shares.
    function followPrice(uint8 index) external returns (uint256 price);

    /// @notice Names the guardian that may take office after the policy delay in force. Owner only.
    function nameGuardian(address guardian_) external;

    /// @notice Puts the named guardian in office once its delay has passed. Anyone may call.
    function activateGuardian() external;

    /// @notice Offers ownership. Owner only.
    function offerOwnership(address offered) external;

    /// @notice Takes up offered ownership.
    function acceptOwnership() external;

    /// @notice The vault behind the door.
    function vault() external view returns (address);
    /// @notice Who may submit, veto, name a guardian and hand over.
    function owner() external view returns (address);
    /// @notice Account that ownership is offered to, or zero.
    function offeredOwner() external view returns (address);
    /// @notice Who may tighten at once.
    function guardian() external view returns (address);
    /// @notice Guardian named but not in office, and from when on it can be; zero if none.
    function namedGuardian() external view returns (address guardian_, uint40 activatableAt);
    /// @notice What no vote can lift.
    function ceilings() external view returns (Ceilings memory);
    /// @notice Delay that a loosening document waits now.
    function policyDelaySeconds() external view returns (uint32);
    /// @notice The document that waits.
    function pendingPolicy() external view returns (PendingPolicy memory);
    /// @notice Block whose `PolicySubmitted` event carries the document of a version, zero if there is none.
    function policyBlock(uint64 version) external view returns (uint64);
    /// @notice State that concerns the whole vault.
    function guardState() external view returns (GuardState memory);
    /// @notice State of an agent's mandate.
    function agentState(address agent) external view returns (AgentState memory);
    /// @notice Price references of all strategies in the list in force.
    function strategyStates() external view returns (StrategyState[] memory);
    /// @notice What would be refused, and by which rule, if `agent` sent the rebalance at the time `at`.
    ///
    /// R1 to R6 are exact for what is in force now. R7 to R14 are the same rules over a receipt that is predicted, by
    /// the strategies' own previews as things stand, each strategy by itself: a deposit leads to balance +
    /// `previewDeposit` shares, a withdrawal to balance − `previewWithdraw`, "all" to none for
    /// `previewRedeem(balance)`, and idle changes by what was asked. Of R7 to R14, the buckets are exact at `at`; NAV
    /// and base are the
    /// checkpoint's if it will still be fresh at `at`, else as if refreshed now, seasoned up to now; untouched members
    /// of groups are read now.
    ///
    /// Not foreseen: what one leg changes for another, what happens until `at`, a strategy that does otherwise than it
    /// previews, and failures that are no rule's (idle that does not suffice, a strategy that reverts). If a strategy
    /// of a leg cannot be read, execution would fail without naming a rule; the answer is then R13 with observed
    /// 2^256 − 1 and limit 0. Simulate the transaction to know.
    ///
    /// Never reverts because of a strategy, as long as it is given gas for it (1,000,000 for each read that fails).
    /// Reverts while a rebalance is under way.
    /// @return rule `None` if nothing refuses. @return observed What was seen. @return limit What was allowed.
    function firstRefusal(Rebalance calldata rebalance_, address agent, uint256 at)
        external
        view
        returns (Rule rule, uint256 observed, uint256 limit);

    /// @notice EIP-712 digest of a rebalance by an agent, for signing and for records.
    function rebalanceDigest(Rebalance calldata rebalance_, address agent) external view returns (bytes32);
}
