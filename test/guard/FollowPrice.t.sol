// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PriceBands} from "../../contracts/guard/PriceBands.sol";
import {PriceReference} from "../../contracts/guard/PriceReference.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy, StrategyPolicy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Anyone has a reference follow its price. The band is 1 %, growth 0.4 % a day, the first reference 1:1. The
/// first strategy is held by a stranger alone, who earns, loses and pushes by gifts to it; the second one is a test
/// strategy that can be told to misbehave.
contract FollowPriceTest is GuardFixture {
    uint256 private constant ONE = 1 << 128;
    uint256 private constant GROWTH = 0.004e18;
    uint256 private constant STAKE = 1_000_000 * UNIT;

    uint256 private adoptedAt;
    HostileStrategy private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileStrategy(TestToken(address(asset)));
        Policy memory policy = defaultPolicy();
        policy.limits.maxGrowthWad = SafeCast.toUint64(GROWTH);
        policy.strategies[1].strategy = address(hostile);
        start(policy);
        adoptedAt = START + 1 hours;
        asset.mint(STRANGER, 2 * STAKE);
        vm.startPrank(STRANGER);
        asset.approve(address(strategies[0]), STAKE);
        strategies[0].deposit(STAKE, STRANGER);
        vm.stopPrank();
    }

    // What it does

    function test_FollowPrice_AnUnheldStrategyComesBackIntoReachDayByDay() public {
        _earn(300);
        vm.warp(adoptedAt + 90 days);
        vault.checkpoint();
        uint256 price = _price();
        // 3 % above: shut, and no leg can open it.
        (Rule rule,,) = guard.firstRefusal(plan(AGENT, moves(deposits(0, 1000 * UNIT))), AGENT, block.timestamp);
        assertEq(uint256(rule), uint256(Rule.Price));
        // One band for the time that it stood, then 0.4 % a day, until 1.03 is within 1 % of it.
        uint256 expected = _storedDown(ONE + ONE / 100);
        assertEq(_follow(STRANGER), expected);
        for (uint256 i = 0; i < 3; ++i) {
            (rule,,) = guard.firstRefusal(plan(AGENT, moves(deposits(0, 1000 * UNIT))), AGENT, block.timestamp);
            assertEq(uint256(rule), uint256(Rule.Price));
            skip(1 days);
            expected = _storedDown(expected + expected * 4 / 1000);
            assertEq(_follow(STRANGER), expected);
        }
        assertLt(expected, price);
        vault.checkpoint();
        rebalance(moves(deposits(0, 1000 * UNIT)));
        assertApproxEqAbs(held(0), 1000 * UNIT, 2);
    }

    function test_FollowPrice_ReachesThePriceAndTellsIt() public {
        _earn(30);
        vm.warp(adoptedAt + 1 days);
        uint256 after_ = _storedDown(_price());
        assertApproxEqAbs(after_, ONE * 1003 / 1000, ONE / 1e9);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.PriceFollowed(STRANGER, address(strategies[0]), ONE, after_);
        assertEq(_follow(STRANGER), after_);
        assertEq(guard.strategyStates()[0].referencePrice, after_);
        assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
        // The others stay what they were.
        for (uint256 i = 1; i < 3; ++i) {
            assertEq(guard.strategyStates()[i].referencePrice, ONE);
            assertEq(guard.strategyStates()[i].referenceAt, adoptedAt);
        }
    }

    function test_FollowPrice_GoesDownAsItGoesUp() public {
        strategies[0].setPreviewOffset(-int256(uint256(1 << 30) * 3 / 1000));
        vm.warp(adoptedAt + 1 days);
        uint256 value = (1 << 30) - uint256(1 << 30) * 3 / 1000;
        assertEq(_follow(STRANGER), _storedDown(ONE * (value + 1) / (1 << 30)));
        strategies[0].setPreviewOffset(-int256(uint256(1 << 30)));
        skip(300 days);
        uint256 reference_ = guard.strategyStates()[0].referencePrice;
        assertEq(_follow(STRANGER), _storedDown(reference_ - reference_ / 100));
    }

    function test_FollowPrice_AtADayAndASecondBefore() public {
        _earn(30);
        vm.warp(adoptedAt + 1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.FollowedWithinADay.selector, adoptedAt + 1 days));
        guard.followPrice(0);
        skip(1);
        guard.followPrice(0);
        // Nor twice in a day, whoever followed before.
        uint256 next = block.timestamp + 1 days;
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.FollowedWithinADay.selector, next));
        guard.followPrice(0);
        vm.warp(next - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.FollowedWithinADay.selector, next));
        guard.followPrice(0);
        vm.warp(next);
        guard.followPrice(0);
    }

    function test_FollowPrice_NotADayAfterALegThatFollowed() public {
        vm.warp(adoptedAt + 2 days);
        vault.checkpoint();
        rebalance(moves(deposits(0, 1000)));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.FollowedWithinADay.selector, block.timestamp + 1 days));
        guard.followPrice(0);
        // And a leg does not follow again on the same day as it.
        vm.warp(adoptedAt + 4 days);
        vault.checkpoint();
        guard.followPrice(0);
        uint256 at = block.timestamp;
        skip(1 days - 1);
        vault.checkpoint();
        rebalance(moves(deposits(0, 1000)));
        assertEq(guard.strategyStates()[0].referenceAt, at);
    }

    function test_FollowPrice_GoesAsFarAsGrowthThenAsFarAsTheBand() public {
        _earn(5000);
        // 0.4 % a day reaches the band of 1 % after two days and a half.
        uint256 snapshot = vm.snapshotState();
        vm.warp(adoptedAt + 2.5 days - 1);
        assertEq(_follow(STRANGER), _storedDown(ONE + ONE * 4 * (2.5 days - 1) / 1000 / 1 days));
        vm.revertToState(snapshot);
        vm.warp(adoptedAt + 2.5 days);
        assertEq(_follow(STRANGER), _storedDown(ONE + ONE / 100));
        vm.revertToState(snapshot);
        vm.warp(adoptedAt + 300 days);
        assertEq(_follow(STRANGER), _storedDown(ONE + ONE / 100));
    }

    function test_Rebalance_AWithdrawalFarAboveTheBandMovesTheReferenceByOneBand() public {
        rebalance(moves(deposits(0, 1000 * UNIT)));
        vm.warp(adoptedAt + 200 days);
        _earn(5000);
        vault.checkpoint();
        rebalance(moves(withdraws(0, UNIT)));
        assertEq(guard.strategyStates()[0].referencePrice, _storedDown(ONE + ONE / 100));
    }

    function test_FollowPrice_WithoutGrowthNothingMoves() public {
        Policy memory policy = _policy();
        policy.limits.maxGrowthWad = 0;
        adopt(policy);
        _earn(5000);
        skip(100 days);
        assertEq(_follow(STRANGER), ONE);
    }

    // Who, when, and what stays as it is

    function test_FollowPrice_AnyoneInEveryMode() public {
        address[5] memory callers = [OWNER, GUARDIAN, AGENT, DEPOSITOR, STRANGER];
        for (uint256 i = 0; i < callers.length; ++i) {
            skip(1 days);
            _follow(callers[i]);
            assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
        }
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        skip(1 days);
        _follow(STRANGER);
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        skip(1 days);
        _follow(STRANGER);
        assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
    }

    function test_FollowPrice_OfAStrategyThatIsClosedOrWrittenOff() public {
        Policy memory policy = _policy();
        policy.strategies[0].status = StrategyStatus.ExitOnly;
        policy.strategies[2].status = StrategyStatus.WrittenOff;
        adopt(policy);
        skip(1 days);
        guard.followPrice(0);
        guard.followPrice(2);
        assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
        assertEq(guard.strategyStates()[2].referenceAt, block.timestamp);
    }

    function test_FollowPrice_APlanInFlightIsAsValidAsBefore() public {
        vm.warp(adoptedAt + 2 days);
        vault.checkpoint();
        Rebalance memory inFlight = plan(AGENT, moves(deposits(0, 1000)));
        inFlight.vaultCount = guard.guardState().rebalanceCount;
        bytes32 before = keccak256(abi.encode(guard.guardState(), guard.agentState(AGENT), vault.navState()));
        for (uint8 i = 0; i < 3; ++i) {
            vm.prank(STRANGER);
            guard.followPrice(i);
        }
        assertEq(before, keccak256(abi.encode(guard.guardState(), guard.agentState(AGENT), vault.navState())));
        rebalanceAs(AGENT, inFlight);
        assertEq(held(0), 1000);
    }

    function test_RevertWhen_FollowingPastTheList() public {
        skip(1 days);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 3));
        guard.followPrice(3);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 255));
        guard.followPrice(255);
    }

    function test_RevertWhen_FollowingBeforeAnyPolicy() public {
        deployTreasury();
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 0));
        guard.followPrice(0);
    }

    // Adversaries

    /// @dev The share is worth a unit, so that its own price is one of rounding: anything from 1 to 2.
    function test_FollowPrice_AGiftOfOneShareChangesNothing() public {
        _earn(30);
        uint256 snapshot = vm.snapshotState();
        vm.warp(adoptedAt + 1 days);
        uint256 without = _follow(STRANGER);
        vm.revertToState(snapshot);
        vm.prank(STRANGER);
        assertTrue(strategies[0].transfer(address(vault), 1));
        vm.warp(adoptedAt + 1 days);
        assertEq(_follow(STRANGER), without);
    }

    function test_FollowPrice_APushInOneTransactionMovesItByTheStepAlone() public {
        vm.warp(adoptedAt + 1 days);
        _earn(90_000);
        assertEq(_follow(STRANGER), _storedDown(ONE + ONE * 4 / 1000));
    }

    function test_FollowPrice_APushedReferenceBlocksNeitherExitsNorThePull() public {
        rebalance(moves(deposits(0, 1000 * UNIT)));
        uint256 price = _price();
        for (uint256 i = 0; i < 20; ++i) {
            skip(1 days);
            strategies[0].setPreviewOffset(1 << 40);
            _follow(STRANGER);
            strategies[0].setPreviewOffset(0);
        }
        assertEq(_price(), price);
        vault.checkpoint();
        // The agent is shut out, as R13 says.
        (Rule rule,,) = guard.firstRefusal(plan(AGENT, moves(withdraws(0, UNIT))), AGENT, block.timestamp);
        assertEq(uint256(rule), uint256(Rule.Price));
        vm.prank(DEPOSITOR);
        vault.redeem(UNIT, DEPOSITOR, DEPOSITOR);
        vm.prank(GUARDIAN);
        guard.pull(0, ALL_ASSETS, 999 * UNIT);
        assertEq(held(0), 0);
    }

    function test_RevertWhen_TheStrategyTellsNoPrice() public {
        skip(1 days);
        bytes32 before = _state();
        HostileStrategy.Fault[3] memory faults =
            [HostileStrategy.Fault.Revert, HostileStrategy.Fault.EatGas, HostileStrategy.Fault.ReturnGarbage];
        for (uint256 i = 0; i < faults.length; ++i) {
            hostile.setReadFault(faults[i]);
            uint256 given = gasleft();
            vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.PriceUnreadable.selector, address(hostile)));
            guard.followPrice(1);
            assertLt(given - gasleft(), 1_200_000);
        }
        hostile.setReadFault(HostileStrategy.Fault.None);
        // More than an amount can be.
        bytes memory question =
            abi.encodeCall(IERC4626.previewRedeem, (PriceBands.unitSharesUp(guard.strategyStates()[1].referencePrice)));
        vm.mockCall(address(hostile), question, abi.encode(uint256(1 << 128)));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.PriceUnreadable.selector, address(hostile)));
        guard.followPrice(1);
        assertEq(_state(), before);
        // One that can be is believed, as far as the step goes.
        vm.mockCall(address(hostile), question, abi.encode(uint256((1 << 128) - 1)));
        assertEq(guard.followPrice(1), _storedDown(ONE + ONE * 4 * (block.timestamp - adoptedAt) / 1 days / 1000));
    }

    function test_RevertWhen_TheCallerBringsTooLittleGas() public {
        skip(1 days);
        hostile.setReadFault(HostileStrategy.Fault.EatGas);
        (bool isDone, bytes memory answer) =
            address(guard).call{gas: 1_000_000}(abi.encodeCall(IPolicyGuard.followPrice, (1)));
        assertFalse(isDone);
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(bytes4(answer), ITreasuryVault.GasTooLow.selector);
    }

    function test_RevertWhen_FollowedInTheMidstOfAnExit() public {
        asset.mint(address(this), 2000 * UNIT);
        asset.approve(address(vault), 1000 * UNIT);
        rebalance(moves(deposits(1, 100_000 * UNIT)));
        skip(2 days);
        hostile.setCall(address(guard), abi.encodeCall(IPolicyGuard.followPrice, (1)));
        vm.startPrank(DEPOSITOR);
        vault.redeem(vault.balanceOf(DEPOSITOR), DEPOSITOR, DEPOSITOR);
        vm.stopPrank();
        assertEq(held(2), 0);
        assertTrue(hostile.hasCallReverted());
        assertEq(hostile.callAnswer(), abi.encodeWithSelector(ITreasuryVault.Locked.selector));
        assertEq(guard.strategyStates()[1].referenceAt, adoptedAt);
    }

    /// @dev Whatever price the hostile caller makes, and however often and whenever it calls: the reference is never
    /// further away than growth allows since the beginning, and one band.
    function testFuzz_FollowPrice_NeverFasterThanGrowthAndOneBand(uint256[12] memory gaps, uint256[12] memory prices)
        public
    {
        uint256 start_ = block.timestamp;
        uint256 reference_ = ONE;
        // In every step the reference grows by no more than this factor; products of them are compounded growth.
        for (uint256 i = 0; i < gaps.length; ++i) {
            skip(bound(gaps[i], 0, 4 days));
            // From nothing to four times.
            strategies[0].setPreviewOffset(int256(bound(prices[i], 0, 1 << 32)) - int256(uint256(1 << 30)));
            uint256 at = guard.strategyStates()[0].referenceAt;
            vm.prank(STRANGER);
            // forge-lint: disable-next-line(block-timestamp)
            if (block.timestamp < at + 1 days) {
                vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.FollowedWithinADay.selector, at + 1 days));
                guard.followPrice(0);
                continue;
            }
            uint256 next = guard.followPrice(0);
            uint256 moved = next > reference_ ? next - reference_ : reference_ - next;
            uint256 grain = reference_ >> 43;
            assertLe(moved, reference_ * GROWTH * (block.timestamp - at) / 1e18 / 1 days + grain, "growth");
            assertLe(moved, reference_ / 100 + grain, "band");
            reference_ = next;
        }
        // Each step ends a day or more after the one before, so that bands do not add up: over all the time there is
        // growth, compounded, and the one band of the time that the reference stood before.
        uint256 days_ = (block.timestamp - start_) / 1 days + 1;
        uint256 most = ONE + ONE / 100;
        uint256 least = ONE - ONE / 100;
        for (uint256 i = 0; i < days_; ++i) {
            (most, least) = (most + most * 4 / 1000, least - least * 4 / 1000);
        }
        assertLe(reference_, most + (ONE >> 40));
        assertGe(reference_, least - (ONE >> 40));
    }

    function _policy() private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.limits.maxGrowthWad = SafeCast.toUint64(GROWTH);
        policy.strategies[1].strategy = address(hostile);
    }

    function _follow(address caller) private returns (uint256) {
        vm.prank(caller);
        return guard.followPrice(0);
    }

    /// @dev The strategy's price rises by so many ten-thousandths.
    function _earn(uint256 bps) private {
        asset.mint(address(strategies[0]), STAKE * bps / 10_000);
    }

    function _price() private view returns (uint256) {
        uint256 shares = PriceBands.unitSharesUp(guard.strategyStates()[0].referencePrice);
        return strategies[0].previewRedeem(shares) * ONE / shares;
    }

    function _state() private view returns (bytes32) {
        return keccak256(abi.encode(guard.strategyStates(), guard.guardState(), vault.navState()));
    }

    function _storedDown(uint256 price) private pure returns (uint256) {
        return PriceReference.unpack(PriceReference.packDown(price, 0)).price;
    }
}
