// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NavState} from "../../contracts/types/Nav.sol";
import {Conformance, Scene} from "./Conformance.sol";
import {Wide} from "./Wide.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @notice Rules 1, 2, 5, 6, 8: what amounts and shares are worth in each other. Exact values are compared by
/// 512-bit cross products.
contract ConversionConformanceTest is Conformance {
    function test_Rule01_ConversionsRoundDown() public inEachScene {
        _assertConversions();
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule01_ConversionsRoundDownAtAnyPrice(uint256 stake, uint256 gain, uint256 days_, uint256 amount)
        public
        inEachCombination
    {
        _deposit(alice, bound(stake, 1, 2 ** 90));
        asset.mint(address(vault), bound(gain, 0, 2 ** 90));
        skip(bound(days_, 0, 4000) * 1 days);
        amount = bound(amount, 0, 2 ** 100);
        uint256 units = _unitsNow();
        uint256 total = vault.totalAssets();
        _assertFloor(vault.convertToShares(amount), amount, units, total + 1, "convertToShares");
        _assertFloor(vault.convertToAssets(amount), amount, total + 1, units, "convertToAssets");
    }

    function _assertConversions() private {
        uint256 units = _unitsNow();
        uint256 total = vault.totalAssets();
        uint256[8] memory amounts = _amounts();
        uint256[8] memory shares = _shareAmounts();
        for (uint256 i = 0; i < 8; ++i) {
            _assertFloor(vault.convertToShares(amounts[i]), amounts[i], units, total + 1, "convertToShares");
            _assertFloor(vault.convertToAssets(shares[i]), shares[i], total + 1, units, "convertToAssets");
        }
        assertEq(vault.convertToShares(0), 0);
        assertEq(vault.convertToAssets(0), 0);
    }

    /// @dev Our entries have a price of their own, E of the design; Rule 32 checks E itself from outside.
    function test_Rule02_EntryPreviewsAreExact() public inEachScene {
        uint256 units = _unitsNow();
        uint256 entry = _state().entryAssets;
        uint256[8] memory amounts = _amounts();
        uint256[8] memory shares = _shareAmounts();
        for (uint256 i = 0; i < 8; ++i) {
            _assertFloor(vault.previewDeposit(amounts[i]), amounts[i], units, entry + 1, "previewDeposit");
            _assertCeiling(vault.previewMint(shares[i]), shares[i], entry + 1, units, "previewMint");
        }
    }

    /// @dev Where strategies charge for leaving, previews contain it: Rule 23.
    function test_Rule02_ExitPreviewsAreExact() public inEachScene {
        if (scene != Scene.ExitFees) _assertExitPreviews();
    }

    function _assertExitPreviews() private {
        uint256 units = _unitsNow();
        uint256 total = vault.totalAssets();
        uint256[8] memory amounts = _amounts();
        uint256[8] memory shares = _shareAmounts();
        for (uint256 i = 0; i < 8; ++i) {
            _assertFloor(vault.previewRedeem(shares[i]), shares[i], total + 1, units, "previewRedeem");
            _assertCeiling(vault.previewWithdraw(amounts[i]), amounts[i], units, total + 1, "previewWithdraw");
        }
    }

    function test_Rule05_TheSmallestMintCostsAndTheSmallestWithdrawalBurns() public inEachScene {
        assertGe(vault.previewMint(1), 1);
        assertGe(vault.previewWithdraw(1), 1);
        if (vault.maxMint(carol) != 0) {
            _fund(carol, vault.previewMint(1));
            vm.prank(carol);
            assertGe(vault.mint(1, carol), 1);
            assertEq(asset.balanceOf(carol), 0, "paid what was previewed");
            assertEq(vault.balanceOf(carol), 1);
        }
        if (vault.maxWithdraw(alice) == 0) return;
        uint256 before = vault.balanceOf(alice);
        vm.prank(alice);
        vault.withdraw(1, alice, alice);
        assertLt(vault.balanceOf(alice), before);
        assertEq(asset.balanceOf(alice), 1);
    }

    /// @dev Our policy: refuse. A preview of zero, a max that leaves such operations out, and `ZeroResult` agree.
    function test_Rule06_ADepositThatWouldMintNothingIsRefused() public inEachCombination {
        _deposit(alice, 1);
        // One share costs more than five units; a holder's deposit of less would be a gift.
        asset.mint(address(vault), 6 * (vault.totalSupply() + _virtualShares()));
        uint256 most;
        for (uint256 assets = 1; vault.previewDeposit(assets) == 0; ++assets) {
            most = assets;
            (bool isDone, bytes memory answer) = _tryDeposit(bob, assets, bob);
            assertFalse(isDone);
            assertEq(answer, abi.encodeWithSignature("ZeroResult(uint256)", assets));
        }
        assertGe(most, 5, "the scene is reached");
        assertEq(_deposit(bob, most + 1), 1, "one more is accepted");

        for (most = 0; vault.previewDeposit(most + 1) == 0;) {
            most += 1;
        }
        _adoptCap(vault.totalAssets() + most);
        assertEq(vault.maxDeposit(bob), 0, "room for less than a share is no room");
        assertEq(vault.maxMint(bob), 0);
    }

    function test_Rule06_ARedemptionThatWouldPayNothingIsRefused() public inEachCombination {
        _deposit(alice, _units(100));
        _invest(first, _units(100));
        first.lose(_units(3));
        assertEq(vault.previewRedeem(1), 0, "a share is worth less than a unit");
        vm.prank(alice);
        assertTrue(vault.transfer(bob, 1));
        assertEq(vault.maxRedeem(bob), 0);
        assertEq(vault.maxWithdraw(bob), 0);
        (bool isDone, bytes memory answer) = _try(bob, abi.encodeCall(IERC4626.redeem, (1, bob, bob)));
        assertFalse(isDone);
        assertEq(answer, abi.encodeWithSignature("ZeroResult(uint256)", 1));
    }

    function test_Rule08_SplittingAnEntryNeverGivesMore() public inEachScene {
        uint256[8] memory amounts = _amounts();
        for (uint256 i = 0; i < 8; ++i) {
            _assertSplit(amounts[i], amounts[i]);
            _assertSplit(amounts[i], amounts[7 - i]);
        }
    }

    function _assertSplit(uint256 a, uint256 b) private view {
        assertLe(vault.previewDeposit(a) + vault.previewDeposit(b), vault.previewDeposit(a + b));
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule08_SplittingARedemptionNeverGivesMore(uint256 sceneSeed, uint256 part)
        public
        inEachCombination
    {
        _reach(Scene(bound(sceneSeed, uint256(Scene.OneHolder), SCENES - 1)));
        uint256 shares = vault.maxRedeem(alice);
        if (shares < 2) return;
        part = bound(part, 1, shares - 1);
        uint256 inOne = vm.snapshotState();
        vm.prank(alice);
        uint256 whole = vault.redeem(shares, alice, alice);
        vm.revertToState(inOne);

        uint256 split = _redeemIfItPays(part);
        split += _redeemIfItPays(shares - part);
        assertLe(split, whole);
    }

    function _redeemIfItPays(uint256 shares) private returns (uint256 assets) {
        if (vault.previewRedeem(shares) == 0) return 0;
        vm.prank(alice);
        return vault.redeem(shares, alice, alice);
    }

    /// @dev A scene that is not what it says would let rules pass for nothing.
    function test_ScenesAreWhatTheySay() public inEachScene {
        NavState memory state = _state();
        uint256 price = vault.convertToAssets(1e6 * _virtualShares());
        assertEq(vault.totalSupply() == 0, scene < Scene.OneHolder);
        assertEq(state.isReadable, scene != Scene.Unreadable);
        assertEq(state.isEntryOpen, scene != Scene.Unreadable);
        assertEq(vault.balanceOf(bob) != 0, scene >= Scene.Several && scene != Scene.DearShares);
        if (scene == Scene.PriceAboveOne) assertGt(price, 1e6);
        if (scene == Scene.PriceBelowOne || scene == Scene.AfterLoss) assertLt(price, 1e6);
        if (scene == Scene.AfterLoss) assertGt(state.entryAssets, state.liveAssets);
        bool isUnrecognised = scene == Scene.UnrecognisedGain || scene == Scene.DearShares;
        if (isUnrecognised) assertLt(state.navAssets, state.liveAssets);
        if (scene == Scene.Illiquid) assertLt(vault.maxRedeem(alice), vault.balanceOf(alice));
        uint256 all = vault.balanceOf(alice);
        bool isCharged = vault.previewRedeem(all) < vault.convertToAssets(all);
        assertEq(isCharged, scene == Scene.ExitFees);
        bool isDue = hasFees && scene >= Scene.Several && scene != Scene.DearShares;
        if (scene != Scene.PriceBelowOne && scene != Scene.UnrecognisedGain) {
            assertEq(state.pendingFeeShares != 0, isDue, "fees are due");
        }
    }

    /// @dev The suite's own arithmetic, against values worked out by hand.
    function test_WideProducts() public pure {
        uint256 max = type(uint256).max;
        (uint256 high, uint256 low) = Wide.product(max, max);
        assertEq(high, max - 1);
        assertEq(low, 1);
        (high, low) = Wide.product(1 << 200, 3 << 100);
        assertEq(high, 3 << 44);
        assertEq(low, 0);
        assertTrue(Wide.isFloor(3, 10, 1, 3));
        assertFalse(Wide.isFloor(4, 10, 1, 3));
        assertFalse(Wide.isFloor(2, 10, 1, 3));
        assertTrue(Wide.isFloor(3, 9, 1, 3));
        assertTrue(Wide.isCeiling(4, 10, 1, 3));
        assertFalse(Wide.isCeiling(3, 10, 1, 3));
        assertTrue(Wide.isCeiling(3, 9, 1, 3));
        assertFalse(Wide.isCeiling(4, 9, 1, 3));
    }
}
