// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice OpenZeppelin's ERC-4626 with switches that make it misbehave by exact amounts. All are off at birth.
contract MockStrategy is ERC4626 {
    using SafeERC20 for IERC20;

    /// @dev Added to every `previewRedeem` of a non-zero amount, and to nothing that is paid.
    int256 public previewOffset;
    /// @dev Taken from `previewOffset` by the next deposit.
    uint256 public nextDepositHaircut;
    /// @dev Kept back from the next payout.
    uint256 public nextPayoutShortfall;
    /// @dev Most assets that can leave now.
    uint256 public liquidity = type(uint256).max;

    address private _target;
    bytes private _payload;
    bool public hasCalled;
    bool public hasSucceeded;
    bytes public answer;

    constructor(IERC20 asset_, string memory symbol_) ERC20("Strategy", symbol_) ERC4626(asset_) {}

    function setPreviewOffset(int256 offset) external {
        previewOffset = offset;
    }

    function setNextDepositHaircut(uint256 haircut) external {
        nextDepositHaircut = haircut;
    }

    function setNextPayoutShortfall(uint256 shortfall) external {
        nextPayoutShortfall = shortfall;
    }

    function setLiquidity(uint256 liquidity_) external {
        liquidity = liquidity_;
    }

    /// @notice Makes the next deposit or payout call `target` with `payload` and remember the answer.
    function setCall(address target, bytes calldata payload) external {
        _target = target;
        _payload = payload;
        hasCalled = false;
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        uint256 assets = super.previewRedeem(shares);
        if (shares == 0) return assets;
        int256 worth = SafeCast.toInt256(assets) + previewOffset;
        return worth < 0 ? 0 : SafeCast.toUint256(worth);
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        return Math.min(super.previewRedeem(maxRedeem(owner)), liquidity);
    }

    function redeem(uint256 shares, address receiver, address owner) public override returns (uint256) {
        uint256 assets = super.previewRedeem(shares);
        _withdraw(_msgSender(), receiver, owner, assets, shares);
        return assets;
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        super._deposit(caller, receiver, assets, shares);
        previewOffset -= SafeCast.toInt256(nextDepositHaircut);
        nextDepositHaircut = 0;
        _call();
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        if (caller != owner) _spendAllowance(owner, caller, shares);
        _burn(owner, shares);
        IERC20(asset()).safeTransfer(receiver, assets - nextPayoutShortfall);
        nextPayoutShortfall = 0;
        emit Withdraw(caller, receiver, owner, assets, shares);
        _call();
    }

    function _call() private {
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        hasCalled = true;
        (hasSucceeded, answer) = target.call(_payload);
    }
}
