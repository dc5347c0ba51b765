// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {ExitEntry} from "../types/Nav.sol";
import {MAX_STRATEGIES, StrategyStatus} from "../types/Policy.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @title The exit list and its replacement
/// @dev A strategy may leave the list while shares of it are held: otherwise a gift of one share would block the policy
/// that removes it. It does not leave silently: `StrategyDropped` tells what is left behind, the price entrants pay
/// still contains it through the mark, and a later policy can list it again. To keep it in view, list it as written off
/// instead.
library ExitList {
    /// @notice Whether a strategy is listed, in any status.
    function contains(ExitEntry[] storage self, address strategy) internal view returns (bool) {
        for (uint256 i = 0; i < self.length; ++i) {
            if (self[i].strategy == strategy) return true;
        }
        return false;
    }

    /// @notice Strategies that are not written off, in order.
    function held(ExitEntry[] storage self) internal view returns (address[] memory strategies) {
        uint256 length = self.length;
        uint256 count;
        strategies = new address[](length);
        for (uint256 i = 0; i < length; ++i) {
            ExitEntry memory entry = self[i];
            if (entry.status != StrategyStatus.WrittenOff) strategies[count++] = entry.strategy;
        }
        assembly ("memory-safe") {
            // Shortens the array to the entries in use; never lengthens it.
            mstore(strategies, count)
        }
    }

    /// @notice Replaces the list; takes back the allowance of every strategy that left Active.
    function replace(
        ExitEntry[] storage self,
        ExitEntry[] calldata entries,
        address asset,
        address guard,
        IConduit conduit
    ) internal {
        if (entries.length > MAX_STRATEGIES) {
            revert ITreasuryVault.TooManyStrategies(entries.length, MAX_STRATEGIES);
        }
        ExitEntry[] memory old = self;
        for (uint256 i = 0; i < entries.length; ++i) {
            address strategy = entries[i].strategy;
            bool isOurs = strategy == asset || strategy == guard || strategy == address(conduit)
                || strategy == address(this) || strategy == address(0);
            if (isOurs || _isAmong(entries, i, strategy)) revert ITreasuryVault.UnfitStrategy(strategy);
            // Asked of newcomers only: a strategy that broke must not block the policy that closes it.
            if (!_isListed(old, strategy) && !_hasAsset(strategy, asset)) {
                revert ITreasuryVault.UnfitStrategy(strategy);
            }
        }
        for (uint256 i = 0; i < old.length; ++i) {
            _leave(old[i], entries, conduit);
        }
        _store(self, entries);
    }

    function _leave(ExitEntry memory entry, ExitEntry[] calldata entries, IConduit conduit) private {
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].strategy != entry.strategy) continue;
            if (entry.status == StrategyStatus.Active && entries[i].status != StrategyStatus.Active) {
                conduit.clear(entry.strategy);
            }
            return;
        }
        if (entry.status == StrategyStatus.Active) conduit.clear(entry.strategy);
        (bool isRead, uint256 shares) = SafeStrategyCall.tryBalance(entry.strategy);
        if (!isRead) shares = type(uint256).max;
        if (shares != 0) emit ITreasuryVault.StrategyDropped(entry.strategy, shares);
    }

    function _store(ExitEntry[] storage self, ExitEntry[] calldata entries) private {
        while (self.length > entries.length) {
            self.pop();
        }
        for (uint256 i = 0; i < entries.length; ++i) {
            if (i < self.length) self[i] = entries[i];
            else self.push(entries[i]);
        }
    }

    function _hasAsset(address strategy, address asset) private view returns (bool) {
        (bool isRead, uint256 word) = SafeStrategyCall.tryWord(strategy, IERC4626.asset.selector, 0);
        return isRead && word == uint256(uint160(asset));
    }

    function _isAmong(ExitEntry[] calldata entries, uint256 end, address strategy) private pure returns (bool) {
        for (uint256 i = 0; i < end; ++i) {
            if (entries[i].strategy == strategy) return true;
        }
        return false;
    }

    function _isListed(ExitEntry[] memory entries, address strategy) private pure returns (bool) {
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].strategy == strategy) return true;
        }
        return false;
    }
}
