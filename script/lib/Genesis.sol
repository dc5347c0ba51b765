// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

/// @dev A cheat that the packaged forge-std does not declare yet.
interface IRawHeaders {
    function getRawBlockHeader(uint256 blockNumber) external view returns (bytes memory rlpHeader);
}

/// @title The chain's first block
library Genesis {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice Neither the endpoint nor VAGUS_GENESIS_HASH tells the hash of block 0.
    error GenesisUnknown(string sentence);

    /// @notice Hash of block 0: VAGUS_GENESIS_HASH if that is set, else the hash of the header that the endpoint gives.
    /// @dev The variable is for chains whose headers have members that forge does not encode.
    function hash() internal view returns (bytes32) {
        if (VM.envExists("VAGUS_GENESIS_HASH")) return VM.envBytes32("VAGUS_GENESIS_HASH");
        try IRawHeaders(address(VM)).getRawBlockHeader(0) returns (bytes memory header) {
            return keccak256(header);
        } catch {
            revert GenesisUnknown("The header of block 0 cannot be read; set VAGUS_GENESIS_HASH to its hash.");
        }
    }
}
