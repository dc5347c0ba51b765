// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {TestToken} from "./TestToken.sol";

/// @notice An honest ERC-4626 that can gain, lose, charge for exits and run dry. Its asset must be a `TestToken`.
contract TestStrategy is ERC4626 {
    using Math for uint256;

    uint256 public exitFeeBps;
    uint256 public liquidAssets = type(uint256).max;

    constructor(TestToken asset_) ERC20("Strategy", "STR") ERC4626(asset_) {}

    function gain(uint256 assets) external {
        TestToken(asset()).mint(address(this), assets);
    }

    function lose(uint256 assets) external {
        TestToken(asset()).burn(address(this), assets);
    }

    /// @notice An exit pays this much less; the fee stays with those who stay.
    function setExitFeeBps(uint256 exitFeeBps_) external {
        exitFeeBps = exitFeeBps_;
    }

    /// @notice The most that can be taken out, by anyone and in all.
    function setLiquidAssets(uint256 liquidAssets_) external {
        liquidAssets = liquidAssets_;
    }

    function maxWithdraw(address owner) public view virtual override returns (uint256) {
        return Math.min(previewRedeem(balanceOf(owner)), liquidAssets);
    }

    function maxRedeem(address owner) public view virtual override returns (uint256) {
        uint256 balance = balanceOf(owner);
        return previewRedeem(balance) <= liquidAssets ? balance : _convertToShares(liquidAssets, Math.Rounding.Floor);
    }

    function previewRedeem(uint256 shares) public view virtual override returns (uint256) {
        uint256 assets = super.previewRedeem(shares);
        return assets - assets.mulDiv(exitFeeBps, 10_000, Math.Rounding.Ceil);
    }

    function previewWithdraw(uint256 assets) public view virtual override returns (uint256) {
        return super.previewWithdraw(assets.mulDiv(10_000, 10_000 - exitFeeBps, Math.Rounding.Ceil));
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        virtual
        override
    {
        if (liquidAssets != type(uint256).max) liquidAssets -= assets;
        super._withdraw(caller, receiver, owner, assets, shares);
    }

    /// @dev Kept for tests that move the strategy's money without its knowledge.
    function drain(address to, uint256 assets) external {
        require(IERC20(asset()).transfer(to, assets));
    }
}
