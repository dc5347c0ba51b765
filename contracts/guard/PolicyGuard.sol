// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {AgentState, GuardState, IPolicyGuard, PendingPolicy, StrategyState} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryFactory, TreasuryParameters} from "../interfaces/ITreasuryFactory.sol";
import {Ceilings, Mode, Policy} from "../types/Policy.sol";
import {Move, Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {Acceptance, Course} from "./Acceptance.sol";
import {Authorisation} from "./Authorisation.sol";
import {GuardGovernance} from "./GuardGovernance.sol";
import {GuardRules} from "./GuardRules.sol";
import {AgentLedger, VaultLedger} from "./PolicyStore.sol";
import {PolicyTable} from "./PolicyTable.sol";
import {PolicyValidation} from "./PolicyValidation.sol";
import {PriceReference} from "./PriceReference.sol";
import {RebalanceEnd} from "./RebalanceEnd.sol";
import {RebalanceHash} from "./RebalanceHash.sol";
import {VaultCall} from "./VaultCall.sol";

/// @title The door
/// @notice The only operator of its vault: authorises a rebalance by R1 to R6, has the vault execute it, and settles
/// what happened against R7 to R14. Immutable, one per vault.
/// @dev Trusts its vault's measurements and nobody else's word. Strategies are called while the lock is held, so
/// nothing here changes between authorising and settling.
contract PolicyGuard is RebalanceEnd, IPolicyGuard {
    /// @inheritdoc IPolicyGuard
    address public immutable vault;
    /// @notice The part of this guard's code that no rebalance runs through; run by delegatecall.
    address public immutable governance;
    /// @notice The part that names what is refused, see `GuardRules`; run by delegatecall.
    address public immutable rules;

    /// @dev No arguments, so that the address depends on the factory and the treasury's parameters alone.
    constructor() {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (TreasuryParameters memory parameters, address vault_,) = ITreasuryFactory(msg.sender).deployment();
        if (parameters.owner == address(0)) revert Unauthorized(address(0));
        PolicyValidation.checkCeilingsThemselves(parameters.ceilings);
        // The factory's own answer.
        // slither-disable-next-line missing-zero-check
        vault = vault_;
        governance = address(new GuardGovernance(vault_));
        // Likewise.
        // slither-disable-next-line missing-zero-check
        rules = ITreasuryFactory(msg.sender).guardRules();
        _owner = parameters.owner;
        _guardian = parameters.guardian;
        _ceilings = parameters.ceilings;
        // The policy at birth is empty: nothing is allowed, and what allows anything waits.
        _policy.inForce.mode = Mode.Paused;
        emit OwnershipTransferred(address(0), parameters.owner);
        emit GuardianReplaced(address(0), parameters.guardian);
    }

    // Agent

    /// @inheritdoc IPolicyGuard
    /// @dev Ends with the vault's answer as it came in and never returns from here; so no empty receipt is laid out in
    /// memory first, as `memory` would.
    function rebalance(Rebalance calldata plan) external returns (Receipt calldata) {
        _lock();
        _rebalance(plan, msg.sender);
    }

    /// @inheritdoc IPolicyGuard
    /// @dev The lock is held while a contract's signature is checked, and the check is a static call.
    function rebalanceFor(Rebalance calldata plan, address agent, bytes calldata signature)
        external
        returns (Receipt calldata)
    {
        _lock();
        bytes32 digest = RebalanceHash.digest(plan, agent, address(this));
        if (!SignatureChecker.isValidSignatureNowCalldata(agent, digest, signature)) revert InvalidSignature(agent);
        _rebalance(plan, agent);
    }

    // The other parts: the lock and the roles are checked over there

    /// @inheritdoc IPolicyGuard
    function trim(uint8) external returns (uint256) {
        _delegate(rules);
    }

    /// @inheritdoc IPolicyGuard
    function followPrice(uint8) external returns (uint256) {
        _delegate(rules);
    }

    /// @inheritdoc IPolicyGuard
    function pull(uint8, uint128, uint256) external returns (uint256) {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function submitPolicy(Policy calldata) external returns (bytes32, bool) {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function activatePolicy(Policy calldata) external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function vetoPolicy() external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function setMode(Mode) external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function revokeAgent(address) external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function resign() external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function nameGuardian(address) external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function activateGuardian() external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function offerOwnership(address) external {
        _delegate(governance);
    }

    /// @inheritdoc IPolicyGuard
    function acceptOwnership() external {
        _delegate(governance);
    }

    // Views

    /// @inheritdoc IPolicyGuard
    function owner() external view returns (address) {
        return _owner;
    }

    /// @inheritdoc IPolicyGuard
    function offeredOwner() external view returns (address) {
        return _offeredOwner;
    }

    /// @inheritdoc IPolicyGuard
    function guardian() external view returns (address) {
        return _guardian;
    }

    /// @inheritdoc IPolicyGuard
    function namedGuardian() external view returns (address guardian_, uint40 activatableAt) {
        _delegateView(governance);
        return (guardian_, activatableAt);
    }

    /// @inheritdoc IPolicyGuard
    function ceilings() external view returns (Ceilings memory ceilings_) {
        _delegateView(governance);
        return ceilings_;
    }

    /// @inheritdoc IPolicyGuard
    function policyDelaySeconds() external view returns (uint32 seconds_) {
        _delegateView(governance);
        return seconds_;
    }

    /// @inheritdoc IPolicyGuard
    function pendingPolicy() external view returns (PendingPolicy memory pending) {
        _delegateView(governance);
        return pending;
    }

    /// @inheritdoc IPolicyGuard
    function policyBlock(uint64 version) external view returns (uint64) {
        return _policy.blocks[version];
    }

    /// @inheritdoc IPolicyGuard
    function firstRefusal(Rebalance calldata, address, uint256)
        external
        view
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        _delegateView(rules);
        return (rule, observed, limit);
    }

    /// @inheritdoc IPolicyGuard
    function guardState() external view returns (GuardState memory state) {
        _delegateView(governance);
        return state;
    }

    /// @inheritdoc IPolicyGuard
    function agentState(address) external view returns (AgentState memory state) {
        _delegateView(governance);
        return state;
    }

    /// @inheritdoc IPolicyGuard
    function strategyStates() external view returns (StrategyState[] memory states) {
        _delegateView(governance);
        return states;
    }

    /// @inheritdoc IPolicyGuard
    function rebalanceDigest(Rebalance calldata plan, address agent) external view returns (bytes32) {
        return RebalanceHash.digest(plan, agent, address(this));
    }

    // Inside

    /// @dev In two ways with the same result: where all rules certainly hold, by one pass before the legs and one after
    /// them; else by the rules themselves, one by one. Unlocks, and ends the call with the receipt.
    // That `_delegate` ends the call is what it is for.
    // slither-disable-next-line incorrect-return
    function _rebalance(Rebalance calldata plan, address agent) private {
        Course memory course;
        Move[] calldata moves = plan.moves;
        AgentLedger storage agentLedger = _agentLedgers[agent];
        uint256 legs = Authorisation.check(course, plan, moves, agent, _policy, _ledger, agentLedger);
        // Zero is an answer, not an amount.
        // slither-disable-next-line incorrect-equality
        if (legs == 0) _delegate(rules);
        uint256 count = moves.length;
        uint256 answer = VaultCall.executeAt(vault, VaultCall.headOf(legs), count, course.hot);
        course.receipt = VaultCall.receiptOf(answer);
        if (!Acceptance.settle(course, legs, count)) {
            _run(rules, abi.encodeCall(GuardRules.settle, (plan, agent, VaultCall.receiptAt(answer, count))));
        }
        _store(course, agentLedger);
        if (course.followsPrices) _followPrices(legs, count, course);
        _close(plan, agent, Acceptance.vaultCount(course), course.turnover, course.loss);
        VaultCall.returnAnswer(answer, count);
    }

    function _store(Course memory course, AgentLedger storage agentLedger) private {
        VaultLedger storage ledger = _ledger;
        (uint256 word, uint256 agentWord) = (course.ledger, course.agentLedger);
        // Whole slots, as the pass made them.
        assembly ("memory-safe") {
            sstore(ledger.slot, word)
            sstore(agentLedger.slot, agentWord)
        }
    }

    function _followPrices(uint256 legs, uint256 count, Course memory course) private {
        uint256 growthWad = PolicyTable.coldLimits(_policy.inForce.table).maxGrowthWad;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 place, uint256 bits, uint256 bandBps, uint256 value, uint256 shares) =
                Acceptance.pricedAt(course, legs, count, i);
            _followPrice(place, PriceReference.unpack(bits), growthWad, bandBps, value, shares);
        }
    }

    /// @dev Runs the call as it came in on this contract's storage, and ends it with the answer as it is.
    function _delegate(address target) private {
        _run(target, msg.data);
    }

    /// @dev Runs a call on this contract's storage, and ends the one under way with its answer as it is.
    // That it ends the call under way is what it is for.
    // slither-disable-next-line incorrect-return
    function _run(address target, bytes memory data) private {
        // Safe: memory is overwritten freely because nothing of this call uses it afterwards; both ways out end the
        // call. The target is code of this guard's own factory or that this contract deployed itself, with the same
        // storage layout and no selfdestruct.
        assembly {
            let success := delegatecall(gas(), target, add(data, 0x20), mload(data), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(success) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    /// @dev `_delegate` for functions that the other part declares `view`: what the compiler cannot see from here, it
    /// has checked over there.
    function _delegateView(address target) private view {
        function(address) delegate = _delegate;
        function(address) view delegateView;
        assembly ("memory-safe") {
            delegateView := delegate
        }
        delegateView(target);
    }
}
