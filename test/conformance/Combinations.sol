// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {console} from "forge-std/console.sol";

/// @notice The ten combinations every rule is tested over: decimals of the asset, fees off and on.
/// @dev Each run of a test's body is logged with its combination when it begins and when it ends.
/// `tools/check-conformance.mjs` demands ten ends of every test and names the combination in which a test stopped.
abstract contract Combinations is Test {
    uint256 internal constant COMBINATIONS = 10;

    bool internal hasFees;

    modifier inEachCombination() {
        for (uint256 i = 0; i < COMBINATIONS; ++i) {
            console.log("begins in", _nameOf(i));
            _select(i);
            _;
            console.log("ran in", _nameOf(i));
        }
    }

    /// @notice Makes a combination's world the one that the test acts on, as it was set up.
    function _select(uint256 combination) internal virtual;

    function _decimalsOf(uint256 combination) internal pure returns (uint8) {
        return [0, 6, 8, 18, 27][combination / 2];
    }

    /// @notice Decimals of shares above those of the asset: small and large offsets at both ends.
    function _offsetOf(uint256 combination) internal pure returns (uint8) {
        return [6, 6, 3, 0, 0][combination / 2];
    }

    function _hasFees(uint256 combination) internal pure returns (bool) {
        return combination % 2 == 1;
    }

    function _nameOf(uint256 combination) internal pure returns (string memory) {
        return
            string.concat(
                vm.toString(_decimalsOf(combination)), " decimals, fees ", _hasFees(combination) ? "on" : "off"
            );
    }
}
