// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {VmSafe} from "forge-std/Vm.sol";

import {AaveConfig, MorphoConfig} from "./World.sol";

/// @notice A token as the world file names it; price in US dollars, 8 decimals.
struct TokenConfig {
    string name;
    string symbol;
    uint8 decimals;
    int256 price;
}

/// @notice First lending and borrowing at a market, already drawn from the file's ranges.
/// @param supplier, borrower Indexes of the mnemonic's accounts.
/// @param supply In whole tokens. @param utilizationBps Part of it that is borrowed.
struct Position {
    uint32 supplier;
    uint32 borrower;
    uint256 supply;
    uint256 utilizationBps;
}

/// @notice Tokens, in whole ones, that an account starts with beside its positions.
struct Grant {
    uint32 account;
    uint256 assets;
    uint256 collateral;
}

/// @title Reads a world file
/// @notice Ranges are written as [lowest, highest], both included; the seed decides what is drawn from them.
library WorldFile {
    VmSafe private constant VM = VmSafe(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice The schema that this code reads.
    uint256 internal constant SCHEMA = 1;

    /// @notice The file was written for another schema.
    error UnknownSchema(uint256 found, uint256 expected);
    /// @notice A range's lowest value is above its highest, or it has not two values.
    error BadRange(string key);
    /// @notice A number is larger than its field.
    error TooLarge(string key, uint256 value);
    /// @notice More than all of the supply would be borrowed.
    error BadUtilization(string key, uint256 bps);

    function checkSchema(string memory json) internal pure {
        uint256 found = VM.parseJsonUint(json, ".schema");
        if (found != SCHEMA) revert UnknownSchema(found, SCHEMA);
    }

    function seed(string memory json) internal pure returns (uint256) {
        return VM.parseJsonUint(json, ".seed");
    }

    function key(string memory json, uint32 index) internal pure returns (uint256) {
        return VM.deriveKey(VM.parseJsonString(json, ".mnemonic"), index);
    }

    function account(string memory json, uint32 index) internal pure returns (address) {
        return VM.addr(key(json, index));
    }

    function deployer(string memory json) internal pure returns (uint32) {
        return _uint32(json, ".deployer");
    }

    function token(string memory json, string memory at) internal pure returns (TokenConfig memory config) {
        config.name = VM.parseJsonString(json, string.concat(at, ".name"));
        config.symbol = VM.parseJsonString(json, string.concat(at, ".symbol"));
        // forge-lint: disable-next-line(unsafe-typecast) Bounded in the same call.
        config.decimals = uint8(_bounded(json, string.concat(at, ".decimals"), type(uint8).max));
        config.price = VM.parseJsonInt(json, string.concat(at, ".price"));
    }

    /// @notice Number of entries of the list at `at`, such as ".aave".
    function count(string memory json, string memory at) internal view returns (uint256 n) {
        while (VM.keyExistsJson(json, entry(at, n))) ++n;
    }

    /// @notice Path of an entry of a list.
    function entry(string memory at, uint256 i) internal pure returns (string memory) {
        return string.concat(at, "[", VM.toString(i), "]");
    }

    function aave(string memory json, string memory at) internal pure returns (AaveConfig memory config) {
        config.name = VM.parseJsonString(json, string.concat(at, ".name"));
        // forge-lint: disable-next-line(unsafe-typecast) Bounded in the same call.
        config.optimalUsageBps = uint16(_bounded(json, string.concat(at, ".optimalUsageBps"), type(uint16).max));
        config.baseRateBps = _uint32(json, string.concat(at, ".baseRateBps"));
        config.slope1Bps = _uint32(json, string.concat(at, ".slope1Bps"));
        config.slope2Bps = _uint32(json, string.concat(at, ".slope2Bps"));
        config.reserveFactorBps = VM.parseJsonUint(json, string.concat(at, ".reserveFactorBps"));
        config.supplyCap = VM.parseJsonUint(json, string.concat(at, ".supplyCap"));
        config.borrowCap = VM.parseJsonUint(json, string.concat(at, ".borrowCap"));
    }

    function morpho(string memory json, string memory at) internal pure returns (MorphoConfig memory config) {
        config.name = VM.parseJsonString(json, string.concat(at, ".name"));
        config.feeWad = VM.parseJsonUint(json, string.concat(at, ".feeWad"));
        config.lltvWad = VM.parseJsonUint(json, string.concat(at, ".lltvWad"));
    }

    function position(string memory json, string memory at) internal pure returns (Position memory drawn) {
        drawn.supplier = _uint32(json, string.concat(at, ".supplier"));
        drawn.borrower = _uint32(json, string.concat(at, ".borrower"));
        drawn.supply = _drawn(json, string.concat(at, ".supply"));
        string memory utilizationKey = string.concat(at, ".utilizationBps");
        drawn.utilizationBps = _drawn(json, utilizationKey);
        if (drawn.utilizationBps > 10_000) revert BadUtilization(utilizationKey, drawn.utilizationBps);
    }

    function grant(string memory json, string memory at) internal pure returns (Grant memory config) {
        config.account = _uint32(json, string.concat(at, ".account"));
        config.assets = VM.parseJsonUint(json, string.concat(at, ".asset"));
        config.collateral = VM.parseJsonUint(json, string.concat(at, ".collateral"));
    }

    function _drawn(string memory json, string memory at) private pure returns (uint256) {
        uint256[] memory range = VM.parseJsonUintArray(json, at);
        if (range.length != 2 || range[0] > range[1]) revert BadRange(at);
        return range[0] + uint256(keccak256(abi.encode(seed(json), at))) % (range[1] - range[0] + 1);
    }

    function _uint32(string memory json, string memory at) private pure returns (uint32) {
        // forge-lint: disable-next-line(unsafe-typecast) Bounded in the same call.
        return uint32(_bounded(json, at, type(uint32).max));
    }

    function _bounded(string memory json, string memory at, uint256 highest) private pure returns (uint256 value) {
        value = VM.parseJsonUint(json, at);
        if (value > highest) revert TooLarge(at, value);
    }
}
