// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {AgentState, GuardState, IPolicyGuard, PendingPolicy, StrategyState} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryFactory, TreasuryParameters} from "../interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {Ceilings, Mode, Policy, StrategyStatus} from "../types/Policy.sol";
import {ALL_ASSETS, Leg, Move, Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {Word} from "../vault/Word.sol";
import {Acceptance, Course} from "./Acceptance.sol";
import {Authorisation} from "./Authorisation.sol";
import {AuthoriseRules} from "./AuthoriseRules.sol";
import {GuardGovernance} from "./GuardGovernance.sol";
import {GuardReads} from "./GuardReads.sol";
import {AgentLedger, PolicyStore, StoredPolicy, VaultLedger} from "./PolicyStore.sol";
import {PolicyTable, StrategyLimits} from "./PolicyTable.sol";
import {PolicyValidation} from "./PolicyValidation.sol";
import {Prediction} from "./Prediction.sol";
import {PriceBands} from "./PriceBands.sol";
import {PriceReference, Reference} from "./PriceReference.sol";
import {RebalanceHash} from "./RebalanceHash.sol";
import {RuleContext} from "./RuleContext.sol";
import {SettleRules} from "./SettleRules.sol";
import {VaultCall} from "./VaultCall.sol";

/// @title The door
/// @notice The only operator of its vault: authorises a rebalance by R1 to R6, has the vault execute it, and settles
/// what happened against R7 to R14. Immutable, one per vault.
/// @dev Trusts its vault's measurements and nobody else's word. Strategies are called while the lock is held, so
/// nothing here changes between authorising and settling.
contract PolicyGuard is GuardReads, IPolicyGuard {
    using PolicyStore for StoredPolicy;

    /// @inheritdoc IPolicyGuard
    address public immutable vault;
    /// @notice The half of this guard's code that no rebalance runs through; run by delegatecall.
    address public immutable governance;

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
    function rebalance(Rebalance calldata plan) external returns (Receipt memory) {
        _lock();
        _rebalance(plan, msg.sender);
    }

    /// @inheritdoc IPolicyGuard
    /// @dev The lock is held while a contract's signature is checked, and the check is a static call.
    function rebalanceFor(Rebalance calldata plan, address agent, bytes calldata signature)
        external
        returns (Receipt memory)
    {
        _lock();
        bytes32 digest = RebalanceHash.digest(plan, agent, address(this));
        if (!SignatureChecker.isValidSignatureNowCalldata(agent, digest, signature)) revert InvalidSignature(agent);
        _rebalance(plan, agent);
    }

    // Anyone

    /// @inheritdoc IPolicyGuard
    /// @dev Moves no price reference: an outsider shall have no hand on it.
    function trim(uint8 index) external locked returns (uint256 assets) {
        RuleContext memory context = _contextFor(address(0), block.timestamp);
        if (index >= context.hot.strategyCount) revert NoSuchStrategy(index);
        _allocateLegs(context, 1);
        Leg memory leg = _addLeg(context, 0, index);
        leg.assets = _excess(context.limits[0]);

        context.receipt = VaultCall.pull(vault, leg.strategy, leg.assets, 0);
        (bool holds, uint256 observed, uint256 limit) = SettleRules.vaultLoss(context, SettleRules.lossAssets(context));
        if (!holds) revert Refused(Rule.Loss, observed, limit);
        (holds, observed, limit) = SettleRules.price(context);
        if (!holds) revert Refused(Rule.Price, observed, limit);
        ++context.ledger.rebalanceCount;
        _ledger = context.ledger;
        assets = context.receipt.legs[0].assets;
        emit StrategyTrimmed(msg.sender, leg.strategy, assets);
    }

    // The other half: the lock and the roles are checked over there

    /// @inheritdoc IPolicyGuard
    function pull(uint8, uint128, uint256) external returns (uint256) {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function submitPolicy(Policy calldata) external returns (bytes32, bool) {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function activatePolicy(Policy calldata) external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function vetoPolicy() external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function setMode(Mode) external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function revokeAgent(address) external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function resign() external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function nameGuardian(address) external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function activateGuardian() external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function offerOwnership(address) external {
        _delegate();
    }

    /// @inheritdoc IPolicyGuard
    function acceptOwnership() external {
        _delegate();
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
        _delegateView();
        return (guardian_, activatableAt);
    }

    /// @inheritdoc IPolicyGuard
    function ceilings() external view returns (Ceilings memory ceilings_) {
        _delegateView();
        return ceilings_;
    }

    /// @inheritdoc IPolicyGuard
    function policyDelaySeconds() external view returns (uint32 seconds_) {
        _delegateView();
        return seconds_;
    }

    /// @inheritdoc IPolicyGuard
    function pendingPolicy() external view returns (PendingPolicy memory pending) {
        _delegateView();
        return pending;
    }

    /// @inheritdoc IPolicyGuard
    function policyBlock(uint64 version) external view returns (uint64) {
        return _policy.blocks[version];
    }

    /// @inheritdoc IPolicyGuard
    function firstRefusal(Rebalance calldata plan, address agent, uint256 at)
        external
        view
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        RuleContext memory context = _contextFor(agent, at);
        (rule, observed, limit) = AuthoriseRules.firstRefusal(context, plan);
        if (rule != Rule.None) return (rule, observed, limit);
        _resolve(context, plan.moves);
        bool isReadable;
        (isReadable, context.receipt) = Prediction.receiptOf(context.legs, ITreasuryVault(vault), at);
        if (!isReadable) return (Rule.Price, type(uint256).max, 0);
        return SettleRules.firstRefusal(context, _policy, vault);
    }

    /// @inheritdoc IPolicyGuard
    function guardState() external view returns (GuardState memory state) {
        _delegateView();
        return state;
    }

    /// @inheritdoc IPolicyGuard
    function agentState(address) external view returns (AgentState memory state) {
        _delegateView();
        return state;
    }

    /// @inheritdoc IPolicyGuard
    function strategyStates() external view returns (StrategyState[] memory states) {
        _delegateView();
        return states;
    }

    /// @inheritdoc IPolicyGuard
    function rebalanceDigest(Rebalance calldata plan, address agent) external view returns (bytes32) {
        return RebalanceHash.digest(plan, agent, address(this));
    }

    // Inside

    /// @dev In two ways with the same result: where all rules certainly hold, by one pass before the legs and one after
    /// them; else by the rules themselves, one by one. Unlocks, and ends the call with the receipt.
    function _rebalance(Rebalance calldata plan, address agent) private {
        Course memory course;
        Move[] calldata moves = plan.moves;
        uint256 legs = Authorisation.check(course, plan, moves, agent, _policy, _ledger, _agentLedgers[agent]);
        uint256 count = moves.length;
        uint256 answer;
        if (legs != 0) {
            answer = VaultCall.executeAt(vault, VaultCall.headOf(legs), count, course.hot);
            course.receipt = answer + 0x20;
        }
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (legs == 0 || !Acceptance.settle(course, legs, count)) {
            RuleContext memory context = _authorised(plan, agent);
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            context.receipt = legs == 0
                ? VaultCall.execute(vault, context.legs, PolicyTable.hotWord(context.table))
                : VaultCall.receiptAt(answer, count);
            _settleByRules(context, plan, agent);
            VaultCall.returnReceipt(context.receipt);
        }
        _store(course, agent);
        if (course.followsPrices) _followPrices(legs, count, course);
        _close(plan, agent, Acceptance.vaultCount(course), course.withdrawn + course.deposited, course.loss);
        VaultCall.returnAnswer(answer, count);
    }

    function _close(Rebalance calldata plan, address agent, uint64 vaultCount, uint256 turnover, uint256 loss) private {
        emit Rebalanced(agent, plan.nonce, plan.decision, vaultCount, turnover, loss);
        _unlock();
    }

    /// @dev R1 to R6, and what the others look at.
    function _authorised(Rebalance calldata plan, address agent) private view returns (RuleContext memory context) {
        context = _contextFor(agent, block.timestamp);
        (Rule rule, uint256 observed, uint256 limit) = AuthoriseRules.firstRefusal(context, plan);
        if (rule != Rule.None) revert Refused(rule, observed, limit);
        _resolve(context, plan.moves);
    }

    /// @dev R7 to R14, and what follows. Nothing that the context was read from can have changed since the legs.
    function _settleByRules(RuleContext memory context, Rebalance calldata plan, address agent) private {
        (Rule rule, uint256 observed, uint256 limit) = SettleRules.firstRefusal(context, _policy, vault);
        if (rule != Rule.None) revert Refused(rule, observed, limit);

        AgentLedger memory agentLedger = context.agentLedger;
        agentLedger.lastRebalanceAt = uint40(block.timestamp);
        ++agentLedger.nonce;
        _agentLedgers[agent] = agentLedger;
        VaultLedger memory ledger = context.ledger;
        ++ledger.rebalanceCount;
        _ledger = ledger;
        uint256 growthWad = PolicyTable.coldLimits(context.table).maxGrowthWad;
        for (uint256 i = 0; i < context.legs.length; ++i) {
            (uint256 value, uint256 shares) = SettleRules.pricedAt(context.legs[i].isDeposit, context.receipt.legs[i]);
            _followPrice(context.limits[i].referencePlace, context.references[i], growthWad, value, shares);
        }
        _close(
            plan,
            agent,
            ledger.rebalanceCount,
            SettleRules.turnoverAssets(context.receipt),
            SettleRules.lossAssets(context)
        );
    }

    function _store(Course memory course, address agent) private {
        VaultLedger storage ledger = _ledger;
        AgentLedger storage agentLedger = _agentLedgers[agent];
        (uint256 word, uint256 agentWord) = (course.ledger, course.agentLedger);
        // Whole slots, as the pass made them.
        assembly ("memory-safe") {
            sstore(ledger.slot, word)
            sstore(agentLedger.slot, agentWord)
        }
    }

    function _resolve(RuleContext memory context, Move[] calldata moves) private view {
        _allocateLegs(context, moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            Leg memory leg = _addLeg(context, i, moves[i].index);
            leg.isDeposit = moves[i].isDeposit;
            leg.assets = moves[i].assets;
        }
    }

    /// @dev What `trim` takes out: all that stands above the cap, as far as the strategy says it is liquid.
    function _excess(StrategyLimits memory limits) private view returns (uint128) {
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        uint256 cap = limits.status == StrategyStatus.Active ? limits.cap : 0;
        (address strategy, uint256 holder) = (limits.strategy, uint160(vault));
        uint256 shares = Word.read(strategy, IERC20.balanceOf.selector, holder);
        uint256 value = Word.read(strategy, IERC4626.previewRedeem.selector, shares);
        if (value <= cap) revert NothingToTrim(value, cap);
        uint256 liquid = Word.read(strategy, IERC4626.maxWithdraw.selector, holder);
        // Leaving for good by shares: an amount of assets could leave a dust share behind.
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (cap == 0 && liquid >= value) return ALL_ASSETS;
        uint256 assets = Math.min(Math.min(value - cap, liquid), ALL_ASSETS - 1);
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (assets == 0) revert NothingLiquid(value - cap);
        // casting to 'uint128' is safe because of the min above
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128(assets);
    }

    function _followPrices(uint256 legs, uint256 count, Course memory course) private {
        uint256 growthWad = PolicyTable.coldLimits(_policy.inForce.table).maxGrowthWad;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 place, uint256 bits, uint256 value, uint256 shares) = Acceptance.pricedAt(course, legs, count, i);
            _followPrice(place, PriceReference.unpack(bits), growthWad, value, shares);
        }
    }

    function _followPrice(
        uint256 place,
        Reference memory reference_,
        uint256 maxGrowthWad,
        uint256 value,
        uint256 shares
    ) private {
        (uint256 price, bool hasFollowed) = PriceBands.follow(
            reference_.price, reference_.at, block.timestamp, maxGrowthWad, value, shares
        );
        if (hasFollowed) _policy.setReferenceDown(place, price);
    }

    /// @dev Runs the call as it came in on this contract's storage, and ends it with the answer as it is.
    function _delegate() private {
        address target = governance;
        // Safe: memory is overwritten freely because nothing of this call uses it afterwards; both ways out end the
        // call. The target is code that this contract deployed itself, with the same storage layout and no
        // selfdestruct.
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(success) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    /// @dev `_delegate` for functions that the other half declares `view`: what the compiler cannot see from here, it
    /// has checked over there.
    function _delegateView() private view {
        function() delegate = _delegate;
        function() view delegateView;
        assembly ("memory-safe") {
            delegateView := delegate
        }
        delegateView();
    }
}
