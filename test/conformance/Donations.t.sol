// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {Conformance, Scene} from "./Conformance.sol";
import {IBounded} from "./Preview.t.sol";
import {Wide} from "./Wide.sol";

/// @notice Rules 57 to 61: donations, the first depositor, the last one.
contract DonationConformanceTest is Conformance {
    /// @dev What is not recognised yet is not paid by `redeem`, so what the victim owns is measured in kind: all but
    /// one share's price of rounding and the part of the virtual shares. The attacker, who gave the most, loses.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_Rule57_TheFirstDepositorIsNotRobbed(uint256 seed, uint256 gift, uint256 stake, uint256 time)
        public
        inEachCombination
    {
        seed = bound(seed, 1, 10 ** bound(seed >> 200, 0, 18));
        gift = bound(gift, 0, 10 ** bound(gift >> 200, 0, 20));
        stake = bound(stake, 1, 10 ** bound(stake >> 200, 0, 20));
        if (vault.previewDeposit(seed) == 0) return;
        _deposit(thief, seed);
        asset.mint(address(vault), gift);
        if (time % 3 != 0) skip(time % 30 days);
        if (vault.previewDeposit(stake) == 0) return;
        uint256 sharePrice = _state().entryAssets / (_unitsNow()) + 1;
        _deposit(bob, stake);
        uint256 back = _redeemInKind(bob);
        assertGe(back + sharePrice + 1, stake, "the victim has its stake");
        assertLe(_redeemInKind(thief), seed + gift + sharePrice + 1, "the attacker has no more than it put in");
        assertLe(back, stake, "nor does the victim gain");
    }

    function _redeemInKind(address account) private returns (uint256 idle) {
        uint256 shares = vault.balanceOf(account);
        vm.prank(account);
        (idle,,) = vault.redeemInKind(shares, account, account, new address[](0));
    }

    /// @dev A gift sent ahead of an entry makes the entrant pay for it. Who said how many shares it wants is refused
    /// instead, and loses nothing.
    /// forge-config: default.fuzz.runs = 32
    function testFuzz_Rule57_ABoundKeepsGiftsSentAheadOut(uint256 seed, uint256 gift, uint256 stake)
        public
        inEachCombination
    {
        seed = bound(seed, 1, 10 ** bound(seed >> 200, 3, 18));
        stake = bound(stake, 1000, 1e20);
        _deposit(thief, seed);
        uint256 expected = vault.previewDeposit(stake) * 99 / 100;
        gift = bound(gift, (seed + 1) / 50 + 1, 1e20);
        asset.mint(address(vault), gift);
        _fund(bob, stake);
        vm.prank(bob);
        (bool isDone,) = address(vault).call(abi.encodeCall(IBounded.deposit, (stake, bob, expected)));
        assertFalse(isDone, "two per cent dearer");
        assertEq(asset.balanceOf(bob), stake);
    }

    /// @dev Ignored at first and recognised over time, by nobody's choice of the moment.
    function test_Rule58_ADonationMovesNothingWithinABlock() public inEachScene {
        if (scene < Scene.OneHolder) return;
        skip(1 hours);
        vault.checkpoint();
        NavState memory before = _state();
        bytes32 answers = _answers();
        uint256 fees = vault.balanceOf(feeRecipient);
        uint256 gap = before.liveAssets - before.navAssets;
        asset.mint(address(vault), _units(500));
        // What lies below the mark, a loss or a strategy that cannot be read, a gift makes good up to the mark.
        (uint256 atMark,) = Wide.timesPrice(before.markPrice, _unitsNow());
        uint256 owed = atMark > before.navAssets + 2 ? atMark - before.navAssets : 1;
        assertLe(vault.totalAssets(), before.navAssets + owed, "NAV");
        if (owed == 1) assertEq(_answers(), answers, "limits, base, exits");
        vault.checkpoint();
        assertLe(vault.balanceOf(feeRecipient), fees + _floatStep(vault.totalSupply()), "fees");
        assertEq(_state().markPrice, before.markPrice, "mark");
        assertGe(_state().liveAssets - _state().navAssets + owed, gap + _units(500));
        if (scene == Scene.Unreadable || scene == Scene.DearShares) return;
        skip(10 days);
        assertGt(vault.totalAssets(), before.navAssets, "and in time it counts");
    }

    function _answers() private view returns (bytes32) {
        NavState memory state = _state();
        return keccak256(
            abi.encode(
                state.baseAssets,
                state.pendingFeeShares,
                vault.maxDeposit(carol) != 0,
                vault.maxRedeem(alice) != 0,
                vault.convertToAssets(vault.balanceOf(alice))
            )
        );
    }

    /// @dev What entrants pay above NAV is no performance: it moves no fee, not even where a gift made shares dear.
    function test_Rule58_AnEntryMakesNoFeeDue() public inEachScene {
        if (scene == Scene.Empty || scene == Scene.EmptyWithGift || scene == Scene.Unreadable) return;
        skip(12);
        vault.checkpoint();
        uint256 stake = _units(1000) + vault.previewMint(1e6);
        uint256 shares = _deposit(carol, stake);
        assertEq(_state().pendingFeeShares, 0, "not at once");
        uint256 fees = vault.balanceOf(feeRecipient);
        vault.checkpoint();
        skip(12);
        vault.checkpoint();
        // In twelve seconds: what these cost of management, and of a growth of 0.14 per million.
        assertLe(vault.balanceOf(feeRecipient), fees + vault.totalSupply() / 1e6 + 2, "nor at the next block");
        vm.prank(carol);
        (uint256 idle, address[] memory strategies, uint256[] memory amounts) =
            vault.redeemInKind(shares, carol, carol, new address[](0));
        for (uint256 i = 0; i < strategies.length; ++i) {
            idle += TestStrategy(strategies[i]).convertToAssets(amounts[i]);
        }
        if (scene == Scene.AfterLoss || scene == Scene.PriceBelowOne) return;
        assertGe(idle + stake / 1e5 + 6 + vault.previewMint(1), stake, "the entrant has its stake");
    }

    function test_Rule59_DonationsToStrategiesAndOfSharesLikewise() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        vault.checkpoint();
        (uint256 total, uint256 base) = (vault.totalAssets(), _state().baseAssets);
        uint256 paid = vault.previewRedeem(vault.balanceOf(alice));
        // To the strategy's price, and as its shares.
        first.gain(_units(60));
        asset.mint(carol, _units(50));
        vm.startPrank(carol);
        asset.approve(address(second), _units(50));
        second.deposit(_units(50), address(vault));
        vm.stopPrank();
        uint256 float = _floatStep(total);
        assertLe(vault.totalAssets(), total + float);
        assertLe(_state().baseAssets, base + float);
        assertLe(vault.previewRedeem(vault.balanceOf(alice)), paid + float);
        assertGe(vault.previewRedeem(vault.balanceOf(alice)), paid);
        vault.checkpoint();
        total = vault.totalAssets();
        paid = vault.previewRedeem(vault.balanceOf(alice));
        uint256 supply = vault.totalSupply();
        vm.prank(bob);
        assertTrue(vault.transfer(address(vault), 1000));
        assertEq(vault.totalAssets(), total, "nor by shares of the vault to itself");
        assertEq(vault.totalSupply(), supply);
        assertEq(vault.previewRedeem(vault.balanceOf(alice)), paid);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule60_AGiftToAnEmptyVaultIsNobodys(uint256 gift, uint256 stake) public inEachCombination {
        gift = bound(gift, 0, 10 ** bound(gift >> 200, 0, 20));
        stake = bound(stake, 1, 10 ** bound(stake >> 200, 0, 20));
        asset.mint(address(vault), gift);
        uint256 sharePrice = (gift + 1) / _virtualShares() + 1;
        if (vault.previewDeposit(stake) == 0) {
            assertLe(stake, sharePrice, "refused below a share's price");
            return;
        }
        _deposit(bob, stake);
        uint256 out = vault.maxRedeem(bob) == 0 ? 0 : _redeemAll(bob);
        assertLe(out, stake, "the gift is not the next depositor's");
        assertGe(out + sharePrice + 1, stake, "nor is it robbed");
    }

    function test_Rule61_EmptiedToTheLastShareAndRefilled() public inEachCombination {
        _deposit(alice, _units(100));
        _deposit(bob, _units(100));
        _invest(first, _units(150));
        skip(1 days);
        first.gain(_units(3));
        vm.prank(bob);
        assertTrue(vault.transfer(carol, 1));
        _redeemAll(alice);
        _redeemAll(bob);
        assertGe(vault.totalSupply(), 1);
        skip(1 days);
        uint256 shares = _deposit(alice, _units(100));
        assertApproxEqRel(vault.convertToAssets(shares), _units(100), 0.05e18, "a sane price");
        assertGt(shares, 0);
        skip(1 days);
        assertGe(_redeemAll(alice) + _units(100) / 20 + 3, _units(100));
    }

    /// @dev Shares without assets close entries, as any fall does, until the mark has followed. Then they are open
    /// again, and the old shares are worth nothing to speak of.
    function test_Rule61_ATotalLossDoesNotBrickTheVault() public inEachCombination {
        NavParameters memory terms = _terms();
        (terms.maxDrawdownBps, terms.managementFeeBps, terms.performanceFeeBps) = (9000, 0, 0);
        _adopt(terms);
        _deposit(alice, _units(100));
        _invest(first, _units(100));
        first.lose(_units(100));
        assertEq(vault.totalAssets(), 0);
        assertEq(vault.maxDeposit(bob), 0);
        assertEq(vault.maxRedeem(alice), 0, "nothing to pay");
        (bool isDone, bytes memory answer) = _tryDeposit(bob, _units(1), bob);
        _assertRefused(isDone, answer, ITreasuryVault.EntriesClosed.selector, "closed");
        for (uint256 i = 0; i < 60 && vault.maxDeposit(bob) == 0; ++i) {
            skip(1 hours);
            vault.checkpoint();
        }
        assertGt(vault.maxDeposit(bob), 0, "open again");
        uint256 most = vault.maxDeposit(bob);
        uint256 stake = most < _units(10) ? most : _units(10);
        _deposit(bob, stake);
        assertApproxEqRel(vault.previewRedeem(vault.balanceOf(bob)) + 1, stake + 1, 0.1e18);
        assertLe(vault.previewRedeem(vault.balanceOf(bob)), stake);
    }
}
