// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {ExitEntry, NavParameters} from "../types/Nav.sol";
import {StrategyStatus} from "../types/Policy.sol";

/// @title Pricing parameters and exit list, in the code of a contract of their own
/// @notice They change with a policy and are read by every entry and exit: one cold account instead of a cold slot each
/// (docs/adr/0004). As words: three of parameters, then one per strategy. In front stands a STOP, so that nobody can
/// run them; `SSTORE2` writes it.
library NavSettings {
    uint256 private constant HEAD = 3;

    /// @notice Stores settings and returns where.
    function write(NavParameters memory parameters, ExitEntry[] memory entries) internal returns (address place) {
        uint256[] memory words = new uint256[](HEAD + entries.length);
        words[0] = uint256(parameters.maxGrowthWad) | (uint256(parameters.maxDrawdownBps) << 64)
            | (uint256(parameters.entryHaltSeconds) << 80) | (uint256(parameters.seasoningSeconds) << 112)
            | (uint256(parameters.maxNavAgeSeconds) << 144) | (uint256(parameters.managementFeeBps) << 176)
            | (uint256(parameters.performanceFeeBps) << 192);
        words[1] = parameters.depositCap;
        words[2] = uint160(parameters.feeRecipient);
        for (uint256 i = 0; i < entries.length; ++i) {
            words[HEAD + i] = uint256(uint160(entries[i].strategy)) | (uint256(entries[i].status) << 160);
        }
        return SSTORE2.write(abi.encodePacked(words));
    }

    /// @notice The settings stored at a place; all zero and no strategy if that is nowhere.
    function read(address place) internal view returns (uint256[] memory words) {
        uint256 size = place.code.length;
        if (size == 0) return new uint256[](HEAD);
        assembly ("memory-safe") {
            // Allocates the array by hand, so that its words are not cleared before they are written.
            words := mload(0x40)
            mstore(words, shr(5, size))
            extcodecopy(place, add(words, 0x20), 1, sub(size, 1))
            mstore(0x40, add(add(words, 0x20), sub(size, 1)))
        }
    }

    /// @notice The parameters among them.
    function parametersOf(uint256[] memory words) internal pure returns (NavParameters memory parameters) {
        uint256 word = words[0];
        // Each cast takes the field's own bits.
        // forge-lint: disable-start(unsafe-typecast)
        parameters.maxGrowthWad = uint64(word);
        parameters.maxDrawdownBps = uint16(word >> 64);
        parameters.entryHaltSeconds = uint32(word >> 80);
        parameters.seasoningSeconds = uint32(word >> 112);
        parameters.maxNavAgeSeconds = uint32(word >> 144);
        parameters.managementFeeBps = uint16(word >> 176);
        parameters.performanceFeeBps = uint16(word >> 192);
        parameters.depositCap = uint128(words[1]);
        parameters.feeRecipient = address(uint160(words[2]));
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @notice Fastest recognised growth of the share price, per day, 1e18 = 100 %.
    function maxGrowthWad(uint256[] memory words) internal pure returns (uint256) {
        return words[0] & type(uint64).max;
    }

    /// @notice Fall of the mark per `entryHaltSeconds`, at most 10,000.
    function maxDrawdownBps(uint256[] memory words) internal pure returns (uint256 bps) {
        bps = (words[0] >> 64) & type(uint16).max;
        if (bps > 10_000) bps = 10_000;
    }

    /// @notice Time over which the mark may fall by `maxDrawdownBps`.
    function entryHaltSeconds(uint256[] memory words) internal pure returns (uint256) {
        return (words[0] >> 80) & type(uint32).max;
    }

    /// @notice Both fees; zero where nobody receives them.
    function feesBps(uint256[] memory words) internal pure returns (uint256 managementBps, uint256 performanceBps) {
        uint256 both = words[0] >> 176;
        if (both == 0 || words[2] == 0) return (0, 0);
        return (both & type(uint16).max, both >> 16);
    }

    /// @notice Most NAV that deposits may reach.
    function depositCap(uint256[] memory words) internal pure returns (uint256) {
        return words[1];
    }

    /// @notice Receiver of fee shares.
    function feeRecipient(uint256[] memory words) internal pure returns (address) {
        // The word was written from an address.
        // forge-lint: disable-next-line(unsafe-typecast)
        return address(uint160(words[2]));
    }

    /// @notice How many strategies are listed.
    function count(uint256[] memory words) internal pure returns (uint256) {
        return words.length - HEAD;
    }

    /// @notice The `i`-th strategy of the exit list.
    function entryAt(uint256[] memory words, uint256 i)
        internal
        pure
        returns (address strategy, StrategyStatus status)
    {
        uint256 word = words[HEAD + i];
        // The lowest 160 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return (address(uint160(word)), StrategyStatus(word >> 160));
    }

    /// @notice The `i`-th strategy, and above its 160 bits the status.
    /// @param i Below `count`; not checked.
    function entryWord(uint256[] memory words, uint256 i) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            // Length and head lie before the entries.
            word := mload(add(words, shl(5, add(i, 4))))
        }
    }

    /// @notice The exit list.
    function entriesOf(uint256[] memory words) internal pure returns (ExitEntry[] memory entries) {
        entries = new ExitEntry[](count(words));
        for (uint256 i = 0; i < entries.length; ++i) {
            (entries[i].strategy, entries[i].status) = entryAt(words, i);
        }
    }
}
