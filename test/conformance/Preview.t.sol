// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {Conformance, Scene} from "./Conformance.sol";

/// @notice The bounded variants of the four entry points (ERC-5143).
interface IBounded {
    function deposit(uint256 assets, address receiver, uint256 minShares) external returns (uint256 shares);
    function mint(uint256 shares, address receiver, uint256 maxAssets) external returns (uint256 assets);
    function withdraw(uint256 assets, address receiver, address owner, uint256 maxShares)
        external
        returns (uint256 shares);
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        external
        returns (uint256 assets);
}

/// @notice Rules 22 to 31: previews against execution.
contract PreviewConformanceTest is Conformance {
    /// @dev There is no entry fee; what an entry costs above `convertTo*` is that it pays for what is not recognised.
    function test_Rule22_EntryPreviewsEqualExecution() public inEachScene {
        uint256 assets = _units(11) + 1;
        assertLe(vault.previewDeposit(assets), vault.convertToShares(assets));
        if (vault.maxDeposit(carol) < assets) return;
        uint256 preview = vault.previewDeposit(assets);
        uint256 start = vm.snapshotState();
        if (preview != 0) {
            assertEq(_deposit(carol, assets), preview);
            assertEq(vault.balanceOf(carol), preview);
        }
        vm.revertToStateAndDelete(start);
        uint256 shares = vault.previewDeposit(assets) + 1;
        preview = vault.previewMint(shares);
        assertGe(preview, vault.convertToAssets(shares));
        asset.mint(carol, 1);
        _fund(carol, preview);
        vm.prank(carol);
        assertEq(vault.mint(shares, carol), preview);
        assertEq(asset.balanceOf(carol), 1);
        assertEq(vault.balanceOf(carol), shares);
    }

    function test_Rule23_ExitPreviewsEqualExecution() public inEachScene {
        uint256 assets = Math.min(vault.maxWithdraw(alice), _units(80) + 1);
        uint256 preview = vault.previewWithdraw(assets);
        assertGe(preview, vault.convertToShares(assets));
        uint256 start = vm.snapshotState();
        uint256 before = vault.balanceOf(alice);
        vm.prank(alice);
        assertEq(vault.withdraw(assets, alice, alice), preview);
        assertEq(before - vault.balanceOf(alice), preview);
        assertEq(asset.balanceOf(alice), assets);
        vm.revertToStateAndDelete(start);

        uint256 shares = vault.maxRedeem(alice) * 7 / 8;
        preview = vault.previewRedeem(shares);
        assertLe(preview, vault.convertToAssets(shares));
        if (preview == 0) return;
        vm.prank(alice);
        assertEq(vault.redeem(shares, alice, alice), preview);
        assertEq(asset.balanceOf(alice), preview);
    }

    /// @dev What leaving costs is what the strategies charge: with one strategy and no idle it can be worked out.
    function test_Rule23_ExitPreviewsContainWhatStrategiesCharge() public inEachCombination {
        _deposit(alice, _units(1000));
        _invest(first, _units(1000));
        first.setExitFeeBps(100);
        uint256 shares = vault.balanceOf(alice) / 2;
        uint256 worth = vault.convertToAssets(shares);
        assertApproxEqAbs(worth, _units(500), 1, "convertToAssets does not contain it");
        assertApproxEqAbs(vault.previewRedeem(shares), worth - worth / 100, 2);
        uint256 assets = _units(99);
        uint256 charged = assets * 10_000 / 9900 - assets;
        assertApproxEqAbs(
            vault.convertToAssets(vault.previewWithdraw(assets)), assets + charged, 3, "previewWithdraw contains it"
        );
    }

    function test_Rule24_PreviewsIgnoreLimits() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        uint256 amount = _units(3) + 1;
        bytes32 before = _previews(amount);
        _adoptCap(0);
        assertEq(_previews(amount), before, "the cap is full");
        assertEq(vault.maxDeposit(carol), 0);
        first.setLiquidAssets(0);
        second.setLiquidAssets(0);
        third.setLiquidAssets(0);
        assertEq(_previews(amount), before, "nothing can be taken out of strategies");
        // Far more than anybody could pay in or take out.
        assertGt(vault.previewDeposit(_units(1e12)), vault.previewDeposit(_units(1e11)));
        assertGt(vault.previewRedeem(vault.previewDeposit(_units(1e12))), _units(1e11));
        assertGt(vault.previewWithdraw(_units(1e12)), vault.totalSupply());
        third.setReadFault(HostileStrategy.Fault.Revert);
        assertGt(vault.previewDeposit(amount), 0, "entries are closed");
        assertGt(vault.previewMint(_virtualShares()), 0);
    }

    function test_Rule25_PreviewsAreTheSameForEveryCaller() public inEachScene {
        uint256 amount = _units(3) + 1;
        bytes32 before = _previews(amount);
        address[6] memory callers = [alice, carol, feeRecipient, address(vault), address(first), address(0)];
        for (uint256 i = 0; i < 6; ++i) {
            vm.startPrank(callers[i]);
            assertEq(_previews(amount), before);
            vm.stopPrank();
        }
        asset.mint(carol, amount);
        vm.startPrank(carol);
        asset.approve(address(vault), amount);
        assertEq(_previews(amount), before, "balance and allowance");
        vm.stopPrank();
    }

    function _previews(uint256 amount) private view returns (bytes32) {
        uint256 shares = amount * _virtualShares();
        return keccak256(
            abi.encode(
                vault.previewDeposit(amount),
                vault.previewMint(shares),
                vault.previewWithdraw(amount),
                vault.previewRedeem(shares)
            )
        );
    }

    function test_Rule26_PreviewsContainWhatTimeBrings() public inEachScene {
        skip(30 days);
        uint256 start = vm.snapshotState();
        for (uint256 kind = 0; kind < 4; ++kind) {
            _assertPreviewIsExecution(kind);
            vm.revertToState(start);
        }
        bytes32 before = _previews(_units(3) + 1);
        vault.checkpoint();
        assertEq(_previews(_units(3) + 1), before, "settling first changes nothing");
    }

    function _assertPreviewIsExecution(uint256 kind) private {
        uint256 amount;
        if (kind < 2) {
            if (vault.maxDeposit(carol) == 0) return;
            amount = _units(7) + 1;
            if (vault.previewDeposit(amount) == 0) return;
            if (kind == 0) {
                uint256 preview = vault.previewDeposit(amount);
                assertEq(_deposit(carol, amount), preview, "deposit");
            } else {
                amount = vault.previewDeposit(amount);
                uint256 preview = vault.previewMint(amount);
                _fund(carol, preview);
                vm.prank(carol);
                assertEq(vault.mint(amount, carol), preview, "mint");
            }
            return;
        }
        amount = kind == 2 ? vault.maxWithdraw(alice) / 2 : vault.maxRedeem(alice) / 2;
        uint256 expected = kind == 2 ? vault.previewWithdraw(amount) : vault.previewRedeem(amount);
        if (expected == 0) return;
        vm.startPrank(alice);
        if (kind == 2) assertEq(vault.withdraw(amount, alice, alice), expected, "withdraw");
        else assertEq(vault.redeem(amount, alice, alice), expected, "redeem");
        vm.stopPrank();
    }

    function test_Rule27_AnUnreportedLossIsInThePreview() public inEachCombination {
        _deposit(alice, _units(100));
        _deposit(bob, _units(100));
        _invest(first, _units(200));
        skip(1 days);
        uint256 shares = vault.balanceOf(alice);
        uint256 before = vault.previewRedeem(shares);
        first.lose(_units(40));
        uint256 preview = vault.previewRedeem(shares);
        assertLe(preview, before * 4 / 5 + 2, "a fifth less at once");
        uint256 staying = vault.previewRedeem(vault.balanceOf(bob));
        assertEq(_redeemAll(alice), preview);
        assertGe(vault.previewRedeem(vault.balanceOf(bob)) + 2, staying, "the first to leave has no better price");
    }

    /// @dev A strategy that pays less than it previewed, takes more shares than asked, or fails is skipped; what it
    /// costs to leave the others is in the preview.
    function test_Rule28_WithdrawPaysExactlyAndRedeemBurnsExactly() public inEachCombination {
        _deposit(alice, _units(100));
        _invest(third, _units(50));
        _invest(first, _units(40));
        first.setExitFeeBps(30);
        uint256 start = vm.snapshotState();
        for (uint256 fault = 0; fault < 4; ++fault) {
            if (fault == 1) third.setShortPayBps(1000);
            if (fault == 2) third.setExtraBurn(1);
            if (fault == 3) third.setExitFault(HostileStrategy.Fault.EatGas);
            uint256 shares = vault.balanceOf(alice);
            uint256 assets = _units(30) + 1;
            vm.prank(alice);
            uint256 burned = vault.withdraw(assets, alice, alice);
            assertEq(asset.balanceOf(alice), assets, "exactly the assets");
            assertEq(shares - vault.balanceOf(alice), burned);

            shares = vault.balanceOf(alice);
            uint256 some = shares / 8;
            vm.prank(alice);
            uint256 paid = vault.redeem(some, alice, alice);
            assertEq(shares - vault.balanceOf(alice), some, "exactly the shares");
            assertEq(asset.balanceOf(alice), assets + paid);
            vm.revertToState(start);
        }
        // What cannot be paid from anywhere is not paid in part.
        third.setShortPayBps(1000);
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.withdraw, (_units(60), alice, alice)));
        _assertRefused(isDone, answer, ITreasuryVault.Illiquid.selector, "not in part");
        assertEq(asset.balanceOf(alice), 0);
    }

    function test_Rule29_ABoundRefusesOneBelowItAndNotAtIt() public inEachScene {
        skip(1 days);
        uint256 start = vm.snapshotState();
        uint256 amount = _units(7) + 1;
        if (vault.maxDeposit(carol) >= amount && vault.previewDeposit(amount) != 0) {
            _fund(carol, 2 * amount + 10);
            uint256 shares = vault.previewDeposit(amount);
            _assertBound(
                carol,
                abi.encodeWithSignature("deposit(uint256,address,uint256)", amount, carol, shares + 1),
                shares,
                shares + 1
            );
            _assertAtBound(
                carol, abi.encodeWithSignature("deposit(uint256,address,uint256)", amount, carol, shares), shares
            );
            vm.revertToState(start);
            uint256 cost = vault.previewMint(shares);
            _fund(carol, cost);
            _assertBound(
                carol, abi.encodeWithSignature("mint(uint256,address,uint256)", shares, carol, cost - 1), cost, cost - 1
            );
            _assertAtBound(carol, abi.encodeWithSignature("mint(uint256,address,uint256)", shares, carol, cost), cost);
            vm.revertToState(start);
        }
        amount = vault.maxWithdraw(alice) / 2;
        if (amount == 0) return;
        uint256 burned = vault.previewWithdraw(amount);
        _assertBound(
            alice,
            abi.encodeWithSignature("withdraw(uint256,address,address,uint256)", amount, alice, alice, burned - 1),
            burned,
            burned - 1
        );
        _assertAtBound(
            alice,
            abi.encodeWithSignature("withdraw(uint256,address,address,uint256)", amount, alice, alice, burned),
            burned
        );
        vm.revertToState(start);
        amount = vault.maxRedeem(alice) / 2;
        uint256 paid = vault.previewRedeem(amount);
        _assertBound(
            alice,
            abi.encodeWithSignature("redeem(uint256,address,address,uint256)", amount, alice, alice, paid + 1),
            paid,
            paid + 1
        );
        _assertAtBound(
            alice, abi.encodeWithSignature("redeem(uint256,address,address,uint256)", amount, alice, alice, paid), paid
        );
    }

    function _assertBound(address caller, bytes memory data, uint256 result, uint256 limit) private {
        (bool isDone, bytes memory answer) = _try(caller, data);
        assertFalse(isDone, "past the bound");
        assertEq(answer, abi.encodeWithSignature("SlippageExceeded(uint256,uint256)", result, limit));
    }

    function _assertAtBound(address caller, bytes memory data, uint256 result) private {
        (bool isDone, bytes memory answer) = _try(caller, data);
        assertTrue(isDone, "at the bound");
        assertEq(abi.decode(answer, (uint256)), result);
    }

    function test_Rule30_ConversionsIgnoreLimitsCallerAndLiquidity() public inEachScene {
        bytes32 before = _conversions();
        _adoptCap(0);
        assertEq(_conversions(), before, "the cap");
        first.setLiquidAssets(0);
        second.setLiquidAssets(0);
        assertEq(_conversions(), before, "liquidity");
        vm.prank(feeRecipient);
        assertEq(_conversions(), before, "caller");
        asset.mint(carol, _units(5));
        assertEq(_conversions(), before, "balances");
    }

    function _conversions() private view returns (bytes32) {
        return keccak256(
            abi.encode(vault.convertToShares(_units(3) + 1), vault.convertToAssets(_units(3) * _virtualShares() + 1))
        );
    }

    /// @dev Without shares the virtual ones set the price; without assets they and one virtual unit do.
    function test_Rule31_WithoutSharesAndWithoutAssetsThereIsAPrice() public inEachCombination {
        uint256 gift = _units(3);
        asset.mint(address(vault), gift);
        uint256 virtualShares = _virtualShares();
        assertEq(vault.totalSupply(), 0);
        _assertFloor(vault.convertToShares(_units(5)), _units(5), virtualShares, gift + 1, "no shares");
        _assertFloor(vault.previewDeposit(_units(5)), _units(5), virtualShares, gift + 1, "no shares");
        _assertFloor(vault.convertToAssets(7), 7, gift + 1, virtualShares, "no shares");
        vault.previewWithdraw(_units(5));
        vault.previewRedeem(virtualShares);

        _deposit(alice, _units(100));
        _invest(first, asset.balanceOf(address(vault)));
        first.lose(asset.balanceOf(address(first)));
        assertEq(vault.totalAssets(), 0);
        uint256 units = _unitsNow();
        _assertFloor(vault.convertToAssets(units), units, 1, units, "no assets");
        assertEq(vault.convertToShares(1), units, "no assets");
        assertEq(vault.previewRedeem(vault.balanceOf(alice)), 0);
        assertEq(vault.previewWithdraw(1), units);
        assertGt(vault.previewDeposit(_units(100)), 0, "entrants would pay the mark");
        assertGt(vault.previewMint(virtualShares), 0);
        assertEq(vault.maxDeposit(alice), 0, "but entries are closed");
    }

    function test_Rule31_OnlyOverflowReverts() public inEachScene {
        uint256 largest = 2 ** 110;
        vault.convertToShares(largest);
        vault.convertToAssets(largest);
        vault.previewDeposit(largest);
        vault.previewMint(largest);
        vault.previewWithdraw(largest);
        vault.previewRedeem(largest);
        // 10^35 units (Rule 53) in any case; above that, until the result itself does not fit 256 bits.
        (bool isDone,) = address(vault).staticcall(abi.encodeCall(vault.convertToAssets, (type(uint256).max)));
        assertEq(isDone, vault.totalAssets() + 1 <= _unitsNow(), "reverts if and only if the result does not fit");
    }
}
