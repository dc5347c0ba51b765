// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice Attacks on the net asset value: pushed quotes, frozen feeds, losses that are not booked yet.
contract NavIncidents is Arena {
    uint256 private constant FLASH = 280_000_000 * UNIT;
    /// @dev What the live value may fall by before entries close: 10 %.
    uint256 private constant DRAWDOWN_BPS = 1000;

    /// The incident itself: the quote a hundred times up, accounting by anyone, everything out, in one transaction.
    function test_Incident08_Makina_FlashMovedQuoteCannotBeSold() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        uint256 stake = HONEST;
        asset.mint(THIEF, stake);
        _enterNow(THIEF, stake);
        _nextBlock();

        steady.gain(FLASH);
        vault.checkpoint();
        uint256 half = vault.balanceOf(THIEF) / 2;
        vm.startPrank(THIEF);
        vault.redeem(half, THIEF, THIEF);
        vault.withdraw(vault.maxWithdraw(THIEF) / 2, THIEF, THIEF);
        vm.stopPrank();
        steady.lose(FLASH);
        _leaveInKind(THIEF);

        // The residue: growth of 1 % a day that was unused for one block, on everything there is.
        uint256 residue = (stake + HONEST) * BLOCK_SECONDS / 1 days / 100 + 1;
        assertLe(asset.balanceOf(THIEF), stake + residue, "the thief");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST - residue - 2, "the others");
    }

    function test_Incident08_Makina_FlashMovedQuoteCannotBeBought() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _nextBlock();
        uint256 stake = 10 * HONEST;
        asset.mint(THIEF, stake);

        // As far down as entries stay open.
        uint256 push = HONEST * DRAWDOWN_BPS / 10_000;
        steady.lose(push);
        vault.checkpoint();
        _enterNow(THIEF, stake);
        steady.gain(push);
        uint256 half = vault.balanceOf(THIEF) / 2;
        vm.prank(THIEF);
        vault.redeem(half, THIEF, THIEF);
        _leaveInKind(THIEF);

        assertLe(asset.balanceOf(THIEF), stake, "the thief");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST - 2, "the others");
    }

    function test_RevertWhen_Incident08_Makina_QuoteIsPushedFurther() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _nextBlock();
        asset.mint(THIEF, HONEST);
        steady.lose(HONEST * DRAWDOWN_BPS / 10_000 + 1);
        vm.startPrank(THIEF);
        asset.approve(address(vault), HONEST);
        vm.expectRevert(ITreasuryVault.EntriesClosed.selector);
        vault.deposit(HONEST, THIEF);
        vm.stopPrank();
        assertEq(vault.balanceOf(THIEF), 0);
        assertEq(asset.balanceOf(THIEF), HONEST);
    }

    /// Two pushed observations, and nobody honest looks in between: at most one hour's fall of the mark.
    function test_Incident08_Makina_QuoteHeldDownOverTwoBlocksGainsOneHoursFall() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _nextBlock();
        uint256 push = HONEST * 9 / 100;
        steady.lose(push);
        vault.checkpoint();
        steady.gain(push);

        skip(20 hours);
        vm.roll(block.number + 1);
        uint256 stake = 10 * HONEST;
        asset.mint(THIEF, stake);
        steady.lose(push);
        vault.checkpoint();
        _enterNow(THIEF, stake);
        steady.gain(push);
        _leaveInKind(THIEF);

        uint256 residue = HONEST * DRAWDOWN_BPS / 10_000 / 24 + 2;
        assertLe(asset.balanceOf(THIEF), stake + residue, "the thief");
        assertGt(asset.balanceOf(THIEF), stake, "the residue is real");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST - residue - 2, "the others");
    }

    /// Two pushed observations upwards: growth that was unused since the last refresh, and no more.
    function test_Incident08_Makina_QuoteHeldUpOverTwoBlocksGainsTheUnusedGrowth() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        uint256 stake = HONEST;
        asset.mint(THIEF, stake);
        _enterNow(THIEF, stake);
        skip(1 hours);
        for (uint256 i = 0; i < 2; ++i) {
            _nextBlock();
            steady.gain(FLASH);
            vault.checkpoint();
            if (i == 0) steady.lose(FLASH);
        }
        _leave(THIEF);
        steady.lose(FLASH);

        uint256 elapsed = 1 hours + 2 * BLOCK_SECONDS;
        uint256 residue = (stake + HONEST) * elapsed / 1 days / 100 + 2;
        assertLe(asset.balanceOf(THIEF), stake + residue, "the thief");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST - residue - 2, "the others");
    }

    /// A real gain that nobody observed yet can be pushed out of sight and bought; never more than that gain.
    function test_Incident08_Makina_OnlyAGainThatNobodySawCanBeHidden() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _nextBlock();
        uint256 gain = 5000 * UNIT;
        steady.gain(gain);
        uint256 stake = 10 * HONEST;
        asset.mint(THIEF, stake);

        uint256 push = gain + HONEST * 9 / 100;
        steady.lose(push);
        _enterNow(THIEF, stake);
        steady.gain(push);
        _leaveInKind(THIEF);

        assertLe(asset.balanceOf(THIEF), stake + gain, "the thief");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST - 2, "the others");
    }

    function test_Incident10_Stream_FrozenFeedTakesNoNewMoney() public {
        _rebalance(_two(_in(0, 500_000 * UNIT), _in(2, 90_000 * UNIT)));
        _nextBlock();
        odd.setReadFault(HostileStrategy.Fault.Revert);

        assertFalse(vault.navState().isReadable, "flagged");
        assertEq(vault.maxDeposit(THIEF), 0);
        asset.mint(THIEF, HONEST);
        vm.startPrank(THIEF);
        asset.approve(address(vault), HONEST);
        vm.expectRevert(ITreasuryVault.EntriesClosed.selector);
        vault.deposit(HONEST, THIEF);
        vm.stopPrank();

        vm.prank(AGENT);
        (bool isDone,) = address(guard).call(abi.encodeCall(guard.rebalance, (_plan(_one(_in(2, UNIT))))));
        assertFalse(isDone, "and the agent feeds it no more");

        // Exits go on at the price that bears the loss, the same for the first and for the last.
        _leave(ALICE);
        _leave(BOB);
        assertApproxEqAbs(asset.balanceOf(ALICE), ALICES * 91 / 100, 2);
        assertApproxEqAbs(asset.balanceOf(BOB), BOBS * 91 / 100, 2);
    }

    /// A parameter that governance got wrong: what it opened is shut in the same block, by the guardian alone.
    function test_Incident11_Moonwell_GuardianShutsABadParameterInTheSameBlock() public {
        Policy memory bad = _terms();
        bad.strategies[0].referenceAssets = 160;
        bad.strategies[0].referenceShares = 100;
        bad.strategies[0].priceBandBps = 5000;
        bad.limits.maxGrowthWad = 1e18;
        _impose(bad);
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        uint256 at = block.timestamp;

        Policy memory shut = bad;
        shut.strategies[0].status = StrategyStatus.ExitOnly;
        shut.strategies[0].cap = 0;
        vm.startPrank(GUARDIAN);
        (, bool isInForce) = guard.submitPolicy(shut);
        guard.pull(0, type(uint128).max, 500_000 * UNIT);
        vm.stopPrank();
        assertTrue(isInForce);
        assertEq(_position(steady), 0, "no exposure");
        assertEq(asset.balanceOf(address(vault)), HONEST);
        _assertRefused(_one(_in(0, UNIT)), Rule.Weight, "and none to be built");

        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        _assertRefused(_one(_in(1, UNIT)), Rule.Mode, "nor any other");
        assertEq(block.timestamp, at, "all in one block");
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 2);
    }

    function test_RevertWhen_Incident11_Moonwell_GuardianWouldLoosen() public {
        Policy memory looser = _terms();
        looser.strategies[0].cap += 1;
        vm.expectRevert(IPolicyGuard.NotStricter.selector);
        vm.prank(GUARDIAN);
        guard.submitPolicy(looser);
    }

    function test_Incident12_LossFrontRunning_FirstAndLastLeaverGetTheSame() public {
        _rebalance(_one(_in(0, 700_000 * UNIT)));
        _nextBlock();
        vault.checkpoint();
        steady.lose(200_000 * UNIT);

        _leave(ALICE);
        _leave(BOB);
        assertApproxEqAbs(asset.balanceOf(ALICE), ALICES * 8 / 10, 1, "the first");
        assertApproxEqAbs(asset.balanceOf(BOB), BOBS * 8 / 10, 1, "the last");
    }
}
