// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @title The floor of deposits and withdrawals
/// @notice OpenZeppelin's vault with its total in one slot and one strategy behind it; no other feature.
contract BareVault is ERC4626 {
    IERC4626 private immutable _STRATEGY;

    uint256 private _total;

    constructor(IERC20 asset_, IERC4626 strategy) ERC20("Bare Vault", "BV") ERC4626(asset_) {
        _STRATEGY = strategy;
        asset_.approve(address(strategy), type(uint256).max);
    }

    /// @notice Puts idle into the strategy.
    function push(uint256 assets) external {
        _STRATEGY.deposit(assets, address(this));
    }

    /// @notice Stored, so that no strategy is read.
    function totalAssets() public view override returns (uint256) {
        return _total;
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        _total += assets;
        super._deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        _total -= assets;
        uint256 idle = IERC20(asset()).balanceOf(address(this));
        if (idle < assets) _STRATEGY.withdraw(assets - idle, address(this), address(this));
        super._withdraw(caller, receiver, owner, assets, shares);
    }
}
