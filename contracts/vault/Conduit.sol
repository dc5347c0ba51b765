// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {Balance} from "./Balance.sol";

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
    /// @dev The allowance stands since the first leg into a strategy, so it is looked at only if the deposit fails.
    /// Whether and what the strategy took is not judged here: the vault measures.
    function deposit(address strategy, uint256 assets) external onlyVault {
        (address receiver, bytes4 selector) = (vault, IERC4626.deposit.selector);
        bool isDone;
        uint256 answered;
        assembly ("memory-safe") {
            // Behind the end of used memory, and nothing of the answer is copied.
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), assets)
            mstore(add(data, 0x24), receiver)
            isDone := call(gas(), strategy, 0, data, 0x44, 0x00, 0x00)
            answered := mul(isDone, returndatasize())
        }
        if (answered != 0) return;
        // Without code the call succeeds too, in silence.
        if (isDone && strategy.code.length != 0) return;
        if (_ASSET.allowance(address(this), strategy) < assets) _ASSET.forceApprove(strategy, type(uint256).max);
        // What was received is read from balances, not believed.
        // slither-disable-next-line unused-return
        IERC4626(strategy).deposit(assets, vault);
    }

    /// @inheritdoc IConduit
    function settle(uint256 balanceAtStart) external onlyVault {
        uint256 balance = Balance.held(_ASSET);
        if (balance < balanceAtStart) revert Overspent(balance, balanceAtStart);
        if (balance != balanceAtStart) _ASSET.safeTransfer(vault, balance - balanceAtStart);
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
        // The call goes to the asset, whatever the strategy is.
        // forge-lint: disable-next-line(unchecked-call)
        // slither-disable-next-line missing-zero-check
        (bool isCleared,) = address(_ASSET).call(abi.encodeCall(IERC20.approve, (strategy, 0)));
        // Names the answer that is ignored on purpose.
        // slither-disable-next-line redundant-statements
        isCleared;
    }

    function _requireVault() private view {
        if (msg.sender != vault) revert NotVault(msg.sender);
    }
}
