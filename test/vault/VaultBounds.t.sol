// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice The four bounded entry points: each passes at its bound and reverts one past it, with nothing moved.
contract VaultBoundsTest is VaultFixture {
    function setUp() public override {
        super.setUp();
        _deposit(alice, _units(100));
        _invest(first, _units(60));
        first.gain(_units(1));
        vm.warp(START + 1 days);
        asset.mint(bob, _units(10));
        vm.prank(bob);
        asset.approve(address(vault), type(uint256).max);
    }

    function _expect(uint256 result, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.SlippageExceeded.selector, result, limit));
    }

    function test_Deposit_AtItsBoundAndOnePast() public {
        uint256 shares = vault.previewDeposit(_units(10));
        vm.startPrank(bob);
        _expect(shares, shares + 1);
        vault.deposit(_units(10), bob, shares + 1);
        assertEq(asset.balanceOf(bob), _units(10));
        assertEq(vault.deposit(_units(10), bob, shares), shares);
        assertEq(vault.balanceOf(bob), shares);
    }

    function test_Mint_AtItsBoundAndOnePast() public {
        uint256 assets = vault.previewMint(5e12);
        vm.startPrank(bob);
        _expect(assets, assets - 1);
        vault.mint(5e12, bob, assets - 1);
        assertEq(vault.mint(5e12, bob, assets), assets);
        assertEq(asset.balanceOf(bob), _units(10) - assets);
    }

    function test_Withdraw_AtItsBoundAndOnePast() public {
        uint256 shares = vault.previewWithdraw(_units(70));
        uint256 before = vault.balanceOf(alice);
        vm.startPrank(alice);
        _expect(shares, shares - 1);
        vault.withdraw(_units(70), alice, alice, shares - 1);
        assertEq(vault.balanceOf(alice), before);
        assertEq(vault.withdraw(_units(70), alice, alice, shares), shares);
        assertEq(asset.balanceOf(alice), _units(70));
    }

    function test_Redeem_AtItsBoundAndOnePast() public {
        uint256 assets = vault.previewRedeem(70e12);
        vm.startPrank(alice);
        _expect(assets, assets + 1);
        vault.redeem(70e12, alice, alice, assets + 1);
        assertEq(asset.balanceOf(alice), 0);
        assertEq(vault.redeem(70e12, alice, alice, assets), assets);
        assertEq(asset.balanceOf(alice), assets);
    }

    /// @dev Both forms take the same way: what the short one gives is what the long one gives without a bound.
    function test_Bounds_WithoutABoundAreTheShortForms() public {
        uint256 snapshot = vm.snapshotState();
        vm.startPrank(bob);
        uint256 short = IERC4626(address(vault)).deposit(_units(3), bob);
        vm.revertToState(snapshot);
        assertEq(vault.deposit(_units(3), bob, 0), short);
        vm.revertToState(snapshot);
        short = vault.mint(3e12, bob);
        vm.revertToState(snapshot);
        assertEq(vault.mint(3e12, bob, type(uint256).max), short);
        vm.revertToState(snapshot);
        vm.startPrank(alice);
        short = vault.withdraw(_units(3), alice, alice);
        vm.revertToState(snapshot);
        assertEq(vault.withdraw(_units(3), alice, alice, type(uint256).max), short);
        vm.revertToState(snapshot);
        short = vault.redeem(3e12, alice, alice);
        vm.revertToState(snapshot);
        assertEq(vault.redeem(3e12, alice, alice, 0), short);
    }

    /// @dev A bound passes when the price stands still and refuses when someone moved it just before.
    function test_Bounds_ProtectFromAPushUpJustBefore() public {
        uint256 shares = vault.previewDeposit(_units(10));
        asset.mint(address(vault), _units(50));
        uint256 fewer = vault.previewDeposit(_units(10));
        assertLt(fewer, shares);
        vm.prank(bob);
        _expect(fewer, shares);
        vault.deposit(_units(10), bob, shares);
    }
}
