// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

/// @title Pieces of JSON, put together by hand so that the same facts give the same bytes
/// @notice Nothing that needs escaping comes here: hex, numbers, and names that were checked.
library JsonText {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice A member on a line of its own, with its comma.
    function line(string memory indent, string memory key, string memory value) internal pure returns (string memory) {
        return string.concat(indent, quoted(key), ": ", value, ",\n");
    }

    /// @notice A text.
    function quoted(string memory value) internal pure returns (string memory) {
        return string.concat('"', value, '"');
    }

    /// @notice An account.
    function account(address value) internal pure returns (string memory) {
        return quoted(VM.toString(value));
    }

    /// @notice 32 bytes.
    function word(bytes32 value) internal pure returns (string memory) {
        return quoted(VM.toString(value));
    }

    /// @notice A list of accounts on one line.
    function accounts(address[] memory values) internal pure returns (string memory list) {
        for (uint256 i = 0; i < values.length; ++i) {
            list = string.concat(list, i == 0 ? "" : ", ", account(values[i]));
        }
        return string.concat("[", list, "]");
    }
}
