// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {ExitEntry} from "../types/Nav.sol";
import {MAX_STRATEGIES, StrategyStatus} from "../types/Policy.sol";
import {NavSettings} from "./NavSettings.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @title The exit list and its replacement
/// @dev A strategy may leave the list while shares of it are held: otherwise a gift of one share would block the policy
/// that removes it. It does not leave silently: `StrategyDropped` tells what is left behind, the price entrants pay
/// still contains it through the mark, and a later policy can list it again. To keep it in view, list it as written off
/// instead.
library ExitList {
    using NavSettings for uint256[];

    /// @notice Whether a strategy is listed, in any status.
    function contains(uint256[] memory settings, address strategy) internal pure returns (bool) {
        for (uint256 i = 0; i < settings.count(); ++i) {
            // Only part of the answer is wanted here.
            // slither-disable-next-line unused-return
            (address entry,) = settings.entryAt(i);
            if (entry == strategy) return true;
        }
        return false;
    }

    /// @notice Strategies that are not written off, in order.
    function held(uint256[] memory settings) internal pure returns (address[] memory strategies) {
        uint256 length = settings.count();
        uint256 count;
        strategies = new address[](length);
        for (uint256 i = 0; i < length; ++i) {
            (address strategy, StrategyStatus status) = settings.entryAt(i);
            if (status != StrategyStatus.WrittenOff) strategies[count++] = strategy;
        }
        assembly ("memory-safe") {
            // Shortens the array to the entries in use; never lengthens it.
            mstore(strategies, count)
        }
    }

    /// @notice Checks the list that replaces `old`; takes back the allowance of every strategy that left Active.
    function replace(ExitEntry[] memory old, ExitEntry[] memory entries, address asset, address guard, IConduit conduit)
        internal
    {
        if (entries.length > MAX_STRATEGIES) {
            revert ITreasuryVault.TooManyStrategies(entries.length, MAX_STRATEGIES);
        }
        for (uint256 i = 0; i < entries.length; ++i) {
            address strategy = entries[i].strategy;
            bool isUnfit = strategy == asset || strategy == guard || strategy == address(conduit)
                || strategy == address(this) || _placeOf(entries, strategy) != i;
            // Asked of newcomers only: a strategy that broke must not block the policy that closes it.
            if (!isUnfit && _placeOf(old, strategy) == old.length) isUnfit = !_hasAsset(strategy, asset);
            if (isUnfit) revert ITreasuryVault.UnfitStrategy(strategy);
        }
        for (uint256 i = 0; i < old.length; ++i) {
            _leave(old[i], entries, conduit);
        }
    }

    function _leave(ExitEntry memory entry, ExitEntry[] memory entries, IConduit conduit) private {
        uint256 place = _placeOf(entries, entry.strategy);
        bool isGone = place == entries.length;
        if (entry.status == StrategyStatus.Active && (isGone || entries[place].status != StrategyStatus.Active)) {
            // Under the lock; the conduit is the vault's own.
            // slither-disable-next-line reentrancy-events
            conduit.clear(entry.strategy);
        }
        if (!isGone) return;
        (bool isRead, uint256 shares) = SafeStrategyCall.tryBalance(entry.strategy);
        if (!isRead) shares = type(uint256).max;
        if (shares != 0) emit ITreasuryVault.StrategyDropped(entry.strategy, shares);
    }

    function _hasAsset(address strategy, address asset) private view returns (bool) {
        (bool isRead, uint256 word) = SafeStrategyCall.tryWord(strategy, IERC4626.asset.selector, 0);
        return isRead && word == uint256(uint160(asset));
    }

    /// @dev First place of a strategy, or the list's length.
    function _placeOf(ExitEntry[] memory entries, address strategy) private pure returns (uint256 place) {
        while (place < entries.length && entries[place].strategy != strategy) ++place;
    }
}
