// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GuardRules} from "../../contracts/guard/GuardRules.sol";
import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, LegReceipt, Rebalance, Receipt as VaultReceipt} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Pull, trim, guardian slot and ownership.
contract PowersTest is GuardFixture {
    uint256 private constant HELD = 200_000 * UNIT;

    function setUp() public override {
        super.setUp();
        start(defaultPolicy());
        rebalance(moves(deposits(0, HELD), deposits(1, HELD)));
    }

    // Pull

    function test_Pull_BringsAnAmountBack() public {
        uint256 idle = asset.balanceOf(address(vault));
        vm.expectEmit(address(guard));
        emit IPolicyGuard.StrategyPulled(address(strategies[0]), 300);
        vm.prank(GUARDIAN);
        assertEq(guard.pull(0, 300, 300), 300);
        assertEq(asset.balanceOf(address(vault)), idle + 300);
        assertEq(held(0), HELD - 300);
        assertEq(guard.guardState().rebalanceCount, 2);
    }

    function test_Pull_ObeysNoRuleAndFillsNoBucket() public {
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        uint64 turnover = guard.guardState().turnover.levelWad;
        uint64 loss = guard.guardState().loss.levelWad;
        // Half of the payout stays with the strategy, and its price is off its band.
        strategies[0].setNextPayoutShortfall(HELD / 2);
        strategies[0].setPreviewOffset(-SafeCast.toInt256(HELD / 2));
        vm.prank(GUARDIAN);
        assertEq(guard.pull(0, ALL_ASSETS, HELD / 2), HELD / 2);
        assertEq(strategies[0].balanceOf(address(vault)), 0);
        assertEq(guard.guardState().turnover.levelWad, turnover);
        assertEq(guard.guardState().loss.levelWad, loss);
    }

    function test_RevertWhen_PullReturnsLessThanTheGuardianAllows() public {
        strategies[0].setNextPayoutShortfall(1);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.PulledTooLittle.selector, 299, 300));
        vm.prank(GUARDIAN);
        guard.pull(0, 300, 300);
    }

    function test_RevertWhen_AnyoneElsePulls() public {
        address[4] memory others = [OWNER, AGENT, DEPOSITOR, STRANGER];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, others[i]));
            vm.prank(others[i]);
            guard.pull(0, 300, 0);
        }
    }

    function test_RevertWhen_PulledOrTrimmedPastTheList() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 3));
        vm.prank(GUARDIAN);
        guard.pull(3, 300, 0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 3));
        guard.trim(3);
    }

    // Trim

    function test_Trim_BringsDownToTheCap() public {
        _adoptCap(HELD - 500);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.StrategyTrimmed(STRANGER, address(strategies[0]), 500);
        vm.prank(STRANGER);
        assertEq(guard.trim(0), 500);
        assertEq(held(0), HELD - 500);
        assertEq(guard.guardState().rebalanceCount, 2);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NothingToTrim.selector, HELD - 500, HELD - 500));
        guard.trim(0);
    }

    function test_Trim_StopsWhereLiquidityEnds() public {
        _adoptCap(HELD - 500);
        strategies[0].setLiquidity(200);
        assertEq(guard.trim(0), 200);
        strategies[0].setLiquidity(0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NothingLiquid.selector, 300));
        guard.trim(0);
    }

    function test_RevertWhen_TheTrimmedStrategyTellsNoPosition() public {
        _adoptCap(0);
        bytes memory question = abi.encodeCall(strategies[0].balanceOf, (address(vault)));
        vm.mockCall(address(strategies[0]), question, hex"01");
        vm.expectRevert(bytes(hex"01"));
        guard.trim(0);
        bytes memory failure = abi.encode(HELD, HELD);
        vm.mockCallRevert(address(strategies[0]), question, failure);
        vm.expectRevert(failure);
        guard.trim(0);
    }

    function test_Trim_EmptiesAClosedStrategyInEveryMode() public {
        Policy memory policy = defaultPolicy();
        policy.strategies[0].status = StrategyStatus.ExitOnly;
        adopt(policy);
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        assertEq(guard.trim(0), HELD);
        assertEq(strategies[0].balanceOf(address(vault)), 0);
    }

    function test_Trim_FillsTheVaultsLossBucketAndNoOther() public {
        _adoptCap(0);
        uint256 limit = DEPOSIT / 100;
        uint64 agentLevel = guard.agentState(AGENT).loss.levelWad;
        strategies[0].setNextPayoutShortfall(limit + 1);
        expectRefusal(Rule.Loss, limit + 1, limit);
        guard.trim(0);
        strategies[0].setNextPayoutShortfall(limit);
        guard.trim(0);
        assertEq(guard.guardState().loss.levelWad, 1e18);
        assertEq(guard.agentState(AGENT).loss.levelWad, agentLevel);
        assertEq(guard.guardState().turnover.levelWad, uint64(1e18 * (2 * HELD) / (DEPOSIT * 9 / 10)) + 1);
    }

    function test_Trim_HoldsThePriceAsAWithdrawal() public {
        _adoptCap(HELD / 2);
        uint256 bound = HELD * 99 / 100;
        strategies[0].setPreviewOffset(-SafeCast.toInt256(HELD - bound + 2));
        expectRefusal(Rule.Price, bound - 2, bound);
        guard.trim(0);
        strategies[0].setPreviewOffset(-SafeCast.toInt256(HELD - bound + 1));
        guard.trim(0);
    }

    function test_Trim_MovesNoReference() public {
        vm.warp(START + 3 days);
        vault.checkpoint();
        _adoptCap(HELD / 2);
        strategies[0].setPreviewOffset(SafeCast.toInt256(HELD / 200));
        uint256 price = guard.strategyStates()[0].referencePrice;
        guard.trim(0);
        assertEq(guard.strategyStates()[0].referencePrice, price);
    }

    // Guardian slot

    function test_NameGuardian_TakesOfficeAfterTheDelay() public {
        address next = makeAddr("next guardian");
        uint256 at = block.timestamp + 2 days;
        vm.expectEmit(address(guard));
        emit IPolicyGuard.GuardianNamed(next, SafeCast.toUint40(at));
        vm.prank(OWNER);
        guard.nameGuardian(next);
        (address named, uint40 activatableAt) = guard.namedGuardian();
        assertEq(named, next);
        assertEq(activatableAt, at);
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.DelayNotOver.selector, at));
        guard.activateGuardian();
        assertEq(guard.guardian(), GUARDIAN);
        // Neither a veto nor a voiding touches the slot.
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        vm.warp(at);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.GuardianReplaced(GUARDIAN, next);
        vm.prank(STRANGER);
        guard.activateGuardian();
        assertEq(guard.guardian(), next);
        vm.expectRevert(IPolicyGuard.NoGuardianNamed.selector);
        guard.activateGuardian();
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
    }

    function test_RevertWhen_AGuardianNamesAGuardian() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        guard.nameGuardian(STRANGER);
    }

    // Ownership

    function test_AcceptOwnership_MovesInTwoSteps() public {
        address next = makeAddr("next owner");
        vm.expectEmit(address(guard));
        emit IPolicyGuard.OwnershipOffered(OWNER, next);
        vm.prank(OWNER);
        guard.offerOwnership(next);
        assertEq(guard.owner(), OWNER);
        assertEq(guard.offeredOwner(), next);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        vm.prank(STRANGER);
        guard.acceptOwnership();
        vm.expectEmit(address(guard));
        emit IPolicyGuard.OwnershipTransferred(OWNER, next);
        vm.prank(next);
        guard.acceptOwnership();
        assertEq(guard.owner(), next);
        assertEq(guard.offeredOwner(), address(0));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, OWNER));
        vm.prank(OWNER);
        guard.offerOwnership(OWNER);
    }

    function test_RevertWhen_AStrangerOffersOwnership() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        guard.offerOwnership(GUARDIAN);
    }

    function test_OfferOwnership_ToNobodyTakesAnOfferBack() public {
        vm.startPrank(OWNER);
        guard.offerOwnership(STRANGER);
        guard.offerOwnership(address(0));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        vm.prank(STRANGER);
        guard.acceptOwnership();
    }

    // The parts that run by delegatecall

    function test_RevertWhen_TheGovernanceHalfIsCalledDirectly() public {
        IPolicyGuard half = IPolicyGuard(guard.governance());
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, OWNER));
        half.submitPolicy(defaultPolicy());
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, OWNER));
        half.setMode(Mode.Paused);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, OWNER));
        half.acceptOwnership();
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, OWNER));
        half.offerOwnership(OWNER);
    }

    function test_RevertWhen_TheRulesAreCalledDirectly() public {
        GuardRules part = GuardRules(guard.rules());
        Rebalance memory allowed = plan(AGENT, moves(deposits(0, UNIT)));
        vm.startPrank(AGENT);
        vm.expectRevert(GuardRules.NotByGuard.selector);
        part.rebalance(allowed);
        vm.expectRevert(GuardRules.NotByGuard.selector);
        part.rebalanceFor(allowed, AGENT, "");
        vm.expectRevert(GuardRules.NotByGuard.selector);
        part.settle(allowed, AGENT, _harmless());
        // There is no vault behind it.
        vm.expectRevert(bytes(""));
        part.trim(0);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchStrategy.selector, 0));
        part.followPrice(0);
        (Rule rule,,) = part.firstRefusal(allowed, AGENT, block.timestamp);
        assertEq(uint256(rule), uint256(Rule.Mandate));
    }

    /// @dev `settle` believes what it is told, so only the guard's own code may reach it.
    function test_RevertWhen_AStrangerSettlesThroughTheGuard() public {
        Rebalance memory allowed = plan(AGENT, moves(deposits(0, UNIT)));
        bytes memory data = abi.encodeCall(GuardRules.settle, (allowed, AGENT, _harmless()));
        vm.prank(AGENT);
        (bool isDone, bytes memory answer) = address(guard).call(data);
        assertFalse(isDone);
        assertEq(answer, "");
        assertEq(guard.agentState(AGENT).nonce, 1);
    }

    function _harmless() private pure returns (VaultReceipt memory receipt) {
        receipt.legs = new LegReceipt[](1);
    }

    function test_Constructor_CodeFitsTheLimit() public view {
        assertLt(address(guard).code.length, 24_576);
        assertLt(guard.governance().code.length, 24_576);
        assertLt(guard.rules().code.length, 24_576);
        assertLe(address(vault).code.length, 24_576);
        assertLe(type(PolicyGuard).creationCode.length, 49_152);
        assertLe(type(TreasuryVault).creationCode.length, 49_152);
    }

    function _adoptCap(uint256 cap) private {
        Policy memory policy = defaultPolicy();
        policy.strategies[0].cap = SafeCast.toUint128(cap);
        adopt(policy);
    }

    // Birth

    function test_RevertWhen_TheGuardWouldHaveNoOwner() public {
        (TreasuryParameters memory parameters, address vault_, address guard_) = this.deployment();
        bytes memory question = abi.encodeCall(this.deployment, ());
        parameters.owner = address(0);
        vm.mockCall(address(this), question, abi.encode(parameters, vault_, guard_));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, address(0)));
        new PolicyGuard();
        parameters.owner = STRANGER;
        vm.mockCall(address(this), question, abi.encode(parameters, vault_, guard_));
        assertEq(new PolicyGuard().owner(), STRANGER);
    }

    function test_RevertWhen_TheGuardsDeployerIsNoFactory() public {
        vm.prank(STRANGER);
        vm.expectRevert();
        new PolicyGuard();
    }
}
