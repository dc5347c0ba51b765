// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {
    AgentState,
    Bucket,
    GuardState,
    IPolicyGuard,
    PendingPolicy,
    StrategyState
} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryFactory, TreasuryParameters} from "../interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {Ceilings, Mode, Policy, StrategyStatus} from "../types/Policy.sol";
import {ALL_ASSETS, Leg, Move, Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {Budgets} from "./Budgets.sol";
import {GuardGovernance} from "./GuardGovernance.sol";
import {GuardStorage} from "./GuardStorage.sol";
import {AgentLedger, HotLimits, Mandate, StrategyRecord, VaultLedger} from "./PolicyStore.sol";
import {PolicyValidation} from "./PolicyValidation.sol";
import {PriceBands} from "./PriceBands.sol";
import {RebalanceHash} from "./RebalanceHash.sol";
import {Rules, Standing} from "./Rules.sol";

/// @title The door
/// @notice The only operator of its vault: authorises a rebalance by R1 to R6, has the vault execute it, and settles
/// what happened against R7 to R13. Immutable, one per vault.
/// @dev Trusts its vault's measurements and nobody else's word. Strategies are called while the lock is held, so
/// nothing here changes between authorising and settling.
contract PolicyGuard is GuardStorage, IPolicyGuard {
    /// @inheritdoc IPolicyGuard
    address public immutable vault;
    /// @notice The half of this guard's code that changes what is in force; run by delegatecall.
    address public immutable governance;

    /// @dev No arguments, so that the address depends on the factory and the treasury's parameters alone.
    constructor() {
        (TreasuryParameters memory parameters, address vault_,) = ITreasuryFactory(msg.sender).deployment();
        if (parameters.owner == address(0)) revert Unauthorized(address(0));
        PolicyValidation.checkCeilingsThemselves(parameters.ceilings);
        vault = vault_;
        governance = address(new GuardGovernance(vault_));
        _owner = parameters.owner;
        _guardian = parameters.guardian;
        _ceilings = parameters.ceilings;
        // The policy at birth is empty: nothing is allowed, and what allows anything waits.
        _policy.hot.mode = Mode.Paused;
        _policy.cold.policyDelaySeconds = parameters.ceilings.minPolicyDelaySeconds;
        emit OwnershipTransferred(address(0), parameters.owner);
        emit GuardianReplaced(address(0), parameters.guardian);
    }

    // Agent

    /// @inheritdoc IPolicyGuard
    function rebalance(Rebalance calldata rebalance_) external locked returns (Receipt memory receipt) {
        (Rule rule, uint256 observed, uint256 limit) = _firstRefusal(rebalance_, msg.sender, block.timestamp);
        if (rule != Rule.None) revert Refused(rule, observed, limit);
        (Leg[] memory legs, StrategyRecord[] memory records) = _resolve(rebalance_.moves);
        receipt = ITreasuryVault(vault).execute(legs);
        (uint256 turnover, uint256 loss) = _settle(legs, records, receipt);
        emit Rebalanced(msg.sender, rebalance_.nonce, rebalance_.decision, _ledger.rebalanceCount, turnover, loss);
    }

    // Guardian

    /// @inheritdoc IPolicyGuard
    function pull(uint8 index, uint128 assets, uint256 minAssets) external locked returns (uint256 received) {
        if (msg.sender != _guardian) revert Unauthorized(msg.sender);
        address strategy = _strategyAt(index);
        ++_ledger.rebalanceCount;
        Receipt memory receipt = ITreasuryVault(vault).pull(strategy, assets, minAssets);
        received = Math.saturatingSub(receipt.idleAfter, receipt.idleBefore);
        emit StrategyPulled(strategy, received);
    }

    // Anyone

    /// @inheritdoc IPolicyGuard
    /// @dev Moves no price reference: an outsider shall have no hand on it.
    function trim(uint8 index) external locked returns (uint256 assets) {
        Leg[] memory legs = new Leg[](1);
        StrategyRecord[] memory records = new StrategyRecord[](1);
        legs[0].strategy = _strategyAt(index);
        records[0] = _policy.strategyRecords[legs[0].strategy];
        legs[0].assets = _excess(legs[0].strategy, records[0]);

        Receipt memory receipt = ITreasuryVault(vault).pull(legs[0].strategy, legs[0].assets, 0);
        VaultLedger memory ledger = _ledger;
        HotLimits memory hot = _policy.hot;
        _chargeVaultLoss(ledger, hot, receipt.base, Rules.lossAssets(legs, receipt));
        Rules.checkPrices(legs, records, receipt);
        ++ledger.rebalanceCount;
        _ledger = ledger;
        assets = receipt.legs[0].assets;
        emit StrategyTrimmed(msg.sender, legs[0].strategy, assets);
    }

    // Governance: the lock and the roles are checked over there

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
        return (_namedGuardian, _guardianActivatableAt);
    }

    /// @inheritdoc IPolicyGuard
    function ceilings() external view returns (Ceilings memory) {
        return _ceilings;
    }

    /// @inheritdoc IPolicyGuard
    function policyDelaySeconds() external view returns (uint32) {
        return _policy.cold.policyDelaySeconds;
    }

    /// @inheritdoc IPolicyGuard
    function pendingPolicy() external view returns (PendingPolicy memory) {
        return _pending;
    }

    /// @inheritdoc IPolicyGuard
    function policyBlock(uint64 version) external view returns (uint64) {
        return _policy.blocks[version];
    }

    /// @inheritdoc IPolicyGuard
    function firstRefusal(Rebalance calldata rebalance_, address agent, uint256 at)
        external
        view
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        return _firstRefusal(rebalance_, agent, at);
    }

    /// @inheritdoc IPolicyGuard
    function guardState() external view returns (GuardState memory) {
        VaultLedger memory ledger = _ledger;
        uint64 version = _policy.hot.policyVersion;
        return GuardState({
            policyVersion: version,
            policyHash: _policy.policyHash,
            policyBlock: _policy.blocks[version],
            mode: _policy.hot.mode,
            rebalanceCount: ledger.rebalanceCount,
            turnover: Bucket(ledger.turnoverLevelWad, ledger.turnoverUpdatedAt),
            loss: Bucket(ledger.lossLevelWad, ledger.lossUpdatedAt)
        });
    }

    /// @inheritdoc IPolicyGuard
    function agentState(address agent) external view returns (AgentState memory) {
        Mandate memory mandate = _policy.mandates[agent];
        AgentLedger memory ledger = _agentLedgers[agent];
        return AgentState({
            exists: mandate.exists,
            isRevoked: mandate.isRevoked,
            nonce: ledger.nonce,
            lastRebalanceAt: ledger.lastRebalanceAt,
            turnover: Bucket(ledger.turnoverLevelWad, ledger.lastRebalanceAt),
            loss: Bucket(ledger.lossLevelWad, ledger.lastRebalanceAt)
        });
    }

    /// @inheritdoc IPolicyGuard
    function strategyStates() external view returns (StrategyState[] memory states) {
        address[] memory list = _policy.strategies;
        states = new StrategyState[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            StrategyRecord storage record = _policy.strategyRecords[list[i]];
            states[i] = StrategyState(list[i], record.referencePrice, record.referenceAt);
        }
    }

    /// @inheritdoc IPolicyGuard
    function rebalanceDigest(Rebalance calldata rebalance_, address agent) external view returns (bytes32) {
        return RebalanceHash.digest(rebalance_, agent, address(this));
    }

    // Before execution

    function _firstRefusal(Rebalance calldata plan, address agent, uint256 at)
        private
        view
        returns (Rule, uint256, uint256)
    {
        HotLimits memory hot = _policy.hot;
        Mandate memory mandate = _policy.mandates[agent];
        AgentLedger memory ledger = _agentLedgers[agent];
        Standing memory standing = Standing({
            mode: hot.mode,
            hasMandate: mandate.exists && !mandate.isRevoked,
            expiresAt: mandate.expiresAt,
            scope: mandate.scope,
            policyVersion: hot.policyVersion,
            nonce: ledger.nonce,
            rebalanceCount: _ledger.rebalanceCount,
            hasActed: ledger.lastRebalanceAt != 0,
            lastRebalanceAt: ledger.lastRebalanceAt,
            cooldownSeconds: hot.cooldownSeconds,
            strategyCount: hot.strategyCount
        });
        return Rules.beforeExecution(standing, plan, at);
    }

    function _resolve(Move[] calldata moves) private view returns (Leg[] memory legs, StrategyRecord[] memory records) {
        legs = new Leg[](moves.length);
        records = new StrategyRecord[](moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            address strategy = _policy.strategies[moves[i].index];
            legs[i] = Leg({strategy: strategy, isDeposit: moves[i].isDeposit, assets: moves[i].assets});
            records[i] = _policy.strategyRecords[strategy];
        }
    }

    /// @dev What `trim` takes out: all that stands above the cap, as far as the strategy says it is liquid.
    function _excess(address strategy, StrategyRecord memory record) private view returns (uint128) {
        uint256 cap = record.status == StrategyStatus.Active ? record.cap : 0;
        uint256 value = IERC4626(strategy).previewRedeem(IERC4626(strategy).balanceOf(vault));
        if (value <= cap) revert NothingToTrim(value, cap);
        uint256 liquid = IERC4626(strategy).maxWithdraw(vault);
        // Leaving for good by shares: an amount of assets could leave a dust share behind.
        if (cap == 0 && liquid >= value) return ALL_ASSETS;
        uint256 assets = Math.min(Math.min(value - cap, liquid), ALL_ASSETS - 1);
        if (assets == 0) revert NothingLiquid(value - cap);
        // casting to 'uint128' is safe because of the min above
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint128(assets);
    }

    function _strategyAt(uint8 index) private view returns (address) {
        if (index >= _policy.hot.strategyCount) revert NoSuchStrategy(index);
        return _policy.strategies[index];
    }

    // After execution

    /// @dev R7 to R13 in order, then budgets, nonce, count and references.
    function _settle(Leg[] memory legs, StrategyRecord[] memory records, Receipt memory receipt)
        private
        returns (uint256 turnover, uint256 loss)
    {
        HotLimits memory hot = _policy.hot;
        VaultLedger memory ledger = _ledger;
        AgentLedger memory agentLedger = _agentLedgers[msg.sender];
        Mandate memory mandate = _policy.mandates[msg.sender];

        turnover = Rules.turnoverAssets(receipt);
        ledger.turnoverLevelWad = _charge(
            Rule.Turnover,
            Budgets.levelInForce(ledger.turnoverLevelWad, ledger.turnoverUpdatedAt, hot.windowSeconds, block.timestamp),
            Budgets.capacityDown(receipt.base, hot.maxTurnoverBps),
            turnover
        );
        ledger.turnoverUpdatedAt = uint40(block.timestamp);
        agentLedger.turnoverLevelWad = _charge(
            Rule.Turnover,
            Budgets.levelInForce(
                agentLedger.turnoverLevelWad, agentLedger.lastRebalanceAt, hot.windowSeconds, block.timestamp
            ),
            Budgets.capacityDown(receipt.base, mandate.maxTurnoverBps),
            turnover
        );

        Rules.checkWeights(legs, records, receipt);
        if (hot.mode == Mode.Active) Rules.checkFloors(legs, records, receipt);
        Rules.checkIdle(legs, hot.minIdleBps, receipt);

        loss = Rules.lossAssets(legs, receipt);
        _chargeVaultLoss(ledger, hot, receipt.base, loss);
        agentLedger.lossLevelWad = _charge(
            Rule.Loss,
            Budgets.levelInForce(
                agentLedger.lossLevelWad, agentLedger.lastRebalanceAt, hot.windowSeconds, block.timestamp
            ),
            Budgets.capacityDown(receipt.base, mandate.maxLossBps),
            loss
        );

        Rules.checkPrices(legs, records, receipt);

        agentLedger.lastRebalanceAt = uint40(block.timestamp);
        ++agentLedger.nonce;
        _agentLedgers[msg.sender] = agentLedger;
        ++ledger.rebalanceCount;
        _ledger = ledger;
        _followPrices(legs, records, receipt, hot.maxGrowthWad);
    }

    function _chargeVaultLoss(VaultLedger memory ledger, HotLimits memory hot, uint256 base, uint256 loss)
        private
        view
    {
        ledger.lossLevelWad = _charge(
            Rule.Loss,
            Budgets.levelInForce(ledger.lossLevelWad, ledger.lossUpdatedAt, hot.windowSeconds, block.timestamp),
            Budgets.capacityDown(base, hot.maxLossBps),
            loss
        );
        ledger.lossUpdatedAt = uint40(block.timestamp);
    }

    function _charge(Rule rule, uint256 levelWad, uint256 capacity, uint256 amount) private pure returns (uint64) {
        (bool isWithin, uint256 observed, uint256 newLevelWad) = Budgets.charge(levelWad, capacity, amount);
        if (!isWithin) revert Refused(rule, observed, capacity);
        // casting to 'uint64' is safe because a level never exceeds 1e18, see `Budgets`
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(newLevelWad);
    }

    function _followPrices(
        Leg[] memory legs,
        StrategyRecord[] memory records,
        Receipt memory receipt,
        uint256 maxGrowthWad
    ) private {
        for (uint256 i = 0; i < legs.length; ++i) {
            (uint256 value, uint256 shares) = Rules.pricedAt(legs[i].isDeposit, receipt.legs[i]);
            (uint256 price, bool hasMoved) = PriceBands.follow(
                records[i].referencePrice, records[i].referenceAt, block.timestamp, maxGrowthWad, value, shares
            );
            if (!hasMoved) continue;
            StrategyRecord storage record = _policy.strategyRecords[legs[i].strategy];
            record.referencePrice = price;
            record.referenceAt = uint40(block.timestamp);
        }
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
}
