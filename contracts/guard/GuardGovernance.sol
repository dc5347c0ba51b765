// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {
    AgentState,
    Bucket,
    GuardState,
    IPolicyGuard,
    PendingPolicy,
    StrategyState
} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters} from "../types/Nav.sol";
import {Ceilings, Mode, Policy} from "../types/Policy.sol";
import {Receipt} from "../types/Rebalance.sol";
import {GuardReads} from "./GuardReads.sol";
import {PolicyComparison} from "./PolicyComparison.sol";
import {AgentLedger, InForce, PolicyStore, StoredPolicy, VaultLedger} from "./PolicyStore.sol";
import {HotLimits, PolicyTable, StrategyLimits} from "./PolicyTable.sol";
import {PolicyValidation} from "./PolicyValidation.sol";
import {Reference} from "./PriceReference.sol";
import {VaultCall} from "./VaultCall.sol";

/// @title The part of a guard that no rebalance runs through
/// @notice Submission, waiting, veto and activation of documents, the overlays on the one in force, the roles, `pull`,
/// and what it all amounts to, for readers. The functions are those of `IPolicyGuard`, documented there.
/// @dev Code of the guard that does not fit into one contract. A guard makes its own copy when it is made and runs it
/// by delegatecall, on its own storage, for ever. Called directly it finds an empty storage, in which nobody has a
/// role, and a vault that does not know it.
contract GuardGovernance is GuardReads {
    using PolicyStore for StoredPolicy;

    ITreasuryVault private immutable _VAULT;

    modifier onlyOwner() {
        if (msg.sender != _owner) revert IPolicyGuard.Unauthorized(msg.sender);
        _;
    }

    modifier onlyOwnerOrGuardian() {
        _requireOwnerOrGuardian();
        _;
    }

    /// @param vault_ The vault behind the guard that this is a part of.
    constructor(address vault_) {
        _VAULT = ITreasuryVault(vault_);
    }

    // Owner and guardian

    /// @notice See `IPolicyGuard.submitPolicy`.
    function submitPolicy(Policy calldata policy)
        external
        locked
        onlyOwnerOrGuardian
        returns (bytes32 hash, bool isInForce)
    {
        Policy memory document = policy;
        PolicyValidation.check(document, _ceilings, address(_VAULT), address(this));
        bytes memory encoding = abi.encode(document);
        hash = keccak256(encoding);
        bytes32 frame = PolicyComparison.frameHash(policy);
        isInForce = PolicyComparison.isAtOnce(_policy, document, frame);
        _voidPending();

        uint40 activatableAt = uint40(block.timestamp);
        uint40 expiresAt = activatableAt;
        if (!isInForce) {
            if (msg.sender != _owner) revert IPolicyGuard.NotStricter();
            activatableAt += _policyDelay();
            expiresAt = activatableAt + _ceilings.graceSeconds;
            _pending = PendingPolicy({
                hash: hash, submittedBlock: uint64(block.number), activatableAt: activatableAt, expiresAt: expiresAt
            });
        }
        emit IPolicyGuard.PolicySubmitted(msg.sender, hash, activatableAt, expiresAt, encoding);
        if (isInForce) _adopt(document, hash, frame, uint64(block.number));
    }

    /// @notice See `IPolicyGuard.vetoPolicy`.
    function vetoPolicy() external locked onlyOwnerOrGuardian {
        bytes32 hash = _pending.hash;
        if (hash == 0) revert IPolicyGuard.NotPending(0, 0);
        delete _pending;
        emit IPolicyGuard.PolicyVetoed(msg.sender, hash);
    }

    /// @notice See `IPolicyGuard.setMode`.
    function setMode(Mode mode) external locked onlyOwnerOrGuardian {
        Mode current = _policy.inForce.mode;
        if (mode <= current) revert IPolicyGuard.ModeNotStricter(current, mode);
        _policy.inForce.mode = mode;
        emit IPolicyGuard.ModeSet(msg.sender, _overlay(), mode);
    }

    /// @notice See `IPolicyGuard.revokeAgent`.
    function revokeAgent(address agent) external locked onlyOwnerOrGuardian {
        _endMandate(agent);
        emit IPolicyGuard.AgentRevoked(msg.sender, _overlay(), agent);
    }

    // Owner

    /// @notice See `IPolicyGuard.nameGuardian`.
    function nameGuardian(address guardian_) external locked onlyOwner {
        uint40 activatableAt = uint40(block.timestamp + _policyDelay());
        // Zero means that there is to be no guardian.
        // slither-disable-next-line missing-zero-check
        _namedGuardian = guardian_;
        _guardianActivatableAt = activatableAt;
        emit IPolicyGuard.GuardianNamed(guardian_, activatableAt);
    }

    /// @notice See `IPolicyGuard.offerOwnership`.
    function offerOwnership(address offered) external locked onlyOwner {
        // Zero withdraws an offer.
        // slither-disable-next-line missing-zero-check
        _offeredOwner = offered;
        emit IPolicyGuard.OwnershipOffered(msg.sender, offered);
    }

    // Guardian

    /// @notice See `IPolicyGuard.pull`.
    function pull(uint8 index, uint128 assets, uint256 minAssets) external locked returns (uint256 received) {
        if (msg.sender != _guardian) revert IPolicyGuard.Unauthorized(msg.sender);
        InForce memory inForce = _policy.inForce;
        HotLimits memory hot = PolicyTable.hotLimits(inForce.table);
        if (index >= hot.strategyCount) revert IPolicyGuard.NoSuchStrategy(index);
        address strategy = PolicyTable.strategyLimits(inForce.table, hot, index).strategy;
        ++_ledger.rebalanceCount;
        Receipt memory receipt = VaultCall.pull(address(_VAULT), strategy, assets, minAssets);
        received = Math.saturatingSub(receipt.idleAfter, receipt.idleBefore);
        emit IPolicyGuard.StrategyPulled(strategy, received);
    }

    // Agent

    /// @notice See `IPolicyGuard.resign`.
    function resign() external locked {
        _endMandate(msg.sender);
        emit IPolicyGuard.AgentResigned(msg.sender);
    }

    // Anyone

    /// @notice See `IPolicyGuard.activatePolicy`.
    function activatePolicy(Policy calldata policy) external locked {
        Policy memory document = policy;
        PendingPolicy memory pending = _pending;
        bytes32 hash = keccak256(abi.encode(document));
        if (pending.hash == 0 || hash != pending.hash) revert IPolicyGuard.NotPending(hash, pending.hash);
        // Delays are hours at least; what a proposer can do to a timestamp is seconds.
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < pending.activatableAt) revert IPolicyGuard.DelayNotOver(pending.activatableAt);
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > pending.expiresAt) revert IPolicyGuard.GraceOver(pending.expiresAt);
        delete _pending;
        // Validated when it was submitted; neither schema nor ceilings can have changed since.
        _adopt(document, hash, PolicyComparison.frameHash(policy), pending.submittedBlock);
    }

    /// @notice See `IPolicyGuard.activateGuardian`.
    function activateGuardian() external locked {
        uint40 activatableAt = _guardianActivatableAt;
        if (activatableAt == 0) revert IPolicyGuard.NoGuardianNamed();
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < activatableAt) revert IPolicyGuard.DelayNotOver(activatableAt);
        address previous = _guardian;
        address next = _namedGuardian;
        _guardian = next;
        _namedGuardian = address(0);
        _guardianActivatableAt = 0;
        emit IPolicyGuard.GuardianReplaced(previous, next);
    }

    /// @notice See `IPolicyGuard.acceptOwnership`.
    function acceptOwnership() external locked {
        if (msg.sender != _offeredOwner) revert IPolicyGuard.Unauthorized(msg.sender);
        address previous = _owner;
        _owner = msg.sender;
        _offeredOwner = address(0);
        emit IPolicyGuard.OwnershipTransferred(previous, msg.sender);
    }

    // Views

    /// @notice See `IPolicyGuard.namedGuardian`.
    function namedGuardian() external view returns (address guardian_, uint40 activatableAt) {
        return (_namedGuardian, _guardianActivatableAt);
    }

    /// @notice See `IPolicyGuard.ceilings`.
    function ceilings() external view returns (Ceilings memory) {
        return _ceilings;
    }

    /// @notice See `IPolicyGuard.policyDelaySeconds`.
    function policyDelaySeconds() external view returns (uint32) {
        return _policyDelay();
    }

    /// @notice See `IPolicyGuard.pendingPolicy`.
    function pendingPolicy() external view returns (PendingPolicy memory) {
        return _pending;
    }

    /// @notice See `IPolicyGuard.guardState`.
    function guardState() external view returns (GuardState memory) {
        VaultLedger memory ledger = _ledger;
        InForce memory inForce = _policy.inForce;
        return GuardState({
            policyVersion: inForce.version,
            policyHash: _policy.policyHash,
            policyBlock: _policy.blocks[inForce.version],
            mode: inForce.mode,
            rebalanceCount: ledger.rebalanceCount,
            turnover: Bucket(ledger.turnoverLevelWad, ledger.turnoverUpdatedAt),
            loss: Bucket(ledger.lossLevelWad, ledger.lossUpdatedAt)
        });
    }

    /// @notice See `IPolicyGuard.agentState`.
    function agentState(address agent) external view returns (AgentState memory) {
        InForce memory inForce = _policy.inForce;
        HotLimits memory hot = PolicyTable.hotLimits(inForce.table);
        (uint256 index, bool hasMandate) = PolicyStore.findAgent(inForce, hot, agent);
        bool exists = index != hot.agentCount;
        AgentLedger memory ledger = _agentLedgers[agent];
        return AgentState({
            exists: exists,
            isRevoked: exists && !hasMandate,
            nonce: ledger.nonce,
            lastRebalanceAt: ledger.lastRebalanceAt,
            turnover: Bucket(ledger.turnoverLevelWad, ledger.lastRebalanceAt),
            loss: Bucket(ledger.lossLevelWad, ledger.lastRebalanceAt)
        });
    }

    /// @notice See `IPolicyGuard.strategyStates`.
    function strategyStates() external view returns (StrategyState[] memory states) {
        address table = _policy.inForce.table;
        HotLimits memory hot = PolicyTable.hotLimits(table);
        states = new StrategyState[](hot.strategyCount);
        for (uint256 i = 0; i < states.length; ++i) {
            StrategyLimits memory limits = PolicyTable.strategyLimits(table, hot, i);
            Reference memory reference_ = _policy.referenceAt(limits.referencePlace);
            states[i] = StrategyState(limits.strategy, reference_.price, uint40(reference_.at));
        }
    }

    // Inside

    /// @dev Puts a document in force in the guard, then hands the vault its part; the vault may still refuse a
    /// strategy.
    function _adopt(Policy memory policy, bytes32 hash, bytes32 frame, uint64 submittedBlock) private {
        emit IPolicyGuard.PolicyAdopted(_policy.adopt(policy, hash, frame, submittedBlock), hash);
        (NavParameters memory parameters, ExitEntry[] memory exitList) = PolicyStore.vaultPart(policy);
        _VAULT.adopt(parameters, exitList);
    }

    function _overlay() private returns (uint64 version) {
        _voidPending();
        return _policy.bumpVersion();
    }

    function _endMandate(address agent) private {
        InForce memory inForce = _policy.inForce;
        HotLimits memory hot = PolicyTable.hotLimits(inForce.table);
        (uint256 index, bool hasMandate) = PolicyStore.findAgent(inForce, hot, agent);
        if (!hasMandate) revert IPolicyGuard.NoSuchAgent(agent);
        _policy.endMandate(index);
    }

    function _voidPending() private {
        bytes32 hash = _pending.hash;
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (hash == 0) return;
        delete _pending;
        emit IPolicyGuard.PolicyVoided(hash);
    }

    function _requireOwnerOrGuardian() private view {
        if (msg.sender != _owner && msg.sender != _guardian) revert IPolicyGuard.Unauthorized(msg.sender);
    }
}
