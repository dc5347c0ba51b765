// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IPolicyGuard} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {StrategyStatus} from "../types/Policy.sol";
import {ALL_ASSETS, Leg, LegReceipt, Move, Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {SafeStrategyCall} from "../vault/SafeStrategyCall.sol";
import {Word} from "../vault/Word.sol";
import {AuthoriseRules} from "./AuthoriseRules.sol";
import {GuardReads} from "./GuardReads.sol";
import {AgentLedger, PolicyStore, StoredPolicy, VaultLedger} from "./PolicyStore.sol";
import {PolicyTable, StrategyLimits} from "./PolicyTable.sol";
import {Prediction} from "./Prediction.sol";
import {PriceBands} from "./PriceBands.sol";
import {Reference} from "./PriceReference.sol";
import {RebalanceEnd} from "./RebalanceEnd.sol";
import {RuleContext} from "./RuleContext.sol";
import {SettleRules} from "./SettleRules.sol";
import {VaultCall} from "./VaultCall.sol";

/// @title The rules, one by one
/// @notice The part of a guard's code that judges what the guard's two passes leave open, and names what is refused:
/// `rebalance` and `rebalanceFor` from the beginning, `settle` from the legs on; also `trim`, `followPrice` and
/// `firstRefusal`. The functions are those of `IPolicyGuard`, documented there.
/// @dev One copy for all guards of a factory; each runs it by delegatecall, on its own storage. It has no state of its
/// own and no vault: called directly it does nothing, for nobody has a mandate here, and no strategy is in force.
contract GuardRules is GuardReads, RebalanceEnd {
    using PolicyStore for StoredPolicy;

    /// @notice The guard locks, and sees to it that the agent is who it says, before it hands on.
    error NotByGuard();

    modifier onlyByGuard() {
        if (!_isLockHeld()) revert NotByGuard();
        _;
    }

    // Agent

    /// @notice See `IPolicyGuard.rebalance`. Nothing has happened yet, except that the guard is locked.
    function rebalance(Rebalance calldata plan) external onlyByGuard returns (Receipt memory) {
        return _rebalance(plan, msg.sender);
    }

    /// @notice See `IPolicyGuard.rebalanceFor`. Likewise; and the signature, which is not looked at here, is the
    /// agent's.
    function rebalanceFor(Rebalance calldata plan, address agent, bytes calldata)
        external
        onlyByGuard
        returns (Receipt memory)
    {
        return _rebalance(plan, agent);
    }

    /// @notice Settles what the vault has executed; R1 to R6 held.
    /// @param receipt The vault's answer.
    function settle(Rebalance calldata plan, address agent, Receipt memory receipt)
        external
        onlyByGuard
        returns (Receipt memory)
    {
        RuleContext memory context = _authorised(plan, agent);
        context.receipt = receipt;
        return _settle(context, plan, agent);
    }

    // Anyone

    /// @notice See `IPolicyGuard.trim`.
    /// @dev Moves no price reference: that is `followPrice`.
    function trim(uint8 index) external locked returns (uint256 assets) {
        address vault = _vault();
        RuleContext memory context = _contextFor(address(0), block.timestamp);
        if (index >= context.hot.strategyCount) revert IPolicyGuard.NoSuchStrategy(index);
        _allocateLegs(context, 1);
        Leg memory leg = _addLeg(context, 0, index);
        leg.assets = _excess(context.limits[0], vault);

        context.receipt = VaultCall.pull(vault, leg.strategy, leg.assets, 0);
        (bool holds, uint256 observed, uint256 limit) = SettleRules.vaultLoss(context, SettleRules.lossAssets(context));
        if (!holds) revert IPolicyGuard.Refused(Rule.Loss, observed, limit);
        (holds, observed, limit) = SettleRules.price(context);
        if (!holds) revert IPolicyGuard.Refused(Rule.Price, observed, limit);
        ++context.ledger.rebalanceCount;
        _ledger = context.ledger;
        assets = context.receipt.legs[0].assets;
        emit IPolicyGuard.StrategyTrimmed(msg.sender, leg.strategy, assets);
    }

    /// @notice See `IPolicyGuard.followPrice`.
    /// @dev The price is that of a number of shares which depends on the reference alone: of the vault's own position
    /// it would be all rounding where somebody gave it a share, and unknown where it holds none.
    function followPrice(uint8 index) external locked returns (uint256 price) {
        RuleContext memory context = _contextFor(address(0), block.timestamp);
        if (index >= context.hot.strategyCount) revert IPolicyGuard.NoSuchStrategy(index);
        _allocateLegs(context, 1);
        address strategy = _addLeg(context, 0, index).strategy;
        (StrategyLimits memory limits, Reference memory reference_) = (context.limits[0], context.references[0]);
        uint256 followableAt = reference_.at + PriceBands.FOLLOW_SECONDS;
        // A day is meant; what a proposer can do to a timestamp is seconds. The time of a reference has 33 bits.
        // forge-lint: disable-next-line(block-timestamp, unsafe-typecast)
        if (block.timestamp < followableAt) revert IPolicyGuard.FollowedWithinADay(uint40(followableAt));

        // In the midst of an exit a strategy may tell a price that is only half made; the vault answers nothing then.
        // slither-disable-next-line unused-return
        ITreasuryVault(_vault()).checkpointState();
        uint256 shares = PriceBands.unitSharesUp(reference_.price);
        (bool isRead, uint256 value) = SafeStrategyCall.tryAmount(strategy, IERC4626.previewRedeem.selector, shares);
        if (!isRead) revert IPolicyGuard.PriceUnreadable(strategy);
        uint256 growthWad = PolicyTable.coldLimits(context.table).maxGrowthWad;
        _followPrice(limits.referencePlace, reference_, growthWad, limits.priceBandBps, value, shares);
        price = _policy.referenceAt(limits.referencePlace).price;
        emit IPolicyGuard.PriceFollowed(msg.sender, strategy, reference_.price, price);
    }

    // Views

    /// @notice See `IPolicyGuard.firstRefusal`.
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
        address vault = _vault();
        (isReadable, context.receipt) = Prediction.receiptOf(context.legs, ITreasuryVault(vault), at);
        if (!isReadable) return (Rule.Price, type(uint256).max, 0);
        return SettleRules.firstRefusal(context, _policy, vault);
    }

    // Inside

    function _rebalance(Rebalance calldata plan, address agent) private returns (Receipt memory) {
        RuleContext memory context = _authorised(plan, agent);
        context.receipt = VaultCall.execute(_vault(), context.legs, PolicyTable.hotWord(context.table));
        return _settle(context, plan, agent);
    }

    /// @dev R1 to R6, and what the others look at.
    function _authorised(Rebalance calldata plan, address agent) private view returns (RuleContext memory context) {
        context = _contextFor(agent, block.timestamp);
        (Rule rule, uint256 observed, uint256 limit) = AuthoriseRules.firstRefusal(context, plan);
        if (rule != Rule.None) revert IPolicyGuard.Refused(rule, observed, limit);
        _resolve(context, plan.moves);
    }

    /// @dev R7 to R14, and what follows. Nothing that the context was read from can have changed since the legs.
    function _settle(RuleContext memory context, Rebalance calldata plan, address agent)
        private
        returns (Receipt memory)
    {
        (Rule rule, uint256 observed, uint256 limit) = SettleRules.firstRefusal(context, _policy, _vault());
        if (rule != Rule.None) revert IPolicyGuard.Refused(rule, observed, limit);

        AgentLedger memory agentLedger = context.agentLedger;
        agentLedger.lastRebalanceAt = uint40(block.timestamp);
        ++agentLedger.nonce;
        _agentLedgers[agent] = agentLedger;
        VaultLedger memory ledger = context.ledger;
        ++ledger.rebalanceCount;
        _ledger = ledger;
        _followPrices(context);
        _close(
            plan,
            agent,
            ledger.rebalanceCount,
            SettleRules.turnoverAssets(context.receipt),
            SettleRules.lossAssets(context)
        );
        return context.receipt;
    }

    /// @dev After the legs; each reference is the one from before them.
    function _followPrices(RuleContext memory context) private {
        uint256 growthWad = PolicyTable.coldLimits(context.table).maxGrowthWad;
        LegReceipt[] memory receipts = context.receipt.legs;
        for (uint256 i = 0; i < receipts.length; ++i) {
            (uint256 value, uint256 shares) = SettleRules.pricedAt(context.legs[i].isDeposit, receipts[i]);
            StrategyLimits memory limits = context.limits[i];
            _followPrice(limits.referencePlace, context.references[i], growthWad, limits.priceBandBps, value, shares);
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
    function _excess(StrategyLimits memory limits, address vault) private view returns (uint128) {
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        uint256 cap = limits.status == StrategyStatus.Active ? limits.cap : 0;
        (address strategy, uint256 holder) = (limits.strategy, uint160(vault));
        uint256 shares = Word.read(strategy, IERC20.balanceOf.selector, holder);
        uint256 value = Word.read(strategy, IERC4626.previewRedeem.selector, shares);
        if (value <= cap) revert IPolicyGuard.NothingToTrim(value, cap);
        uint256 liquid = Word.read(strategy, IERC4626.maxWithdraw.selector, holder);
        // Leaving for good by shares: an amount of assets could leave a dust share behind.
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (cap == 0 && liquid >= value) return ALL_ASSETS;
        uint256 assets = Math.min(Math.min(value - cap, liquid), ALL_ASSETS - 1);
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (assets == 0) revert IPolicyGuard.NothingLiquid(value - cap);
        // casting to 'uint128' is safe because of the min above
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128(assets);
    }

    /// @dev The guard's own; there is none behind this contract itself.
    function _vault() private view returns (address) {
        return IPolicyGuard(address(this)).vault();
    }
}
