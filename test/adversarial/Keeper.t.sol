// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {GroupPolicy, Mode, ObjectiveKind, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {Arena} from "./Arena.sol";

/// @notice Attacks by or through the agent, one rule each.
contract KeeperIncidents is Arena {
    uint256 private constant LOSS_BPS = 100;
    uint256 private constant CAPACITY = HONEST * LOSS_BPS / 10_000;

    /// The agent names no least amount, and the venue pays one per cent: what arrives is measured, not what is said.
    function test_Incident15_YO_QuoteOfTheVenueIsNoBound() public {
        _rebalance(_one(_in(2, 200_000 * UNIT)));
        odd.setShortPayBps(9900);
        uint256 money = _money();

        _assertRefused(_one(_out(2, 100_000 * UNIT)), Rule.Loss, "an amount");
        assertEq(_money(), money);
        // Small enough for the bucket, and then no more.
        _assertRefused(_one(_out(2, CAPACITY * 10_000 / 9900)), Rule.None, "the whole bucket");
        _assertRefused(_one(_out(2, 100 * UNIT)), Rule.Loss, "and nothing after it");
        assertGe(_money() + CAPACITY + 1, money);
    }

    function test_Incident16_YearnTreasury_WholeBalanceInsteadOfAPart() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        Policy memory policy = _terms();
        policy.agents[0].maxTurnoverBps = 500;
        _impose(policy);
        skip(1 days);

        _assertRefused(_one(_out(0, _all())), Rule.Turnover, "everything");
        _assertRefused(_one(_out(0, HONEST / 20 + 1)), Rule.Turnover, "one unit past five per cent");
        assertEq(_position(steady), 500_000 * UNIT);
        _assertRefused(_one(_out(0, HONEST / 20)), Rule.None, "five per cent");
    }

    function test_Incident17_RepeatedSlippage_ThousandRoundTripsLoseOneBucket() public {
        Policy memory policy = _terms();
        policy.limits.maxLossBps = 2;
        policy.agents[0].maxLossBps = 2;
        _impose(policy);
        // The fee of those who leave goes to those who stay, and that is the thief.
        _supply(other, THIEF, HONEST, THIEF);
        other.setExitFeeBps(50);
        uint256 start = block.timestamp;
        uint256 refusals = 0;
        for (uint256 i = 0; i < 1000; ++i) {
            Rule rule = _send(_one(_in(1, 400 * UNIT)));
            if (rule == Rule.Loss) ++refusals;
            else if (rule == Rule.None) _send(_one(_out(1, _all())));
            skip(1);
        }
        uint256 capacity = HONEST * 2 / 10_000;
        uint256 most = capacity + capacity * (block.timestamp - start) / 1 days + 1;
        assertGe(_money() + most, HONEST);
        assertLt(_money(), HONEST - capacity * 9 / 10, "the bucket was emptied");
        assertGt(refusals, 800, "and then it held");
    }

    function test_Incident18_DayBoundary_NothingIsSpentTwice() public {
        other.setExitFeeBps(500);
        vm.warp((block.timestamp / 1 days + 1) * 1 days - 1);
        vault.checkpoint();
        // A deposit loses the fee on its way out: a twentieth.
        _assertRefused(_one(_in(1, CAPACITY * 20 * 99 / 100)), Rule.None, "23:59:59");
        skip(1);
        _assertRefused(_one(_in(1, CAPACITY * 20 * 99 / 100)), Rule.Loss, "00:00:00");
        _assertRefused(_one(_in(1, CAPACITY * 20 * 2 / 100)), Rule.Loss, "not even a fiftieth of it");
        assertGe(_money() + CAPACITY + CAPACITY / 1 days + 1, HONEST);
    }

    function test_Incident18_DayBoundary_GainAddsNoRoom() public {
        _supply(odd, THIEF, 300_000 * UNIT, THIEF);
        other.setExitFeeBps(500);
        _rebalance(_one(_in(0, 300_000 * UNIT)));
        _nextBlock();
        _rebalance(_one(_in(2, 100_000 * UNIT)));
        // The odd strategy pays its depositors for coming: a gain in the middle of the rebalance.
        odd.setCall(address(odd), abi.encodeWithSignature("gain(uint256)", CAPACITY));
        _assertRefused(_two(_in(1, CAPACITY * 20 + 20), _in(2, 100_000 * UNIT)), Rule.Loss, "one past the bucket");
        // And one before it; only what may be recognised of it in a block, two parts in a million, makes the base
        // larger.
        steady.gain(CAPACITY);
        vault.checkpoint();
        uint256 past = CAPACITY * 20 + CAPACITY / 1000;
        _assertRefused(_two(_in(1, past), _in(2, 100_000 * UNIT)), Rule.Loss, "nor a gain before it");
        _assertRefused(_two(_in(1, CAPACITY * 20), _in(2, 100_000 * UNIT)), Rule.None, "the bucket");
    }

    function test_Incident19_WindowIndex_OnePeriodHasOneCounter() public {
        Policy memory policy = _terms();
        policy.limits.maxTurnoverBps = 1000;
        policy.limits.windowSeconds = 1 days;
        _impose(policy);
        uint256 capacity = HONEST / 10;
        uint256 moved = 0;
        // Every hour, and at odd seconds, as much as is left by our own count of it.
        for (uint256 i = 0; i < 12; ++i) {
            _assertRefused(_one(_in(0, capacity)), i == 0 ? Rule.None : Rule.Turnover, "the whole of it, once");
            if (i == 0) moved = capacity;
            skip(1 hours + 7);
        }
        assertEq(_position(steady), moved);
        skip(1 days - 12 * (1 hours + 7) - 1);
        _assertRefused(_one(_in(0, capacity)), Rule.Turnover, "a second before the period is over");
        skip(1);
        _assertRefused(_one(_in(0, capacity)), Rule.None, "when it is over");
    }

    /// Every limit is asked of the entry that changes state, without a look at any view before.
    function test_Incident20_AdvisoryCooldown_EveryLimitHoldsAtTheEntry() public {
        Policy memory policy = _terms();
        policy.limits.cooldownSeconds = 1 hours;
        policy.limits.minIdleBps = 1000;
        policy.limits.maxTurnoverBps = 9000;
        policy.agents[0].scope = 5;
        policy.strategies[0].maxWeightBps = 5000;
        policy.strategies[0].minWeightBps = 1000;
        _impose(policy);
        _rebalance(_one(_in(0, 400_000 * UNIT)));

        _assertRefused(_one(_in(0, UNIT)), Rule.Cooldown, "R5");
        skip(1 days);
        _assertRefused(_one(_in(1, UNIT)), Rule.Scope, "R3");
        Rebalance memory plan = _plan(_one(_in(0, UNIT)));
        plan.deadline -= 1;
        assertEq(uint8(_send(plan)), uint8(Rule.Freshness), "R4");
        _assertRefused(_two(_in(0, UNIT), _in(0, UNIT)), Rule.Shape, "R6");
        _assertRefused(_two(_out(0, 400_000 * UNIT), _in(2, 501_000 * UNIT)), Rule.Turnover, "R7");
        _assertRefused(_one(_in(0, 100_000 * UNIT + 1)), Rule.Weight, "R8");
        _assertRefused(_one(_out(0, 300_000 * UNIT + 1)), Rule.Floor, "R10");
        _assertRefused(_one(_in(2, 500_000 * UNIT + 1)), Rule.Idle, "R11");
        odd.setExitFeeBps(500);
        _assertRefused(_one(_in(2, 300_000 * UNIT)), Rule.Loss, "R12");
        odd.setExitFeeBps(0);
        uint256 snapshot = vm.snapshotState();
        steady.gain(50_000 * UNIT);
        _assertRefused(_one(_in(0, UNIT)), Rule.Price, "R13");
        vm.revertToState(snapshot);

        policy.groups = new GroupPolicy[](1);
        policy.groups[0] = GroupPolicy({name: "protocol", maxWeightBps: 4500, cap: type(uint120).max});
        policy.strategies[0].groups = 1;
        policy.objective.kind = ObjectiveKind.TargetWeights;
        policy.objective.bandBps = 200;
        policy.objective.targetWeightsBps = new uint16[](3);
        policy.objective.targetWeightsBps[0] = 4000;
        policy.objective.targetWeightsBps[2] = 1000;
        _impose(policy);
        skip(1 days);
        _assertRefused(_one(_in(0, 50_000 * UNIT + 1)), Rule.Group, "R9");
        _assertRefused(_one(_in(0, 20_000 * UNIT + 1)), Rule.Objective, "R14, past the band");
        _assertRefused(_one(_out(0, 20_000 * UNIT + 1)), Rule.Objective, "R14, short of it");

        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        _assertRefused(_one(_in(0, UNIT)), Rule.Mode, "R1");
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        _assertRefused(_one(_out(0, UNIT)), Rule.Mandate, "R2");
        assertEq(_position(steady), 400_000 * UNIT, "nothing moved");
    }

    function test_Incident21_IporRatchet_StepsDoNotPullTheReferenceAlong() public {
        _rebalance(_one(_in(0, 100_000 * UNIT)));
        uint256 first = steady.previewRedeem(1e12);
        // Nine tenths of the band at every step, a step every hour for two days.
        uint256 highest = first;
        for (uint256 i = 0; i < 48; ++i) {
            skip(1 hours);
            uint256 push = asset.balanceOf(address(steady)) * 9 / 100;
            steady.gain(push);
            if (_send(_one(_in(0, UNIT))) == Rule.None) highest = steady.previewRedeem(1e12);
            else steady.lose(push);
        }
        // The band of ten per cent, and what the reference may grow by on its own in two days.
        assertLe(highest, first * 110 / 100 * 102 / 100 + 2);
        assertGt(highest, first, "steps were made");
    }

    /// An accomplice lifts the price fivefold for one withdrawal, which no band forbids, after a year without a leg.
    function test_Incident21_IporRatchet_OneLegFarAboveMovesTheReferenceByOneBand() public {
        _rebalance(_one(_in(0, 100_000 * UNIT)));
        uint256 before = guard.strategyStates()[0].referencePrice;
        skip(365 days);
        uint256 push = asset.balanceOf(address(steady)) * 4;
        steady.gain(push);
        _assertRefused(_one(_out(0, UNIT)), Rule.None, "up is no reason to stay");
        steady.lose(push);
        uint256 band = _terms().strategies[0].priceBandBps;
        uint256 moved = guard.strategyStates()[0].referencePrice - before;
        assertGt(moved, 0);
        assertLe(moved, before * band / 10_000);
        // So at the true price a deposit still stands inside the band, and nothing above it is bought into.
        _assertRefused(_one(_in(0, UNIT)), Rule.None, "the true price");
    }

    /// Nobody's agent: an outsider who can move the price has the reference follow it as often as the guard lets
    /// anybody.
    function test_Incident21_IporRatchet_AnOutsiderDragsAReferenceNoFasterThanGrowth() public {
        _rebalance(_one(_in(0, 100_000 * UNIT)));
        uint256 first = guard.strategyStates()[0].referencePrice;
        uint256 reference_ = first;
        for (uint256 i = 0; i < 48; ++i) {
            skip(1 hours);
            uint256 push = asset.balanceOf(address(steady));
            steady.gain(push);
            vm.prank(THIEF);
            try guard.followPrice(0) returns (uint256 next) {
                reference_ = next;
            } catch {}
            steady.lose(push);
        }
        assertGt(reference_, first, "it was dragged");
        // Two days of growth, compounded, and the hours that it had stood before.
        assertLe(reference_, first * 103 / 100);
        // It costs the outsider's pushes and takes nothing: depositors leave as ever, the guardian pulls.
        vm.prank(GUARDIAN);
        guard.pull(0, ALL_ASSETS, 99_999 * UNIT);
        assertGe(_money() + 2, HONEST);
    }

    function test_Incident22_RelativeCap_FlashDepositEnlargesNoCap() public {
        _seasonBy(1 days);
        asset.mint(THIEF, 9 * HONEST);
        _enterNow(THIEF, 9 * HONEST);
        vault.checkpoint();
        _assertRefused(_one(_in(0, HONEST / 5 + 1)), Rule.Weight, "in the transaction of the deposit");
        uint256 snapshot = vm.snapshotState();
        _assertRefused(_one(_in(0, HONEST / 5 - UNIT)), Rule.None, "the honest cap stays open");
        vm.revertToState(snapshot);

        // A block later: the new capital counts by the part of the day that it was there.
        _nextBlock();
        uint256 counted = HONEST + 10 * HONEST * BLOCK_SECONDS / 1 days;
        _assertRefused(_one(_in(0, counted / 5 + UNIT)), Rule.Weight, "in the next block");
        _leave(THIEF);
        assertLe(asset.balanceOf(THIEF), 9 * HONEST);
    }

    function test_Incident22_RelativeCap_MoneyThatPassedThroughLeavesNoTrace() public {
        _seasonBy(1 days);
        asset.mint(THIEF, 9 * HONEST);
        for (uint256 i = 0; i < 20; ++i) {
            _enterNow(THIEF, asset.balanceOf(THIEF));
            _nextBlock();
            _leave(THIEF);
        }
        _assertRefused(_one(_in(0, HONEST / 5 + UNIT)), Rule.Weight, "after it left");
        assertLe(asset.balanceOf(THIEF), 9 * HONEST);
    }

    function test_RevertWhen_Incident25_Replay_SamePlanTwice() public {
        Rebalance memory plan = _plan(_one(_in(0, UNIT)));
        assertEq(uint8(_send(plan)), uint8(Rule.None));
        _assertStale(plan, 0, 1);
        assertEq(_position(steady), UNIT, "once");
    }

    function test_RevertWhen_Incident25_StalePlan_DeadlinePassed() public {
        Rebalance memory plan = _plan(_one(_in(0, UNIT)));
        skip(1);
        _assertStale(plan, block.timestamp, block.timestamp - 1);
        assertEq(_position(steady), 0);
    }

    function test_RevertWhen_Incident25_StalePlan_PolicyChangedUnderIt() public {
        Rebalance memory plan = _plan(_one(_in(0, UNIT)));
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        plan.moves[0].isDeposit = false;
        _assertStale(plan, 1, 2);
        assertEq(_position(steady), 0);
    }

    function test_RevertWhen_Incident25_StalePlan_SomebodyElseMovedMeanwhile() public {
        _rebalance(_one(_in(0, 1000 * UNIT)));
        Rebalance memory plan = _plan(_one(_in(0, UNIT)));
        plan.vaultCount = 1;
        vm.prank(GUARDIAN);
        guard.pull(0, 500e6, 0);
        _assertStale(plan, 1, 2);
        assertEq(_position(steady), 500 * UNIT);
    }

    function _seasonBy(uint32 secondsToSeason) private {
        Policy memory policy = _terms();
        policy.limits.seasoningSeconds = secondsToSeason;
        policy.strategies[0].maxWeightBps = 2000;
        policy.strategies[0].status = StrategyStatus.Active;
        _impose(policy);
        skip(secondsToSeason);
        vault.checkpoint();
    }

    function _assertStale(Rebalance memory plan, uint256 observed, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Refused.selector, Rule.Freshness, observed, limit));
        vm.prank(AGENT);
        guard.rebalance(plan);
    }
}
