// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Test} from "forge-std/Test.sol";

import {GuardRules} from "../../../contracts/guard/GuardRules.sol";
import {PolicyGuard} from "../../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../../contracts/interfaces/ITreasuryFactory.sol";
import {
    AgentPolicy,
    Ceilings,
    GroupPolicy,
    Limits,
    Mode,
    Objective,
    ObjectiveKind,
    POLICY_SCHEMA_VERSION,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../../contracts/types/Policy.sol";
import {ANY_COUNT, Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {Rule} from "../../../contracts/types/Rule.sol";
import {TreasuryVault} from "../../../contracts/vault/TreasuryVault.sol";
import {MockAsset} from "../mocks/MockAsset.sol";
import {MockStrategy} from "../mocks/MockStrategy.sol";

/// @notice The real vault and guard with three OpenZeppelin ERC-4626 strategies; the test plays the factory.
abstract contract GuardFixture is Test {
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant UNIT = 1e18;
    uint256 internal constant DEPOSIT = 1_000_000 * UNIT;

    address internal immutable OWNER = makeAddr("owner");
    address internal immutable GUARDIAN = makeAddr("guardian");
    address internal immutable AGENT = makeAddr("agent");
    address internal immutable OTHER_AGENT = makeAddr("other agent");
    address internal immutable DEPOSITOR = makeAddr("depositor");
    address internal immutable STRANGER = makeAddr("stranger");

    MockAsset internal asset;
    MockStrategy[3] internal strategies;
    TreasuryVault internal vault;
    PolicyGuard internal guard;

    TreasuryParameters private _parameters;
    address private _vaultAddress;
    address private _guardAddress;

    /// @notice As of `ITreasuryFactory`.
    address public guardRules;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(1000);
        asset = new MockAsset();
        strategies[0] = new MockStrategy(asset, "A");
        strategies[1] = new MockStrategy(asset, "B");
        strategies[2] = new MockStrategy(asset, "C");
        guardRules = address(new GuardRules());
        deployTreasury();
    }

    function deployTreasury() internal {
        _parameters = TreasuryParameters({
            asset: address(asset),
            name: "Treasury",
            symbol: "TRS",
            decimalsOffset: 0,
            owner: OWNER,
            guardian: GUARDIAN,
            ceilings: defaultCeilings(),
            salt: 0
        });
        uint256 nonce = vm.getNonce(address(this));
        _vaultAddress = vm.computeCreateAddress(address(this), nonce);
        _guardAddress = vm.computeCreateAddress(address(this), nonce + 1);
        vault = new TreasuryVault();
        guard = new PolicyGuard();
        assertEq(address(vault), _vaultAddress);
        assertEq(address(guard), _guardAddress);
    }

    /// @notice As of `ITreasuryFactory`.
    function deployment() external view returns (TreasuryParameters memory, address, address) {
        return (_parameters, _vaultAddress, _guardAddress);
    }

    function defaultCeilings() internal pure returns (Ceilings memory) {
        return Ceilings({
            maxTurnoverBps: 10_000,
            maxLossBps: 500,
            minWindowSeconds: 1 hours,
            minPolicyDelaySeconds: 1 hours,
            maxPolicyDelaySeconds: 30 days,
            maxManagementFeeBps: 200,
            maxPerformanceFeeBps: 2000,
            graceSeconds: 7 days
        });
    }

    function defaultPolicy() internal view returns (Policy memory policy) {
        policy.schemaVersion = POLICY_SCHEMA_VERSION;
        policy.limits = Limits({
            mode: Mode.Active,
            cooldownSeconds: 60,
            windowSeconds: 1 days,
            maxTurnoverBps: 9000,
            maxLossBps: 100,
            minIdleBps: 500,
            maxGrowthWad: 0.01e18,
            maxDrawdownBps: 1000,
            entryHaltSeconds: 1 days,
            seasoningSeconds: 1 hours,
            maxNavAgeSeconds: 1 days,
            policyDelaySeconds: 2 days,
            depositCap: SafeCast.toUint128(10 * DEPOSIT),
            managementFeeBps: 0,
            performanceFeeBps: 0,
            feeRecipient: address(0)
        });
        policy.strategies = new StrategyPolicy[](3);
        for (uint256 i = 0; i < 3; ++i) {
            policy.strategies[i] = StrategyPolicy({
                strategy: address(strategies[i]),
                status: StrategyStatus.Active,
                maxWeightBps: 5000,
                minWeightBps: 0,
                cap: SafeCast.toUint128(5 * DEPOSIT),
                priceBandBps: 100,
                referenceAssets: SafeCast.toUint128(UNIT),
                referenceShares: SafeCast.toUint128(UNIT),
                groups: 0
            });
        }
        policy.groups = new GroupPolicy[](0);
        policy.agents = new AgentPolicy[](2);
        policy.agents[0] = AgentPolicy({
            agent: AGENT, expiresAt: SafeCast.toUint40(START + 365 days), scope: 7, maxTurnoverBps: 8000, maxLossBps: 80
        });
        policy.agents[1] = AgentPolicy({
            agent: OTHER_AGENT,
            expiresAt: SafeCast.toUint40(START + 365 days),
            scope: 3,
            maxTurnoverBps: 9000,
            maxLossBps: 100
        });
        policy.objective = Objective({
            kind: ObjectiveKind.Yield,
            hurdleBps: 5,
            horizonSeconds: 30 days,
            bandBps: 0,
            targetWeightsBps: new uint16[](0)
        });
    }

    /// @notice Puts a document in force, at once if it can be, else after the delay.
    function adopt(Policy memory policy) internal {
        vm.prank(OWNER);
        (, bool isInForce) = guard.submitPolicy(policy);
        if (isInForce) return;
        vm.warp(guard.pendingPolicy().activatableAt);
        vm.prank(STRANGER);
        guard.activatePolicy(policy);
    }

    /// @notice A treasury at work: `DEPOSIT` in idle, all of it seasoned, the checkpoint fresh.
    function start(Policy memory policy) internal {
        adopt(policy);
        asset.mint(DEPOSITOR, DEPOSIT);
        vm.startPrank(DEPOSITOR);
        asset.approve(address(vault), DEPOSIT);
        vault.deposit(DEPOSIT, DEPOSITOR);
        vm.stopPrank();
        skip(policy.limits.seasoningSeconds);
        vault.checkpoint();
        (uint256 nav, uint256 base, bool isFresh) = vault.checkpointState();
        assertEq(nav, DEPOSIT);
        assertEq(base, DEPOSIT);
        assertTrue(isFresh);
    }

    function deposits(uint8 index, uint256 assets) internal pure returns (Move memory) {
        return Move({index: index, isDeposit: true, assets: SafeCast.toUint128(assets)});
    }

    function withdraws(uint8 index, uint256 assets) internal pure returns (Move memory) {
        return Move({index: index, isDeposit: false, assets: SafeCast.toUint128(assets)});
    }

    function moves(Move memory a) internal pure returns (Move[] memory list) {
        list = new Move[](1);
        list[0] = a;
    }

    function moves(Move memory a, Move memory b) internal pure returns (Move[] memory list) {
        list = new Move[](2);
        (list[0], list[1]) = (a, b);
    }

    function moves(Move memory a, Move memory b, Move memory c) internal pure returns (Move[] memory list) {
        list = new Move[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    /// @notice A rebalance that is fresh for `agent`.
    function plan(address agent, Move[] memory list) internal view returns (Rebalance memory) {
        return Rebalance({
            policyVersion: guard.guardState().policyVersion,
            nonce: guard.agentState(agent).nonce,
            vaultCount: ANY_COUNT,
            deadline: uint64(block.timestamp),
            decision: keccak256("decision"),
            moves: list
        });
    }

    function rebalance(Move[] memory list) internal {
        rebalanceAs(AGENT, plan(AGENT, list));
    }

    function rebalanceAs(address agent, Rebalance memory rebalance_) internal {
        vm.prank(agent);
        guard.rebalance(rebalance_);
    }

    function expectRefusal(Rule rule, uint256 observed, uint256 limit) internal {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Refused.selector, rule, observed, limit));
    }

    /// @notice Expects the door to refuse.
    function refuses(address agent, Move[] memory list, Rule rule, uint256 observed, uint256 limit) internal {
        Rebalance memory rebalance_ = plan(agent, list);
        expectRefusal(rule, observed, limit);
        rebalanceAs(agent, rebalance_);
    }

    /// @notice Expects the refusal, of the same plan by the view and by the door.
    function assertRefused(address agent, Rebalance memory rebalance_, Rule rule, uint256 observed, uint256 limit)
        internal
    {
        (Rule seen, uint256 seenObserved, uint256 seenLimit) = guard.firstRefusal(rebalance_, agent, block.timestamp);
        assertEq(uint256(seen), uint256(rule), "rule");
        assertEq(seenObserved, observed, "observed");
        assertEq(seenLimit, limit, "limit");
        expectRefusal(rule, observed, limit);
        rebalanceAs(agent, rebalance_);
    }

    /// @notice The vault's position in a strategy, read from the strategy.
    function held(uint256 index) internal view returns (uint256) {
        return strategies[index].convertToAssets(strategies[index].balanceOf(address(vault)));
    }
}
