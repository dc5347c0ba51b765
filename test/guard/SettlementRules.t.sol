// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {MockStrategy} from "./mocks/MockStrategy.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice R7 to R12 after a real execution, each accepted at its limit and refused one past it. NAV and base are
/// `DEPOSIT`, prices are 1:1, so that every limit is a round number worked out by hand.
contract SettlementRulesTest is GuardFixture {
    uint256 private constant PERCENT = DEPOSIT / 100;

    Policy private policy;

    function setUp() public override {
        super.setUp();
        Policy memory document = defaultPolicy();
        document.limits.minIdleBps = 0;
        document.limits.maxTurnoverBps = 8000;
        document.agents[0].maxTurnoverBps = 4000;
        document.agents[1].maxTurnoverBps = 10_000;
        _store(document);
    }

    // R7

    function test_Rebalance_FillsTheAgentsTurnover() public {
        start(policy);
        refuses(
            AGENT,
            moves(deposits(0, 30 * PERCENT), deposits(1, 10 * PERCENT + 1)),
            Rule.Turnover,
            40 * PERCENT + 1,
            40 * PERCENT
        );
        rebalance(moves(deposits(0, 30 * PERCENT), deposits(1, 10 * PERCENT)));
        assertEq(held(0) + held(1), 40 * PERCENT);
    }

    function test_Rebalance_FillsTheVaultsTurnover() public {
        start(policy);
        rebalance(moves(deposits(0, 40 * PERCENT)));
        refuses(OTHER_AGENT, moves(deposits(1, 40 * PERCENT + 1)), Rule.Turnover, 80 * PERCENT + 1, 80 * PERCENT);
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, 40 * PERCENT))));
        assertEq(held(0) + held(1), 80 * PERCENT);
        assertEq(guard.guardState().turnover.levelWad, 1e18);
    }

    function test_Rebalance_CountsBothDirectionsAsTurnover() public {
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(60);
        // Half full, and a minute leaks 1/1,440 of a bucket; both rounded against the agent.
        uint256 level = 0.5e18 - uint256(1e18) / 1440;
        uint256 used = level * (40 * PERCENT) / 1e18;
        uint256 rest = 40 * PERCENT - used - 10 * PERCENT;
        refuses(
            AGENT,
            moves(withdraws(0, 10 * PERCENT), deposits(1, rest + 1)),
            Rule.Turnover,
            40 * PERCENT + 1,
            40 * PERCENT
        );
        rebalance(moves(withdraws(0, 10 * PERCENT), deposits(1, rest)));
    }

    function test_Rebalance_TurnoverLeaksWithTime() public {
        start(policy);
        rebalance(moves(deposits(0, 40 * PERCENT)));
        skip(12 hours);
        refuses(AGENT, moves(deposits(1, 20 * PERCENT + 1)), Rule.Turnover, 40 * PERCENT + 1, 40 * PERCENT);
        rebalance(moves(deposits(1, 20 * PERCENT)));
        assertEq(held(1), 20 * PERCENT);
    }

    function test_RevertWhen_CapacityIsZero() public {
        policy.agents[0].maxTurnoverBps = 0;
        start(policy);
        refuses(AGENT, moves(deposits(0, 1)), Rule.Turnover, 1, 0);
    }

    function test_RevertWhen_NothingIsSeasoned() public {
        adopt(policy);
        asset.mint(DEPOSITOR, DEPOSIT);
        vm.startPrank(DEPOSITOR);
        asset.approve(address(vault), DEPOSIT);
        vault.deposit(DEPOSIT, DEPOSITOR);
        vm.stopPrank();
        refuses(AGENT, moves(deposits(0, 1)), Rule.Turnover, 1, 0);
    }

    function test_Adopt_KeepsBucketsByAddress() public {
        policy.limits.windowSeconds = 300 days;
        start(policy);
        rebalance(moves(deposits(0, 40 * PERCENT)));
        uint64 level = guard.agentState(AGENT).turnover.levelWad;
        assertEq(level, 1e18);
        // Out of the policy and in again: the bucket is still there.
        Policy memory without = policy;
        without.agents[0].agent = STRANGER;
        adopt(without);
        assertFalse(guard.agentState(AGENT).exists);
        adopt(policy);
        assertTrue(guard.agentState(AGENT).exists);
        assertEq(guard.agentState(AGENT).turnover.levelWad, level);
        assertEq(guard.guardState().turnover.levelWad, 0.5e18);
        assertEq(guard.agentState(AGENT).nonce, 1);
    }

    // R8

    function test_Rebalance_ReachesTheWeight() public {
        policy.strategies[0].maxWeightBps = 3000;
        start(policy);
        refuses(AGENT, moves(deposits(0, 30 * PERCENT + 1)), Rule.Weight, 30 * PERCENT + 1, 30 * PERCENT);
        rebalance(moves(deposits(0, 30 * PERCENT)));
        assertEq(held(0), 30 * PERCENT);
    }

    function test_Rebalance_ReachesTheCap() public {
        policy.strategies[1].cap = 5000;
        start(policy);
        refuses(AGENT, moves(deposits(0, 1), deposits(1, 5001)), Rule.Weight, 5001, 5000);
        rebalance(moves(deposits(0, 1), deposits(1, 5000)));
        assertEq(held(1), 5000);
    }

    function test_RevertWhen_StrategyIsClosed() public {
        policy.strategies[0].status = StrategyStatus.ExitOnly;
        start(policy);
        refuses(AGENT, moves(deposits(0, 1)), Rule.Weight, 1, 0);
    }

    function test_RevertWhen_TheLimitIsZero_WhateverTheStrategyReports() public {
        policy.strategies[0].cap = 0;
        policy.strategies[1].maxWeightBps = 0;
        start(policy);
        // A deposit that shows as nothing: shares worth less than a unit, or a strategy that hides them.
        strategies[0].setNextDepositHaircut(1);
        refuses(AGENT, moves(deposits(0, 1)), Rule.Weight, 0, 0);
        strategies[1].setNextDepositHaircut(1);
        refuses(AGENT, moves(deposits(1, 1)), Rule.Weight, 0, 0);
    }

    function test_RevertWhen_CapitalWasBorrowedForAMoment() public {
        policy.strategies[0].maxWeightBps = 3000;
        start(policy);
        asset.mint(STRANGER, 3 * DEPOSIT);
        vm.startPrank(STRANGER);
        asset.approve(address(vault), 3 * DEPOSIT);
        vault.deposit(3 * DEPOSIT, STRANGER);
        vm.stopPrank();
        assertEq(vault.totalAssets(), 4 * DEPOSIT);
        (, uint256 base,) = vault.checkpointState();
        assertApproxEqAbs(base, DEPOSIT, 1e10);
        assertLe(base, DEPOSIT);
        uint256 limit = base * 3 / 10;
        refuses(AGENT, moves(deposits(0, limit + 1)), Rule.Weight, limit + 1, limit);
        rebalance(moves(deposits(0, limit)));
    }

    function test_RevertWhen_TwoLegsAreTooHeavy_TheFirstIsNamed() public {
        policy.strategies[0].cap = 10;
        policy.strategies[1].cap = 20;
        start(policy);
        refuses(AGENT, moves(deposits(1, 22), deposits(0, 11)), Rule.Weight, 22, 20);
    }

    // R10

    function test_Rebalance_WithdrawsDownToTheFloor() public {
        policy.strategies[0].minWeightBps = 1000;
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(1 hours);
        refuses(AGENT, moves(withdraws(0, 10 * PERCENT + 1)), Rule.Floor, 10 * PERCENT - 1, 10 * PERCENT);
        rebalance(moves(withdraws(0, 10 * PERCENT)));
        assertEq(held(0), 10 * PERCENT);
    }

    function test_Rebalance_FloorDoesNotHoldInExitOnly() public {
        policy.strategies[0].minWeightBps = 1000;
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        skip(1 hours);
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        assertEq(held(0), 0);
    }

    function test_Rebalance_FloorDoesNotHoldForAClosedStrategy() public {
        policy.strategies[0].minWeightBps = 1000;
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        Policy memory closed = policy;
        closed.strategies[0].status = StrategyStatus.ExitOnly;
        vm.prank(GUARDIAN);
        guard.submitPolicy(closed);
        skip(1 hours);
        rebalance(moves(withdraws(0, 10 * PERCENT + 1)));
        skip(1 hours);
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        assertEq(held(0), 0);
    }

    // R11

    function test_Rebalance_DepositsDownToTheIdleFloor() public {
        policy.limits.minIdleBps = 7000;
        start(policy);
        refuses(
            AGENT,
            moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT + 1)),
            Rule.Idle,
            70 * PERCENT - 1,
            70 * PERCENT
        );
        rebalance(moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT)));
        assertEq(asset.balanceOf(address(vault)), 70 * PERCENT);
    }

    function test_Rebalance_WithdrawsBelowTheIdleFloor() public {
        policy.limits.minIdleBps = 7000;
        start(policy);
        rebalance(moves(deposits(0, 30 * PERCENT)));
        vm.startPrank(DEPOSITOR);
        vault.withdraw(50 * PERCENT, DEPOSITOR, DEPOSITOR);
        vm.stopPrank();
        skip(1 hours);
        rebalance(moves(withdraws(0, PERCENT)));
        assertEq(asset.balanceOf(address(vault)), 21 * PERCENT);
    }

    function test_Rebalance_FloorsAndCapsRoundAgainstTheAgent() public {
        policy.agents[0].maxTurnoverBps = 8000;
        policy.strategies[0].minWeightBps = 1000;
        policy.strategies[1].maxWeightBps = 1000;
        policy.limits.minIdleBps = 1000;
        start(policy);
        asset.mint(DEPOSITOR, 5);
        vm.startPrank(DEPOSITOR);
        asset.approve(address(vault), 5);
        vault.deposit(5, DEPOSITOR);
        vm.stopPrank();
        skip(1 hours);
        (uint256 nav, uint256 base,) = vault.checkpointState();
        assertEq(nav, DEPOSIT + 5);
        assertEq(base, DEPOSIT + 5);
        // A tenth of it is a round number and a half.
        uint256 half = 10 * PERCENT;
        refuses(AGENT, moves(deposits(1, half + 1)), Rule.Weight, half + 1, half);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(1 hours);
        refuses(AGENT, moves(withdraws(0, 10 * PERCENT)), Rule.Floor, half, half + 1);
        rebalance(moves(withdraws(0, 10 * PERCENT - 1)));
        vm.startPrank(DEPOSITOR);
        vault.withdraw(asset.balanceOf(address(vault)) - 15 * PERCENT, DEPOSITOR, DEPOSITOR);
        vm.stopPrank();
        skip(1 days);
        vault.checkpoint();
        (nav,,) = vault.checkpointState();
        uint256 floor = (nav + 9) / 10;
        assertNotEq(nav % 10, 0);
        uint256 spare = asset.balanceOf(address(vault)) - floor;
        refuses(AGENT, moves(deposits(2, spare + 1)), Rule.Idle, floor - 1, floor);
        rebalance(moves(deposits(2, spare)));
    }

    // R12

    function test_Rebalance_FillsTheAgentsLoss() public {
        _widenBands();
        start(policy);
        uint256 limit = PERCENT * 80 / 100;
        strategies[0].setNextDepositHaircut(limit + 1);
        refuses(AGENT, moves(deposits(0, 30 * PERCENT)), Rule.Loss, limit + 1, limit);
        strategies[0].setNextDepositHaircut(limit);
        rebalance(moves(deposits(0, 30 * PERCENT)));
        assertEq(guard.agentState(AGENT).loss.levelWad, 1e18);
        assertEq(guard.guardState().loss.levelWad, 0.8e18);
    }

    function test_Rebalance_FillsTheVaultsLoss() public {
        _widenBands();
        start(policy);
        strategies[0].setNextDepositHaircut(PERCENT / 2);
        rebalance(moves(deposits(0, 30 * PERCENT)));
        strategies[1].setNextDepositHaircut(PERCENT / 2 + 1);
        refuses(OTHER_AGENT, moves(deposits(1, 30 * PERCENT)), Rule.Loss, PERCENT + 1, PERCENT);
        strategies[1].setNextDepositHaircut(PERCENT / 2);
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, 30 * PERCENT))));
        assertEq(guard.guardState().loss.levelWad, 1e18);
        assertEq(guard.agentState(OTHER_AGENT).loss.levelWad, 0.5e18);
    }

    function test_RevertWhen_AGainWouldHideALoss() public {
        _widenBands();
        start(policy);
        uint256 limit = PERCENT * 80 / 100;
        MockStrategy gaining = strategies[1];
        gaining.setCall(
            address(gaining), abi.encodeCall(MockStrategy.setPreviewOffset, (SafeCast.toInt256(5 * PERCENT)))
        );
        strategies[0].setNextDepositHaircut(limit + 1);
        refuses(AGENT, moves(deposits(0, 20 * PERCENT), deposits(1, 20 * PERCENT)), Rule.Loss, limit + 1, limit);
    }

    function test_RevertWhen_AStrategyPaysLessThanItSays() public {
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(1 hours);
        uint256 limit = PERCENT * 80 / 100;
        strategies[0].setNextPayoutShortfall(limit + 1);
        refuses(AGENT, moves(withdraws(0, 10 * PERCENT)), Rule.Loss, limit + 1, limit);
        strategies[0].setNextPayoutShortfall(limit);
        rebalance(moves(withdraws(0, 10 * PERCENT)));
        assertEq(asset.balanceOf(address(vault)), 90 * PERCENT - limit);
    }

    function test_Rebalance_LossesOfSeveralLegsAddUp() public {
        _widenBands();
        start(policy);
        uint256 limit = PERCENT * 80 / 100;
        strategies[0].setNextDepositHaircut(limit / 2);
        strategies[1].setNextDepositHaircut(limit / 2 + 1);
        refuses(AGENT, moves(deposits(0, 20 * PERCENT), deposits(1, 20 * PERCENT)), Rule.Loss, limit + 1, limit);
        strategies[1].setNextDepositHaircut(limit / 2);
        rebalance(moves(deposits(0, 20 * PERCENT), deposits(1, 20 * PERCENT)));
        assertEq(guard.agentState(AGENT).loss.levelWad, 1e18);
    }

    function _widenBands() private {
        for (uint256 i = 0; i < 3; ++i) {
            policy.strategies[i].priceBandBps = 9999;
        }
    }

    function _store(Policy memory document) private {
        policy.schemaVersion = document.schemaVersion;
        policy.limits = document.limits;
        policy.objective = document.objective;
        for (uint256 i = 0; i < document.strategies.length; ++i) {
            policy.strategies.push(document.strategies[i]);
        }
        for (uint256 i = 0; i < document.agents.length; ++i) {
            policy.agents.push(document.agents[i]);
        }
    }
}
