// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice OpenZeppelin's ERC-4626 in a world with accomplices: its price can be pushed off its true one for a while,
/// it can skim what passes through it, and it can be short of liquidity. Nothing it reports is a lie at the pushed
/// price.
contract WorldStrategy is ERC4626 {
    using SafeERC20 for IERC20;
    using Math for uint256;

    uint256 private constant WAD = 1e18;

    /// @dev Reported total over the true one, 1e18 = the truth.
    uint256 public pushWad = WAD;
    /// @dev Part of every deposit and payout that goes to `thief`, 1e18 = all.
    uint256 public skimWad;
    address public thief;
    /// @dev Most assets that can leave now.
    uint256 public liquidity = type(uint256).max;

    constructor(IERC20 asset_, string memory symbol_) ERC20("Strategy", symbol_) ERC4626(asset_) {}

    function push(uint256 pushWad_) external {
        pushWad = pushWad_;
    }

    function skim(uint256 skimWad_, address thief_) external {
        skimWad = skimWad_;
        thief = thief_;
    }

    function setLiquidity(uint256 liquidity_) external {
        liquidity = liquidity_;
    }

    /// @notice What `owner`'s shares are worth at the true price.
    function trueAssetsOf(address owner) external view returns (uint256) {
        return balanceOf(owner).mulDiv(IERC20(asset()).balanceOf(address(this)) + 1, totalSupply() + 1);
    }

    function totalAssets() public view override returns (uint256) {
        return super.totalAssets().mulDiv(pushWad, WAD);
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        return Math.min(super.maxWithdraw(owner), _liquid());
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        uint256 liquid = _liquid();
        if (liquid >= super.previewRedeem(balanceOf(owner))) return balanceOf(owner);
        return convertToShares(liquid);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        // Fewer shares for what was skimmed, so that the price stays and the loss is the depositor's alone.
        super._deposit(caller, receiver, assets, shares - shares.mulDiv(skimWad, WAD));
        _skim(assets);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        if (caller != owner) _spendAllowance(owner, caller, shares);
        _burn(owner, shares);
        IERC20(asset()).safeTransfer(receiver, assets - _skim(assets));
        emit Withdraw(caller, receiver, owner, assets, shares);
    }

    function _skim(uint256 assets) private returns (uint256 skimmed) {
        skimmed = assets.mulDiv(skimWad, WAD);
        if (skimmed != 0) IERC20(asset()).safeTransfer(thief, skimmed);
    }

    function _liquid() private view returns (uint256) {
        return Math.min(liquidity, IERC20(asset()).balanceOf(address(this)));
    }
}
