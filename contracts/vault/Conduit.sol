// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";

/// @title Holder of the allowances to strategies
/// @dev Allowances stand at the maximum while a strategy is Active: what they reach is only the money of the rebalance
/// under way, and a loss of it is measured by the vault and charged by the guard.
contract Conduit is IConduit {
    using SafeERC20 for IERC20;

    /// @inheritdoc IConduit
    address public immutable vault;

    IERC20 private immutable _ASSET;

    modifier onlyVault() {
        _requireVault();
        _;
    }

    constructor(IERC20 asset) {
        vault = msg.sender;
        _ASSET = asset;
    }

    /// @inheritdoc IConduit
    function deposit(address strategy, uint256 assets) external onlyVault returns (uint256 shares) {
        if (_ASSET.allowance(address(this), strategy) < assets) _ASSET.forceApprove(strategy, type(uint256).max);
        return IERC4626(strategy).deposit(assets, vault);
    }

    /// @inheritdoc IConduit
    function settle(uint256 balanceAtStart) external onlyVault returns (uint256 returned) {
        uint256 balance = _ASSET.balanceOf(address(this));
        if (balance < balanceAtStart) revert Overspent(balance, balanceAtStart);
        returned = balance - balanceAtStart;
        if (returned != 0) _ASSET.safeTransfer(vault, returned);
    }

    /// @inheritdoc IConduit
    function clear(address strategy) external onlyVault {
        try _ASSET.allowance(address(this), strategy) returns (uint256 allowance) {
            if (allowance == 0) return;
        } catch {
            return;
        }
        // A token that refuses must not hold up the policy that takes the strategy out of business. What the allowance
        // could still reach is nothing: no rebalance deposits into the strategy any more.
        // forge-lint: disable-next-line(unchecked-call)
        (bool isCleared,) = address(_ASSET).call(abi.encodeCall(IERC20.approve, (strategy, 0)));
        isCleared;
    }

    function _requireVault() private view {
        if (msg.sender != vault) revert NotVault(msg.sender);
    }
}
