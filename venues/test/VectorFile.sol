// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {VenuesFixture} from "./VenuesFixture.sol";

/// @notice What all generators of rate vectors share: the file, the seed and the draws. The format is in
/// ../VECTORS.md.
abstract contract VectorFile is VenuesFixture {
    uint256 internal constant YEAR = 365 days;

    address internal immutable US = makeAddr("treasury");
    string internal path;
    uint256 private _random;

    /// @dev Empties the file and calls `step` for each line, of which there are the `part`-th part of what was asked
    /// for. A call of its own per line keeps memory small.
    function _generate(string memory name, uint256 part, function(uint256) external step) internal {
        string memory folder = vm.envOr("VENUES_VECTORS", string("target/vectors"));
        uint256 count = vm.envOr("VENUES_VECTORS_COUNT", uint256(10_000)) / part;
        uint256 seed = vm.envOr("VENUES_VECTORS_SEED", uint256(1));
        vm.createDir(folder, true);
        path = string.concat(folder, "/", name, ".jsonl");
        vm.writeFile(path, "");
        for (uint256 i; i < count; ++i) {
            _random = uint256(keccak256(abi.encode(seed, name, i)));
            step(i);
        }
    }

    /// @dev Evenly from lowest to highest, both included.
    function _between(uint256 lowest, uint256 highest) internal returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return lowest + _random % (highest - lowest + 1);
    }

    /// @dev Every order of magnitude alike, from 1 to highest.
    function _magnitude(uint256 highest) internal returns (uint256) {
        uint256 bits;
        while (bits < 255 && highest >> (bits + 1) != 0) ++bits;
        uint256 top = 2 ** _between(0, bits);
        uint256 value = _between(top, 2 * top - 1);
        return value > highest ? highest : value;
    }

    function _oneIn(uint256 n) internal returns (bool) {
        return _between(1, n) == 1;
    }

    /// @dev How long the market has not been touched.
    function _elapsed(bool isSameBlock, bool isLongIdle) internal returns (uint256) {
        if (isSameBlock) return 0;
        if (isLongIdle) return _between(YEAR, 5 * YEAR);
        return _oneIn(3) ? _between(1, 90 days) : _between(1, 1 days);
    }

    /// @dev Appends `"key":"value",`.
    function _add(string memory json, string memory key, uint256 value) internal pure returns (string memory) {
        return _addText(json, key, vm.toString(value));
    }

    /// @dev Appends `"key":"text",`.
    function _addText(string memory json, string memory key, string memory text) internal pure returns (string memory) {
        return string.concat(json, "\"", key, string.concat("\":\"", text, "\","));
    }

    /// @dev Appends `"key":object,`.
    function _addObject(string memory json, string memory key, string memory object)
        internal
        pure
        returns (string memory)
    {
        return string.concat(json, "\"", key, string.concat("\":", object, ","));
    }

    /// @dev The object's text without its last comma, in braces.
    function _object(string memory fields) internal pure returns (string memory) {
        bytes memory text = bytes(fields);
        assembly ("memory-safe") {
            // Drops the comma in place; there is always at least one field.
            mstore(text, sub(mload(text), 1))
        }
        return string.concat("{", string(text), "}");
    }

    /// @dev Low half, high half.
    function _pack(uint256 low, uint256 high) internal pure returns (bytes32) {
        assertLe(low, type(uint128).max, "fits in half a word");
        assertLe(high, type(uint128).max, "fits in half a word");
        return bytes32(low | high << 128);
    }
}
