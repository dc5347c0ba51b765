// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {DifferentialToken} from "./DifferentialToken.sol";

/// @notice OpenZeppelin's ERC-4626 with every number in the hands of the test: share price, fees, what it keeps back,
/// what it claims, and whether it says what a position would pay. It mints what it owes, so that it is always liquid.
contract SettableStrategy is ERC4626 {
    using Math for uint256;

    uint256 private constant BPS = 10_000;

    struct Price {
        uint128 assets;
        uint128 shares;
    }

    struct Fees {
        uint16 entryBps;
        uint16 exitBps;
    }

    struct Take {
        uint128 onDeposit;
        uint128 onWithdraw;
    }

    struct Claim {
        bool isMade;
        uint256 before;
        uint256 afterwards;
    }

    Price private _price = Price(1, 1);
    Fees private _fees;
    Take private _take;
    Claim private _claim;
    bool private _hasMoved;
    bool private _isMute;

    /// @notice The test has made the strategy silent about what a position would pay.
    error Mute();

    constructor(IERC20 asset_) ERC20("Settable", "SET") ERC4626(asset_) {}

    /// @notice This many assets for this many shares, from now on.
    function setPrice(Price calldata price) external {
        _price = price;
    }

    /// @notice Parts of every deposit and of every payout, rounded up.
    function setFees(Fees calldata fees) external {
        _fees = fees;
    }

    /// @notice Amounts that it keeps back without telling: a deposit mints shares for less, a payout brings less.
    function setTake(Take calldata take) external {
        _take = take;
    }

    /// @notice What `previewRedeem` answers until the next deposit or withdrawal, and after it.
    function setClaim(Claim calldata claim) external {
        _claim = claim;
        _hasMoved = false;
    }

    /// @notice Whether `previewRedeem` reverts.
    function setMute(bool isMute) external {
        _isMute = isMute;
    }

    function totalAssets() public view override returns (uint256) {
        return _convertToAssets(totalSupply(), Math.Rounding.Floor);
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        return previewRedeem(balanceOf(owner));
    }

    function previewDeposit(uint256 assets) public view override returns (uint256) {
        uint256 fee = assets.mulDiv(_fees.entryBps, BPS, Math.Rounding.Ceil);
        return super.previewDeposit(assets - fee);
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        if (_isMute) revert Mute();
        if (_claim.isMade) return _hasMoved ? _claim.afterwards : _claim.before;
        uint256 assets = super.previewRedeem(shares);
        return assets - assets.mulDiv(_fees.exitBps, BPS, Math.Rounding.Ceil);
    }

    function previewWithdraw(uint256 assets) public view override returns (uint256) {
        return super.previewWithdraw(assets.mulDiv(BPS, BPS - _fees.exitBps, Math.Rounding.Ceil));
    }

    /// @dev Without asking `maxWithdraw`: a claim of the test must not stop the leg.
    function withdraw(uint256 assets, address receiver, address owner) public override returns (uint256 shares) {
        shares = previewWithdraw(assets);
        _withdraw(msg.sender, receiver, owner, assets, shares);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        _hasMoved = true;
        SafeERC20.safeTransferFrom(IERC20(asset()), caller, address(this), assets);
        uint256 kept = _convertToShares(_take.onDeposit, Math.Rounding.Floor);
        _mint(receiver, shares - Math.min(shares, kept));
    }

    function _withdraw(address, address receiver, address owner, uint256 assets, uint256 shares) internal override {
        _hasMoved = true;
        _burn(owner, shares);
        DifferentialToken(asset()).mint(receiver, assets - Math.min(assets, _take.onWithdraw));
    }

    function _convertToShares(uint256 assets, Math.Rounding rounding) internal view override returns (uint256) {
        return assets.mulDiv(_price.shares, _price.assets, rounding);
    }

    function _convertToAssets(uint256 shares, Math.Rounding rounding) internal view override returns (uint256) {
        return shares.mulDiv(_price.assets, _price.shares, rounding);
    }
}
