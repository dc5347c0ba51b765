// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Mode, ObjectiveKind, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Move} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice R14. Targets are 20 %, 1 % and 30 % of NAV, the band is 2 %; NAV is `DEPOSIT`, prices 1:1.
contract ObjectiveRulesTest is GuardFixture {
    uint256 private constant PERCENT = DEPOSIT / 100;

    function test_Rebalance_DepositsUpToTheUpperEdge() public {
        start(_policy());
        _refuses(moves(deposits(0, 22 * PERCENT + 1)), Rule.Objective, 22 * PERCENT + 1, 22 * PERCENT);
        rebalance(moves(deposits(0, 22 * PERCENT)));
        assertEq(held(0), 22 * PERCENT);
    }

    function test_Rebalance_DepositsBelowTheBandTowardsIt() public {
        start(_policy());
        rebalance(moves(deposits(0, 1)));
        rebalance(moves(deposits(0, 5 * PERCENT)));
        assertEq(held(0), 5 * PERCENT + 1);
    }

    function test_Rebalance_WithdrawsDownToTheLowerEdge() public {
        start(_policy());
        rebalance(moves(deposits(0, 22 * PERCENT)));
        skip(1 hours);
        _refuses(moves(withdraws(0, 4 * PERCENT + 1)), Rule.Objective, 18 * PERCENT - 1, 18 * PERCENT);
        rebalance(moves(withdraws(0, 4 * PERCENT)));
        assertEq(held(0), 18 * PERCENT);
    }

    function test_Rebalance_LeavesABandThatReachesZero() public {
        start(_policy());
        // Target 1 %, band 2 %.
        rebalance(moves(deposits(1, 3 * PERCENT)));
        rebalance(moves(withdraws(1, ALL_ASSETS)));
        assertEq(held(1), 0);
    }

    function test_RevertWhen_AllIsTakenOutOfATarget() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(1 hours);
        _refuses(moves(withdraws(0, ALL_ASSETS)), Rule.Objective, 0, 18 * PERCENT);
    }

    function test_Rebalance_AboveTheBandOnlyTowardsIt() public {
        start(_policy());
        rebalance(moves(deposits(0, 22 * PERCENT)));
        skip(1 hours);
        strategies[0].setPreviewOffset(SafeCast.toInt256(PERCENT / 10));
        uint256 above = 22 * PERCENT + PERCENT / 10;
        _refuses(moves(deposits(0, 1)), Rule.Objective, above + 1, 22 * PERCENT);
        // Towards it, and still above it.
        rebalance(moves(withdraws(0, 1)));
        assertEq(strategies[0].balanceOf(address(vault)), 22 * PERCENT - 1);
    }

    function test_Rebalance_BelowTheBandOnlyTowardsIt() public {
        start(_policy());
        rebalance(moves(deposits(0, 10 * PERCENT)));
        skip(1 hours);
        _refuses(moves(withdraws(0, 1)), Rule.Objective, 10 * PERCENT - 1, 18 * PERCENT);
        rebalance(moves(deposits(0, 1)));
        assertEq(held(0), 10 * PERCENT + 1);
    }

    function test_Rebalance_EdgesRoundAgainstTheAgent() public {
        start(_policy());
        asset.mint(DEPOSITOR, 33);
        vm.startPrank(DEPOSITOR);
        asset.approve(address(vault), 33);
        vault.deposit(33, DEPOSITOR);
        vm.stopPrank();
        skip(1 hours);
        vault.checkpoint();
        (uint256 nav,,) = vault.checkpointState();
        uint256 high = nav * 22 / 100;
        assertNotEq(high * 100, nav * 22);
        _refuses(moves(deposits(0, high + 1)), Rule.Objective, high + 1, high);
        rebalance(moves(deposits(0, high)));
        skip(1 hours);
        uint256 low = (nav * 18 + 99) / 100;
        assertNotEq(low * 100, nav * 18);
        _refuses(moves(withdraws(0, high - low + 1)), Rule.Objective, low - 1, low);
        rebalance(moves(withdraws(0, high - low)));
    }

    function test_Rebalance_UpToTheWholeWhereTheBandPassesIt() public {
        Policy memory policy = _policy();
        policy.objective.targetWeightsBps[0] = 9900;
        policy.objective.targetWeightsBps[1] = 0;
        policy.objective.targetWeightsBps[2] = 0;
        policy.strategies[0].maxWeightBps = 10_000;
        start(policy);
        rebalance(moves(deposits(0, DEPOSIT)));
        skip(1 hours);
        // The whole is the upper edge, not 101 %.
        strategies[0].setPreviewOffset(1);
        asset.mint(address(vault), 1);
        policy.strategies[0].maxWeightBps = 10_000;
        (, uint256 base,) = vault.checkpointState();
        assertEq(base, DEPOSIT);
        _refuses(moves(deposits(0, 1)), Rule.Weight, DEPOSIT + 2, DEPOSIT);
    }

    function test_RevertWhen_AClosedStrategyIsNotWoundDown() public {
        Policy memory policy = _policy();
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        policy.strategies[0].status = StrategyStatus.ExitOnly;
        vm.prank(OWNER);
        (, bool isInForce) = guard.submitPolicy(policy);
        assertTrue(isInForce);
        // Its target is zero now: out by any amount, down to nothing.
        rebalance(moves(withdraws(0, 1)));
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        assertEq(held(0), 0);
        _refuses(moves(deposits(0, 1)), Rule.Weight, 1, 0);
    }

    function test_Rebalance_ObjectiveDoesNotHoldInExitOnly() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT)));
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        assertEq(held(0), 0);
    }

    function test_Rebalance_ObjectiveDoesNotHoldUnderYield() public {
        Policy memory policy = _policy();
        policy.objective.kind = ObjectiveKind.Yield;
        policy.objective.targetWeightsBps = new uint16[](0);
        start(policy);
        rebalance(moves(deposits(0, 30 * PERCENT)));
        rebalance(moves(withdraws(0, 30 * PERCENT)));
    }

    function test_RevertWhen_PriceAndObjectiveRefuse_PriceIsNamed() public {
        start(_policy());
        rebalance(moves(deposits(0, 22 * PERCENT)));
        skip(1 hours);
        uint256 bound = (22 * PERCENT + 1) * 101 / 100 + 1;
        strategies[0].setPreviewOffset(SafeCast.toInt256(bound + 1 - 22 * PERCENT - 1));
        _refuses(moves(deposits(0, 1)), Rule.Price, bound + 1, bound);
    }

    function test_RevertWhen_TwoLegsMissTheirTargets_TheFirstIsNamed() public {
        start(_policy());
        Move[] memory list = moves(deposits(1, 4 * PERCENT), deposits(0, 23 * PERCENT));
        _refuses(list, Rule.Objective, 4 * PERCENT, 3 * PERCENT);
    }

    /// @dev By the view and by the door.
    function _refuses(Move[] memory list, Rule rule, uint256 observed, uint256 limit) private {
        assertRefused(AGENT, plan(AGENT, list), rule, observed, limit);
    }

    function _policy() private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.limits.cooldownSeconds = 0;
        policy.limits.minIdleBps = 0;
        policy.limits.windowSeconds = 1 hours;
        policy.limits.maxTurnoverBps = 10_000;
        policy.agents[0].maxTurnoverBps = 10_000;
        policy.objective.kind = ObjectiveKind.TargetWeights;
        policy.objective.bandBps = 200;
        policy.objective.targetWeightsBps = new uint16[](3);
        policy.objective.targetWeightsBps[0] = 2000;
        policy.objective.targetWeightsBps[1] = 100;
        policy.objective.targetWeightsBps[2] = 3000;
    }
}
